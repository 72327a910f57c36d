"""Local tier, root and mirrors: who is asked first, who decides, and what is copied where."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from store_examples import digest, manifest, slot, store_value, stored_value
from team import Machine, Team
from whorl.errors import LeaseTimeoutError
from whorl.store.local import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

    from whorl.store.manifest import Manifest

BIG = bytes(range(256)) * 256


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


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
    monkeypatch.setattr("whorl.store.tier._REST", 0.1)
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
    monkeypatch.setattr("whorl.store.tier._REST", 0.1)
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
