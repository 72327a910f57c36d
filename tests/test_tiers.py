"""Local tier, root and mirrors: who is asked first, who decides, and what happens when one of them fails."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from contracts.places import Passing, folder_objects, remote_store
from store_examples import digest, manifest, slot, store_value, stored_value
from whorl import stage
from whorl.access import Access
from whorl.errors import CorruptEntryError, LeaseTimeoutError, StoreError
from whorl.store.local import LocalStore
from whorl.store.objects.base import Capabilities
from whorl.store.tiers import Tier, TieredStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from whorl.store.manifest import Manifest
    from whorl.store.objects.base import Content, Listed, Objects

BIG = bytes(range(256)) * 256


@stage(cache=True)
def numbers() -> list[int]:
    return list(range(20_000))


class Line(Passing):
    """Objects behind a network that counts requests and can be cut, or stall before it is found to be cut."""

    def __init__(self, objects: Objects, machine: str = "line") -> None:
        super().__init__(objects, machine)
        self.requests = 0
        self.is_cut = False
        self.stalls = 0.0

    def _pass(self) -> None:
        self.requests += 1
        if self.is_cut:
            time.sleep(self.stalls)
            raise StoreError("the network is down")

    def read(self, name: str, limit: int) -> Content | None:
        self._pass()
        return super().read(name, limit)

    def create(self, name: str, data: bytes) -> bool:
        self._pass()
        return super().create(name, data)

    def replace(self, name: str, data: bytes, tag: str) -> bool:
        self._pass()
        return super().replace(name, data, tag)

    def put(self, name: str, data: bytes) -> None:
        self._pass()
        super().put(name, data)

    def upload(self, name: str, path: str) -> None:
        self._pass()
        super().upload(name, path)

    def download(self, name: str, path: str, limit: int) -> int | None:
        self._pass()
        return super().download(name, path, limit)

    def below(self, folder: str) -> Iterator[Listed]:
        self._pass()
        return super().below(folder)

    def remove(self, names: Iterable[str]) -> None:
        self._pass()
        super().remove(names)


class Anonymous(Passing):
    """Objects that are read without credentials: whoever tries to write fails the test."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(creates_once=True, replaces_once=True, writes=False)

    def create(self, name: str, data: bytes) -> bool:
        raise AssertionError(name)

    def replace(self, name: str, data: bytes, tag: str) -> bool:
        raise AssertionError(name)

    def put(self, name: str, data: bytes) -> None:
        raise AssertionError(name)

    def upload(self, name: str, path: str) -> None:
        raise AssertionError(name)

    def remove(self, names: Iterable[str]) -> None:
        raise AssertionError(names)


@dataclass
class Machine:
    """One user's machine: the tiers, the line to the root, the files of its local tier, and what was complained of."""

    store: TieredStore
    line: Line
    local: Objects
    complaints: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Team:
    """Machines that share a root; ``mirror`` is read by all of them, and filled by nobody."""

    folder: Path

    @property
    def root(self) -> Objects:
        return folder_objects(self.folder / "root")

    @property
    def mirror(self) -> Objects:
        return folder_objects(self.folder / "mirror")

    def machine(self, name: str, *, local: bool = True) -> Machine:
        """Give a machine, with a folder of its own."""
        home = self.folder / name
        complaints: list[tuple[str, str]] = []
        line = Line(self.root, name)
        root = remote_store(line, home / "root")
        mirror = remote_store(Anonymous(self.mirror, name), home / "mirror")
        tiers = [
            Tier("local", "local", LocalStore(home / "local", wait_timeout=5), reads=True, writes=True),
            Tier("root", "root", root, reads=True, writes=True, is_remote=True),
            Tier("lab", "lab", mirror, reads=True, writes=False, is_remote=True),
        ]

        def complain(url: str, error: StoreError) -> None:
            complaints.append((url, error.message))

        store = TieredStore(tiers if local else tiers[1:], complain)
        return Machine(store, line, folder_objects(home / "local"), complaints)

    def fill_mirror(self, value: bytes, **fields: object) -> Manifest:
        """Store a value where the mirror is."""
        return store_value(remote_store(self.mirror, self.folder / "publisher"), slot(), value, **fields)


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def _damage(objects: Objects, ending: str = "value.bin") -> None:
    """Turn the bytes around under every name with that ending."""
    for item in list(objects.below("")):
        if item.name.endswith(ending):
            content = objects.read(item.name, 1 << 20)
            assert content is not None
            objects.put(item.name, content.data[::-1])


