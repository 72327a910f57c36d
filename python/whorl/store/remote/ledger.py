"""
Keys in, revisions out, of a store behind a network: one listing, usually empty, asked for every five seconds at most.

New revisions are in the store before anything is told about them.  On the arrow: part of *derive* and of *commit*.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.store.ledger import OLDEST, REVISION_LIMIT, decode_revision

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from whorl.digest import Digest
    from whorl.store.objects.base import Objects
    from whorl.store.places import Places

# Stores date objects in whole seconds: one that was written so shortly before the listing may be written again unseen.
_COARSEST_DATE = 2.0


@dataclass(frozen=True, slots=True)
class _Revision:
    nonce: str
    modified: float
    is_settled: bool


@dataclass(frozen=True, slots=True)
class _Listing:
    read: float
    after: object
    revisions: Mapping[str, _Revision]


# By root and folder, what stands for the last revision that this process wrote there, through whichever store: other
# settings open another one, and what was read before counts in none of them.
_written: dict[tuple[str, str], object] = {}


class RemoteLedger:
    """The revisions of one store."""

    def __init__(self, objects: Objects, places: Places) -> None:
        self._objects = objects
        self._places = places
        self._listings: dict[str, _Listing] = {}
        self._lock = threading.Lock()

    def revision(self, namespace: str, key: Digest) -> str:
        """Return the last revision of a key, "" when there is none."""
        found = self._listing(namespace).revisions.get(key.hex())
        return "" if found is None else found.nonce

    def revisions(self, namespace: str) -> dict[str, str]:
        """Return all revisions of a namespace, by the keys in hex."""
        return {name: revision.nonce for name, revision in self._listing(namespace).revisions.items()}

    def revise(self, namespace: str, keys: Iterable[Digest]) -> dict[Digest, str]:
        """Give each key a new revision."""
        revisions = {key: os.urandom(16).hex() for key in keys}
        self.write(namespace, {key.hex(): revision for key, revision in revisions.items()})
        return revisions

    def write(self, namespace: str, revisions: Mapping[str, str]) -> None:
        """Write revisions as they are, those of another tier."""
        folder = self._places.of(namespace, "r")
        for name, revision in revisions.items():
            self._objects.put(f"{folder}/{name}", revision.encode())
        _written[self._objects.url, folder] = object()

    def _listing(self, namespace: str) -> _Listing:
        folder = self._places.of(namespace, "r")
        with self._lock:
            listing, after = self._listings.get(folder), _written.get((self._objects.url, folder))
            if listing is None or listing.after is not after or time.monotonic() - listing.read >= OLDEST:
                listing = self._listings[folder] = self._read(folder, listing, after)
        return listing

    def _read(self, folder: str, known: _Listing | None, after: object) -> _Listing:
        read, found = time.monotonic(), list(self._objects.below(folder))
        now = self._objects.now() if found else 0.0
        revisions = {}
        for item in found:
            name = item.name.rpartition("/")[2]
            before = known.revisions.get(name) if known else None
            if before is None or not before.is_settled or before.modified != item.modified:
                content = self._objects.read(item.name, REVISION_LIMIT)
                nonce = "" if content is None else decode_revision(content.data)
                before = _Revision(nonce, item.modified, now - item.modified > _COARSEST_DATE)
            revisions[name] = before
        return _Listing(read, after, revisions)
