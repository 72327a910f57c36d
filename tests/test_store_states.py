"""
Two writers, a reader, a remover and a thief of leases over one store, in any order: the state table of store.md.

The same machine drives a local store, and remote ones with and without conditional requests.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from contracts.places import Passing, Unconditional, folder_objects, remote_store
from store_examples import digest, manifest, slot, store_value
from whorl.errors import CorruptEntryError
from whorl.store.local import LocalStore
from whorl.store.objects.memory import MemoryObjects
from whorl.store.places import Places
from whorl.store.remote.lease import Owner

if TYPE_CHECKING:
    from whorl.store.base import Attempt, Store
    from whorl.store.manifest import Manifest, Slot
    from whorl.store.objects.base import Objects

KEYS = ("one", "two", "three")
keys = st.sampled_from(KEYS)
writers = st.sampled_from((0, 1))
# Inline, and as files.
values = st.sampled_from((b"", b"small", b"other", b"x" * 40_000, b"y" * 40_000))
# What a machine that is gone holds is free after 45 ms.
TTL = 0.03
DEAD = Owner("d" * 32, "a machine that is gone", 7)


class Stores(RuleBasedStateMachine):
    """What every key holds is known at each step: nothing, or the value and the generations before it."""

    attempts = Bundle("attempts")
    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.objects = self.make_objects(Path(self.folder))
        self.stores = [self.open_store(Path(self.folder), number) for number in range(2)]
        self.elsewhere = LocalStore(Path(self.folder) / "elsewhere")
        self.current: dict[str, tuple[str, bytes]] = {}
        self.earlier: dict[str, list[tuple[float, tuple[str, bytes]]]] = {name: [] for name in KEYS}
        self.created: dict[str, float] = {}
        self.revisions: dict[str, str] = {}
        self.clock = 0.0

    def make_objects(self, folder: Path) -> Objects:
        """Give the bare objects of an empty store."""
        return folder_objects(folder / "store")

    def open_store(self, folder: Path, number: int) -> Store:
        """Give the store as one of the writers sees it."""
        raise NotImplementedError

    def teardown(self) -> None:
        self.objects.remove([item.name for item in list(self.objects.below(""))])
        shutil.rmtree(self.folder)

    # --- writers ---

    @rule(target=attempts, writer=writers, name=keys, value=values)
    def begin(self, writer: int, name: str, value: bytes) -> tuple[int, str, bytes, Attempt]:
        attempt = self.stores[writer].begin(slot(name))
        attempt.write("value.bin", value)
        return writer, name, value, attempt

    @rule(begun=consumes(attempts))
    def abandon(self, begun: tuple[int, str, bytes, Attempt]) -> None:
        begun[3].abandon()

    @rule(begun=consumes(attempts), may_replace=st.booleans())
    def commit(self, begun: tuple[int, str, bytes, Attempt], may_replace: bool) -> None:  # noqa: FBT001 - a choice
        writer, name, value, attempt = begun
        committed = self.stores[writer].commit(attempt, self.record(name), replace=lambda _: may_replace)
        self.expect_commit(name, committed, value, attempt.nonce, may_replace=may_replace)

    @rule(begun=consumes(attempts), name=keys, may_replace=st.booleans(), does_remove=st.booleans(), value=values)
    def commit_while_another_does(
        self,
        begun: tuple[int, str, bytes, Attempt],
        name: str,
        may_replace: bool,  # noqa: FBT001 - a choice
        does_remove: bool,  # noqa: FBT001 - a choice
        value: bytes,
    ) -> None:
        """The other writer comes in between the look at what is there and the replacing."""
        writer, own, own_value, attempt = begun
        others = [True]

        def decide(_: Manifest) -> bool:
            if others and others.pop():
                if does_remove:
                    self.remove(1 - writer, name)
                else:
                    self.commit(self.begin(1 - writer, name, value), True)  # noqa: FBT003 - a rule
            return may_replace

        was_there = own in self.current
        before = self.current.get(own)
        committed = self.stores[writer].commit(attempt, self.record(own), replace=decide)
        if was_there and not may_replace:  # it adopted what it looked at, whatever became of that since
            assert before is not None
            assert committed.attempt == before[0]
        else:
            self.expect_commit(own, committed, own_value, attempt.nonce, may_replace=may_replace)

    @rule(writer=writers, source=keys, name=keys)
    def keep(self, writer: int, source: str, name: str) -> None:
        store = self.stores[writer]
        found = store.lookup(slot(source))
        if found is not None:
            committed = store.commit_kept(self.record(name), found, replace=lambda _: True)
            value = self.current[source][1]
            assert (committed.payload == found.payload) == (found.inline is None)
            self.expect_commit(name, committed, value, committed.attempt, may_replace=True)

    @rule(writer=writers, name=keys, value=values, may_replace=st.booleans())
    def adopt(self, writer: int, name: str, value: bytes, may_replace: bool) -> None:  # noqa: FBT001 - a choice
        """An entry of another store comes here as it is."""
        self.clock += 1
        source = store_value(self.elsewhere, slot(name), value, created=self.clock)
        reader = self.elsewhere.reader(source)
        committed = self.stores[writer].adopt(source, reader, replace=lambda _: may_replace)
        self.expect_commit(name, committed, value, source.attempt, may_replace=may_replace)

    @rule(target=held, writer=writers, name=keys)
    def hold(self, writer: int, name: str) -> tuple[int, Manifest, bytes] | None:
        found = self.stores[writer].lookup(slot(name))
        return None if found is None else (writer, found, self.current[name][1])

    @rule(entry=held)
    def read_what_was_held(self, entry: tuple[int, Manifest, bytes] | None) -> None:
        """Whatever happened since: the value of then, or a miss."""
        if entry is None:
            return
        writer, found, value = entry
        try:
            read = self.stores[writer].reader(found).read("value.bin")
        except CorruptEntryError:
            in_use = [each for name in KEYS for each in self.stores[0].generations(slot(name))]
            in_use += list(self.stores[0].entries())
            assert found.payload not in {each.payload for each in in_use}
        else:
            assert read == value

    @rule(entry=held)
    def keep_what_was_held(self, entry: tuple[int, Manifest, bytes] | None) -> None:
        """As an engine does that looked a source up a while ago."""
        if entry is None:
            return
        writer, found, value = entry
        try:
            committed = self.stores[writer].commit_kept(self.record("two"), found, replace=lambda _: True)
        except CorruptEntryError:
            return
        self.expect_commit("two", committed, value, committed.attempt, may_replace=True)

    # --- the others ---

    @rule(writer=writers, name=keys)
    def remove(self, writer: int, name: str) -> None:
        was_there = self.stores[writer].remove(slot(name))
        assert was_there == (name in self.current or bool(self.earlier[name]))
        self.current.pop(name, None)
        self.earlier[name].clear()

    @rule(writer=writers, name=keys)
    def damage(self, writer: int, name: str) -> None:
        place = Places("").manifest(slot(name))
        if name in self.current:
            there = self.objects.read(place, 1 << 20)
            assert there is not None
            self.objects.put(place, there.data[:-1])
            del self.current[name]
            assert self.stores[writer].lookup(slot(name)) is None

    @rule(writer=writers, name=keys)
    def revise(self, writer: int, name: str) -> None:
        self.revisions[name] = self.stores[writer].revise("default", [digest(name)])[digest(name)]

    # --- what is known ---

    def record(self, name: str) -> Manifest:
        self.clock += 1
        return manifest(slot(name), created=self.clock)

    def expect_commit(self, name: str, committed: Manifest, value: bytes, nonce: str, *, may_replace: bool) -> None:
        there = self.current.get(name)
        if there is not None and not may_replace:
            assert committed.attempt == there[0]
            return
        assert committed.attempt == nonce
        if there is not None:
            self.earlier[name].append((self.created[there[0]], there))
        self.current[name] = (nonce, value)
        self.created[nonce] = committed.created

    @invariant()
    def every_reader_sees_what_was_committed(self) -> None:
        for store in self.stores:
            for name in KEYS:
                found = store.lookup(slot(name))
                assert (found and (found.attempt, self.read(store, found))) == self.current.get(name)

    @invariant()
    def every_generation_can_be_read(self) -> None:
        for name in KEYS:
            found = [(each.attempt, self.read(self.stores[0], each)) for each in self.generations(slot(name))]
            assert found == [known for _, known in sorted(self.earlier[name], reverse=True)]

    @invariant()
    def revisions_are_the_last_ones(self) -> None:
        for store in self.who_sees_revisions_at_once():
            assert [store.revision("default", digest(name)) for name in KEYS] == [
                self.revisions.get(name, "") for name in KEYS
            ]

    def who_sees_revisions_at_once(self) -> list[Store]:
        """Give the stores of which none may be behind."""
        return self.stores

    def generations(self, of: Slot) -> list[Manifest]:
        return list(self.stores[0].generations(of))

    def read(self, store: Store, found: Manifest) -> bytes:
        return store.reader(found).read("value.bin")


class LocalStores(Stores):
    """Two store objects over one folder."""

    def open_store(self, folder: Path, number: int) -> Store:
        return LocalStore(folder / "store")


class RemoteStores(Stores):
    """Two machines that share objects, and a thief who takes leases as if their holders had been silent too long."""

    def make_objects(self, folder: Path) -> Objects:
        return MemoryObjects(f"memory://states-{os.urandom(8).hex()}")

    def open_store(self, folder: Path, number: int) -> Store:
        return remote_store(Passing(self.objects, str(number)), folder / str(number), lease_ttl=TTL)

    def who_sees_revisions_at_once(self) -> list[Store]:
        """Another machine may be five seconds behind; a new one is not."""
        return [self.open_store(Path(self.folder), 2)]

    @rule(writer=writers, name=keys)
    def steal_a_lease_while_it_is_held(self, writer: int, name: str) -> None:
        """Whoever lost it leaves it alone, and others get it after a while."""
        place = Places("").lease(slot(name))
        with self.stores[writer].lease(slot(name), timeout=5):
            self.objects.put(place, DEAD.encode(1))
        left = self.objects.read(place, 1 << 16)
        assert left is not None
        assert left.data == DEAD.encode(1)
        with self.stores[1 - writer].lease(slot(name), timeout=5):
            pass
        assert self.objects.read(place, 0) is None

    @rule(name=keys)
    def die_while_writing(self, name: str) -> None:
        """A machine that is gone left its lock on a key's manifests."""
        self.objects.put(Places("").writing("default", slot(name).key.hex()), DEAD.encode(1))

    @invariant()
    def no_payload_is_missing(self) -> None:
        names = {item.name for item in self.objects.below("v1/default/o")}
        for name in KEYS:
            for entry in (*self.stores[0].candidates(slot(name)), *self.stores[0].generations(slot(name))):
                folder = Places("").payload("default", entry.payload)
                assert entry.inline is not None or f"{folder}/value.bin" in names


class RemoteStoresWithoutConditions(RemoteStores):
    """The same over objects that look first and then write."""

    def make_objects(self, folder: Path) -> Objects:
        return Unconditional(super().make_objects(folder))


TestLocalStores = LocalStores.TestCase
TestLocalStores.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestRemoteStores = RemoteStores.TestCase
TestRemoteStores.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestRemoteStoresWithoutConditions = RemoteStoresWithoutConditions.TestCase
TestRemoteStoresWithoutConditions.settings = settings(max_examples=10, stateful_step_count=40, deadline=None)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One machine at a time needs no time to settle."""
    monkeypatch.setattr("whorl.store.remote.lease._SETTLING", 0.0)
