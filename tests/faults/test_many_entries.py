"""A hundred thousand entries: a lookup takes as long as among a thousand, and a listing is quick."""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fault_recorder import IS_FULL, number
from store_examples import inline_files, manifest, slot, store_value
from whorl.store.codec import encode_manifest
from whorl.store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fault_recorder import Recorder
    from whorl.store.manifest import Slot

STAGES = 20
FEW, MANY = 1_000, number(100_000, 5_000)
LOOKUPS = number(2_000, 600)
MEMORY = Path("/dev/shm")  # a tmpfs, where Linux has one
LONGEST_LISTING = 0.5
LARGEST_RATIO = 1.2


def _has_room() -> bool:
    return MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MANY * 8192 + (64 << 20)


pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not _has_room(), reason=f"NOT RUN: {MEMORY} is no file system in memory with enough room"),
]


def slot_of(number: int) -> Slot:
    return slot(str(number), stage=f"pipeline.stage{number % STAGES}")


def filled(root: Path, size: int) -> LocalStore:
    """Make a store of many small entries, written without the steps of a commit, which take longer than all lookups."""
    store = LocalStore(root)
    for at in range(STAGES):
        store_value(store, slot_of(at), b"value")
    like = manifest(slot_of(0), **inline_files({"value.bin": b"value"}))
    for at in range(STAGES, size):
        attempt = os.urandom(16).hex()
        entry = replace(like, slot=slot_of(at), attempt=attempt, payload=attempt, created=1.7e9 + at)
        Path(store._places.manifest(entry.slot)).write_bytes(encode_manifest(entry).data)
    return store


@pytest.fixture(scope="module")
def stores() -> Iterator[dict[int, LocalStore]]:
    """Give a store of few and one of many entries, in memory."""
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="whorl-many-") as folder:
        yield {size: filled(Path(folder) / str(size), size) for size in (FEW, MANY)}


def lookup_seconds(store: LocalStore, at: int) -> float:
    """Time one lookup; a new object for each, since one remembers what it has read."""
    fresh = LocalStore(store.root)
    fresh.lookup(slot("absent"))
    wanted = slot_of(at)
    began = time.perf_counter()
    found = fresh.lookup(wanted)
    seconds = time.perf_counter() - began
    assert found is not None
    assert found.slot == wanted
    return seconds


def test_a_lookup_takes_as_long_among_many_entries_as_among_few(
    stores: dict[int, LocalStore], recorder: Recorder
) -> None:
    """Medians of interleaved lookups all over the stores; the best of three rounds, for others use this machine."""
    ratios = []
    for _ in range(3):
        taken: dict[int, list[float]] = {FEW: [], MANY: []}
        for turn in range(LOOKUPS // 3 + 1):
            for size, store in stores.items():
                taken[size].append(lookup_seconds(store, turn * 7919 % size))
        ratios.append(statistics.median(taken[MANY]) / statistics.median(taken[FEW]))
        recorder.note("100,000 entries: lookups", "found", "correct", times=len(taken[MANY]))
    if min(ratios) > LARGEST_RATIO:
        recorder.note("100,000 entries: lookups", "ratio", "wrong", ratios)

    assert recorder.wrong == []


def children_seconds() -> float:
    """Give the processor time of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def listing(store: LocalStore) -> tuple[float, str]:
    """
    Run `whorl ls`; give how long it took, from start to end, and what it printed.

    It waits for nothing and has one thread, so where others use the processors it took no longer than what it used.
    """
    command = [sys.executable, "-m", "whorl", "ls"]
    environment = os.environ | {"WHORL_FILESYSTEM": str(store.root)}
    began, used = time.perf_counter(), children_seconds()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return min(time.perf_counter() - began, children_seconds() - used), done.stdout


def test_a_listing_of_many_entries_is_quick(stores: dict[int, LocalStore], recorder: Recorder) -> None:
    """The first one reads all manifests; those after it take half a second, at best: others use this machine."""
    time.sleep(2.1)  # beyond the tick within which dates prove nothing
    first, printed = listing(stores[MANY])
    again = [listing(stores[MANY]) for _ in range(number(7, 2))]
    quickest = min(seconds for seconds, _ in again)
    for seconds, text in again:
        is_right = text.count("\n") == MANY + 2 == printed.count("\n") and f"{MANY} entries of {STAGES} stages" in text
        recorder.note("100,000 entries: whorl ls", "listing", "correct" if is_right else "wrong", seconds)
    if IS_FULL and quickest > LONGEST_LISTING:
        recorder.note("100,000 entries: whorl ls", "seconds", "wrong", (first, quickest))

    assert recorder.wrong == []
    assert quickest < first
