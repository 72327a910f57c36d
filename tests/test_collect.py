"""Each arrow of the state table in store.md, over a folder and over plain objects: what goes, when, and what stays."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from object_stores import Kept, LockedError, ObjectStore, TickingObjects
from store_examples import digest, slot
from whorl.errors import CorruptEntryError, StoreError
from whorl.store.collect import bury, plan_collection
from whorl.store.collect_plan import GRACE, ORPHAN_AGE, Limits
from whorl.store.collectable import LEASE_AGE, PLACES
from whorl.store.local import LocalStore
from whorl.store.pins import pin, pinned, pins, unpin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DAY = 86400.0
BIG = b"x" * 40_000
EVERYTHING = Limits(older_than=0.0)


@pytest.fixture(params=["folder", "objects"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    """Give an empty store of each kind."""
    if request.param == "folder":
        yield Kept(LocalStore(tmp_path / "store"))
        return
    objects = TickingObjects()
    yield Kept(ObjectStore(objects))
    objects.drop()


# --- what goes ---


def test_without_limits_nothing_that_answers_goes(kept: Kept) -> None:
    """Neither entries nor generations, however old."""
    kept.put(slot("one"))
    kept.put(slot("one"), b"y" * 40_000)
    before = kept.files()
    kept.pass_time(1000 * DAY)
    collected = kept.collect()

    assert (collected.condemned, collected.payloads, collected.leftovers) == ((), 0, 0)
    assert kept.files() == before


def test_a_plan_changes_nothing_and_is_what_then_happens(kept: Kept) -> None:
    """A dry run names the very manifests and bytes."""
    kept.put(slot("one"))
    kept.put(slot("two"))
    before = kept.files()
    plan = plan_collection(kept.collectable, EVERYTHING, {})

    assert kept.files() == before
    done = kept.collect(EVERYTHING)
    assert {each.entry.name for each in plan.condemned} == {each.entry.name for each in done.condemned}
    assert (plan.later, plan.freed) == (done.later, done.freed) == (80_000, 0)


def test_a_collected_entry_is_a_miss_at_once_and_its_payload_goes_after_the_grace(kept: Kept) -> None:
    """Whoever looked it up before still reads it, until the grace is over."""
    held = kept.put(slot("one"))
    kept.collect(EVERYTHING)

    assert kept.value(slot("one")) is None
    assert kept.value_of(held) == BIG
    kept.pass_time(GRACE - 60)
    kept.collect()
    assert kept.value_of(held) == BIG
    kept.pass_time(120)
    assert kept.collect().payloads == 1
    assert kept.value_of(held) is None


def test_with_everything_collectable_nothing_is_left_but_the_ledger(kept: Kept, tmp_path: Path) -> None:
    """Entries, generations, shared payloads, pointers, trees, leases, quarantine and tombstones all go."""
    source = kept.put(slot("one"))
    kept.keep(source, slot("two"))
    kept.put(slot("one"), b"small", content_key=digest("other"))
    kept.put(slot("Ünsafe", stage="A stage/with <all>", namespace="Name space"))
    objects = kept.collectable.objects
    objects.put(PLACES.tree("default", digest("code")), b"tree")
    objects.put(f"{PLACES.quarantine(slot('one'))}/{'0' * 16}", b"damaged")
    objects.put(PLACES.lease(slot("one")), b"{}")
    objects.put(f"{PLACES.of('default', 'r')}/{digest('k').hex()}", b"0" * 32)
    kept.pass_time(8 * DAY)
    kept.collect(EVERYTHING)
    kept.pass_time(GRACE)
    kept.collect()

    assert kept.files() == []
    assert kept.files("r") == [f"v1/default/r/{digest('k').hex()}"]
    if isinstance(kept.store, LocalStore):
        left = {path.name for path in kept.store.root.rglob("*") if path.is_file()}
        assert left == {"WHORL.json", "CACHEDIR.TAG", ".gitignore", digest("k").hex()}


def test_without_a_grace_one_collection_does_it_all(kept: Kept) -> None:
    """What was condemned is freed in the same run."""
    kept.put(slot("one"))
    collected = kept.collect(Limits(older_than=0.0, grace=0.0))

    assert (len(collected.condemned), collected.payloads, collected.later) == (1, 1, 0)
    assert kept.files("mgot") == []


def test_what_was_used_lately_stays(kept: Kept) -> None:
    """Last use counts where this machine knows of one, else the date of storing."""
    kept.put(slot("one"))
    kept.put(slot("two"))
    kept.pass_time(40 * DAY)
    collected = kept.collect(Limits(older_than=30 * DAY), {slot("one"): 5 * DAY})

    assert [each.entry.slot for each in collected.condemned] == [slot("two")]
    assert kept.value(slot("one")) == BIG


def test_the_last_entries_of_each_stage_stay(kept: Kept) -> None:
    """However old they are, and whatever the size."""
    for stage in ("left", "right"):
        for name in ("one", "two", "three"):
            kept.put(slot(name, stage))
            kept.pass_time(1.0)
    kept.pass_time(40 * DAY)
    kept.collect(Limits(older_than=30 * DAY, max_size=0, keep_last=2))

    assert [kept.value(slot(name, stage)) for stage in ("left", "right") for name in ("one", "two", "three")] == [
        None, BIG, BIG, None, BIG, BIG,
    ]  # fmt: skip


def test_of_generations_the_newest_stay(kept: Kept) -> None:
    """As many as are to be kept of their key; the current one is not among them."""
    for number in range(5):
        kept.put(slot("one"), bytes([number]) * 40_000, created=float(number))
        kept.pass_time(1.0)
    collected = kept.collect(Limits(keep_last=2))

    assert len(collected.condemned) == 2
    assert len(kept.files("g")) == 2
    assert kept.value(slot("one")) == b"\x04" * 40_000


def test_an_expired_entry_goes_after_the_grace(kept: Kept) -> None:
    """It answers nobody; its lifetime counts from when the store got it."""
    kept.put(slot("one"), created=100.0, expires=100.0 + DAY)
    kept.pass_time(DAY + GRACE - 60)

    assert kept.collect().condemned == ()
    kept.pass_time(120)
    assert [each.reason for each in kept.collect().condemned] == ["expired"]


def test_the_size_is_bounded_by_what_saves_least_for_its_bytes(kept: Kept) -> None:
    """Cheap large entries go before dear small ones, and no more of them than needed."""
    kept.put(slot("cheap"), seconds_computing=1.0)
    kept.put(slot("dear"), seconds_computing=1000.0)
    kept.put(slot("cheapest"), seconds_computing=0.1)
    kept.pass_time(60)
    collected = kept.collect(Limits(max_size=90_000))

    assert [each.entry.slot for each in collected.condemned] == [slot("cheapest")]
    assert collected.stays <= 90_000
    assert kept.collect(Limits(max_size=10_000)).stays == 0


def test_a_shared_payload_counts_once_and_stays_with_one_of_its_users(kept: Kept) -> None:
    """Two entries of one payload are no larger than one."""
    source = kept.put(slot("one"), seconds_computing=1.0)
    kept.keep(source, slot("two"))

    assert kept.collect(Limits(max_size=50_000)).condemned == ()
    kept.collect(Limits(older_than=DAY), {})
    kept.pass_time(10 * DAY)
    kept.collect(Limits(older_than=DAY), {slot("two"): 0.0})
    kept.pass_time(10 * DAY)
    kept.collect()
    assert (kept.value(slot("one")), kept.value(slot("two"))) == (None, BIG)


def test_the_limits_are_for_the_chosen_stages(kept: Kept) -> None:
    """Others stay."""
    kept.put(slot("one", "left"))
    kept.put(slot("one", "right"))
    kept.put(slot("one", "left", "other"))
    kept.collect(Limits(older_than=0.0, stages=frozenset({"left"}), namespace="default"))

    assert [kept.value(each) for each in (slot("one", "left"), slot("one", "right"), slot("one", "left", "other"))] == [
        None, BIG, BIG,
    ]  # fmt: skip


def test_a_damaged_entry_leaves_quarantine_after_the_grace(kept: Kept) -> None:
    """Counted from when it was moved aside, not from when it was stored."""
    kept.put(slot("one"))
    objects = kept.collectable.objects
    objects.put(f"{PLACES.quarantine(slot('one'))}/{'0' * 16}", b"damaged")
    kept.pass_time(GRACE - 60)
    kept.collect()

    assert len(kept.files("q")) == 1
    kept.pass_time(120)
    kept.collect()
    assert kept.files("q") == []


def test_what_is_moved_aside_counts_from_then(tmp_path: Path) -> None:
    """A rename keeps the date of a file; the store renews it."""
    store = LocalStore(tmp_path / "store")
    local = Kept(store)
    local.put(slot("one"))
    path = store.root / PLACES.manifest(slot("one"))
    path.write_bytes(b"nonsense")
    import os

    os.utime(path, (1000, 1000))
    store.lookup(slot("one"))
    local.collect()

    assert store.damaged(slot("one"))
    local.pass_time(GRACE + 60)
    local.collect()
    assert not store.damaged(slot("one"))


def test_a_reader_whose_payload_was_collected_has_found_no_damage(tmp_path: Path) -> None:
    """The entry is gone, so it is a miss: nothing is counted, nothing moved aside."""
    store = LocalStore(tmp_path / "store")
    local = Kept(store)
    held = local.put(slot("one"))
    local.collect(Limits(older_than=0.0, grace=0.0))
    with pytest.raises(CorruptEntryError):
        store.reader(held).read("value.bin")
    store.quarantine(held, "its payload is missing")

    assert store.damage_count == 0
    assert not store.damaged(slot("one"))


# --- what stays ---


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


# --- pins ---


def test_what_is_pinned_stays_with_all_that_it_needs(kept: Kept) -> None:
    """Entries and generations, whatever the limits say, until the pin is removed."""
    first = kept.put(slot("one"))
    pin(kept.collectable, "release-1", [first])
    kept.put(slot("one"), b"newer" * 10_000, created=2e9)
    pin(kept.collectable, "release-2", [kept.put(slot("two"))])
    kept.pass_time(30 * DAY)
    for _ in range(2):
        kept.collect(Limits(older_than=0.0, max_size=0, keep_last=0))
        kept.pass_time(30 * DAY)

    assert kept.value_of(first) == BIG
    assert kept.value(slot("one")) is None
    assert len(kept.files("g")) == 1
    assert kept.value(slot("two")) == BIG
    assert unpin(kept.collectable, "release-1") == 1
    assert unpin(kept.collectable, "release-1") == 0
    kept.collect(EVERYTHING)
    kept.pass_time(30 * DAY)
    kept.collect()
    assert kept.value_of(first) is None
    assert kept.value(slot("two")) == BIG


def test_a_pin_grows_and_is_listed(kept: Kept) -> None:
    """A second call under the same name adds to it, in each namespace."""
    one, two = kept.put(slot("one")), kept.put(slot("two", namespace="other"))

    assert pin(kept.collectable, "both", [one]) == 1
    assert pin(kept.collectable, "both", [one, two]) == 2
    assert {held.slot for held in pins(kept.collectable.objects)["both"]} == {one.slot, two.slot}


def test_an_entry_that_is_gone_cannot_be_pinned(kept: Kept) -> None:
    """A pin that holds nothing would be a promise that nobody keeps."""
    gone = kept.put(slot("one"))
    kept.collect(EVERYTHING)

    with pytest.raises(StoreError, match="gone"):
        pin(kept.collectable, "late", [gone])
    assert pinned(kept.collectable.objects) == frozenset()


def test_a_pin_that_failed_holds_nothing() -> None:
    """The lock of a slot cannot be had: no pin is left that promises what nobody looked at."""
    objects = TickingObjects()
    store = ObjectStore(objects)
    entry = Kept(store).put(slot("one"))
    with store.locked(PLACES.writing("default", slot("one").key.hex())), pytest.raises(LockedError):
        pin(store, "held", [entry])

    assert pins(objects) == {}
    objects.drop()


def test_a_damaged_pin_stops_collecting(kept: Kept) -> None:
    """Nobody knows what it holds; it can be removed."""
    kept.put(slot("one"))
    kept.collectable.objects.put("v1/default/p/broken", b"nonsense")

    with pytest.raises(StoreError, match="broken"):
        kept.collect(EVERYTHING)
    assert kept.value(slot("one")) == BIG
    assert unpin(kept.collectable, "broken") == 1


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 101, "ü"])
def test_a_pin_has_a_plain_name(kept: Kept, name: str) -> None:
    """It becomes the name of an object."""
    with pytest.raises(StoreError, match="named"):
        pin(kept.collectable, name, [kept.put(slot("one"))])
