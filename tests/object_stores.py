"""Stores of plain objects, for those who look after a store: written as store.md says, with a clock of their own."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from store_examples import digest, manifest, store_value
from whorl.digest import Digest, Hasher
from whorl.errors import CorruptEntryError
from whorl.store.codec import encode_manifest
from whorl.store.collect import Collected, collect
from whorl.store.collect_plan import Limits
from whorl.store.collectable import PLACES, discard_objects, drop_leases, peek
from whorl.store.local import LocalStore
from whorl.store.manifest import Manifest, PayloadFile, Slot
from whorl.store.objects.memory import MemoryObjects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from whorl.store.collect_local import LocalCollectable
    from whorl.store.objects.base import Content, Listed

_numbers = count()


class ClockedObjects:
    """Objects whose store has a clock of its own: ``offset`` seconds ahead of the machine's."""

    def __init__(self, inner: object, offset: float = 0.0) -> None:
        self.inner = inner
        self.offset = offset

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def now(self) -> float:
        return self.inner.now() + self.offset

    def below(self, folder: str) -> Iterator[Listed]:
        return self.inner.below(folder)


class TickingObjects(MemoryObjects):
    """Objects in memory, dated by a clock that only the test moves; each of its steps may be followed by another's."""

    def __init__(self) -> None:
        super().__init__(f"memory://collect-{os.getpid()}-{next(_numbers)}")
        self.clock = 1_000_000.0
        self.dates: dict[str, float] = {}
        self.interrupt: Callable[[], object] | None = None

    def now(self) -> float:
        return self.clock

    def below(self, folder: str) -> Iterator[Listed]:
        self._step()
        for listed in list(super().below(folder)):
            yield replace(listed, modified=self.dates[listed.name])

    def read(self, name: str, limit: int) -> Content | None:
        self._step()
        return super().read(name, limit)

    def remove(self, names: Iterable[str]) -> None:
        for name in list(names):
            self._step()
            super().remove([name])

    def drop(self) -> None:
        """Forget everything."""
        for listed in list(super().below("")):
            super().remove([listed.name])

    def _step(self) -> None:
        if self.interrupt is not None:
            self.interrupt()

    def _write(self, name: str, data: bytes) -> None:
        super()._write(name, data)
        self.dates[name] = self.clock


class LockedError(Exception):
    """Another holds the lock; here nobody waits."""


