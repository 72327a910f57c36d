"""
A listing of everything below a folder in, the folders right below it out, for stores that cannot list one level.

On the arrow: below *lookup* and *commit*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whorl.store.objects.base import Listed


def folders_below(folder: str, listing: Iterable[Listed]) -> list[str]:
    """Return the names of the folders right below a folder that has these objects."""
    start = len(folder) + 1 if folder else 0
    parts = (item.name[start:].partition("/") for item in listing)
    return sorted({name for name, below, _ in parts if below})
