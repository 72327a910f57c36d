"""Pins: what they hold, what they are called, and what happens where one cannot be read."""

from __future__ import annotations

import pytest

from object_stores import Kept, LockedError, ObjectStore, TickingObjects
from store_examples import slot
from whorl.errors import StoreError
from whorl.store.collect_plan import Limits
from whorl.store.collectable import PLACES
from whorl.store.pins import pin, pinned, pins, unpin

DAY = 86400.0
BIG = b"x" * 40_000
EVERYTHING = Limits(older_than=0.0)


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