def _read_all(store: TieredStore, entry: Manifest | None) -> bytes | None:
    """Read as the engine does: a damaged copy is moved aside, and that of the next tier is read."""
    while entry is not None:
        attempt = entry.attempt
        try:
            return store.reader(entry).read("value.bin")
        except CorruptEntryError:
            store.quarantine(entry, "its payload is damaged")
        entry = next((each for each in store.candidates(slot()) if each.attempt == attempt), None)
    return None


# --- order and copies ---


def test_the_local_tier_is_asked_first_and_spares_the_network(team: Team) -> None:
    """A warm hit makes no request at all."""
    machine = team.machine("ada")
    store_value(machine.store, slot(), BIG)
    before = machine.line.requests
    value = stored_value(machine.store, slot())

    assert value == BIG
    assert machine.line.requests == before


def test_the_tiers_are_searched_in_their_order(team: Team) -> None:
    """Local, root, mirror; each entry where it was found."""
    team.fill_mirror(b"mirror")
    store_value(team.machine("bob").store, slot(), b"root")
    machine = team.machine("ada")
    store_value(machine.store.tiers[0].store, slot(), b"local")
    found = list(machine.store.candidates(slot()))

    assert [each.inline and each.inline["value.bin"] for each in found] == [b"local", b"root", b"mirror"]
    assert [machine.store.origin(each).name for each in found] == ["local", "root", "lab"]


@pytest.mark.parametrize("value", [b"small", BIG], ids=["inline", "file"])
def test_a_hit_of_the_root_is_copied_down_as_it_is(team: Team, value: bytes) -> None:
    """With its attempt and digests; from then on no network is needed."""
    committed = store_value(team.machine("bob").store, slot(), value)
    machine = team.machine("ada")
    first = stored_value(machine.store, slot())
    machine.line.is_cut = True
    copy = machine.store.tiers[0].store.lookup(slot())

    assert first == value
    assert copy == committed
    assert stored_value(machine.store, slot()) == value
    assert machine.complaints == []


def test_a_hit_of_a_mirror_needs_no_right_to_write_there(team: Team) -> None:
    """It is copied to the local tier, and not to the root."""
    committed = team.fill_mirror(BIG)
    machine = team.machine("ada")
    value = stored_value(machine.store, slot())

    assert value == BIG
    assert machine.store.tiers[0].store.lookup(slot()) == committed
    assert machine.store.tiers[1].store.lookup(slot()) is None
    assert machine.complaints == []


def test_reading_again_does_not_copy_again(team: Team) -> None:
    """Once a payload is here, its entry is read from here."""
    store_value(team.machine("bob").store, slot(), BIG)
    machine = team.machine("ada")
    found = machine.store.lookup(slot())
    assert found is not None
    machine.store.reader(found).read("value.bin")
    before = machine.line.requests
    again = machine.store.reader(found).read("value.bin")

    assert again == BIG
    assert machine.line.requests == before


def test_without_a_local_tier_entries_are_read_where_they_are(team: Team) -> None:
    """And written to the root alone."""
    machine = team.machine("ada", local=False)
    committed = store_value(machine.store, slot(), BIG)

    assert stored_value(machine.store, slot()) == BIG
    assert machine.store.tiers[0].store.lookup(slot()) == committed
    assert list(machine.local.below("")) == []


# --- who came first ---


def test_the_root_decides_who_came_first(team: Team) -> None:
    """The second machine adopts the entry of the first, and drops its own."""
    ada, bob = team.machine("ada"), team.machine("bob")
    first = store_value(ada.store, slot(), BIG, do_replace=False)
    second = store_value(bob.store, slot(), BIG[::-1], do_replace=False)

    assert second == first
    assert [stored_value(each.store, slot()) for each in (ada, bob)] == [BIG, BIG]
    assert bob.store.tiers[0].store.lookup(slot()) == first


