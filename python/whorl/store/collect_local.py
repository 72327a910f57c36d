"""
A local store in, what the collector works on out: its files as objects, and the kernel's locks.

Beside the arrow: what *commit* made is looked after.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from whorl.errors import LeaseTimeoutError
from whorl.store.disk import guarded, remove_folder
from whorl.store.lock import locked
from whorl.store.manifests import WRITING_TIMEOUT
from whorl.store.objects.folder import FolderObjects

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from whorl.store.objects.base import Listed
    from whorl.store.places import Places
    from whorl.store.temporary import Temporary


class LocalCollectable:
    """One local store as its collector sees it."""

    def __init__(self, places: Places, temporary: Temporary) -> None:
        self._root = places.root
        self._temporary = temporary
        self.objects = FolderObjects(places.root, temporary.file)

    def locked(self, name: str) -> AbstractContextManager[None]:
        """Hold a lock that writers take too."""
        return locked(f"{self._root}/{name}", "those who write an entry", WRITING_TIMEOUT)

    def take_away(self, name: str, data: bytes) -> bool:  # noqa: ARG002 - whoever replaces one holds the lock
        """Remove a manifest."""
        self.objects.remove([name])
        return True

    def discard(self, folder: str) -> None:
        """Remove a folder, at once for readers, however many files there are."""
        gone = self._temporary.file()
        with guarded("remove", folder):
            try:
                os.rename(f"{self._root}/{folder}", gone)
            except FileNotFoundError:
                return
        remove_folder(gone)

    def tidy(self, locks: Iterable[Listed], now: float) -> int:  # noqa: ARG002 - the protocol's signature
        """Remove lock files whose holders were killed, and what is left of writing."""
        return sum(self._unlock(listed.name) for listed in locks) + self._temporary.sweep()

    def _unlock(self, name: str) -> bool:
        """Take a lock and let it go, which removes its file; false where someone holds it."""
        with suppress(LeaseTimeoutError), locked(f"{self._root}/{name}", "a lock", timeout=0.0):
            return True
        return False
