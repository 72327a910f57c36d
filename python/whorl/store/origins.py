"""
An entry in, the tier that this very copy of it was found in out.

Two tiers often have the same entry, and what is found damaged is the copy that was read: so it is the object that is
remembered, not the entry's name.  On the arrow: between *lookup* and *decode*, where several stores are configured.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from whorl.store.manifest import Manifest

Where = TypeVar("Where")

# More than a session looks up before it reads: what was forgotten is searched for again.
_KNOWN_NUMBER = 4096


class Origins(Generic[Where]):
    """Where manifests were found, for as long as they live; any number of threads may use it."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Manifest], Where]] = {}

    def note(self, manifest: Manifest, where: Where) -> None:
        """Remember where a manifest was found."""
        if len(self._known) >= _KNOWN_NUMBER:
            self._known = {}
        self._known[id(manifest)] = (weakref.ref(manifest), where)

    def find(self, manifest: Manifest) -> Where | None:
        """Return where a manifest was found, if that is known."""
        known = self._known.get(id(manifest))
        # Another object may have the number of one that is gone.
        return known[1] if known is not None and known[0]() is manifest else None
