"""
A complete manifest in, the one that is current out: how writers of one slot settle which of them it is.

Each kind of store says how a record is created, looked up and replaced; the order of these, and what an answer that
was lost means, is the same for all.  On the arrow: part of *commit*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from whorl.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.store.manifest import Manifest

# Each round means that another writer got ahead of this one.
_ROUNDS = 100


class Contender(Protocol):
    """One writer's way to a slot."""

    def create(self) -> bool:
        """Make the record current where none is; false where one is, or may be."""
        ...

    def current(self) -> Manifest | None:
        """Look up what is current; None where that is nothing, or was damaged and is moved aside now."""
        ...

    def replace(self, existing: Manifest) -> bool:
        """Make ``existing`` an earlier generation and the record current; false where another one is current."""
        ...


def take_slot(manifest: Manifest, contender: Contender, may_replace: Callable[[Manifest], bool]) -> Manifest:
    """Make a manifest current, or return the one that stays."""
    for _ in range(_ROUNDS):
        if contender.create():
            return manifest
        existing = contender.current()
        if existing is None:
            continue
        if existing.attempt == manifest.attempt:  # the answer to our own request was lost
            return manifest
        if not may_replace(existing):
            return existing
        if contender.replace(existing):
            return manifest
    raise StoreError(f"the entry of {manifest.slot.stage} could not be written", "others kept replacing it")
