"""Damage in a store: found before it is believed, moved aside, a miss, and healed by the next commit."""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from store_examples import digest, manifest, slot, store_value, stored_value
from whorl import stage
from whorl.access import Access
from whorl.errors import CorruptEntryError
from whorl.store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from whorl.store.base import Reader
    from whorl.store.manifest import Manifest

pytestmark = pytest.mark.faults

BIG = bytes(range(256)) * 256


runs: list[int] = []


@stage(cache=True, ignore=[runs])
def counted() -> list[int]:
    """Make more than a manifest holds."""
    runs.append(1)
    return list(range(20_000))


class Overtaken(LocalStore):
    """A store in which something happens between a lookup and the reading of the payload, once."""

    happens: Callable[[Manifest], object] | None = None

    def reader(self, manifest: Manifest) -> Reader:
        happens, self.happens = self.happens, None
        if happens is not None:
            happens(manifest)
        return super().reader(manifest)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store", wait_timeout=5)


def _record(store: LocalStore) -> Path:
    return store.root / "v1/default/m/pipeline.clean" / slot().key.hex()


def _payload(store: LocalStore, committed: Manifest) -> Path:
    return store.root / "v1/default/o" / committed.payload[:2] / committed.payload / "value.bin"


def test_a_damaged_manifest_is_moved_aside(store: LocalStore, caplog: pytest.LogCaptureFixture) -> None:
    """A miss, logged and counted once; remembered until the key is stored again."""
    store_value(store, slot(), b"42")
    _record(store).write_bytes(_record(store).read_bytes().replace(b'"json"', b'"jsom"'))
    with caplog.at_level(logging.DEBUG, "whorl"):
        found = [store.lookup(slot()), store.lookup(slot())]
    state = (_record(store).exists(), store.damaged(slot()), store.damage_count)
    healed = store_value(store, slot(), b"43", do_replace=False)

    assert found == [None, None]
    assert state == (False, True, 1)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "pipeline.clean" in caplog.text
    assert store.lookup(slot()) == healed
    assert not store.damaged(slot())


def test_every_truncation_of_a_stored_manifest_is_a_miss(store: LocalStore) -> None:
    """And the next writer heals it."""
    store_value(store, slot(), b"42")
    whole = _record(store).read_bytes()
    for length in range(0, len(whole), 7):
        _record(store).write_bytes(whole[:length])

        assert store.lookup(slot()) is None
    _record(store).write_bytes(whole)
    assert stored_value(store, slot()) == b"42"


def replaced(root: Path, value: bytes | None = None) -> Callable[[Manifest], object]:
    """Make what replaces an entry, as a recomputation elsewhere does, and collects the one that was there."""

    def act(entry: Manifest) -> None:
        store = LocalStore(root)
        attempt = store.begin(entry.slot)
        data = store.reader(entry).read("data.json")
        attempt.write("data.json", data if value is None else value)
        other = entry.value_digest if value is None else digest("another")
        store.commit(attempt, replace(entry, value_digest=other), replace=lambda _: True)
        shutil.rmtree(root / "v1/default/g")
        shutil.rmtree(root / "v1/default/o" / entry.payload[:2] / entry.payload)

    return act


def test_an_entry_replaced_while_it_is_read_serves_where_its_value_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The manifest is read again, once: nothing runs, and nothing was damaged."""
    store = Overtaken(tmp_path / "store")
    monkeypatch.setattr("whorl.engine.open_access", lambda _: Access(store, "store", strict=True))
    runs.clear()
    counted()
    store.happens = replaced(tmp_path / "store")
    with caplog.at_level(logging.WARNING, "whorl"):
        value = counted()

    assert value == list(range(20_000))
    assert len(runs) == 1
    assert (store.damage_count, caplog.text) == (0, "")


def test_an_entry_replaced_by_another_value_while_it_is_read_is_a_miss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What depends on it would have to know of the other value's revision: it is computed."""
    store = Overtaken(tmp_path / "store")
    monkeypatch.setattr("whorl.engine.open_access", lambda _: Access(store, "store", strict=True))
    runs.clear()
    counted()
    store.happens = replaced(tmp_path / "store", b"[7]")
    value = counted()

    assert value == list(range(20_000))
    assert len(runs) == 2


