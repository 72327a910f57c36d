"""What collecting removes: by age, size and number, what expired, and what was moved aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from object_stores import Kept
from store_examples import digest, slot
from whorl.errors import CorruptEntryError
from whorl.store.collect import plan_collection
from whorl.store.collect_plan import GRACE, Limits
from whorl.store.collectable import PLACES
from whorl.store.local import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86400.0
BIG = b"x" * 40_000
EVERYTHING = Limits(older_than=0.0)


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
