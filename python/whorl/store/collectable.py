"""
What the collector, pins, restoring and verifying need of a store, as a protocol: its objects, and its locks by name.

Names are relative to the root, as ``Places("")`` makes them, so one collector serves a folder and a bucket.  Beside the
arrow: what *commit* made is looked after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from whorl.errors import CorruptEntryError
from whorl.store.codec import RECORD_LIMIT, decode_manifest
from whorl.store.places import Places

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from whorl.store.manifest import Manifest, Slot
    from whorl.store.objects.base import Listed, Objects

PLACES = Places("")
# A lease is renewed every few seconds: one that did not change for a day by the store's clock has no holder.
LEASE_AGE = 24 * 3600.0


class Collectable(Protocol):
    """One store as those see it who look after it."""

    @property
    def objects(self) -> Objects:
        """The objects below the root; a listing is complete, or an error."""
        ...

    def locked(self, name: str) -> AbstractContextManager[None]:
        """
        Hold a short lock, named as ``Places("").writing`` names it: of a slot's manifests, or of a payload's sharers.

        Writers of this store take the same one; a payload's before any slot's.
        """
        ...

    def take_away(self, name: str, data: bytes) -> bool:
        """Remove a manifest whose lock is held, if these are still its bytes; false where it was replaced."""
        ...

    def discard(self, folder: str) -> None:
        """Remove everything below a folder, and the folder where there are such: nobody takes it for a payload."""
        ...

    def tidy(self, locks: Iterable[Listed], now: float) -> int:
        """Remove locks that nobody holds, and what dead processes left half-written; return how many."""
        ...


class SideObjects:
    """Reads side files of a store's payloads; ``space`` is the folder of their namespace."""

    def __init__(self, objects: Objects, space: str) -> None:
        self._objects = objects
        self._space = space

    def read(self, payload: str, name: str, size: int) -> bytes:
        """Return a side file's bytes."""
        path = f"{PLACES.entries}/{self._space}/o/{payload[:2]}/{payload}/{name}"
        content = self._objects.read(path, size)
        if content is None or len(content.data) != size:
            raise CorruptEntryError(f"the stored file {path} is damaged or missing")
        return content.data


def read_record(objects: Objects, name: str) -> tuple[bytes, Manifest] | None:
    """Return a manifest with its bytes, None where there is none; ``CorruptEntryError`` where it is not sound."""
    content = objects.read(name, RECORD_LIMIT)
    if content is None:
        return None
    manifest = decode_manifest(content.data, SideObjects(objects, name.split("/")[1]))
    return content.data, manifest


def read_tombstone(objects: Objects, name: str) -> Manifest | None:
    """Return the manifest that a tombstone is a copy of; as ``read_record``."""
    found = read_record(objects, name)
    return None if found is None else found[1]


def peek(objects: Objects, name: str) -> Manifest | None:
    """Return a manifest, None where there is none that is sound."""
    try:
        found = read_record(objects, name)
    except CorruptEntryError:
        return None
    return None if found is None else found[1]


def read_placed(objects: Objects, name: str) -> Manifest | None:
    """Return a manifest, None where there is none; ``CorruptEntryError`` where it is not sound, or another key's."""
    found = read_record(objects, name)
    if found is None:
        return None
    slot = found[1].slot
    if name not in (PLACES.manifest(slot), f"{PLACES.generations(slot)}/{found[1].attempt}"):
        raise CorruptEntryError("an entry is another one's", f"it says {slot.stage}")
    return found[1]


def current_and_earlier(objects: Objects, slot: Slot) -> list[tuple[str, Manifest]]:
    """Return the sound manifests of a slot by their names, the current one first."""
    names = [PLACES.manifest(slot), *(listed.name for listed in objects.below(PLACES.generations(slot)))]
    found = [(name, manifest) for name in names if (manifest := peek(objects, name)) is not None]
    return [(name, manifest) for name, manifest in found if manifest.slot == slot]


def discard_objects(objects: Objects, folder: str) -> None:
    """Remove every object below a folder: how a store without folders discards one."""
    objects.remove([listed.name for listed in objects.below(folder)])


def drop_leases(objects: Objects, locks: Iterable[Listed], now: float) -> int:
    """Remove locks that are leases and did not change for a day: how a store without the kernel's locks tidies up."""
    old = [listed.name for listed in locks if listed.modified + LEASE_AGE <= now]
    objects.remove(old)
    return len(old)
