"""What users notice when a tier fails, stalls, or has a damaged copy: as little as can be."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from contracts.places import remote_store
from store_examples import digest, manifest, slot, store_value, stored_value
from team import Team, damage, read_through
from whorl import stage
from whorl.access import Access
from whorl.errors import CorruptEntryError, StoreError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.faults

BIG = bytes(range(256)) * 256


@stage(cache=True)
def numbers() -> list[int]:
    """Make more than a manifest holds."""
    return list(range(20_000))


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


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
    monkeypatch.setattr("whorl.store.tier._REST", 0.2)
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
    monkeypatch.setattr("whorl.store.tier._REST", 0.1)
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
    damage(machine.local)
    value = read_through(machine.store, machine.store.lookup(slot()))
    machine.line.is_cut = True

    assert value == BIG
    assert stored_value(machine.store, slot()) == BIG
    assert machine.complaints == []


def test_a_stage_is_served_through_damage_of_the_local_tier(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not run again; offline, the repaired copy answers."""
    machine = team.machine("ada")
    monkeypatch.setattr("whorl.engine.open_access", lambda _: Access(machine.store, "tiers", strict=True))
    values, outcomes = [numbers()], [numbers.last]
    damage(machine.local, "value.json")
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
    damage(machine.local)
    late = machine.store.lookup(slot())
    first = read_through(machine.store, machine.store.lookup(slot()))
    assert late is not None
    machine.store.quarantine(late, "found damaged before the other thread repaired it")

    assert first == BIG
    assert team.machine("bob").store.lookup(slot()) is not None
    assert read_through(machine.store, machine.store.lookup(slot())) == BIG


def test_many_threads_read_throughdamage(team: Team) -> None:
    """Each gets the value, and the root keeps its copy."""
    machine = team.machine("ada")
    store_value(machine.store, slot(), BIG)
    damage(machine.local)
    values: list[bytes | None] = []
    start = threading.Barrier(8)

    def read() -> None:
        start.wait()
        values.append(read_through(machine.store, machine.store.lookup(slot())))

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
    damage(team.mirror)
    machine = team.machine("ada")
    value = read_through(machine.store, machine.store.lookup(slot()))
    found = machine.store.lookup(slot())
    store_value(machine.store, slot(), BIG)

    assert (value, found) == (None, None)
    assert stored_value(machine.store, slot()) == BIG


@pytest.mark.timeout(20)
def test_an_entry_of_a_mirror_that_no_copy_makes_readable_is_a_miss(team: Team) -> None:
    """It is whole and still not what it says: copies of it are made twice at most, then it is passed over."""
    publisher = remote_store(team.mirror, team.folder / "publisher")
    attempt = publisher.begin(slot())
    attempt.write("another.bin", BIG)
    publisher.commit(attempt, manifest(slot()), replace=lambda _: True)
    machine = team.machine("ada")
    value = read_through(machine.store, machine.store.lookup(slot()))
    store_value(machine.store, slot(), BIG)

    assert value is None
    assert stored_value(machine.store, slot()) == BIG


def test_a_damaged_manifest_of_a_mirror_is_a_miss(team: Team) -> None:
    """Nothing is written there to say so."""
    team.fill_mirror(b"small")
    damage(team.mirror, slot().key.hex())

    assert team.machine("ada").store.lookup(slot()) is None


def test_an_entry_damaged_everywhere_is_a_miss_that_the_next_commit_heals(team: Team) -> None:
    """In each tier that is written."""
    machine = team.machine("ada")
    store_value(machine.store, slot(), BIG)
    damage(machine.local)
    damage(team.root)
    value = read_through(machine.store, machine.store.lookup(slot()))
    was_damaged = machine.store.damaged(slot())
    store_value(machine.store, slot(), BIG, do_replace=False)

    assert (value, was_damaged) == (None, True)
    assert not machine.store.damaged(slot())
    assert stored_value(team.machine("bob").store, slot()) == BIG


def test_an_entry_that_no_tier_has_any_more_is_a_miss_and_no_damage(team: Team) -> None:
    """Whoever reads it late is told that it is gone, and nothing is moved aside."""
    machine = team.machine("ada")
    known = replace(store_value(machine.store, slot(), BIG))
    machine.store.remove(slot())
    with pytest.raises(CorruptEntryError, match="gone"):
        machine.store.reader(known)
    machine.store.quarantine(known, "its payload is gone")

    assert not machine.store.is_own(known)
    assert not machine.store.damaged(slot())
    assert machine.complaints == []
