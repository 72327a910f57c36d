"""The laws of every store: damage is found before it is believed; one computes while others wait."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

import pytest

from contracts.stores import BIG, set_aside
from store_examples import slot, store_value, stored_value
from whorl.errors import LeaseTimeoutError

if TYPE_CHECKING:
    from contracts.places import Place
    from whorl.store.base import Store


class DamageLaws:
    """Laws of manifests that are not what was written."""

    @pytest.fixture
    def store(self, place: Place) -> Store:
        return place.open()

    def test_a_damaged_manifest_is_moved_aside(
        self, place: Place, store: Store, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A miss, logged once per copy; remembered until the key is stored again."""
        store_value(store, slot(), b"42")
        copies = place.change(slot().key.hex(), lambda data: data.replace(b'"json"', b'"jsom"'))
        with caplog.at_level(logging.WARNING, "whorl"):
            found = [store.lookup(slot()), store.lookup(slot())]
        state = (place.names("m"), store.damaged(slot()))
        healed = store_value(store, slot(), b"43", do_replace=False)

        assert found == [None, None]
        assert state == ([], True)
        assert len(caplog.records) == copies
        assert "pipeline.clean" in caplog.text
        assert store.lookup(slot()) == healed
        assert not store.damaged(slot())

    def test_a_writer_replaces_damage_without_asking(self, place: Place, store: Store) -> None:
        """It does not answer, so there is nothing to adopt."""
        store_value(store, slot(), b"42")
        place.change(slot().key.hex(), lambda _: b"")
        new = store_value(store, slot(), b"43", do_replace=False)

        assert store.lookup(slot()) == new
        assert list(store.generations(slot())) == []

    def test_every_truncation_of_a_stored_manifest_is_a_miss(self, place: Place, store: Store) -> None:
        """And the next writer heals it."""
        store_value(store, slot(), b"42")
        objects, name = place.find(f"/m/pipeline.clean/{slot().key.hex()}")
        found = objects.read(name, 1 << 20)
        assert found is not None
        for length in range(0, len(found.data), 101):
            for each in place.objects:
                each.put(name, found.data[:length])

            assert store.lookup(slot()) is None
        objects.put(name, found.data)
        assert stored_value(store, slot()) == b"42"

    def test_an_entry_in_another_keys_place_is_a_miss(self, place: Place, store: Store) -> None:
        """A swapped object, complete and sound, is still wrong data here."""
        other = slot("two")
        store_value(store, slot(), b"1")
        store_value(store, other, b"2")
        objects, name = place.find(f"/m/pipeline.clean/{slot().key.hex()}")
        found = objects.read(name, 1 << 20)
        assert found is not None
        place.change(f"/m/pipeline.clean/{other.key.hex()}", lambda _: found.data)
        objects.put(f"v1/default/m/another/{slot().key.hex()}", found.data)

        assert store.lookup(other) is None
        assert store.lookup(slot(stage="another")) is None
        assert stored_value(store, slot()) == b"1"
        assert [each.slot for each in store.entries()] == [slot()]

    def test_a_damaged_generation_is_left_out(self, place: Place, store: Store) -> None:
        """The others may still answer."""
        committed = [store_value(store, slot(), bytes([at]), created=float(at)) for at in range(3)]
        place.change(f"{slot().key.hex()}/{committed[0].attempt}", lambda data: data[:-1])
        found = {each.attempt for each in store.generations(slot())}

        assert found == {committed[1].attempt}

    def test_a_quarantined_entry_is_a_miss_and_spares_its_successor(self, store: Store) -> None:
        """Moved aside only if the attempt is still the same."""
        old = store_value(store, slot(), BIG)
        new = store_value(store, slot(), BIG[::-1])
        set_aside(store, old)  # by now a generation
        found = [store.lookup(slot())]
        generations = list(store.generations(slot()))
        store.quarantine(old, "again: nothing is there")
        set_aside(store, new)

        assert found == [new]
        assert generations == []
        assert store.lookup(slot()) is None
        assert store.damaged(slot())

    def test_a_flipped_bit_of_a_manifest_is_never_another_value(self, place: Place, store: Store) -> None:
        """The value, or a miss."""
        store_value(store, slot(), b"x" * 200)
        objects, name = place.find(f"/m/pipeline.clean/{slot().key.hex()}")
        found = objects.read(name, 1 << 20)
        assert found is not None
        read = set()
        for at in range(0, len(found.data), 37):
            flipped = bytearray(found.data)
            flipped[at] ^= 1 << (at % 8)
            for each in place.objects:
                each.put(name, bytes(flipped))
            read.add(stored_value(store, slot()))

        assert read <= {None, b"x" * 200}


class LeaseLaws:
    """Laws of who computes."""

    def test_one_holds_a_slot_at_a_time(self, place: Place) -> None:
        """Threads of several machines, each of which holds it once."""
        inside, most = [0], [0]

        def hold(store: Store) -> None:
            with store.lease(slot()):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.02)
                inside[0] -= 1

        stores = [place.open() for _ in range(3)]
        threads = [threading.Thread(target=hold, args=(store,)) for store in stores * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert (inside[0], most[0]) == (0, 1)

    def test_other_slots_are_free(self, place: Place) -> None:
        """Another key, and the same one in another namespace."""
        store = place.open()
        with (
            store.lease(slot("one")),
            store.lease(slot("two"), timeout=0.5),
            place.open().lease(slot("one", namespace="other"), timeout=0.5),
        ):
            pass

    def test_whoever_waits_too_long_is_told_who_holds_it(self, place: Place) -> None:
        """In time, with words."""
        with place.open().lease(slot()):
            started = time.monotonic()
            with (
                pytest.raises(LeaseTimeoutError, match=r"waited 0\.2 s for pipeline.clean") as refusal,
                place.open().lease(slot(), timeout=0.2),
            ):
                raise AssertionError
            waited = time.monotonic() - started

        assert "held by" in str(refusal.value)
        assert 0.2 <= waited < 5

    def test_a_lease_ends_with_its_block_however_that_ends(self, place: Place) -> None:
        """Nothing of it is left."""
        with pytest.raises(KeyError), place.open().lease(slot()):
            raise KeyError
        with place.open().lease(slot(), timeout=0):
            pass

        assert place.names("l") == []

    def test_an_entry_can_be_committed_under_a_lease(self, place: Place) -> None:
        """The locks of writers are others."""
        store = place.open()
        with store.lease(slot()):
            for value in (BIG, b"2"):
                store_value(store, slot(), value)

        assert stored_value(place.open(), slot()) == b"2"
