"""What a local store leaves on its disk; the laws of every store are in contracts/."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from store_examples import manifest, slot, store_value, stored_value
from whorl.store.local import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

    from whorl.store.manifest import Manifest

BIG = bytes(range(256)) * 256  # 64 KiB: beyond what a manifest holds


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store", wait_timeout=5)


def _files(store: LocalStore, kind: str) -> list[str]:
    folder = store.root / "v1" / "default" / kind
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_attempt_that_is_abandoned_leaves_nothing(store: LocalStore) -> None:
    """Neither in memory nor on disk; twice is harmless."""
    attempt = store.begin(slot())
    attempt.write("a.bin", BIG)
    attempt.path("b/c.bin").write_bytes(b"c")
    attempt.abandon()
    attempt.abandon()

    assert list((store.root / "tmp").iterdir()) == []
    assert store.lookup(slot()) is None


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


def test_an_inline_file_that_was_written_out_goes_with_its_entry(store: LocalStore) -> None:
    """Its path stays good for as long as the entry is there."""
    committed = store_value(store, slot(), b"small")
    path = store.reader(committed).path("value.bin")

    assert store.reader(committed).path("value.bin") == path
    assert path.read_bytes() == b"small"
    store.remove(slot())
    assert not path.exists()


def test_an_attempt_that_was_copied_and_refused_leaves_nothing(store: LocalStore, tmp_path: Path) -> None:
    """As a second tier takes it: neither its payload, nor its lists, nor temporary files."""
    first = store_value(store, slot(), BIG)
    attempt = LocalStore(tmp_path / "near").begin(slot())
    attempt.write("value.bin", BIG[::-1])
    complete = attempt.complete(manifest(slot()))
    adopted = store.adopt(complete, attempt.reader(), replace=lambda _: False)
    attempt.abandon()

    assert adopted == first
    assert _files(store, "o") == [f"{first.attempt[:2]}/{first.attempt}/value.bin"]
    assert list((store.root / "tmp").iterdir()) == []
