"""Several processes over one local store, some of them killed: absent or complete, never anything else."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from store_examples import child_environment, digest, manifest, slot, store_value, stored_value
from whorl.errors import CorruptEntryError
from whorl.store.local import LocalStore
from whorl.store.manifest import RawFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from whorl.store.manifest import Manifest

pytestmark = pytest.mark.faults

BIG = bytes(range(256)) * 256
KEYS = tuple(f"key {number}" for number in range(6))

COMMIT = """
import sys
from pathlib import Path
from store_examples import digest, slot, store_value, stored_value
from whorl.store.local import LocalStore
store, number = LocalStore(Path(sys.argv[1])), int(sys.argv[2])
sys.stdin.read(1)
for turn in range(20):
    of = slot(f"turn {turn}")
    done = store_value(store, of, bytes([number]) * 50000, do_replace=False)
    value = store.reader(done).read("value.bin")
    print(turn, done.attempt, value[:1].hex(), len(set(value)))
"""


def _start(program: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=child_environment())


def test_processes_that_commit_one_key_agree_on_one_entry(tmp_path: Path) -> None:
    """Create-only: one wins, all return and read the same."""
    processes = [_start(COMMIT, tmp_path / "store", number) for number in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("x")
        process.stdin.flush()
    printed = [process.communicate()[0] for process in processes]
    store = LocalStore(tmp_path / "store")

    assert [process.returncode for process in processes] == [0] * 4
    assert len(printed[0].splitlines()) == 20
    assert len(set(printed)) == 1
    assert len(list(store.entries())) == 20
    assert len(list((store.root / "v1/default/o").rglob("value.bin"))) == 20
    assert list((store.root / "tmp").iterdir()) == []


def _write_for_ever(store: LocalStore, seed: int) -> None:
    """Do everything that writes, in any order."""
    chance = random.Random(seed)
    wide = tuple(RawFile("raw/data", f"{index}.csv", index, digest(str(index))) for index in range(1000))
    while True:
        name = chance.choice(KEYS)
        found = store.lookup(slot(chance.choice(KEYS)))
        what = chance.randrange(8)
        if what == 0:
            store.remove(slot(name))
        elif what <= 2 and found is not None and (value := _read(store, found)) is not None:
            with suppress(CorruptEntryError):  # removed just now
                store.commit_kept(manifest(slot(name), value_digest=digest(value.hex())), found)
        elif what == 3:
            store.revise("default", [digest(name)])
        else:
            value = chance.choice((b"small", BIG)) + bytes([chance.randrange(256)])
            raw_files = wide if what == 4 else ()
            store_value(store, slot(name), value, do_replace=chance.random() < 0.8, raw_files=raw_files)


def _read(store: LocalStore, found: Manifest) -> bytes | None:
    """Read a value; another process may have removed it since it was looked up."""
    try:
        return store.reader(found).read("value.bin")
    except CorruptEntryError:
        return None


def _fork_writer(root: Path, seed: int) -> int:
    child = os.fork()
    if child == 0:
        try:
            _write_for_ever(LocalStore(root), seed)
        except BaseException:  # noqa: BLE001 - nothing of this process may come back into pytest
            traceback.print_exc()
        finally:
            os._exit(1)
    return child


def _check(store: LocalStore) -> Iterator[bool]:
    """Read everything that is there: complete and right, or a failed assertion."""
    for name in KEYS:
        found = store.lookup(slot(name))
        for each in ([] if found is None else [found]) + list(store.generations(slot(name))):
            assert digest(store.reader(each).read("value.bin").hex()) == each.value_digest
            assert len(each.raw_files) in (0, 1, 1000)
        yield found is not None


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


@forks
def test_a_writer_killed_at_any_moment_leaves_absent_or_complete_entries(tmp_path: Path) -> None:
    """Sixty of them; nothing counts as damaged, and the next write sweeps what they left half-written."""
    chance = random.Random(1)
    root = tmp_path / "store"
    store = LocalStore(root)
    seen = []
    for round_ in range(60):
        child = _fork_writer(root, round_)
        time.sleep(chance.random() * 0.03)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        seen += list(_check(store))
    LocalStore(root).sweep()

    assert any(seen)
    assert store.damage_count == 0
    assert list((root / "tmp").iterdir()) == []
    for name in KEYS:
        store_value(store, slot(name), BIG)
        assert stored_value(store, slot(name)) == BIG


@forks
def test_readers_never_see_half_an_entry_while_others_write_and_remove(tmp_path: Path) -> None:
    """Two writers and removers, one reader, for a second and a half: a value, or nothing."""
    root = tmp_path / "store"
    store = LocalStore(root)
    children = [_fork_writer(root, seed) for seed in (1, 2)]
    hits = 0
    try:
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            for name in KEYS:
                found = store.lookup(slot(name))
                value = None if found is None else _read(store, found)
                if found is not None and value is not None:
                    hits += 1
                    assert digest(value.hex()) == found.value_digest
    finally:
        for child in children:
            assert os.waitpid(child, os.WNOHANG) == (0, 0), "a writer failed"
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)

    assert hits > 100
    assert store.damage_count == 0
    assert list(_check(store))
