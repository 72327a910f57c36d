"""The life of an entry in a local store: the states of store.md's table, one law each."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from store_examples import digest, manifest, slot, store_value, stored_value
from whorl.errors import CorruptEntryError, StoreError
from whorl.store.base import Pointer, Store
from whorl.store.local import LocalStore
from whorl.store.manifest import Manifest, RawFile

if TYPE_CHECKING:
    from pathlib import Path

BIG = bytes(range(256)) * 256  # 64 KiB: beyond what a manifest holds


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store", wait_timeout=5)


def _files(store: LocalStore, kind: str) -> list[str]:
    folder = store.root / "v1" / "default" / kind
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_local_store_is_a_store(store: LocalStore) -> None:
    """It has all that the protocol asks for; the type checker holds the signatures."""
    as_protocol: Store = store

    assert all(hasattr(as_protocol, name) for name in Store.__dict__ if not name.startswith("_"))


# --- absent ---


def test_an_absent_key_is_a_miss_and_makes_nothing(store: LocalStore) -> None:
    """Looking up does not even create the store."""
    assert store.lookup(slot()) is None
    assert list(store.generations(slot())) == []
    assert store.pointer("default", digest("content")) is None
    assert store.revision("default", digest("key")) == ""
    assert store.read_tree("default", digest("code")) is None
    assert (list(store.entries()), store.stages(), store.namespaces()) == ([], (), ())
    assert store.nearest("default", "pipeline.clean") is None
    assert store.remove(slot()) is False
    assert not store.damaged(slot())
    assert not store.root.exists()


@pytest.mark.parametrize("value", [b"", b"42", BIG], ids=["empty", "inline", "file"])
def test_a_committed_value_is_current(store: LocalStore, value: bytes) -> None:
    """Another object of the same store reads exactly what was written."""
    committed = store_value(store, slot(), value)
    other = LocalStore(store.root)

    assert other.lookup(slot()) == committed
    assert stored_value(other, slot()) == value
    assert other.reader(committed).names == ("value.bin",)
    assert other.reader(committed).path("value.bin").read_bytes() == value


def test_a_small_value_is_one_file(store: LocalStore) -> None:
    """It sits inside its manifest: a hit is one read."""
    store_value(store, slot(), b"x" * 32768)

    assert _files(store, "m") == [f"pipeline.clean/{slot().key.hex()}"]
    assert _files(store, "o") == []


def test_a_large_value_lies_under_its_attempt(store: LocalStore) -> None:
    """A fresh name, never overwritten."""
    committed = store_value(store, slot(), b"x" * 32769)

    assert committed.inline is None
    assert committed.payload == committed.attempt
    assert _files(store, "o") == [f"{committed.attempt[:2]}/{committed.attempt}/value.bin"]


def test_an_attempt_that_is_abandoned_leaves_nothing(store: LocalStore) -> None:
    """Neither in memory nor on disk; twice is harmless."""
    attempt = store.begin(slot())
    attempt.write("a.bin", BIG)
    attempt.path("b/c.bin").write_bytes(b"c")
    attempt.abandon()
    attempt.abandon()

    assert list((store.root / "tmp").iterdir()) == []
    assert store.lookup(slot()) is None


def test_files_of_libraries_are_part_of_a_payload(store: LocalStore) -> None:
    """What is written through ``path`` and into ``folder`` counts as what is written by ``write``."""
    attempt = store.begin(slot())
    attempt.write("z.bin", b"z")
    attempt.path("table/part-0.parquet").write_bytes(b"part")
    (attempt.folder / "zarr" / "c").mkdir(parents=True)
    (attempt.folder / "zarr" / "c" / "0.0").write_bytes(b"chunk")
    committed = store.commit(attempt, manifest(slot()), replace=lambda _: True)
    reader = store.reader(committed)

    assert [(file.name, file.size) for file in committed.files] == [
        ("table/part-0.parquet", 4),
        ("z.bin", 1),
        ("zarr/c/0.0", 5),
    ]
    assert [reader.read(name) for name in reader.names] == [b"part", b"z", b"chunk"]


def test_a_file_written_twice_is_the_last_one(store: LocalStore) -> None:
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
def test_a_file_name_that_no_store_could_hold_is_refused(store: LocalStore, name: str) -> None:
    """When it is written, not when someone reads it."""
    attempt = store.begin(slot())

    with pytest.raises(StoreError, match="cannot be named"):
        attempt.write(name, b"x")
    with pytest.raises(StoreError, match="cannot be named"):
        attempt.path(name)


# --- current ---


def test_a_second_writer_adopts_what_answers(store: LocalStore) -> None:
    """The first entry stays, and the second payload is dropped."""
    first = store_value(store, slot(), BIG)
    asked: list[Manifest] = []
    attempt = store.begin(slot())
    attempt.write("value.bin", BIG[::-1])
    second = store.commit(attempt, manifest(slot()), replace=lambda found: bool(asked.append(found)))

    assert asked == [first]
    assert second == first
    assert stored_value(store, slot()) == BIG
    assert _files(store, "o") == [f"{first.attempt[:2]}/{first.attempt}/value.bin"]
    assert list((store.root / "tmp").iterdir()) == []


def test_a_replaced_entry_becomes_a_generation(store: LocalStore) -> None:
    """Newest first, each with its own payload still there."""
    values = [BIG, BIG + b"2", b"3"]
    committed = [store_value(store, slot(), value, created=float(at)) for at, value in enumerate(values)]
    earlier = list(store.generations(slot()))

    assert store.lookup(slot()) == committed[2]
    assert earlier == [committed[1], committed[0]]
    assert [store.reader(each).read("value.bin") for each in earlier] == [values[1], values[0]]


def test_an_attempt_goes_to_the_slot_it_was_begun_for(store: LocalStore) -> None:
    """A payload under another's key would be wrong data."""
    attempt = store.begin(slot("one"))

    with pytest.raises(StoreError, match="begun for"):
        store.commit(attempt, manifest(slot("two")), replace=lambda _: True)


