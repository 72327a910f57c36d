"""
Slots in, sound manifests out; a damaged one is moved aside and is a miss.

Whatever changes which manifest is current, except for the first one of a slot, happens under the slot's writing lock
and looks again once it is held.  Readers take no lock: they see one complete record, old or new.  On the arrow:
*lookup*, and what *commit* replaces.
"""

from __future__ import annotations

import logging
import os
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.errors import CorruptEntryError, StoreError
from whorl.store.codec import RECORD_LIMIT, decode_manifest
from whorl.store.disk import (
    guarded,
    has_names,
    make_folder,
    names_in,
    read_exactly,
    read_file,
    remove_folder,
)
from whorl.store.lock import locked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whorl.store.manifest import Manifest, Slot
    from whorl.store.places import Places

logger = logging.getLogger("whorl")

# Writing locks are held for a few renames; a process stopped in the middle must not stop all others.
WRITING_TIMEOUT = 60.0

# Decoded records that are kept: a second lookup in one process reads the file and compares it.
_KNOWN_NUMBER, _KNOWN_SIZE = 512, 8 << 10


@dataclass(frozen=True, slots=True)
class SideFolder:
    """Reads the side files of one namespace; ``folder`` has its payloads."""

    folder: str

    def read(self, payload: str, name: str, size: int) -> bytes:
        """Return a side file's bytes."""
        return read_exactly(f"{self.folder}/{payload[:2]}/{payload}/{name}", size)


