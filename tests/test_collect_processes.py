"""A collector beside readers and writers in other processes, and one that is killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import time
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from object_stores import ClockedObjects
from store_examples import digest, manifest, slot, store_value
from whorl.errors import CorruptEntryError, NoEntryError
from whorl.store.collect import bury, collect
from whorl.store.collect_plan import Limits
from whorl.store.local import LocalStore
from whorl.store.restore import restore
from whorl.store.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fault_recorder import Recorder
    from whorl.store.collectable import Collectable
    from whorl.store.manifest import Manifest

KEYS = tuple("abcdef")
BIG = b"x" * 40_000
# A read takes a few milliseconds; on a busy machine a process may wait much longer for its turn.
GRACE = 5.0

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
]


def _collectable(store: LocalStore) -> Collectable:
    found = store.collectable()
    assert found is not None
    return found


def _write_for_ever(root: Path, seed: int) -> None:
    """Commit, keep, remove and restore."""
    store, chance = LocalStore(root), random.Random(seed)
    while True:
        name, what = chance.choice(KEYS), chance.randrange(10)
        found = store.lookup(slot(chance.choice(KEYS)))
        if what < 3 and found is not None:
            with suppress(CorruptEntryError):
                kept = manifest(slot(name), value_digest=found.value_digest, expires=None)
                store.commit_kept(kept, found)
        elif what == 3:
            bury(_collectable(store), slot(name))
        elif what == 4:
            with suppress(NoEntryError):
                restore(store, _collectable(store), slot(name))
        else:
            value = chance.choice((b"small", BIG)) + bytes([chance.randrange(256)])
            store_value(store, slot(name), value, do_replace=chance.random() < 0.8, expires=None)


def _collect_for_ever(root: Path, grace: float) -> None:
    store, chance = LocalStore(root), random.Random(0)
    while True:
        collect(_collectable(store), Limits(older_than=chance.choice((0.0, 0.1)), keep_last=1, grace=grace), {})


def _read(store: LocalStore, found: Manifest) -> None:
    assert digest(store.reader(found).read("value.bin").hex()) == found.value_digest


def _count_reads(root: Path, number: int, seed: int) -> tuple[int, int]:
    """Read what is current; count reads, and those that found no payload within the grace."""
    store, chance = LocalStore(root), random.Random(seed)
    reads = dangling = 0
    while reads < number:
        found, since = store.lookup(slot(chance.choice(KEYS))), time.monotonic()
        if found is None:
            continue
        try:
            _read(store, found)
            reads += 1
        except CorruptEntryError:
            dangling += time.monotonic() - since < GRACE
    return reads, dangling


def _fork(act: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        try:
            act()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - nothing of this process may come back into pytest
            traceback.print_exc()
        finally:
            os._exit(1)
    return child


def _ended(children: list[int]) -> Iterator[int]:
    """Kill processes; yield how those ended that did so on their own."""
    for child in children:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            yield status
        else:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


@pytest.mark.timeout(7200)
def test_beside_a_collector_no_reader_finds_a_manifest_without_its_payload(tmp_path: Path, recorder: Recorder) -> None:
    """Two readers, two writers, one collector; WHORL_FAULT_READS is how many reads: `make faults` takes a million."""
    wanted = int(os.environ.get("WHORL_FAULT_READS", "1000"))
    root = tmp_path / "store"
    store_value(LocalStore(root), slot("a"), BIG, expires=None)
    others = [_fork(lambda seed=seed: _write_for_ever(root, seed)) for seed in (1, 2)]
    others.append(_fork(lambda: _collect_for_ever(root, GRACE)))
    (tmp_path / "counts").mkdir()

    def read(seed: int) -> None:
        counts = _count_reads(root, wanted // 2, seed)
        (tmp_path / "counts" / str(seed)).write_text(f"{counts[0]} {counts[1]}")

    readers = [_fork(lambda seed=seed: read(seed)) for seed in (3, 4)]
    statuses = [os.waitpid(reader, 0)[1] for reader in readers]
    failed = list(_ended(others))
    counts = [[int(word) for word in path.read_text().split()] for path in (tmp_path / "counts").iterdir()]

    for reads, dangling in counts:
        row = "gc against readers and writers: reads"
        recorder.note(row, "local folder", "correct", times=reads - dangling)
        for _ in range(dangling):
            recorder.note(row, "local folder", "wrong", "a manifest without its payload")

    assert failed == [], "a writer or the collector ended"
    assert statuses == [0, 0]
    assert sum(reads for reads, _ in counts) >= wanted // 2 * 2
    assert [dangling for _, dangling in counts] == [0, 0]
    store = LocalStore(root)
    assert not [finding for finding in verify(store, _collectable(store)).findings if finding.is_entry]


def test_a_collector_killed_at_any_moment_leaves_nothing_dangling_and_the_next_one_heals(tmp_path: Path) -> None:
    """Forty of them, without a grace; then everything is collected, and only the ledger could be left."""
    root, chance = tmp_path / "store", random.Random(1)
    store = LocalStore(root)
    for round_ in range(40):
        for name in KEYS:
            found = store_value(store, slot(name), BIG + bytes([round_]), expires=None)
            store.commit_kept(manifest(slot(name + "2"), value_digest=found.value_digest, expires=None), found)
        child = _fork(lambda: _collect_for_ever(root, 0.0))
        time.sleep(chance.random() * 0.04)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for each in store.entries():
            _read(store, each)
            for earlier in store.generations(each.slot):
                _read(store, earlier)
    late = _collectable(LocalStore(root))
    for days in (10, 20):
        late.objects = ClockedObjects(_collectable(LocalStore(root)).objects, days * 86400.0)
        collect(late, Limits(older_than=0.0), {})

    assert store.damage_count == 0
    assert sorted(path.name for path in root.rglob("*") if path.is_file()) == [
        ".gitignore", "CACHEDIR.TAG", "WHORL.json",
    ]  # fmt: skip
