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
from whorl.store.collectable import SideObjects
from whorl.store.manifests import WRITING_TIMEOUT
from whorl.store.names import folder_name
from whorl.store.remote.parallel import REQUESTS, side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from whorl.store.manifest import Manifest, Slot
    from whorl.store.objects.base import Content, Listed, Objects
    from whorl.store.places import Places
    from whorl.store.remote.lease import Leases

logger = logging.getLogger("whorl")
# What stands for a manifest between its removal and that of its object; whoever finds it goes on with the removal.
_GONE = b"gone"


@dataclass(frozen=True, slots=True)
class Entry:
    """A manifest as it was found: its bytes and their tag are what a writer replaces."""

    manifest: Manifest
    content: Content


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
            return self._set_aside(slot, name, content, str(error))

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
        for start in range(0, len(items), REQUESTS):
            some = items[start : start + REQUESTS]
            found = side_by_side(lambda item: self._unsorted(space, item.name), some)
            yield from (manifest for manifest in found if manifest is not None)

    def quarantine(self, manifest: Manifest, reason: str) -> None:
        """Move a manifest aside if it is still there, current or earlier; one that is gone was removed, not damaged."""
        slot, moved = manifest.slot, False
        with self.writing(slot):
            for name in (self._places.manifest(slot), f"{self._places.generations(slot)}/{manifest.attempt}"):
                there = self.peek(name, slot)
                if there is not None and there.manifest.attempt == manifest.attempt:
                    self._move_aside(slot, name, there.content)
                    moved = True
        if moved:
            self._report(slot, reason)
        else:
            logger.debug("the entry of %s was removed or replaced while it was read: %s", slot.stage, reason)

    def take_away(self, name: str, content: Content) -> bool:
        """
        Remove a manifest of which the writing lock is held, if it is still that version; false where it is not.

        Writers of a store that can replace one version take no lock, and few stores can remove one version only: so
        the version is replaced by nothing that anyone could replace, and that is removed.
        """
        if self.capabilities.replaces_once and not self._objects.replace(name, _GONE, content.tag):
            return False
        self._objects.remove([name])
        return True

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
        manifest = decode_manifest(data, SideObjects(self._objects, folder_name(slot.namespace)))
        if manifest.slot != slot:
            raise CorruptEntryError("an entry is another one's", f"it says {manifest.slot.stage}")
        return manifest

    def _unsorted(self, space: str, name: str) -> Manifest | None:
        """Read a manifest that says itself what slot it is of; it must lie where that one would."""
        content = self._objects.read(name, RECORD_LIMIT)
        if content is None:
            return None
        try:
            manifest = decode_manifest(content.data, SideObjects(self._objects, space))
        except CorruptEntryError as error:
            logger.debug("%s is not sound: %s", name, error)
            return None
        return manifest if self._places.manifest(manifest.slot) == name else None

    def _set_aside(self, slot: Slot, name: str, read: Content, reason: str) -> Entry | None:
        """Move aside what was read, and return what replaced it meanwhile; what cannot be moved is reported once."""
        if (name, read.data) in self._unmoved:
            return None
        if not self.capabilities.writes:
            self._unmoved.add((name, read.data))
            self._report(slot, reason)
            return None
        again: Content | None = read
        try:
            with self.writing(slot):
                again = self._objects.read(name, RECORD_LIMIT)
                if again is not None and again.data == read.data:
                    self._move_aside(slot, name, again)
        except StoreError as refusal:  # a read-only store: still a miss
            logger.debug("%s could not be moved aside: %s", name, refusal)
            self._unmoved.add((name, read.data))
        if again is None or again.data != read.data:
            return self.peek(name, slot)
        if read.data != _GONE:
            self._report(slot, reason)
        return None

    def _move_aside(self, slot: Slot, name: str, content: Content) -> None:
        if content.data != _GONE:
            self._objects.put(f"{self._places.quarantine(slot)}/{os.urandom(8).hex()}", content.data)
        self.take_away(name, content)

    def _report(self, slot: Slot, reason: str) -> None:
        self.damage_count += 1
        logger.warning("a damaged entry of %s (%s) counts as absent: %s", slot.stage, slot.key.hex()[:12], reason)


def _date(item: Listed) -> float:
    return item.modified
