"""The listing of a local store: what the entries say, whatever the index beside it knows, lost or cannot keep."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from store_examples import manifest, slot, store_value
from whorl.store.listing import Listing, join, row_of
from whorl.store.local import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

    from whorl.store.manifest import Slot

BIG = bytes(range(256)) * 256


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store", wait_timeout=5)


def listed(store: LocalStore) -> list[tuple[object, ...]]:
    """List as a new process does."""
    return sorted(row for listing in LocalStore(store.root).listings() for row in listing.rows())


def said(store: LocalStore) -> list[tuple[object, ...]]:
    """List what the manifests themselves say."""
    return sorted(map(row_of, store.entries()))


def index(store: LocalStore) -> Path:
    (path,) = (store.root / "index").iterdir()
    return path


def folder(store: LocalStore, of: Slot) -> Path:
    return store.root / "v1" / of.namespace / "m" / of.stage


def grow_old(store: LocalStore) -> None:
    """Date all folders and manifests back, so that their dates can be relied on."""
    date = time.time_ns() - 10_000_000_000  # another one each time, as changes have
    for path in [*(store.root / "v1").rglob("*")]:
        os.utime(path, ns=(date, date))


def fill(store: LocalStore) -> None:
    for number in range(6):
        store_value(
            store, slot(str(number), stage=f"pipeline.s{number % 2}"), b"value %d" % number, created=number + 0.5
        )
    store_value(store, slot("0", stage="pipeline.s0", namespace="other"), BIG, created=3.25)


def test_a_listing_says_what_the_manifests_say(store: LocalStore) -> None:
    """After each kind of change, whether or not the clock's tick has passed meanwhile."""
    changes = {
        "nothing": lambda: None,
        "filled": lambda: fill(store),
        "one more": lambda: store_value(store, slot("7", stage="pipeline.s0"), b"x"),
        "replaced": lambda: store_value(store, slot("7", stage="pipeline.s0"), b"y"),
        "replaced by another size": lambda: store_value(store, slot("7", stage="pipeline.s0"), BIG),
        "kept": lambda: store.commit_kept(manifest(slot("8", stage="pipeline.s1")), found),
        "moved aside": lambda: store.quarantine(found, "damage"),
        "removed": lambda: store.remove(slot("1", stage="pipeline.s1")),
        "a stage removed": lambda: [store.remove(entry.slot) for entry in list(store.entries("other"))],
    }
    for is_old in (False, True):
        for name, change in changes.items():
            found = store.lookup(slot("0", stage="pipeline.s0")) or store.lookup(slot("7", stage="pipeline.s0"))
            if name not in ("kept", "moved aside") or found is not None:
                change()
            if is_old:
                grow_old(store)

            assert listed(store) == said(store), name
            assert listed(store) == said(store), name


def test_entries_of_one_moment_are_all_listed(store: LocalStore) -> None:
    """The racy rule: a folder as young as the clock's tick is listed again."""
    for number in range(30):
        store_value(store, slot(str(number % 20)), b"%d" % number)

        assert listed(store) == said(store)


def test_what_is_known_is_not_read_again(store: LocalStore) -> None:
    """A manifest changed behind the back of its folder's date, as nothing of whorl does, is not noticed."""
    fill(store)
    grow_old(store)
    before = listed(store)
    path = next(folder(store, slot(stage="pipeline.s0")).iterdir())
    path.write_bytes(b"nonsense")
    known = listed(store)
    os.utime(path.parent)

    assert known == before
    assert listed(store) == said(store) != before


def test_a_changed_folder_costs_its_new_manifests_alone(store: LocalStore) -> None:
    """The others are known by name, date and size."""
    fill(store)
    grow_old(store)
    before = listed(store)
    old = next(folder(store, slot(stage="pipeline.s0")).iterdir())
    status = old.stat()
    old.write_bytes(b"?" * status.st_size)
    os.utime(old, ns=(status.st_mtime_ns, status.st_mtime_ns))
    store_value(store, slot("new", stage="pipeline.s0"), b"new")

    assert len(listed(store)) == len(before) + 1
    assert {row[2] for row in listed(store)} == {*(row[2] for row in before), slot("new").key.hex()}


def test_a_damaged_index_costs_time_alone(store: LocalStore) -> None:
    """Two hundred flipped bits and every kind of truncation: the listing is right, and the index is made anew."""
    fill(store)
    grow_old(store)
    right = listed(store)
    whole = index(store).read_bytes()
    chance = random.Random(3)
    for at in (*range(120), *(chance.randrange(len(whole)) for _ in range(200))):
        index(store).write_bytes(whole[:at] + bytes([whole[at] ^ (1 << chance.randrange(8))]) + whole[at + 1 :])

        assert listed(store) == right, at
    for length in (0, 1, 100, 4096, 4097, len(whole) - 1):
        index(store).write_bytes(whole[:length])

        assert listed(store) == right, length
        assert listed(store) == right, length


def test_a_row_of_another_shape_is_none(store: LocalStore) -> None:
    """As another program could have left it."""
    fill(store)
    right = listed(store)
    for change in ("numbers = x'00'", "texts = '[]'", "texts = null", "changed = 'then'", "digest = 7"):
        with closing(sqlite3.connect(index(store))) as database, database:
            database.execute(f"update stages set {change}")

        assert listed(store) == right, change
    with closing(sqlite3.connect(index(store))) as database, database:
        database.execute("drop table stages")

    assert listed(store) == right


def test_a_locked_index_is_done_without(store: LocalStore) -> None:
    """For as long as another process has it; nobody waits for long."""
    fill(store)
    right = listed(store)
    with closing(sqlite3.connect(index(store), isolation_level=None)) as database:
        database.execute("begin exclusive")
        store_value(store, slot("new"), b"new")
        began = time.monotonic()
        meanwhile = listed(store)
        seconds = time.monotonic() - began
        database.execute("rollback")

    assert meanwhile == said(store) != right
    assert seconds < 3
    assert listed(store) == said(store)


def test_an_index_that_cannot_be_kept_is_done_without(store: LocalStore) -> None:
    """A file where its folder should be stands for a folder that is read-only, which it is not for root."""
    fill(store)
    (store.root / "index").write_bytes(b"")

    assert listed(store) == said(store)
    assert listed(store) == said(store)


def test_an_index_is_for_its_owner_alone(store: LocalStore) -> None:
    """As everything in a store."""
    fill(store)
    listed(store)

    assert index(store).stat().st_mode & 0o777 == 0o600
    assert index(store).parent.stat().st_mode & 0o777 == 0o700


def test_a_joined_listing_is_sorted_by_stage_the_newest_first(store: LocalStore) -> None:
    """Also where one stage has entries in two namespaces."""
    fill(store)
    joined = join(store.listings())

    assert joined.stages == ["pipeline.s0"] * 4 + ["pipeline.s1"] * 3
    assert joined.created == [4.5, 3.25, 2.5, 0.5, 5.5, 3.5, 1.5]
    assert joined.namespaces[1] == "other"
    assert join([]) == Listing.of([])
