"""What collecting leaves: payloads that somebody may be at, locks that are held, entries that move meanwhile."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from object_stores import Kept, LockedError, ObjectStore, TickingObjects
from store_examples import slot
from whorl.errors import CorruptEntryError, StoreError
from whorl.store.collect import bury
from whorl.store.collect_plan import GRACE, ORPHAN_AGE, Limits
from whorl.store.collectable import LEASE_AGE, PLACES
from whorl.store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAY = 86400.0
BIG = b"x" * 40_000
EVERYTHING = Limits(older_than=0.0)


def test_a_payload_without_a_manifest_stays_for_a_week(kept: Kept) -> None:
    """Its writer may be about to commit; the store's clock counts."""
    name = f"{PLACES.payload('default', 'ab' * 16)}/value.bin"
    kept.put(slot("one"))
    kept.collectable.objects.put(name, b"orphan")
    kept.pass_time(ORPHAN_AGE - 60)
    kept.collect()

    assert name in kept.files()
    kept.pass_time(120)
    kept.collect()
    assert name not in kept.files()
    assert kept.value(slot("one")) == BIG


def test_a_payload_that_is_kept_during_the_grace_stays(kept: Kept) -> None:
    """Law 12: the collector looks at the markers again."""
    source = kept.put(slot("one"))
    kept.collect(EVERYTHING)
    kept.keep(source, slot("two"))
    kept.pass_time(GRACE + 60)
    kept.collect()
    kept.pass_time(8 * DAY)
    kept.collect()

    assert kept.value(slot("two")) == BIG
    assert kept.files("t") == []


def test_keeping_a_payload_that_was_freed_is_refused(kept: Kept) -> None:
    """No manifest is committed over nothing."""
    source = kept.put(slot("one"))
    kept.collect(Limits(older_than=0.0, grace=0.0))

    with pytest.raises(CorruptEntryError, match="gone"):
        kept.keep(source, slot("two"))
    assert kept.value(slot("two")) is None


def test_a_marker_counts_during_the_grace_even_without_a_manifest() -> None:
    """The one who left it is about to commit; where locks can be lost, the marker is what protects."""
    objects = TickingObjects()
    store = ObjectStore(objects)
    kept = Kept(store)
    source = kept.put(slot("one"))
    kept.collect(EVERYTHING)
    kept.pass_time(GRACE - 60)
    store.mark(source.payload, slot("two"))
    kept.pass_time(120)
    kept.collect()

    assert kept.value_of(source) == BIG
    kept.pass_time(GRACE)
    kept.collect()
    assert kept.value_of(source) is None
    assert kept.files("t") == []
    objects.drop()


@pytest.mark.parametrize("skew", [-3 * DAY, 3 * DAY])
def test_the_clock_of_the_machine_decides_nothing(tmp_path: Path, skew: float) -> None:
    """The store's clock is days away from the machine's: what it dates goes by it alone."""
    objects = TickingObjects()
    objects.clock = 1_700_000_000.0 + skew
    kept = Kept(ObjectStore(objects))
    # Written by a machine whose clock is not the store's: expires in a day.
    held = kept.put(slot("one"), created=1_700_000_000.0, expires=1_700_000_000.0 + DAY)
    kept.put(slot("two"), created=1_700_000_000.0)
    orphan = f"{PLACES.payload('default', 'ab' * 16)}/value.bin"
    objects.put(orphan, b"orphan")
    kept.collect(Limits(older_than=DAY))

    assert (kept.value(slot("one")), kept.value(slot("two"))) == (BIG, BIG)
    bury(kept.collectable, slot("two"))
    kept.pass_time(GRACE - 60)
    kept.collect()
    assert kept.value_of(held) == BIG
    assert orphan in kept.files()
    assert len(kept.files("t")) == 1
    objects.drop()


def test_a_lock_that_is_held_stays_and_one_of_the_dead_goes(tmp_path: Path) -> None:
    """A lock file is removed by taking the lock."""
    store = LocalStore(tmp_path / "store")
    local = Kept(store)
    local.put(slot("one"))
    dead = store.root / PLACES.lease(slot("two"))
    dead.parent.mkdir(exist_ok=True)
    dead.write_bytes(b"{}")
    with store.lease(slot("one")):
        local.pass_time(30 * DAY)
        local.collect()

        assert local.files("l") == [PLACES.lease(slot("one"))]
    assert local.files("l") == []


def test_a_lease_that_does_not_change_for_a_day_goes() -> None:
    """Where leases are objects, their date tells."""
    objects = TickingObjects()
    kept = Kept(ObjectStore(objects))
    objects.put(PLACES.lease(slot("one")), b"{}")
    kept.pass_time(LEASE_AGE - 60)
    kept.collect()

    assert len(kept.files("l")) == 1
    kept.pass_time(120)
    kept.collect()
    assert kept.files("l") == []
    objects.drop()


def test_an_entry_that_was_replaced_meanwhile_is_left_alone() -> None:
    """Between the survey and the removal another writer commits: the attempt is not the same any more."""
    objects = TickingObjects()
    store = ObjectStore(objects)
    kept = Kept(store)
    kept.put(slot("one"))
    names = iter([PLACES.writing("default", slot("one").key.hex())])
    locked = store.locked

    def locked_late(name: str) -> object:
        if name == next(names, None):
            kept.put(slot("one"), b"newer" * 10_000)
        return locked(name)

    store.locked = locked_late  # type: ignore[method-assign]
    collected = kept.collect(EVERYTHING)

    assert collected.condemned == ()
    assert kept.value(slot("one")) == b"newer" * 10_000
    objects.drop()


@pytest.mark.parametrize("what", ["replaced", "removed"])
def test_an_entry_that_moves_while_the_store_is_surveyed_keeps_its_payload(what: str) -> None:
    """To the generations or behind a tombstone, at any request: an old payload never looks like nobody's."""
    for moment in range(1, 25):
        objects = TickingObjects()
        store = ObjectStore(objects)
        kept = Kept(store)
        held = kept.put(slot("one"))
        kept.pass_time(30 * DAY)
        _interrupt(objects, moment, lambda store=store: _move(store, what))
        kept.collect()
        objects.interrupt = None

        assert kept.value_of(held) == BIG, moment
        objects.drop()


def _interrupt(objects: TickingObjects, moment: int, act: Callable[[], object]) -> None:
    """Do something between two requests of somebody else, once."""
    left = iter(range(moment, 0, -1))

    def interrupt() -> None:
        if next(left, None) == 1:
            objects.interrupt = None
            act()

    objects.interrupt = interrupt


def _move(store: ObjectStore, what: str) -> None:
    with suppress(LockedError):
        if what == "replaced":
            store.store(slot("one"), b"newer")
        else:
            bury(store, slot("one"))


def test_a_folder_that_cannot_be_listed_is_an_error_not_empty(tmp_path: Path) -> None:
    """Else the payloads of its entries would look like nobody's."""
    store = LocalStore(tmp_path / "store")
    local = Kept(store)
    local.put(slot("one"))
    folder = (store.root / PLACES.manifest(slot("one"))).parent
    local.pass_time(30 * DAY)
    folder.chmod(0)
    try:
        if not _is_refused(folder):
            pytest.skip("this user may read everything")
        with pytest.raises(StoreError):
            local.collect()
    finally:
        folder.chmod(0o700)

    assert local.value(slot("one")) == BIG


def _is_refused(folder: Path) -> bool:
    try:
        list(folder.iterdir())
    except PermissionError:
        return True
    return False
