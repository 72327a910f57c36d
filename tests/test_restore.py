"""An earlier result becomes current again: from a generation, or from behind a tombstone, the ledger first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from object_stores import Kept
from store_examples import digest, slot
from whorl.errors import NoEntryError
from whorl.store.collect import bury
from whorl.store.collect_plan import GRACE, Limits
from whorl.store.local import LocalStore
from whorl.store.manifest import RawFile
from whorl.store.pins import pin
from whorl.store.restore import earlier_results, restore

if TYPE_CHECKING:
    from pathlib import Path

BIG, OTHER = b"x" * 40_000, b"y" * 40_000
VALUES = pytest.mark.parametrize("value", [b"small", BIG], ids=["inline", "file"])


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """Give an empty local store."""
    return Kept(LocalStore(tmp_path / "store"))


def _restore(kept: Kept, attempt: str = "") -> object:
    return restore(kept.store, kept.collectable, slot("one"), attempt)


@VALUES
def test_the_generation_before_becomes_current(kept: Kept, value: bytes) -> None:
    """What it replaces becomes a generation, so that restoring twice is where one began."""
    kept.put(slot("one"), value, created=1.0)
    kept.put(slot("one"), OTHER, created=2.0)
    _restore(kept)

    assert kept.value(slot("one")) == value
    _restore(kept)
    assert kept.value(slot("one")) == OTHER
    assert len(kept.files("g")) == 1


def test_another_value_gets_revisions_that_its_manifest_bears(kept: Kept) -> None:
    """Everything downstream of the value that goes is led to run; the restored one answers under them."""
    kept.put(slot("one"), BIG, created=1.0)
    kept.put(slot("one"), OTHER, created=2.0)
    restored = _restore(kept)
    key, content = slot("one").key, restored.content_key

    assert kept.store.revision("default", key) != ""
    assert dict(restored.revisions)[key] == kept.store.revision("default", key)
    assert dict(restored.revisions)[content] == kept.store.revision("default", content)
    assert all(kept.store.revision("default", each) == nonce for each, nonce in restored.revisions)


def test_the_ledger_is_written_before_the_manifest(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended in between, everything downstream runs, and nothing is stale."""
    kept.put(slot("one"), BIG, created=1.0)
    kept.put(slot("one"), OTHER, created=2.0)
    seen = []

    def stop(*_: object, **__: object) -> None:
        seen.append(kept.store.revision("default", slot("one").key))
        raise KeyboardInterrupt

    monkeypatch.setattr(kept.store, "commit_kept", stop)
    with pytest.raises(KeyboardInterrupt):
        _restore(kept)

    assert seen[0] != ""
    assert kept.value(slot("one")) == OTHER


@VALUES
def test_what_was_removed_comes_back_within_the_grace(kept: Kept, value: bytes) -> None:
    """With lists beside the payload, and without a revision: the value is the last one."""
    wide = tuple(RawFile("raw/data", f"{index}.csv", index, digest(str(index))) for index in range(2000))
    kept.put(slot("one"), value, raw_files=wide)
    bury(kept.collectable, slot("one"))
    kept.pass_time(GRACE - 60)
    kept.collect()

    assert kept.value(slot("one")) is None
    restored = _restore(kept)
    assert kept.value(slot("one")) == value
    assert restored.raw_files == wide
    assert kept.store.revision("default", slot("one").key) == ""
    kept.pass_time(30 * GRACE)
    kept.collect()
    kept.collect()
    assert kept.value(slot("one")) == value
    assert kept.store.lookup(slot("one")).raw_files == wide


@VALUES
def test_after_the_grace_nothing_is_restored(kept: Kept, value: bytes) -> None:
    """Its payload is gone, and its tombstone with it."""
    kept.put(slot("one"), value)
    bury(kept.collectable, slot("one"))
    kept.pass_time(GRACE + 60)
    kept.collect()

    assert kept.files("ot") == []
    with pytest.raises(NoEntryError, match="no earlier result"):
        _restore(kept)
    assert kept.value(slot("one")) is None


def test_a_payload_that_is_gone_is_not_restored(kept: Kept) -> None:
    """No manifest is committed over nothing, though the tombstone is still there."""
    held = kept.put(slot("one"))
    bury(kept.collectable, slot("one"))
    kept.collectable.discard(f"v1/default/o/{held.payload[:2]}/{held.payload}")

    with pytest.raises(NoEntryError, match="cannot be restored"):
        _restore(kept)
    assert kept.value(slot("one")) is None


def test_a_result_is_chosen_by_its_attempt(kept: Kept) -> None:
    """The first digits are enough, where they mean one."""
    first = kept.put(slot("one"), BIG, created=1.0)
    kept.put(slot("one"), b"second", created=2.0)
    bury(kept.collectable, slot("one"))
    kept.put(slot("one"), b"third", created=3.0)

    assert [each.is_removed for each in earlier_results(kept.collectable, slot("one"))] == [True, True]
    with pytest.raises(NoEntryError, match="begins with 'zz'"):
        _restore(kept, "zz")
    _restore(kept, first.attempt[:8])
    assert kept.value(slot("one")) == BIG


def test_a_pinned_generation_stays_pinned_when_it_is_restored(kept: Kept) -> None:
    """The pin names the attempt, which stays where it is."""
    first = kept.put(slot("one"), BIG, created=1.0)
    pin(kept.collectable, "first", [first])
    kept.put(slot("one"), OTHER, created=2.0)
    _restore(kept)
    kept.pass_time(10 * GRACE)
    kept.collect(Limits(older_than=0.0, grace=0.0))

    assert kept.value_of(first) == BIG
    assert kept.value(slot("one")) is None


def test_a_tombstone_of_what_lives_is_no_earlier_result(kept: Kept) -> None:
    """A collector that was killed between tombstone and removal leaves one."""
    held = kept.put(slot("one"))
    data = kept.collectable.objects.read(f"v1/default/m/pipeline.clean/{slot('one').key.hex()}", 1 << 20).data
    kept.collectable.objects.put(f"v1/default/t/2020-01-01/{held.attempt}", data)

    assert earlier_results(kept.collectable, slot("one")) == []
    kept.pass_time(2 * GRACE)
    kept.collect()
    assert kept.files("t") == []
    assert kept.value(slot("one")) == BIG