class Manifests:
    """The manifests of one local store; ``damage_count`` is how many were moved aside in this process."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._known: dict[str, tuple[bytes, Manifest]] = {}
        self.damage_count = 0

    def lookup(self, slot: Slot) -> Manifest | None:
        """Return the current manifest of a slot if it is sound; damage is moved aside."""
        path = self._places.manifest(slot)
        data = read_file(path, RECORD_LIMIT)
        if data is None:
            return None
        known = self._known.get(path)
        if known is not None and known[0] == data:  # the very bytes that were checked before
            return known[1]
        try:
            manifest = self._decode(data, slot)
        except CorruptEntryError as error:
            return self._look_again(slot, path, data, error)
        self._remember(path, data, manifest)
        return manifest

    def peek(self, slot: Slot) -> Manifest | None:
        """Return the current manifest of a slot if it is sound, and leave it alone if not."""
        return self._read(self._places.manifest(slot), slot)

    def generations(self, slot: Slot) -> Iterator[Manifest]:
        """Yield the sound earlier manifests of a slot, newest first."""
        folder = self._places.generations(slot)
        names = names_in(folder)
        if not names:
            return
        # A writer that was killed between two renames leaves the current one here as well.
        current = self.peek(slot)
        found = [self._read(f"{folder}/{name}", slot) for name in names if current is None or name != current.attempt]
        yield from sorted((each for each in found if each), key=lambda each: each.created, reverse=True)

    def every(self, slot: Slot) -> Iterator[Manifest]:
        """Yield the current manifest of a slot and the earlier ones."""
        current = self.peek(slot)
        if current is not None:
            yield current
        yield from self.generations(slot)

    def record(self, manifest: Manifest) -> bytes:
        """Return the bytes of a manifest of a slot, current or earlier; none where it is gone."""
        slot = manifest.slot
        for path in (self._places.manifest(slot), f"{self._places.generations(slot)}/{manifest.attempt}"):
            there = self._read(path, slot)
            if there is not None and there.attempt == manifest.attempt:
                return read_file(path, RECORD_LIMIT) or b""
        return b""

    def names(self, slot: Slot, *, payload: str) -> bool:
        """Return whether a manifest of this slot needs a payload."""
        return any(manifest.payload == payload for manifest in self.every(slot))

    def below(self, space: str, stage: str | None = None, *, is_newest_first: bool = False) -> Iterator[Manifest]:
        """Yield the sound current manifests below the folders of a namespace and, if given, of a stage."""
        for folder in self.stage_folders(space) if stage is None else [stage]:
            path = f"{self._places.entries}/{space}/m/{folder}"
            for name in _newest_first(path) if is_newest_first else names_in(path):
                manifest = self.found(space, f"{path}/{name}")
                if manifest is not None:
                    yield manifest

    def stage_folders(self, space: str) -> list[str]:
        """List the folders of stages that have entries in the folder of a namespace."""
        path = f"{self._places.entries}/{space}/m"
        return [folder for folder in names_in(path) if has_names(f"{path}/{folder}")]

    def quarantine(self, manifest: Manifest, reason: str) -> None:
        """Move a manifest aside if it is still there, current or earlier; one that is gone was removed, not damaged."""
        slot, moved = manifest.slot, False
        with self.writing(slot):
            for path in (self._places.manifest(slot), f"{self._places.generations(slot)}/{manifest.attempt}"):
                there = self._read(path, slot)
                if there is not None and there.attempt == manifest.attempt:
                    self._move_aside(slot, path)
                    moved = True
        if moved:
            self._report(slot, reason)
        else:
            logger.debug("the entry of %s was removed or replaced while it was read: %s", slot.stage, reason)

    def was_damaged(self, slot: Slot) -> bool:
        """Return whether a manifest of this slot was moved aside since the slot was last written."""
        return has_names(self._places.quarantine(slot))

    def forget_damage(self, slot: Slot) -> None:
        """Remove what was moved aside: the slot holds a new entry."""
        if self.was_damaged(slot):
            remove_folder(self._places.quarantine(slot))

    def writing(self, slot: Slot) -> AbstractContextManager[None]:
        """Hold the writing lock of a slot; not re-entrant."""
        path = self._places.writing(slot.namespace, slot.key.hex())
        return locked(path, f"the entry of {slot.stage}", WRITING_TIMEOUT)

    def sharing(self, namespace: str, payload: str) -> AbstractContextManager[None]:
        """Hold the lock of those who begin or stop to share a payload; taken before any slot's writing lock."""
        return locked(self._places.writing(namespace, payload), "a shared payload", WRITING_TIMEOUT)

    def _read(self, path: str, slot: Slot) -> Manifest | None:
        data = read_file(path, RECORD_LIMIT)
        if data is None:
            return None
        try:
            return self._decode(data, slot)
        except CorruptEntryError as error:
            logger.debug("%s is not sound: %s", path, error)
            return None

    def found(self, space: str, path: str) -> Manifest | None:
        """Read a manifest that says itself what slot it is of; it must lie where that one would."""
        data = read_file(path, RECORD_LIMIT)
        if data is None:
            return None
        try:
            manifest = decode_manifest(data, SideFolder(f"{self._places.entries}/{space}/o"))
        except CorruptEntryError as error:
            logger.debug("%s is not sound: %s", path, error)
            return None
        return manifest if self._places.manifest(manifest.slot) == path else None

    def _decode(self, data: bytes, slot: Slot) -> Manifest:
        manifest = decode_manifest(data, SideFolder(self._places.of(slot.namespace, "o")))
        if manifest.slot != slot:
            raise CorruptEntryError("an entry is another one's", f"it says {manifest.slot.stage}")
        return manifest

    def _remember(self, path: str, data: bytes, manifest: Manifest) -> None:
        if len(data) <= _KNOWN_SIZE:
            if len(self._known) >= _KNOWN_NUMBER:
                self._known.clear()
            self._known[path] = (data, manifest)

    def _look_again(self, slot: Slot, path: str, data: bytes, error: CorruptEntryError) -> Manifest | None:
        """Move aside what was read, unless it has been replaced or was read only in part."""
        try:
            with self.writing(slot):
                again = read_file(path, RECORD_LIMIT)
                if again == data:
                    self._move_aside(slot, path)
        except StoreError as refusal:  # a read-only store: still a miss
            logger.debug("%s could not be moved aside: %s", path, refusal)
            again = data
        if again == data:
            self._report(slot, str(error))
            return None
        return self.peek(slot)

    def _move_aside(self, slot: Slot, path: str) -> None:
        folder = self._places.quarantine(slot)
        make_folder(folder)
        with guarded("move aside", path), suppress(FileNotFoundError):
            with suppress(PermissionError):
                os.utime(path)  # the grace of what is moved aside counts from now
            os.rename(path, f"{folder}/{os.urandom(8).hex()}")

    def _report(self, slot: Slot, reason: str) -> None:
        self.damage_count += 1
        logger.warning("a damaged entry of %s (%s) counts as absent: %s", slot.stage, slot.key.hex()[:12], reason)


def _newest_first(path: str) -> list[str]:
    """List the names in a folder by date, those without one (just removed) left out."""
    with guarded("list", path), suppress(FileNotFoundError, NotADirectoryError), os.scandir(path) as found:
        dated = [(status.st_mtime_ns, item.name) for item in found if (status := _status(item)) is not None]
        return [name for _, name in sorted(dated, reverse=True)]
    return []


def _status(item: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return item.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