def test_a_failing_callback_drops_the_payload(store: LocalStore) -> None:
    """An exception in the middle of a commit leaves what was there before."""
    first = store_value(store, slot(), BIG)
    attempt = store.begin(slot())
    attempt.write("value.bin", BIG[::-1])

    def interrupted(_: Manifest) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.commit(attempt, manifest(slot()), replace=interrupted)

    assert store.lookup(slot()) == first
    assert _files(store, "o") == [f"{first.attempt[:2]}/{first.attempt}/value.bin"]
    assert list((store.root / "tmp").iterdir()) == []


def test_writers_in_threads_agree_on_one_entry(store: LocalStore) -> None:
    """Whoever comes second adopts: all return the same manifest."""
    results: list[Manifest] = []
    start = threading.Barrier(8)

    def write(number: int) -> None:
        start.wait()
        results.append(store_value(store, slot(), BIG + bytes([number]), do_replace=False))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 8
    assert {each.attempt for each in results} == {results[0].attempt}
    assert len(_files(store, "o")) == 1


# --- content pointers and kept ---


def test_a_content_pointer_names_the_entry_committed_last(store: LocalStore) -> None:
    """It is a hint: whoever follows it looks whether the entry bears that key."""
    store_value(store, slot("one"), b"1", content_key=digest("c"))
    second = store_value(store, slot("two"), b"2", content_key=digest("c"))

    assert store.pointer("default", digest("c")) == Pointer(slot("two"), second.attempt)
    assert store.pointer("other", digest("c")) is None


def test_a_damaged_pointer_is_a_miss(store: LocalStore) -> None:
    """It costs an early cutoff, nothing more."""
    store_value(store, slot("one"), b"1", content_key=digest("c"))
    path = next((store.root / "v1/default/c").rglob(digest("c").hex()))
    path.write_bytes(path.read_bytes()[:-9])

    assert store.pointer("default", digest("c")) is None


@pytest.mark.parametrize("value", [b"small", BIG], ids=["inline", "file"])
def test_a_kept_entry_reads_the_payload_it_shares(store: LocalStore, value: bytes) -> None:
    """A file is shared, inline bytes are copied; the attempt is new in both cases."""
    source = store_value(store, slot("one"), value)
    kept = store.commit_kept(manifest(slot("two")), source)

    assert kept.attempt not in ("a" * 32, source.attempt)
    assert kept.payload == (source.payload if value is BIG else kept.attempt)
    assert store.lookup(slot("two")) == kept
    assert stored_value(store, slot("two")) == value


