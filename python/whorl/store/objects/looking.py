"""
Creating and replacing by looking first: what a store without conditions can do, and a store that has lost them.

Somebody else may come in between the look and the writing.  Who needs more than that holds a lock.  On the arrow: below
*lookup* and *commit*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whorl.store.objects.base import Objects

# More than any object has: the tags of some kinds are digests of all that was read.
ANY_SIZE = 1 << 62


def create_unseen(objects: Objects, name: str, data: bytes) -> bool:
    """Write an object if none of that name is seen."""
    if objects.read(name, 0) is not None:
        return False
    objects.put(name, data)
    return True


def replace_seen(objects: Objects, name: str, data: bytes, tag: str, limit: int = ANY_SIZE) -> bool:
    """Write an object in place of the version with that tag if it is seen; ``limit`` is what its tag is read from."""
    current = objects.read(name, limit)
    if current is None or current.tag != tag:
        return False
    objects.put(name, data)
    return True
