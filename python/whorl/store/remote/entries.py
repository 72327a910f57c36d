"""
Slots in, sound manifests out, of a store behind a network; a damaged one is moved aside and is a miss.

A lookup is one request.  On the arrow: *lookup*, and what *commit* replaces.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.errors import CorruptEntryError, StoreError
from whorl.store.codec import RECORD_LIMIT, decode_manifest
from whorl.store.manifests import WRITING_TIMEOUT
from whorl.store.remote.parallel import side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from whorl.store.manifest import Manifest, Slot
    from whorl.store.objects.base import Content, Listed, Objects
    from whorl.store.places import Places
    from whorl.store.remote.lease import Leases

logger = logging.getLogger("whorl")


@dataclass(frozen=True, slots=True)
class Entry:
    """A manifest as it was found: its bytes and their tag are what a writer replaces."""

    manifest: Manifest
    content: Content


@dataclass(frozen=True, slots=True)
class _SideObjects:
    """Reads the side files of one namespace."""

    objects: Objects
    folder: str

    def read(self, payload: str, name: str, size: int) -> bytes:
        """Return a side file's bytes."""
        found = self.objects.read(f"{self.folder}/{payload[:2]}/{payload}/{name}", size)
        if found is None or len(found.data) != size:
            raise CorruptEntryError(f"the list {name} of an entry is missing or cut off")
        return found.data


class Entries:
    """
    The manifests of one store.

    ``capabilities`` are what the store guarantees; ``damage_count`` is how many entries this object moved aside.
    """

    def __init__(self, objects: Objects, places: Places, leases: Leases) -> None:
        self._objects = objects
        self._places = places
        self._leases = leases
        self.capabilities = objects.capabilities
        self.damage_count = 0
        self._unmoved: set[tuple[str, bytes]] = set()

    def find(self, slot: Slot) -> Entry | None:
        """Return the current entry of a slot if it is sound; damage is moved aside."""
        name = self._places.manifest(slot)
        content = self._objects.read(name, RECORD_LIMIT)
        if content is None:
            return None
        try:
            return Entry(self._decode(content.data, slot), content)
        except CorruptEntryError as error:
            self._set_aside(slot, name, content.data, str(error))
            return None

    def peek(self, name: str, slot: Slot) -> Entry | None:
        """Return an entry under a name if it is sound and of that slot, and leave it alone if not."""
        content = self._objects.read(name, RECORD_LIMIT)
        if content is None:
            return None
        try:
            return Entry(self._decode(content.data, slot), content)
        except CorruptEntryError as error:
            logger.debug("%s is not sound: %s", name, error)
            return None

    def generations(self, slot: Slot) -> list[Manifest]:
        """Return the sound earlier manifests of a slot, newest first."""
        folder = self._places.generations(slot)
        names = [item.name for item in self._objects.below(folder)]
        if not names:
            return []
        current = self.peek(self._places.manifest(slot), slot)
        found = side_by_side(lambda name: self.peek(name, slot), names)
        earlier = [entry.manifest for entry in found if entry is not None]
        # A writer that was killed between two requests leaves the current one here as well.
        left = [each for each in earlier if current is None or each.attempt != current.manifest.attempt]
        return sorted(left, key=lambda each: each.created, reverse=True)

    def below(self, space: str, stage: str | None = None, newest: int | None = None) -> Iterator[Manifest]:
        """Yield the sound current manifests of the folders of a namespace and, if given, of a stage; or the newest."""
        folder = f"{self._places.entries}/{space}/m" + ("" if stage is None else f"/{stage}")
        items = sorted(self._objects.below(folder), key=_date, reverse=True)[:newest]
        for manifest in side_by_side(lambda item: self._unsorted(space, item.name), items):
            if manifest is not None:
                yield manifest

    def quarantine(self, manifest: Manifest, reason: str) -> None:
        """Move a manifest aside if it is still there: the current one, or an earlier one."""
        slot = manifest.slot
        with self.writing(slot):
            for name in (self._places.manifest(slot), f"{self._places.generations(slot)}/{manifest.attempt}"):
                there = self.peek(name, slot)
                if there is not None and there.manifest.attempt == manifest.attempt:
                    self._move_aside(slot, name, there.content.data)
        self._report(slot, reason)

    def was_damaged(self, slot: Slot) -> bool:
        """Return whether a manifest of this slot was moved aside since the slot was last written."""
        return any(True for _ in self._objects.below(self._places.quarantine(slot)))

    def forget_damage(self, slot: Slot) -> None:
        """Remove what was moved aside: the slot holds a new entry."""
        names = [item.name for item in self._objects.below(self._places.quarantine(slot))]
        if names:
            self._objects.remove(names)

    def writing(self, slot: Slot) -> AbstractContextManager[None]:
        """Hold the writing lock of a slot; not re-entrant."""
        name = self._places.writing(slot.namespace, slot.key.hex())
        return self._leases.held(name, f"the entry of {slot.stage}", WRITING_TIMEOUT)

    def sharing(self, namespace: str, payload: str) -> AbstractContextManager[None]:
        """Hold the lock of those who begin or stop to share a payload; taken before any slot's writing lock."""
        return self._leases.held(self._places.writing(namespace, payload), "a shared payload", WRITING_TIMEOUT)

    def _decode(self, data: bytes, slot: Slot) -> Manifest:
        manifest = decode_manifest(data, _SideObjects(self._objects, self._places.of(slot.namespace, "o")))
        if manifest.slot != slot:
            raise CorruptEntryError("an entry is another one's", f"it says {manifest.slot.stage}")
        return manifest

    def _unsorted(self, space: str, name: str) -> Manifest | None:
        """Read a manifest that says itself what slot it is of; it must lie where that one would."""
        content = self._objects.read(name, RECORD_LIMIT)
        if content is None:
            return None
        try:
            manifest = decode_manifest(content.data, _SideObjects(self._objects, f"{self._places.entries}/{space}/o"))
        except CorruptEntryError as error:
            logger.debug("%s is not sound: %s", name, error)
            return None
        return manifest if self._places.manifest(manifest.slot) == name else None

    def _set_aside(self, slot: Slot, name: str, data: bytes, reason: str) -> None:
        """Move aside what was read, unless it has been replaced; where it cannot be moved it is reported once."""
        if (name, data) in self._unmoved:
            return
        try:
            with self.writing(slot):
                again = self._objects.read(name, RECORD_LIMIT)
                if again is not None and again.data == data:
                    self._move_aside(slot, name, data)
        except StoreError as refusal:  # a read-only store: still a miss
            logger.debug("%s could not be moved aside: %s", name, refusal)
            self._unmoved.add((name, data))
        self._report(slot, reason)

    def _move_aside(self, slot: Slot, name: str, data: bytes) -> None:
        self._objects.put(f"{self._places.quarantine(slot)}/{os.urandom(8).hex()}", data)
        self._objects.remove([name])

    def _report(self, slot: Slot, reason: str) -> None:
        self.damage_count += 1
        logger.warning("a damaged entry of %s (%s) counts as absent: %s", slot.stage, slot.key.hex()[:12], reason)


def _date(item: Listed) -> float:
    return item.modified