def test_a_kept_entry_adopts_what_answers(store: LocalStore) -> None:
    """As a computed one does."""
    source = store_value(store, slot("one"), BIG)
    there = store_value(store, slot("two"), b"there")

    assert store.commit_kept(manifest(slot("two")), source, replace=lambda _: False) == there
    assert stored_value(store, slot("two")) == b"there"


def test_a_kept_entry_of_a_payload_that_is_gone_is_refused(store: LocalStore) -> None:
    """The marker goes first: where it cannot be left, nothing is committed."""
    source = store_value(store, slot("one"), BIG)
    store.remove(slot("one"))

    with pytest.raises(CorruptEntryError, match="gone"):
        store.commit_kept(manifest(slot("two")), source)
    assert store.lookup(slot("two")) is None


def test_a_kept_entry_stays_in_its_namespace(store: LocalStore) -> None:
    """A payload belongs to one namespace, which may be removed as a whole."""
    source = store_value(store, slot("one"), BIG)

    with pytest.raises(StoreError, match="namespaces"):
        store.commit_kept(manifest(slot("two", namespace="other")), source)


def test_a_shared_payload_outlives_the_entry_it_was_made_for(store: LocalStore) -> None:
    """Removing in either order, it goes with the last entry that needs it."""
    for order in (("one", "two"), ("two", "one")):
        source = store_value(store, slot("one"), BIG)
        store.commit_kept(manifest(slot("two")), source)
        store.remove(slot(order[0]))

        assert stored_value(store, slot(order[1])) == BIG
        store.remove(slot(order[1]))
        assert _files(store, "o") == []


def test_a_shared_payload_outlives_a_generation(store: LocalStore) -> None:
    """An entry that was replaced still needs its payload, for it can be restored."""
    source = store_value(store, slot("one"), BIG)
    store.commit_kept(manifest(slot("two")), source)
    store_value(store, slot("one"), b"newer")
    store.remove(slot("two"))

    assert [store.reader(each).read("value.bin") for each in store.generations(slot("one"))] == [BIG]


def test_a_kept_entry_of_a_kept_entry_shares_the_first_payload(store: LocalStore) -> None:
    """However long the chain."""
    source = store_value(store, slot("one"), BIG)
    kept = store.commit_kept(manifest(slot("two")), source)
    again = store.commit_kept(manifest(slot("three")), kept)
    store.remove(slot("one"))
    store.remove(slot("two"))

    assert again.payload == source.attempt
    assert stored_value(store, slot("three")) == BIG


@pytest.mark.parametrize("value", [b"small", BIG], ids=["inline", "file"])
def test_lists_beside_the_payload_are_found_again(store: LocalStore, value: bytes) -> None:
    """Computed or kept, inline or not; they go with the entry."""
    wide = tuple(RawFile("raw/data", f"{index}.csv", index, digest(str(index))) for index in range(2000))
    source = store_value(store, slot("one"), value, raw_files=wide)
    kept = store.commit_kept(manifest(slot("two"), raw_files=wide[:1500]), source)
    found = [LocalStore(store.root).lookup(each) for each in (slot("one"), slot("two"))]

    assert [each and each.raw_files for each in found] == [wide, wide[:1500]]
    assert kept.raw_files == wide[:1500]
    for each in ("one", "two"):
        store.remove(slot(each))
    assert _files(store, "o") == []


# --- removed ---


@pytest.mark.parametrize("value", [b"small", BIG], ids=["inline", "file"])
def test_a_removed_entry_is_gone_with_its_generations(store: LocalStore, value: bytes) -> None:
    """Nothing of it is left, and the key can be stored again."""
    for _ in range(3):
        store_value(store, slot(), value)
    was_there, is_there = store.remove(slot()), store.remove(slot())

    assert (was_there, is_there) == (True, False)
    assert store.lookup(slot()) is None
    assert list(store.generations(slot())) == []
    assert [kind for kind in "mgotlq" if _files(store, kind)] == []
    assert stored_value(store, slot()) is None
    assert store_value(store, slot(), value) == store.lookup(slot())


def test_an_inline_file_that_was_written_out_goes_with_its_entry(store: LocalStore) -> None:
    """Its path stays good for as long as the entry is there."""
    committed = store_value(store, slot(), b"small")
    path = store.reader(committed).path("value.bin")

    assert store.reader(committed).path("value.bin") == path
    assert path.read_bytes() == b"small"
    store.remove(slot())
    assert not path.exists()
