"""
A complete manifest in, the one that is current out: how writers of one slot settle which of them it is.

Each kind of store says how a record is created, looked up and replaced; the order of these, and what an answer that
was lost means, is the same for all.  On the arrow: part of *commit*.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from whorl.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.store.base import Attempt
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


def check_attempt(attempt: Attempt, manifest: Manifest) -> None:
    """Raise where an attempt is to be committed to another slot: a payload under another's key is wrong data."""
    if attempt.slot != manifest.slot:
        raise StoreError("an attempt is committed to the slot that it was begun for")


def check_shared(manifest: Manifest, source: Manifest) -> None:
    """Raise where a payload would be shared beyond its namespace, which may be removed as a whole."""
    if source.slot.namespace != manifest.slot.namespace:
        raise StoreError("entries of two namespaces cannot share a payload")


def sharing(manifest: Manifest, source: Manifest) -> Manifest:
    """Fill in a new attempt that shares the payload of ``source``; inline files are copied."""
    nonce = os.urandom(16).hex()
    payload = source.payload if source.inline is None else nonce
    return replace(manifest, attempt=nonce, payload=payload, files=source.files, inline=source.inline)


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
