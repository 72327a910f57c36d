"""
A store behind a network in, what the collector works on out: its objects, and locks made of objects.

Beside the arrow: what *commit* made is looked after.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.store.codec import RECORD_LIMIT
from whorl.store.collectable import discard_objects, drop_leases
from whorl.store.manifests import WRITING_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from whorl.store.objects.base import Listed, Objects
    from whorl.store.remote.entries import Entries
    from whorl.store.remote.lease import Leases


@dataclass(frozen=True, slots=True)
class RemoteCollectable:
    """One store behind a network as its collector sees it."""

    objects: Objects
    entries: Entries
    leases: Leases

    def locked(self, name: str) -> AbstractContextManager[None]:
        """Hold a lock that writers take too, where they take one."""
        return self.leases.held(name, "those who write an entry", WRITING_TIMEOUT)

    def take_away(self, name: str, data: bytes) -> bool:
        """Remove a manifest, if it is still the same: writers of most stores take no lock."""
        content = self.objects.read(name, RECORD_LIMIT)
        if content is None or content.data != data:
            return content is None
        return self.entries.take_away(name, content)

    def discard(self, folder: str) -> None:
        """Remove every object below a folder."""
        discard_objects(self.objects, folder)

    def tidy(self, locks: Iterable[Listed], now: float) -> int:
        """Remove leases that nobody has beaten for a day."""
        return drop_leases(self.objects, locks, now)
