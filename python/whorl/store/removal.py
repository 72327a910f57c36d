"""
A slot in, nothing of it left, at once: its manifests first, then each payload that no other manifest needs.

``collect.py`` does the same with a grace in between.  Killed in between, payloads without a manifest are left, each
announced by a tombstone, never a manifest without its payload.  Folders that became empty stay: someone may be about to
write into them.  Beside the arrow: what *commit* made goes away.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from whorl.errors import StoreError
from whorl.store.disk import (
    guarded,
    is_there,
    make_folder,
    names_in,
    read_file,
    remove_file,
    remove_folder,
    replace_file,
)
from whorl.store.notes import NOTE_LIMIT, decode_slot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whorl.store.manifest import Manifest, Slot
    from whorl.store.manifests import Manifests
    from whorl.store.places import Places
    from whorl.store.temporary import Temporary


class Remover:
    """Removes entries of one local store."""

    def __init__(self, places: Places, temporary: Temporary, manifests: Manifests) -> None:
        self._places = places
        self._temporary = temporary
        self._manifests = manifests

    def remove(self, slot: Slot) -> bool:
        """Remove the entry of a slot with its generations; false where there was nothing."""
        if not is_there(self._places.manifest(slot)) and not names_in(self._places.generations(slot)):
            return False
        with self._manifests.writing(slot):
            manifests = list(self._manifests.every(slot))
            tombstones = [self._announce(manifest) for manifest in manifests]
            self._remove_manifests(slot)
        for payload in dict.fromkeys(manifest.payload for manifest in manifests):
            self._collect(slot.namespace, payload)
        for tombstone in tombstones:
            remove_file(tombstone)
        return True

    def _announce(self, manifest: Manifest) -> str:
        """Write a tombstone, so that collecting finds the payload if this process ends before it is removed."""
        day = time.strftime("%Y-%m-%d", time.gmtime())
        path = self._places.tombstone(manifest.slot.namespace, day, manifest.attempt)
        data = self._manifests.record(manifest)
        with suppress(StoreError):  # a full disk, which removing is going to help
            make_folder(os.path.dirname(path))
            replace_file(path, data, temporary=self._temporary.file())
        return path

    def _remove_manifests(self, slot: Slot) -> None:
        remove_file(self._places.manifest(slot))
        remove_folder(self._places.generations(slot))
        self._manifests.forget_damage(slot)

    def _collect(self, namespace: str, payload: str) -> None:
        """Remove a payload unless a manifest that shares it is there."""
        folder = self._places.payload(namespace, payload)
        with self._manifests.sharing(namespace, payload):
            if not is_there(folder) or any(self._is_used(user, payload) for user in self._users(folder)):
                return
            gone = self._temporary.file()
            with guarded("remove", folder):
                os.rename(folder, gone)  # at once for readers, however many files there are
        remove_folder(gone)

    def _users(self, folder: str) -> Iterable[Slot]:
        """Yield the slots that share a payload, or did."""
        markers = f"{folder}/refs"
        for name in names_in(markers):
            data = read_file(f"{markers}/{name}", NOTE_LIMIT)
            user = None if data is None else decode_slot(data)
            if user is not None:
                yield user

    def _is_used(self, slot: Slot, payload: str) -> bool:
        return self._manifests.names(slot, payload=payload)
