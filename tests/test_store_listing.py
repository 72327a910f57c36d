"""What a local store tells about itself: revisions, listings, sizes and fingerprint trees."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from store_examples import digest, manifest, slot, store_value
from whorl.store.local import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

BIG = bytes(range(256)) * 256


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store", wait_timeout=5)


# --- ledger ---


def test_a_revision_holds_for_every_reader_at_once(store: LocalStore) -> None:
    """Also for one that has just seen the ledger without it."""
    other = LocalStore(store.root)
    before = [other.revision("default", digest("k"))]
    new = store.revise("default", [digest("k"), digest("content")])
    again = store.revise("default", [digest("k")])

    assert before == [""]
    assert len({*new.values(), *again.values()}) == 3
    assert other.revision("default", digest("k")) == again[digest("k")]
    assert other.revision("default", digest("content")) == new[digest("content")]
    assert other.revision("default", digest("another")) == ""
    assert other.revision("elsewhere", digest("k")) == ""


def test_many_revisions_within_one_tick_of_the_clock_are_all_seen(store: LocalStore) -> None:
    """The racy rule: a listing as young as the folder's date is not trusted."""
    other = LocalStore(store.root)
    for _ in range(50):
        new = store.revise("default", [digest("k")])[digest("k")]

        assert other.revision("default", digest("k")) == new


def test_an_old_listing_is_used_again(store: LocalStore) -> None:
    """A ledger that has not changed for a while costs one stat."""
    new = store.revise("default", [digest("k")])[digest("k")]
    folder = store.root / "v1/default/r"
    os.utime(folder, (1, 1))
    found = [store.revision("default", digest("k"))]
    (folder / digest("k").hex()).write_bytes(b"0" * 32)  # without a trace in the folder's date
    found.append(store.revision("default", digest("k")))

    assert found == [new, new]


# --- listing ---


def test_the_nearest_entry_is_the_newest_sound_one(store: LocalStore) -> None:
    """An explanation compares with what was there last."""
    committed = [store_value(store, slot(name), b"1") for name in ("one", "two", "three")]
    folder = store.root / "v1/default/m/pipeline.clean"
    for age, each in enumerate(committed):
        os.utime(folder / each.slot.key.hex(), (1000 + age, 1000 + age))
    before = store.nearest("default", "pipeline.clean")
    (folder / slot("three").key.hex()).write_bytes(b"damaged")

    assert before == committed[2]
    assert store.nearest("default", "pipeline.clean") == committed[1]
    assert store.nearest("default", "unknown") is None


def test_sizes_are_accounted_for(store: LocalStore) -> None:
    """Of one entry by its files, of the store by its disk."""
    committed = store_value(store, slot("one"), BIG)
    store.commit_kept(manifest(slot("two")), committed)

    assert committed.size == len(BIG)
    assert len(BIG) < store.disk_size() < len(BIG) + 20_000
