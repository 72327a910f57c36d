"""The laws of payloads in every store: how one is written, shared, copied, and found damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from contracts.places import Place, local_place
from contracts.stores import BIG, VALUES, set_aside
from store_examples import digest, manifest, slot, store_value, stored_value
from whorl.errors import CorruptEntryError, StoreError
from whorl.store.manifest import RawFile, Trace, TracedInput

if TYPE_CHECKING:
    from pathlib import Path

    from whorl.store.base import Store

WIDE = tuple(RawFile("raw/data", f"{index}.csv", index, digest(str(index))) for index in range(2000))


class PayloadLaws:
    """Laws for one kind of store."""

    keeps: ClassVar[bool] = False

    @pytest.fixture
    def store(self, place: Place) -> Store:
        return place.open()

    @pytest.fixture
    def elsewhere(self, tmp_path: Path) -> Store:
        """Another store, that entries are copied from."""
        return local_place(tmp_path / "elsewhere").open()

    # --- in the making ---

    def test_an_attempt_that_is_abandoned_leaves_nothing(self, place: Place, store: Store) -> None:
        """Neither in memory nor on disk; twice is harmless."""
        attempt = store.begin(slot())
        attempt.write("a.bin", BIG)
        attempt.path("b/c.bin").write_bytes(b"c")
        folder = attempt.folder
        attempt.abandon()
        attempt.abandon()

        assert not folder.exists()
        assert store.lookup(slot()) is None
        assert place.names("o") == []

    def test_files_of_libraries_are_part_of_a_payload(self, place: Place, store: Store) -> None:
        """What is written through ``path`` and into ``folder`` counts as what is written by ``write``."""
        attempt = store.begin(slot())
        attempt.write("z.bin", b"z")
        attempt.path("table/part-0.parquet").write_bytes(b"part")
        (attempt.folder / "zarr" / "c").mkdir(parents=True)
        (attempt.folder / "zarr" / "c" / "0.0").write_bytes(b"chunk")
        committed = store.commit(attempt, manifest(slot()), replace=lambda _: True)

        assert [(file.name, file.size) for file in committed.files] == [
            ("table/part-0.parquet", 4),
            ("z.bin", 1),
            ("zarr/c/0.0", 5),
        ]
        for each in (store, place.open()):
            found = each.lookup(slot())
            assert found is not None
            reader = each.reader(found)
            assert [reader.read(name) for name in reader.names] == [b"part", b"z", b"chunk"]
            assert [reader.path(name).read_bytes() for name in reader.names] == [b"part", b"z", b"chunk"]

    def test_a_file_written_twice_is_the_last_one(self, store: Store) -> None:
        """Inline, on disk, and through a library."""
        attempt = store.begin(slot())
        attempt.write("a", b"first")
        attempt.write("a", b"second")
        attempt.write("b", BIG)
        attempt.write("b", b"small")
        attempt.write("c", b"ours")
        attempt.path("c").write_bytes(b"theirs")
        committed = store.commit(attempt, manifest(slot()), replace=lambda _: True)
        reader = store.reader(committed)

        assert {name: reader.read(name) for name in reader.names} == {"a": b"second", "b": b"small", "c": b"theirs"}

    @pytest.mark.parametrize("name", ["", "../x", "/x", "a b", "ü", "refs/x", "side/x", "x/", "CON/../x"])
    def test_a_file_name_that_no_store_could_hold_is_refused(self, store: Store, name: str) -> None:
        """When it is written, not when someone reads it."""
        attempt = store.begin(slot())

        with pytest.raises(StoreError, match="cannot be named"):
            attempt.write(name, b"x")
        with pytest.raises(StoreError, match="cannot be named"):
            attempt.path(name)

    @VALUES
    def test_an_attempt_can_be_read_before_it_is_committed(self, store: Store, value: bytes) -> None:
        """A second tier takes its copy from there; what was inline stays inline."""
        attempt = store.begin(slot())
        attempt.write("value.bin", value)
        reader = attempt.reader()
        read = (reader.names, reader.size("value.bin"), reader.read("value.bin"))
        committed = store.commit(attempt, manifest(slot()), replace=lambda _: True)

        assert read == (("value.bin",), len(value), value)
        assert (committed.inline is None) == (value == BIG)

    @VALUES
    def test_a_file_can_be_fetched_to_a_path_of_ones_own(self, store: Store, tmp_path: Path, value: bytes) -> None:
        """To be changed at will: the entry does not change with it."""
        committed = store_value(store, slot(), value)
        path = tmp_path / "own.bin"
        store.reader(committed).fetch("value.bin", str(path))
        fetched = path.read_bytes()
        path.write_bytes(b"changed")

        assert fetched == value
        assert stored_value(store, slot()) == value

    # --- shared ---

    @VALUES
    def test_a_kept_entry_reads_the_payload_it_shares(self, place: Place, store: Store, value: bytes) -> None:
        """A file is shared, inline bytes are copied; the attempt is new in both cases."""
        source = store_value(store, slot("one"), value)
        kept = store.commit_kept(manifest(slot("two")), source, replace=lambda _: True)

        assert kept.attempt not in ("a" * 32, source.attempt)
        assert kept.payload == (source.payload if value == BIG else kept.attempt)
        assert store.lookup(slot("two")) == kept
        assert [stored_value(each, slot("two")) for each in (store, place.open())] == [value, value]

    def test_a_kept_entry_adopts_what_answers(self, store: Store) -> None:
        """As a computed one does."""
        source = store_value(store, slot("one"), BIG)
        there = store_value(store, slot("two"), b"there")

        assert store.commit_kept(manifest(slot("two")), source, replace=lambda _: False) == there
        assert stored_value(store, slot("two")) == b"there"

    def test_a_kept_entry_of_a_payload_that_is_gone_is_refused(self, place: Place, store: Store) -> None:
        """The marker goes first: where it cannot be left, nothing is committed."""
        source = store_value(store, slot("one"), BIG)
        store.remove(slot("one"))
        for objects in place.objects:
            objects.remove([item.name for item in objects.below("v1/default/o")])

        with pytest.raises(CorruptEntryError):
            store.commit_kept(manifest(slot("two")), source, replace=lambda _: True)
        assert store.lookup(slot("two")) is None

    def test_a_kept_entry_stays_in_its_namespace(self, store: Store) -> None:
        """A payload belongs to one namespace, which may be removed as a whole."""
        source = store_value(store, slot("one"), BIG)

        with pytest.raises(StoreError, match="namespaces"):
            store.commit_kept(manifest(slot("two", namespace="other")), source, replace=lambda _: True)

    def test_a_shared_payload_outlives_the_entry_it_was_made_for(self, place: Place, store: Store) -> None:
        """Removing in either order, it goes with the last entry that needs it, or waits to be collected."""
        for order in (("one", "two"), ("two", "one")):
            source = store_value(store, slot("one"), BIG)
            store.commit_kept(manifest(slot("two")), source, replace=lambda _: True)
            store.remove(slot(order[0]))

            assert stored_value(store, slot(order[1])) == BIG
            store.remove(slot(order[1]))
            assert self.keeps or place.names("o") == []

    def test_a_shared_payload_outlives_a_generation(self, store: Store) -> None:
        """An entry that was replaced still needs its payload, for it can be restored."""
        source = store_value(store, slot("one"), BIG)
        store.commit_kept(manifest(slot("two")), source, replace=lambda _: True)
        store_value(store, slot("one"), b"newer")
        store.remove(slot("two"))
        earlier = {each.attempt: each for each in store.generations(slot("one"))}

        assert [store.reader(each).read("value.bin") for each in earlier.values()] == [BIG]

    def test_a_kept_entry_of_a_kept_entry_shares_the_first_payload(self, store: Store) -> None:
        """However long the chain."""
        source = store_value(store, slot("one"), BIG)
        kept = store.commit_kept(manifest(slot("two")), source, replace=lambda _: True)
        again = store.commit_kept(manifest(slot("three")), kept, replace=lambda _: True)
        store.remove(slot("one"))
        store.remove(slot("two"))

        assert again.payload == source.attempt
        assert stored_value(store, slot("three")) == BIG

    @VALUES
    def test_lists_beside_the_payload_are_found_again(self, place: Place, store: Store, value: bytes) -> None:
        """Computed or kept, inline or not; they go with the entry."""
        source = store_value(store, slot("one"), value, raw_files=WIDE)
        kept = store.commit_kept(manifest(slot("two"), raw_files=WIDE[:1500]), source, replace=lambda _: True)
        found = [place.open().lookup(each) for each in (slot("one"), slot("two"))]

        assert [each and each.raw_files for each in found] == [WIDE, WIDE[:1500]]
        assert kept.raw_files == WIDE[:1500]
        for each in ("one", "two"):
            store.remove(slot(each))
        assert self.keeps or place.names("o") == []

    # --- adopted from another store ---

    @VALUES
    def test_an_entry_of_another_store_is_adopted_as_it_is(
        self, place: Place, store: Store, elsewhere: Store, value: bytes
    ) -> None:
        """With its attempt, its lists and its payload; twice is once."""
        source = store_value(elsewhere, slot(), value, raw_files=WIDE)
        adopted = [store.adopt(source, elsewhere.reader(source), replace=lambda _: True) for _ in range(2)]
        elsewhere.remove(slot())

        assert adopted == [source, source]
        assert list(store.generations(slot())) == []
        for each in (store, place.open()):
            found = each.lookup(slot())
            assert found == source
            assert found is not None
            assert found.raw_files == WIDE
            assert stored_value(each, slot()) == value

    def test_a_kept_entry_of_another_store_brings_its_payload(
        self, place: Place, store: Store, elsewhere: Store
    ) -> None:
        """Under the name that it has there, found by whoever removes one of its users."""
        source = store_value(elsewhere, slot("one"), BIG)
        kept = elsewhere.commit_kept(manifest(slot("two")), source, replace=lambda _: True)
        adopted = store.adopt(kept, elsewhere.reader(kept), replace=lambda _: True)
        both = store.adopt(source, elsewhere.reader(source), replace=lambda _: True)
        store.remove(slot("one"))

        assert (adopted, both) == (kept, source)
        assert stored_value(store, slot("two")) == BIG
        assert stored_value(place.open(), slot("two")) == BIG

    def test_adopting_leaves_an_entry_that_answers(self, store: Store, elsewhere: Store) -> None:
        """As committing does."""
        there = store_value(store, slot(), b"there")
        source = store_value(elsewhere, slot(), BIG)

        assert store.adopt(source, elsewhere.reader(source), replace=lambda _: False) == there
        assert stored_value(store, slot()) == b"there"

    def test_adopting_over_another_entry_keeps_it_as_a_generation(self, store: Store, elsewhere: Store) -> None:
        """It can be restored."""
        there = store_value(store, slot(), BIG)
        source = store_value(elsewhere, slot(), BIG[::-1])
        store.adopt(source, elsewhere.reader(source), replace=lambda _: True)

        assert store.lookup(slot()) == source
        assert {each.attempt for each in store.generations(slot())} == {there.attempt}

    def test_damage_is_not_adopted(self, store: Store, elsewhere: Store, tmp_path: Path) -> None:
        """A copy is checked against the manifest before it is believed."""
        source = store_value(elsewhere, slot(), BIG)
        local_place(tmp_path / "elsewhere").change("value.bin", lambda data: data[::-1])

        with pytest.raises(CorruptEntryError):
            store.adopt(source, elsewhere.reader(source), replace=lambda _: True)
        assert store.lookup(slot()) is None

    def test_adopting_again_heals_a_damaged_payload(self, place: Place, store: Store, elsewhere: Store) -> None:
        """The files that are there are not believed by their names and sizes alone once damage was found."""
        source = store_value(elsewhere, slot(), BIG)
        adopted = store.adopt(source, elsewhere.reader(source), replace=lambda _: True)
        place.change("value.bin", lambda data: data[::-1])
        set_aside(store, adopted)
        before = store.lookup(slot())
        store.adopt(source, elsewhere.reader(source), replace=lambda _: True)

        assert before is None
        assert stored_value(store, slot()) == BIG
        assert stored_value(place.open(), slot()) == BIG

    # --- damaged ---

    @pytest.mark.parametrize("how", ["read", "path", "fetch"])
    @pytest.mark.parametrize("damage", ["flip", "cut", "grow", "remove"])
    def test_a_damaged_payload_is_never_handed_out(
        self, place: Place, store: Store, tmp_path: Path, how: str, damage: str
    ) -> None:
        """Its size and digest stand in the manifest."""
        committed = store_value(store, slot(), BIG)
        flipped = bytearray(BIG)
        flipped[1000] ^= 1
        damaged = {"flip": bytes(flipped), "cut": BIG[:-1], "grow": BIG + b"x", "remove": None}[damage]
        place.change("value.bin", lambda _: damaged)
        path = tmp_path / "fetched"
        more = [str(path)] if how == "fetch" else []

        with pytest.raises(CorruptEntryError):
            getattr(store.reader(committed), how)("value.bin", *more)
        assert not path.exists()

    def test_a_file_that_no_manifest_names_is_not_read(self, store: Store) -> None:
        """Whatever lies beside it."""
        committed = store_value(store, slot(), BIG)

        with pytest.raises(CorruptEntryError, match="no payload file"):
            store.reader(committed).read("../../../../../../outside")

    def test_an_entry_without_its_side_list_is_a_miss_when_a_hit_needs_it(self, place: Place, store: Store) -> None:
        """A trace that cannot be checked might no longer hold."""
        trace = Trace(inputs=tuple(TracedInput(f"raw/{index}", "file", digest(str(index))) for index in range(2000)))
        committed = store_value(store, slot(), BIG, trace=trace)
        found = [store.lookup(slot())]
        for name in {name.rpartition("/")[2] for name in place.names("o") if "/side/" in name}:
            place.change(f"/side/{name}", lambda _: None)
        found.append(place.open().lookup(slot()))

        assert found == [committed, None]
        assert place.open().damaged(slot())

    def test_a_kept_entry_whose_payload_is_damaged_can_be_stored_anew(self, place: Place, store: Store) -> None:
        """A fresh attempt has a payload of its own."""
        source = store_value(store, slot("one"), BIG)
        store.commit_kept(manifest(slot("two")), source, replace=lambda _: True)
        place.change("value.bin", lambda data: data[::-1])
        for name in ("one", "two"):
            found = store.lookup(slot(name))
            assert found is not None
            set_aside(store, found)
            store_value(store, slot(name), BIG, do_replace=False)

        assert [stored_value(store, slot(name)) for name in ("one", "two")] == [BIG, BIG]