def test_a_file_that_links_elsewhere_is_not_followed(store: LocalStore, tmp_path: Path) -> None:
    """Neither as a manifest, nor as a payload, nor as a folder above one."""
    committed = store_value(store, slot(), BIG)
    outside = tmp_path / "outside"
    path = _payload(store, committed)
    path.rename(outside)
    path.symlink_to(outside)
    attempt = store.begin(slot("two"))
    attempt.write("a/b.bin", BIG)
    nested = store.commit(attempt, manifest(slot("two")), replace=lambda _: True)
    folder = store.root / "v1/default/o" / nested.payload[:2] / nested.payload / "a"
    folder.rename(tmp_path / "folder")
    folder.symlink_to(tmp_path / "folder")

    for entry, name in ((committed, "value.bin"), (nested, "a/b.bin")):
        for read in (store.reader(entry).read, store.reader(entry).path):
            with pytest.raises(CorruptEntryError):
                read(name)


@pytest.mark.parametrize("how", ["read", "path"])
@pytest.mark.parametrize("damage", ["flip", "cut", "grow", "remove", "folder"])
def test_a_damaged_payload_is_never_handed_out(store: LocalStore, how: str, damage: str) -> None:
    """Its size and digest stand in the manifest."""
    committed = store_value(store, slot(), BIG)
    path = _payload(store, committed)
    content = bytearray(BIG)
    content[1000] ^= 1
    if damage in ("remove", "folder"):
        path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "remove":
        path.write_bytes({"flip": bytes(content), "cut": BIG[:-1], "grow": BIG + b"x"}[damage])

    with pytest.raises(CorruptEntryError):
        getattr(store.reader(committed), how)("value.bin")


def test_verification_can_be_done_once_or_never(store: LocalStore) -> None:
    """``first`` trusts a file that passed until its date or size changes, ``never`` looks at sizes."""
    committed = store_value(store, slot(), BIG)
    path = _payload(store, committed)
    first, never = (LocalStore(store.root, verify=verify).reader(committed) for verify in ("first", "never"))
    passed = (first.read("value.bin"), never.read("value.bin"))
    dates = path.stat()
    path.write_bytes(BIG[::-1])
    os.utime(path, ns=(dates.st_atime_ns, dates.st_mtime_ns))
    unseen = (first.read("value.bin"), never.read("value.bin"))
    os.utime(path)

    assert passed == (BIG, BIG)
    assert unseen == (BIG[::-1], BIG[::-1])
    with pytest.raises(CorruptEntryError):
        first.read("value.bin")
    with pytest.raises(CorruptEntryError):
        store.reader(committed).read("value.bin")


def test_damage_in_a_read_only_store_is_a_miss_all_the_same(
    store: LocalStore, caplog: pytest.LogCaptureFixture
) -> None:
    """It cannot be moved aside, but it is not believed."""
    store_value(store, slot(), b"42")
    _record(store).write_bytes(b"nonsense")
    (store.root / "v1/default/l").write_bytes(b"no folder")  # locks cannot be taken
    with caplog.at_level(logging.WARNING, "whorl"):
        found = store.lookup(slot())

    assert found is None
    assert _record(store).exists()
    assert "damaged" in caplog.text


def test_a_flipped_bit_in_any_stored_byte_is_never_another_value(store: LocalStore) -> None:
    """Of manifest and payload of a small entry, one byte at a time: the value, or a miss."""
    value = bytes(range(200)) * 200  # too large to be inline
    committed = store_value(store, slot(), value)
    wrong = []
    for path, step in ((_record(store), 11), (_payload(store, committed), 397)):
        content = path.read_bytes()
        for at in range(0, len(content), step):
            flipped = bytearray(content)
            flipped[at] ^= 1 << (at % 8)
            path.write_bytes(flipped)
            found = store.lookup(slot())
            with suppress(CorruptEntryError):
                wrong += [(path, at)] if found and store.reader(found).read("value.bin") != value else []
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)

    assert wrong == []
    assert stored_value(store, slot()) == value