def test_machines_that_race_agree(team: Team) -> None:
    """Each with a local tier of its own, all with one entry."""
    machines = [team.machine(name) for name in ("ada", "bob", "cy", "dee")]
    start = threading.Barrier(len(machines))
    committed: list[Manifest] = []

    def write(machine: Machine) -> None:
        start.wait()
        committed.append(store_value(machine.store, slot(), BIG + machine.line.url.encode(), do_replace=False))

    threads = [threading.Thread(target=write, args=(machine,)) for machine in machines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {each.attempt for each in committed} == {committed[0].attempt}
    assert len({stored_value(machine.store, slot()) for machine in machines}) == 1


def test_two_machines_compute_one_after_the_other(team: Team) -> None:
    """The lease is the root's."""
    ada, bob = team.machine("ada"), team.machine("bob")
    with ada.store.lease(slot()), pytest.raises(LeaseTimeoutError), bob.store.lease(slot(), timeout=0.1):
        raise AssertionError
    with bob.store.lease(slot(), timeout=5):
        pass

    assert (ada.complaints, bob.complaints) == ([], [])


# --- a tier that fails ---


@pytest.mark.parametrize("value", [b"small", BIG], ids=["inline", "file"])
def test_results_are_kept_locally_while_the_root_fails(team: Team, value: bytes) -> None:
    """Complained of once, for the tier is left alone for a while then."""
    machine = team.machine("ada")
    machine.line.is_cut = True
    store_value(machine.store, slot("one"), value)
    requests = machine.line.requests
    with machine.store.lease(slot("two")):
        store_value(machine.store, slot("two"), value)
    found = [stored_value(machine.store, slot(name)) for name in ("one", "two", "three")]

    assert found == [value, value, None]
    assert machine.complaints == [("root", "the network is down")]
    assert machine.line.requests == requests


def test_a_tier_that_failed_is_asked_again_after_a_rest(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be back by then."""
    monkeypatch.setattr("whorl.store.tiers._REST", 0.2)
    store_value(team.machine("bob").store, slot(), BIG)
    machine = team.machine("ada")
    machine.line.is_cut = True
    found = [machine.store.lookup(slot())]
    machine.line.is_cut = False
    found.append(machine.store.lookup(slot()))
    time.sleep(0.25)

    assert found == [None, None]
    assert stored_value(machine.store, slot()) == BIG


def test_a_root_that_stalls_costs_one_stall(team: Team) -> None:
    """Not one for each thing that is asked of it."""
    machine = team.machine("ada")
    machine.line.is_cut, machine.line.stalls = True, 0.3
    started = time.monotonic()
    for name in ("one", "two", "three"):
        with machine.store.lease(slot(name)):
            machine.store.revision("default", digest(name))
            store_value(machine.store, slot(name), BIG)
    seconds = time.monotonic() - started

    assert machine.line.requests == 1
    assert 0.3 <= seconds < 3


def test_a_root_that_falls_away_before_the_commit_is_a_failure_with_words(team: Team) -> None:
    """Where there is no other tier; a local one would have taken it."""
    machine = team.machine("ada", local=False)
    attempt = machine.store.begin(slot())
    attempt.write("value.bin", BIG)
    machine.line.is_cut = True
    machine.store.lookup(slot("another"))  # it is found to have failed
    with pytest.raises(StoreError, match="no store can be written now"):
        machine.store.commit(attempt, manifest(slot()), replace=lambda _: True)
    attempt.abandon()

    with pytest.raises(StoreError, match="no store can be written now"):
        machine.store.begin(slot())


def test_what_was_begun_without_the_root_is_committed_to_it_once_it_is_back(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt belongs to no tier until it is committed."""
    monkeypatch.setattr("whorl.store.tiers._REST", 0.1)
    machine = team.machine("ada")
    machine.line.is_cut = True
    machine.store.lookup(slot())
    attempt = machine.store.begin(slot())
    attempt.write("value.bin", BIG)
    machine.line.is_cut = False
    time.sleep(0.15)
    committed = machine.store.commit(attempt, manifest(slot()), replace=lambda _: True)

    assert [tier.store.lookup(slot()) for tier in machine.store.tiers] == [committed, committed, None]


def test_removing_tells_when_a_tier_could_not_be_asked(team: Team) -> None:
    """What is left in the root would be a hit again; the others are cleared all the same."""
    machine = team.machine("ada")
    store_value(machine.store, slot(), BIG)
    machine.line.is_cut = True
    with pytest.raises(StoreError, match="the network is down"):
        machine.store.remove(slot())
    local = machine.store.tiers[0].store.lookup(slot())
    machine.line.is_cut = False

    assert local is None
    assert machine.store.remove(slot()) is True
    assert list(machine.store.candidates(slot())) == []


# --- damage ---


def test_a_damaged_local_copy_is_replaced_by_the_roots(team: Team) -> None:
    """Nothing is computed again, and the local tier has a sound copy afterwards."""
    machine = team.machine("ada")
    store_value(machine.store, slot(), BIG)
    _damage(machine.local)
    value = _read_all(machine.store, machine.store.lookup(slot()))
    machine.line.is_cut = True

    assert value == BIG
    assert stored_value(machine.store, slot()) == BIG
    assert machine.complaints == []


def test_a_stage_is_served_through_damage_of_the_local_tier(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not run again; offline, the repaired copy answers."""
    machine = team.machine("ada")
    monkeypatch.setattr("whorl.engine.open_access", lambda _: Access(machine.store, "tiers", strict=True))
    values, outcomes = [numbers()], [numbers.last]
    _damage(machine.local, "value.json")
    for is_cut in (False, True):
        machine.line.is_cut = is_cut
        values.append(numbers())
        outcomes.append(numbers.last)

    assert values == [list(range(20_000))] * 3
    assert [outcome and outcome.kind for outcome in outcomes] == ["ran", "hit", "hit"]


def test_threads_that_find_one_copy_damaged_spare_the_roots(team: Team) -> None:
    """What a reader moves aside is the copy that it read, however late it comes to do so."""
    machine = team.machine("ada")
    store_value(machine.store, slot(), BIG)
    _damage(machine.local)
    late = machine.store.lookup(slot())
    first = _read_all(machine.store, machine.store.lookup(slot()))
    assert late is not None
    machine.store.quarantine(late, "found damaged before the other thread repaired it")

    assert first == BIG
    assert team.machine("bob").store.lookup(slot()) is not None
    assert _read_all(machine.store, machine.store.lookup(slot())) == BIG


def test_many_threads_read_through_damage(team: Team) -> None:
    """Each gets the value, and the root keeps its copy."""
    machine = team.machine("ada")
    store_value(machine.store, slot(), BIG)
    _damage(machine.local)
    values: list[bytes | None] = []
    start = threading.Barrier(8)

    def read() -> None:
        start.wait()
        values.append(_read_all(machine.store, machine.store.lookup(slot())))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert values == [BIG] * 8
    assert stored_value(team.machine("bob").store, slot()) == BIG


def test_a_damaged_entry_of_a_mirror_is_passed_over(team: Team) -> None:
    """It cannot be moved aside there; what is computed instead is served from then on."""
    team.fill_mirror(BIG)
    _damage(team.mirror)
    machine = team.machine("ada")
    value = _read_all(machine.store, machine.store.lookup(slot()))
    found = machine.store.lookup(slot())
    store_value(machine.store, slot(), BIG)

    assert (value, found) == (None, None)
    assert stored_value(machine.store, slot()) == BIG


def test_a_damaged_manifest_of_a_mirror_is_a_miss(team: Team) -> None:
    """Nothing is written there to say so."""
    team.fill_mirror(b"small")
    _damage(team.mirror, slot().key.hex())

    assert team.machine("ada").store.lookup(slot()) is None


def test_an_entry_damaged_everywhere_is_a_miss_that_the_next_commit_heals(team: Team) -> None:
    """In each tier that is written."""
    machine = team.machine("ada")
    store_value(machine.store, slot(), BIG)
    _damage(machine.local)
    _damage(team.root)
    value = _read_all(machine.store, machine.store.lookup(slot()))
    was_damaged = machine.store.damaged(slot())
    store_value(machine.store, slot(), BIG, do_replace=False)

    assert (value, was_damaged) == (None, True)
    assert not machine.store.damaged(slot())
    assert stored_value(team.machine("bob").store, slot()) == BIG


# --- revisions ---


def test_a_revision_of_the_root_counts_and_is_noted_for_offline_times(team: Team) -> None:
    """Whoever saw it once knows it without a network."""
    machine = team.machine("ada")
    new = team.machine("bob").store.revise("default", [digest("k")])[digest("k")]
    seen = machine.store.revision("default", digest("k"))
    machine.line.is_cut = True

    assert seen == new
    assert team.machine("ada").store.tiers[0].store.revision("default", digest("k")) == new


def test_a_revision_made_offline_counts_where_the_root_has_none(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the root has one of its own."""
    monkeypatch.setattr("whorl.store.tiers._REST", 0.1)
    machine = team.machine("ada")
    machine.line.is_cut = True
    own = machine.store.revise("default", [digest("k")])[digest("k")]
    machine.line.is_cut = False
    time.sleep(0.15)
    before = (machine.store.revision("default", digest("k")), dict(machine.store.revisions("default")))
    roots = team.machine("bob").store.revise("default", [digest("k")])[digest("k")]

    assert before == (own, {digest("k").hex(): own})
    assert team.machine("ada").store.revision("default", digest("k")) == roots
    assert dict(team.machine("ada").store.revisions("default")) == {digest("k").hex(): roots}


# --- kept ---


@pytest.mark.parametrize("value", [b"small", BIG], ids=["inline", "file"])
def test_an_entry_of_the_local_tier_alone_is_kept_in_the_root(
    team: Team, monkeypatch: pytest.MonkeyPatch, value: bytes
) -> None:
    """Its payload is brought there: computed offline, found by content later."""
    monkeypatch.setattr("whorl.store.tiers._REST", 0.1)
    machine = team.machine("ada")
    machine.line.is_cut = True
    source = store_value(machine.store, slot("one"), value)
    machine.line.is_cut = False
    store_value(team.machine("bob").store, slot("one"), b"bob's")  # the source's key is another's in the root
    time.sleep(0.15)
    kept = machine.store.commit_kept(manifest(slot("two")), source, replace=lambda _: True)

    assert stored_value(machine.store, slot("two")) == value
    assert stored_value(team.machine("bob").store, slot("two")) == value
    assert team.machine("bob").store.lookup(slot("two")) == kept


def test_an_entry_of_a_mirror_is_kept_in_the_root(team: Team) -> None:
    """A mirror that is never written gives what it has."""
    team.fill_mirror(BIG, content_key=digest("c"))
    machine = team.machine("ada")
    source = next(machine.store.sources("default", digest("c")))
    machine.store.commit_kept(manifest(slot("two")), source, replace=lambda _: True)

    assert stored_value(team.machine("bob").store, slot("two")) == BIG


def test_a_kept_entry_shares_its_payload_in_each_tier(team: Team) -> None:
    """One copy of the bytes, whichever tier it is."""
    machine = team.machine("ada")
    source = store_value(machine.store, slot("one"), BIG)
    machine.store.commit_kept(manifest(slot("two")), source, replace=lambda _: True)
    values = [stored_value(machine.store, slot(name)) for name in ("one", "two")]
    payloads = [
        [item.name for item in objects.below("v1/default/o") if item.name.endswith("value.bin")]
        for objects in (machine.local, team.root)
    ]

    assert values == [BIG, BIG]
    assert [len(names) for names in payloads] == [1, 1]


def test_a_sources_copy_that_was_collected_here_is_found_in_the_root(team: Team) -> None:
    """An entry is known by where it is now, not by where it was."""
    machine = team.machine("ada")
    store_value(machine.store, slot(), BIG)
    before = machine.store.lookup(slot())
    LocalStore(team.folder / "ada" / "local").remove(slot())
    found = machine.store.lookup(slot())
    assert before is not None
    assert found is not None

    assert machine.store.origin(found).name == "root"
    assert machine.store.reader(found).read("value.bin") == BIG