class ObjectStore:
    """One store of plain objects, read and written as the protocol of store.md has it, with locks among threads."""

    def __init__(self, objects: MemoryObjects) -> None:
        self.objects = objects
        self.held: set[str] = set()
        self.revisions: dict[Digest, str] = {}
        self.is_robbed = False

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Hold a lock, unless another has it; where a thief is at work, everybody gets every lock."""
        if name in self.held and not self.is_robbed:
            raise LockedError(name)
        self.held.add(name)
        try:
            yield
        finally:
            self.held.discard(name)

    def take_away(self, name: str, data: bytes) -> bool:
        """Remove a manifest: nobody replaces one without the lock here."""
        self.objects.remove([name])
        return True

    def discard(self, folder: str) -> None:
        discard_objects(self.objects, folder)

    def tidy(self, locks: Iterable[Listed], now: float) -> int:
        return drop_leases(self.objects, locks, now)

    # --- what writers and readers do ---

    def store(self, slot: Slot, value: bytes, **fields: object) -> Manifest:
        """Commit a value of one file; what was current becomes a generation."""
        nonce = os.urandom(16).hex()
        complete = self.begin(slot, value, nonce, **fields)
        self.publish(complete)
        return complete

    def begin(self, slot: Slot, value: bytes, nonce: str, **fields: object) -> Manifest:
        """Write a payload; its manifest is not there yet."""
        name = f"{PLACES.payload(slot.namespace, nonce)}/value.bin"
        self.objects.put(name, value)
        file = PayloadFile("value.bin", len(value), Digest(Hasher(value).digest()))
        fields.setdefault("value_digest", digest(value.hex()))
        return replace(manifest(slot), attempt=nonce, payload=nonce, files=(file,), inline=None, **fields)  # type: ignore[arg-type]

    def publish(self, complete: Manifest) -> None:
        """Make a manifest current, under the lock of its slot."""
        slot = complete.slot
        with self.locked(PLACES.writing(slot.namespace, slot.key.hex())):
            name = PLACES.manifest(slot)
            before = peek(self.objects, name)
            if before is not None:
                self.objects.put(f"{PLACES.generations(slot)}/{before.attempt}", encode_manifest(before).data)
            self.objects.put(name, encode_manifest(complete).data)
        pointer = PLACES.pointer(slot.namespace, complete.content_key)
        self.objects.put(pointer, b"{}")

    def keep(self, source: Manifest, slot: Slot) -> Manifest:
        """Commit a manifest that shares a payload."""
        return self.commit_kept(replace(source, slot=slot), source)

    def commit_kept(self, manifest: Manifest, source: Manifest, **_: object) -> Manifest:
        """Do it as store.md says: the markers first, then a look whether the payload is there, then the manifest."""
        kept = replace(manifest, attempt=os.urandom(16).hex(), payload=source.payload, files=source.files, inline=None)
        with self.locked(PLACES.writing(source.slot.namespace, source.payload)):
            for user in (source.slot, kept.slot):
                self.mark(source.payload, user)
            if self.value(source) is None:
                raise CorruptEntryError("the payload is gone")
            self.publish(kept)
        return kept

    def revision(self, namespace: str, key: Digest) -> str:
        return self.revisions.get(key, "")

    def revise(self, namespace: str, keys: Iterable[Digest]) -> dict[Digest, str]:
        revised = {key: os.urandom(16).hex() for key in keys}
        self.revisions.update(revised)
        return revised

    def mark(self, payload: str, user: Slot) -> None:
        """Leave the marker of one who shares a payload."""
        row = f'["{user.namespace}","{user.stage}","{user.key.hex()}"]'
        self.objects.put(f"{PLACES.markers(user.namespace, payload)}/{user.key.hex()}", row.encode())

    def lookup(self, slot: Slot) -> Manifest | None:
        return peek(self.objects, PLACES.manifest(slot))

    def value(self, found: Manifest) -> bytes | None:
        name = f"{PLACES.payload(found.slot.namespace, found.payload)}/value.bin"
        content = self.objects.read(name, 1 << 20)
        return None if content is None else content.data

    def names(self) -> list[str]:
        return sorted(listed.name for listed in self.objects.below(""))


class Kept:
    """One store as the tests of collecting use it, whatever it is made of; time passes when they say so."""

    def __init__(self, store: ObjectStore | LocalStore) -> None:
        self.store = store
        if isinstance(store, LocalStore):
            self.collectable = LocalStore(store.root).collectable() or _created(store)
            self.collectable.objects = ClockedObjects(self.collectable.objects)
        else:
            self.collectable = store

    def pass_time(self, seconds: float) -> None:
        """Let the store's clock go on; the machine's does not."""
        if isinstance(self.store, LocalStore):
            self.collectable.objects.offset += seconds
        else:
            self.store.objects.clock += seconds

    def put(self, slot: Slot, value: bytes = b"x" * 40_000, **fields: object) -> Manifest:
        """Store a value that does not expire, unless told otherwise."""
        fields.setdefault("expires", None)
        if isinstance(self.store, LocalStore):
            return store_value(self.store, slot, value, **fields)
        return self.store.store(slot, value, **fields)

    def keep(self, source: Manifest, slot: Slot) -> Manifest:
        """Share a payload."""
        if isinstance(self.store, LocalStore):
            return self.store.commit_kept(replace(source, slot=slot), source)
        return self.store.keep(source, slot)

    def value(self, slot: Slot) -> bytes | None:
        """Read what a reader sees."""
        found = self.store.lookup(slot)
        return None if found is None else self.value_of(found)

    def value_of(self, found: Manifest) -> bytes | None:
        """Read what one who looked up a while ago sees; a payload that is gone is a miss."""
        if isinstance(self.store, ObjectStore):
            return self.store.value(found)
        try:
            return self.store.reader(found).read("value.bin")
        except CorruptEntryError:
            return None

    def collect(self, limits: Limits | None = None, ages: Mapping[Slot, float] | None = None) -> Collected:
        """Collect, without limits unless there are some."""
        return collect(self.collectable, limits or Limits(), ages or {})

    def files(self, kinds: str = "mgqcofltp") -> list[str]:
        """Name what lies there of some kinds."""
        found = [listed.name for listed in self.collectable.objects.below(PLACES.entries)]
        return sorted(name for name in found if name.split("/")[2] in kinds)


def _created(store: LocalStore) -> LocalCollectable:
    store.write_tree("default", digest("made"), b"tree")
    made = LocalStore(store.root).collectable()
    assert made is not None
    made.objects.remove([PLACES.tree("default", digest("made"))])
    return made
