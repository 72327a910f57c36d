"""
The laws of every store, as suites that each kind passes: the state table of store.md, one law each.

A kind gives a ``place`` (contracts/places.py).  What holds of a payload on its way, of sharing, of damage, and of
leases is in suites of their own, so that none grows beyond reading.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, ClassVar

import pytest

from store_examples import digest, manifest, slot, store_value, stored_value
from whorl.errors import CorruptEntryError, StoreError
from whorl.store.base import Store
from whorl.store.manifest import Manifest, Slot

if TYPE_CHECKING:
    from contracts.places import Place

BIG = bytes(range(256)) * 256  # 64 KiB: beyond what a manifest holds
VALUES = pytest.mark.parametrize("value", [b"small", BIG], ids=["inline", "file"])


class StoreLaws:
    """
    What becomes of entries.

    ``copies`` is how many objects an entry has once it is committed: one in each tier that is written.  ``keeps`` says
    that payloads stay until they are collected.
    """

    copies: ClassVar[int] = 1
    keeps: ClassVar[bool] = False

    @pytest.fixture
    def store(self, place: Place) -> Store:
        return place.open()

    def test_it_has_all_that_the_protocol_asks_for(self, store: Store) -> None:
        """The type checker holds the signatures."""
        assert all(hasattr(store, name) for name in Store.__dict__ if not name.startswith("_"))

    # --- absent ---

    def test_an_absent_key_is_a_miss_and_makes_nothing(self, place: Place, store: Store) -> None:
        """Looking up does not even create the store."""
        found: list[object] = [store.lookup(slot()), store.nearest("default", "pipeline.clean")]
        found += [store.read_tree("default", digest("code"))]

        assert found == [None, None, None]
        assert store.revision("default", digest("key")) == ""
        assert dict(store.revisions("default")) == {}
        for nothing in (
            store.candidates(slot()),
            store.generations(slot()),
            store.sources("default", digest("content")),
            store.entries(),
            store.recent("default", "pipeline.clean"),
        ):
            assert list(nothing) == []
        assert (store.stages(), store.namespaces()) == ((), ())
        assert store.remove(slot()) is False
        assert not store.damaged(slot())
        assert place.names() == []

    # --- current ---

    @pytest.mark.parametrize("value", [b"", b"42", BIG], ids=["empty", "inline", "file"])
    def test_a_committed_value_is_current_for_every_machine(self, place: Place, value: bytes) -> None:
        """Another store object reads exactly what was written."""
        committed = store_value(place.open(), slot(), value)
        other = place.open()
        found = other.lookup(slot())
        assert found is not None
        reader = other.reader(found)

        assert found == committed
        assert _distinct(other.candidates(slot())) == [committed]
        assert (reader.names, reader.size("value.bin")) == (("value.bin",), len(value))
        assert reader.read("value.bin") == value
        assert reader.path("value.bin").read_bytes() == value

    def test_a_small_value_is_one_object(self, place: Place, store: Store) -> None:
        """It sits inside its manifest: a hit is one read."""
        store_value(store, slot(), b"x" * 32768)

        assert place.names("m") == [f"v1/default/m/pipeline.clean/{slot().key.hex()}"] * self.copies
        assert place.names("o") == []

    def test_a_large_value_lies_under_its_attempt(self, place: Place, store: Store) -> None:
        """A fresh name, never overwritten."""
        committed = store_value(store, slot(), b"x" * 32769)
        name = f"v1/default/o/{committed.attempt[:2]}/{committed.attempt}/value.bin"

        assert committed.inline is None
        assert committed.payload == committed.attempt
        assert place.names("o") == [name] * self.copies

    def test_a_second_writer_adopts_what_answers(self, place: Place, store: Store) -> None:
        """The first entry stays, and the second payload is dropped."""
        first = store_value(store, slot(), BIG)
        asked: list[Manifest] = []
        attempt = store.begin(slot())
        attempt.write("value.bin", BIG[::-1])
        second = store.commit(attempt, manifest(slot()), replace=lambda found: bool(asked.append(found)))

        assert asked == [first]
        assert second == first
        assert stored_value(store, slot()) == BIG
        assert {name.split("/")[4] for name in place.names("o")} == {first.attempt}

    def test_an_entry_that_does_not_answer_is_replaced(self, store: Store) -> None:
        """An expired one is there, and does not count as the first."""
        store_value(store, slot(), b"old", expires=10.0)
        attempt = store.begin(slot())
        attempt.write("value.bin", b"new")
        committed = store.commit(attempt, manifest(slot()), replace=lambda found: found.expires == 10.0)

        assert committed.attempt == attempt.nonce
        assert stored_value(store, slot()) == b"new"

    def test_a_replaced_entry_becomes_a_generation(self, place: Place, store: Store) -> None:
        """Newest first, each with its own payload still there, for another machine too."""
        values = [BIG, BIG + b"2", b"3"]
        committed = [store_value(store, slot(), value, created=float(at)) for at, value in enumerate(values)]
        for each in (store, place.open()):
            earlier = _distinct(each.generations(slot()))

            assert each.lookup(slot()) == committed[2]
            assert earlier == [committed[1], committed[0]]
            assert [each.reader(found).read("value.bin") for found in earlier] == [values[1], values[0]]

    def test_an_attempt_goes_to_the_slot_it_was_begun_for(self, store: Store) -> None:
        """A payload under another's key would be wrong data."""
        attempt = store.begin(slot("one"))

        with pytest.raises(StoreError, match="begun for"):
            store.commit(attempt, manifest(slot("two")), replace=lambda _: True)
        attempt.abandon()

    @pytest.mark.parametrize("value", [BIG[::-1], b"small"], ids=["file", "inline"])
    def test_a_commit_that_is_broken_off_leaves_what_was_there(self, place: Place, store: Store, value: bytes) -> None:
        """An exception in the middle; no payload is left either, for this attempt cannot have been seen."""
        first = store_value(store, slot(), BIG)
        attempt = store.begin(slot())
        attempt.write("value.bin", value)

        def interrupted(_: Manifest) -> bool:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store.commit(attempt, manifest(slot()), replace=interrupted)
        attempt.abandon()

        assert store.lookup(slot()) == first
        assert {name.split("/")[4] for name in place.names("o")} == {first.attempt}

    @VALUES
    def test_writers_in_threads_agree_on_one_entry(self, place: Place, store: Store, value: bytes) -> None:
        """Whoever comes second adopts: all return the same manifest."""
        results: list[Manifest] = []
        start = threading.Barrier(8)

        def write(number: int) -> None:
            start.wait()
            results.append(store_value(store, slot(), value + bytes([number]), do_replace=False))

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(results) == 8
        assert {each.attempt for each in results} == {results[0].attempt}
        assert len(place.names("m")) == self.copies
        assert len(place.names("o")) == (0 if value == b"small" else self.copies)

    def test_writers_in_threads_that_replace_lose_no_generation(self, store: Store) -> None:
        """One is current, and each of the others is an earlier one, with its payload."""
        start = threading.Barrier(4)
        committed: list[Manifest] = []

        def write(number: int) -> None:
            start.wait()
            committed.append(store_value(store, slot(), BIG + bytes([number])))

        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        current = store.lookup(slot())
        assert current is not None
        found = _distinct([current, *store.generations(slot())])

        assert {each.attempt for each in found} == {each.attempt for each in committed}
        assert {store.reader(each).read("value.bin") for each in found} == {BIG + bytes([at]) for at in range(4)}

    # --- sources of early cutoff ---

    def test_a_content_key_leads_to_the_entry_committed_last(self, store: Store) -> None:
        """It is a hint: whoever follows it looks whether the entry bears that key."""
        store_value(store, slot("one"), b"1", content_key=digest("c"))
        second = store_value(store, slot("two"), b"2", content_key=digest("c"))

        assert _distinct(store.sources("default", digest("c"))) == [second]
        assert list(store.sources("other", digest("c"))) == []
        assert list(store.sources("default", digest("another"))) == []

    def test_a_damaged_pointer_is_a_miss(self, place: Place, store: Store) -> None:
        """It costs an early cutoff, nothing more."""
        store_value(store, slot("one"), b"1", content_key=digest("c"))
        changed = place.change(digest("c").hex(), lambda data: data[:-9])

        assert changed == self.copies
        assert list(store.sources("default", digest("c"))) == []

    # --- removed ---

    @VALUES
    def test_a_removed_entry_is_gone_with_its_generations(self, place: Place, store: Store, value: bytes) -> None:
        """Nothing of it is found, and the key can be stored again."""
        for _ in range(3):
            store_value(store, slot(), value)
        was_there, is_there = store.remove(slot()), store.remove(slot())
        gone = (store.lookup(slot()), list(store.generations(slot())), place.names("m"), place.names("g"))
        left = [kind for kind in "otlq" if place.names(kind)]
        again = store_value(store, slot(), value)

        assert (was_there, is_there) == (True, False)
        assert gone == (None, [], [], [])
        assert not set(left) - ({"o", "t"} if self.keeps else set())
        assert store.lookup(slot()) == again

    def test_what_is_removed_is_that_slot_alone(self, store: Store) -> None:
        """Not its neighbours in another stage or namespace, nor another key."""
        others = [slot("two"), slot(stage="pipeline"), slot(namespace="default2")]
        for each in (slot(), *others):
            store_value(store, each, BIG)
        store.remove(slot())

        assert store.lookup(slot()) is None
        assert [stored_value(store, each) for each in others] == [BIG] * 3

    def test_a_removed_entry_is_announced_before_it_goes(self, place: Place, store: Store) -> None:
        """Where payloads wait to be collected, a tombstone says since when."""
        committed = store_value(store, slot(), BIG)
        store.remove(slot())
        tombstones = [name.rpartition("/")[2] for name in place.names("t")]

        assert set(tombstones) == ({committed.payload} if self.keeps else set())

    # --- revisions ---

    def test_a_revision_holds_for_every_machine(self, place: Place, store: Store) -> None:
        """The last one given counts."""
        new = store.revise("default", [digest("k"), digest("content")])
        again = store.revise("default", [digest("k")])
        other = place.open()

        assert len({*new.values(), *again.values()}) == 3
        for each in (store, other):
            assert each.revision("default", digest("k")) == again[digest("k")]
            assert each.revision("default", digest("content")) == new[digest("content")]
            assert each.revision("default", digest("another")) == ""
            assert each.revision("elsewhere", digest("k")) == ""
            assert dict(each.revisions("default")) == {
                digest("k").hex(): again[digest("k")],
                digest("content").hex(): new[digest("content")],
            }

    def test_a_revision_is_seen_at_once_by_who_gave_it(self, store: Store) -> None:
        """However lately the ledger was read."""
        for _ in range(20):
            before = store.revision("default", digest("k"))
            new = store.revise("default", [digest("k")])[digest("k")]

            assert store.revision("default", digest("k")) == new != before

    def test_a_damaged_revision_counts_as_another_one(self, place: Place, store: Store) -> None:
        """What depends on it runs again; nothing is stale."""
        new = store.revise("default", [digest("k")])[digest("k")]
        place.change(f"/r/{digest('k').hex()}", lambda _: b"")

        assert place.open().revision("default", digest("k")) not in ("", new)

    def test_revisions_of_another_store_are_taken_as_they_are(self, place: Place, store: Store) -> None:
        """Whether the store is there yet or not, and seen at once."""
        before = store.revision("default", digest("k"))
        store.write_revisions("default", {digest("k").hex(): "a" * 32})
        first = store.revision("default", digest("k"))
        store.write_revisions("default", {digest("k").hex(): "b" * 32})

        assert (before, first) == ("", "a" * 32)
        assert store.revision("default", digest("k")) == "b" * 32
        assert place.open().revision("default", digest("k")) == "b" * 32
        assert "WHORL.json" in place.names()

    # --- listing ---

    def test_entries_are_listed_by_namespace_and_stage(self, place: Place, store: Store) -> None:
        """By the names that users gave, not by those of folders."""
        slots = [
            slot("one"),
            slot("two", "Clean <locals>"),
            slot("three", namespace="Team ü"),
            Slot("x", "b", digest("4")),
            Slot("x", "CON", digest("5")),
            Slot("x", "a" * 300 + "\n", digest("6")),
        ]
        for each in slots:
            store_value(store, each, b"1")
        for each_store in (store, place.open()):
            assert each_store.namespaces() == ("Team ü", "default", "x")
            assert each_store.stages() == ("CON", "Clean <locals>", "a" * 300 + "\n", "b", "pipeline.clean")
            assert each_store.stages("default") == ("Clean <locals>", "pipeline.clean")
            assert sorted(each.slot.key.hex() for each in each_store.entries()) == sorted(
                each.key.hex() for each in slots
            )
            assert [each.slot for each in each_store.entries("default", "Clean <locals>")] == [slots[1]]
            assert list(each_store.entries("default", "clean <locals>")) == []
            assert [stored_value(each_store, each) for each in slots] == [b"1"] * len(slots)

    def test_removed_entries_are_not_listed(self, store: Store) -> None:
        """Neither is their stage, nor their namespace."""
        store_value(store, slot("one"), b"1")
        store_value(store, slot("two", "other", "space"), BIG)
        store.remove(slot("two", "other", "space"))

        assert store.namespaces() == ("default",)
        assert store.stages() == ("pipeline.clean",)
        assert list(store.entries("space")) == []

    def test_unsound_entries_are_not_listed(self, place: Place, store: Store) -> None:
        """A listing goes on after one."""
        for name in ("one", "two", "three"):
            store_value(store, slot(name), b"1")
        place.change(slot("two").key.hex(), lambda _: b"damaged")

        assert {each.slot for each in store.entries()} == {slot("one"), slot("three")}
        assert {each.slot for each in store.recent("default", "pipeline.clean")} == {slot("one"), slot("three")}

    def test_explanations_are_given_sound_entries_of_the_stage(self, place: Place, store: Store) -> None:
        """The nearest is one of the recent ones, and passes over damage."""
        store_value(store, slot("elsewhere", "another"), b"1")
        committed = [store_value(store, slot(name), b"1", created=1.0) for name in ("one", "two")]
        place.change(slot("two").key.hex(), lambda _: b"damaged")

        assert store.nearest("default", "pipeline.clean") == committed[0]
        assert list(store.recent("default", "pipeline.clean")) == committed[:1]
        assert store.nearest("default", "unknown") is None

    # --- fingerprint trees ---

    def test_a_fingerprint_tree_is_written_once(self, place: Place, store: Store) -> None:
        """The first one stays; a damaged one is written again."""
        store.write_tree("default", digest("code"), b"tree\nof parts")
        store.write_tree("default", digest("code"), b"another")
        found = [each.read_tree("default", digest("code")) for each in (store, place.open())]
        place.change(f"/f/{digest('code').hex()}", lambda data: data[:-1])
        damaged = store.read_tree("default", digest("code"))
        store.write_tree("default", digest("code"), b"again")

        assert found == [b"tree\nof parts"] * 2
        assert damaged is None
        assert store.read_tree("default", digest("code")) == b"again"

    def test_a_payload_that_was_never_there_is_damage(self, store: Store) -> None:
        """A manifest made up elsewhere leads nowhere."""
        committed = store_value(store, slot(), BIG)
        store.remove(slot())
        made_up = manifest(slot(), files=committed.files, inline=None, payload="b" * 32)

        with pytest.raises(CorruptEntryError):
            store.reader(made_up).read("value.bin")


def set_aside(store: Store, entry: Manifest) -> None:
    """Do what a reader does that found an entry's payload damaged, with the copy of each tier."""
    for _ in range(10):
        copies = [*store.candidates(entry.slot), *store.generations(entry.slot)]
        found = next((each for each in copies if each.attempt == entry.attempt), None)
        if found is None:
            return
        store.quarantine(found, "its payload is damaged")
    raise AssertionError(f"{entry} is still found")


def _distinct(entries: object) -> list[Manifest]:
    """List entries once each: several tiers may have the same."""
    found: list[Manifest] = []
    for each in entries:  # type: ignore[attr-defined]
        if each not in found:
            found.append(each)
    return found
