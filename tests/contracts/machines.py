"""The laws of stores that many machines share through objects: leases that beat, lost answers, races."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from contracts.places import LEASE_TTL, Passing, remote_store
from contracts.stores import BIG
from store_examples import manifest, slot, store_value, stored_value
from whorl.errors import LeaseTimeoutError
from whorl.store.places import Places
from whorl.store.remote.lease import Owner

if TYPE_CHECKING:
    from pathlib import Path

    from contracts.places import Place
    from whorl.store.manifest import Manifest
    from whorl.store.objects.base import Objects
    from whorl.store.remote.store import RemoteStore

LEASE = Places("").lease(slot())
DEAD = Owner("d" * 32, "a machine that is gone", 7)


class LosingAnswers(Passing):
    """Objects whose answer to the first creation and the first replacement of a manifest or lease is lost."""

    def __init__(self, objects: Objects, machine: str) -> None:
        super().__init__(objects, machine)
        self._left = {"create", "replace"}

    def create(self, name: str, data: bytes) -> bool:
        return self._lose("create", super().create(name, data))

    def replace(self, name: str, data: bytes, tag: str) -> bool:
        return self._lose("replace", super().replace(name, data, tag))

    def _lose(self, request: str, answer: bool) -> bool:  # noqa: FBT001 - what was answered
        is_lost = request in self._left and answer
        self._left.discard(request)
        return answer and not is_lost


class MachineLaws:
    """Laws for one kind of objects; ``objects`` is an empty root, ``place`` the remote store over it."""

    def test_what_was_removed_while_it_was_to_be_replaced_is_no_generation(self, place: Place) -> None:
        """Another machine removes the entry between the writer's look and its replacing."""
        writer, remover = place.open(), place.open()
        store_value(writer, slot(), BIG)

        def decide(_: Manifest) -> bool:
            assert remover.remove(slot())
            return True

        attempt = writer.begin(slot())
        attempt.write("value.bin", b"new")
        committed = writer.commit(attempt, manifest(slot()), replace=decide)

        assert writer.lookup(slot()) == committed
        assert list(writer.generations(slot())) == []

    def test_a_lease_of_a_silent_holder_is_taken_over(self, place: Place, objects: Objects) -> None:
        """After one and a half times the ttl by the waiter's own clock, whatever any other clock says."""
        objects.put(LEASE, DEAD.encode(3))
        started = time.monotonic()
        with place.open().lease(slot(), timeout=30):
            waited = time.monotonic() - started
            held = objects.read(LEASE, 1 << 16)

        assert 1.5 * LEASE_TTL <= waited < 30
        assert held is not None
        assert Owner.read(held.data).nonce != DEAD.nonce
        assert place.names("l") == []

    def test_a_damaged_lease_ages_like_any_other(self, place: Place, objects: Objects) -> None:
        """Nobody is shut out by an object that says nothing."""
        objects.put(LEASE, b"\xff{")
        with place.open().lease(slot(), timeout=30):
            held = objects.read(LEASE, 1 << 16)

        assert held is not None
        assert Owner.read(held.data).nonce

    def test_a_lease_is_kept_through_a_long_computation(self, place: Place) -> None:
        """It beats, so nobody takes it over."""
        with (
            place.open().lease(slot()),
            pytest.raises(LeaseTimeoutError, match=r"process .* on "),
            place.open().lease(slot(), timeout=5 * LEASE_TTL),
        ):
            raise AssertionError

        with place.open().lease(slot(), timeout=0):
            pass

    def test_whoever_lost_a_lease_leaves_it_to_its_new_holder(self, place: Place, objects: Objects) -> None:
        """A machine that slept must not end what another has taken over meanwhile."""
        with place.open().lease(slot()):
            objects.put(LEASE, DEAD.encode(3))
            time.sleep(LEASE_TTL)  # several beats
        left = objects.read(LEASE, 1 << 16)

        assert left is not None
        assert left.data == DEAD.encode(3)

    def test_of_several_who_wait_for_a_silent_holder_one_gets_on_at_a_time(
        self, place: Place, objects: Objects
    ) -> None:
        """Taking over is a replacement of one version."""
        objects.put(LEASE, DEAD.encode(3))
        inside, most = [0], [0]

        def hold(store: RemoteStore) -> None:
            with store.lease(slot(), timeout=30):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.02)
                inside[0] -= 1

        _side_by_side(hold, [place.open() for _ in range(3)])

        assert (inside[0], most[0]) == (0, 1)

    def test_an_answer_that_is_lost_is_no_failure(self, objects: Objects, tmp_path: Path) -> None:
        """Whoever finds its own attempt, or its own lease, had been served."""
        store = remote_store(LosingAnswers(objects, "one"), tmp_path / "one")
        with store.lease(slot(), timeout=0.2):
            first = store_value(store, slot(), BIG, do_replace=False)
        again = remote_store(LosingAnswers(objects, "two"), tmp_path / "two")
        second = store_value(again, slot(), b"2")

        assert store.lookup(slot()) == second
        assert list(store.generations(slot())) == [first]

    def test_machines_that_race_for_a_slot_agree(self, place: Place) -> None:
        """Where one creation wins, or the first has the lock: all return the same entry, which is current."""
        committed: list[Manifest] = []
        stores = [place.open() for _ in range(4)]
        start = threading.Barrier(len(stores))

        def write(store: RemoteStore) -> None:
            start.wait()
            committed.append(store_value(store, slot(), BIG, do_replace=False))

        _side_by_side(write, stores)

        assert {each.attempt for each in committed} == {committed[0].attempt}
        assert stored_value(place.open(), slot()) == BIG
        assert len(place.names("o")) == 1

    def test_machines_that_replace_each_other_lose_nothing(self, place: Place) -> None:
        """Each entry is current or an earlier one, with its payload."""
        committed: list[Manifest] = []
        stores = [place.open() for _ in range(3)]
        start = threading.Barrier(len(stores))

        def write(store: RemoteStore) -> None:
            start.wait()
            committed.append(store_value(store, slot(), BIG + store.url.encode()))

        _side_by_side(write, stores)
        reader = place.open()
        current = reader.lookup(slot())
        assert current is not None
        found = [current, *reader.generations(slot())]

        assert {each.attempt for each in found} == {each.attempt for each in committed}
        assert all(reader.reader(each).read("value.bin").startswith(BIG) for each in found)

    def test_a_reader_on_another_machine_finishes_what_it_began(self, place: Place) -> None:
        """A removed entry's payload stays until it is collected."""
        store, other = place.open(), place.open()
        committed = store_value(store, slot(), BIG)
        reader = other.reader(committed)
        store.remove(slot())

        assert other.lookup(slot()) is None
        assert reader.read("value.bin") == BIG

    def test_a_store_says_what_it_is_once(self, place: Place, objects: Objects) -> None:
        """Machines that begin at the same time have one record between them."""
        _side_by_side(lambda store: store.revise("default", []), [place.open() for _ in range(4)])
        records = [name for name in place.names() if name.endswith("WHORL.json")]

        assert records == ["WHORL.json"]
        assert objects.read("WHORL.json", 1 << 16) is not None

    def test_every_commit_says_who_may_be_at_its_payload(self, place: Place) -> None:
        """Both users of a shared payload have their markers beside it."""
        store = place.open()
        source = store_value(store, slot("one"), BIG)
        store.commit_kept(manifest(slot("two")), source, replace=lambda _: True)
        markers = {name.rpartition("/")[2] for name in place.names("o") if "/refs/" in name}

        assert markers == {slot("one").key.hex(), slot("two").key.hex()}


def _side_by_side(action: object, stores: list[RemoteStore]) -> None:
    threads = [threading.Thread(target=action, args=(store,)) for store in stores]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
