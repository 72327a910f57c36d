"""Digesting a warm file costs about what reading it does, on as many threads as there are (hashing.md, target 1)."""

from __future__ import annotations

import hashlib
import mmap
import resource
from typing import TYPE_CHECKING

import datasets
import memory
import peers
import pytest
from targets import Target, judged_figure
from words import in_mebibytes

import whorl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from board import Board
    from race import Race

blake3 = peers.imported("blake3")
xxhash = peers.imported("xxhash")

pytestmark = pytest.mark.timeout(3600)
MEMORY = 64 * 2**20  # beyond the interpreter
PROCESS = 100 * 2**20  # with it

READ, MAPPED, SHA256 = "C: pread of 256 KiB", "blake3: update_mmap, AUTO", "hashlib: file_digest, sha256"
OWN_MAPPED = "whorl, mmap=True"
TARGETS = (
    Target(1, "hash_file, CPU", 2.4, READ, cpu=True),
    Target(1, "hash_file", 0.75, MAPPED, faster=True),
    Target(1, "hash_file, mmap=True", 1.0, MAPPED, faster=True, own=OWN_MAPPED),
    Target(1, "hash_file", 10, SHA256, faster=True),
)


@pytest.fixture(scope="module")
def mebibytes(request: pytest.FixtureRequest) -> int:
    """Give the size of the file."""
    return request.config.getoption("--file-size")


@pytest.fixture(scope="module")
def path(mebibytes: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the file, which is too large to be left behind."""
    path = datasets.large_file(tmp_path_factory.mktemp("large") / "file", mebibytes)
    yield path
    path.unlink()


def test_hash_file(race: Race, path: Path, mebibytes: int, tmp_path: Path) -> None:
    """Every byte is read and hashed, out of the page cache."""
    loops = peers.compiled(tmp_path)
    competitors = {
        READ: lambda: loops.read_file(bytes(path)),
        OWN_MAPPED: lambda: whorl.hash_file(path, stat_table=False, mmap=True),
        MAPPED: lambda: mapped_blake3(path),
        SHA256: lambda: sha256(path),
        "xxhash: xxh3_128, mmap": lambda: mapped_xxh3(path),
    }
    claim = f"hash_file of {mebibytes} MiB, warm"
    race.run(claim, lambda: whorl.hash_file(path, stat_table=False), competitors, rounds=7, targets=TARGETS)

    assert str(whorl.hash_file(path, stat_table=False)) == mapped_blake3(path)
    assert competitors[OWN_MAPPED]() == whorl.hash_file(path, stat_table=False)
    assert competitors[READ]() == path.stat().st_size
    assert reads(competitors[READ]) == 0, "the page cache is too small for the file, so it was not warm"


def test_memory_of_hash_file(board: Board, path: Path) -> None:
    """A file of any size takes the same memory."""
    found = memory.peak("hash_file", path)

    beyond = "hash_file, memory beyond the interpreter"
    board.judged += [
        judged_figure(1, beyond, found.highest - found.before, MEMORY, in_mebibytes),
        judged_figure(1, "hash_file, memory of the process", found.highest, PROCESS, in_mebibytes),
    ]
    assert found.digest == str(whorl.hash_file(path, stat_table=False))


def mapped_blake3(path: Path) -> str:
    return blake3.blake3(max_threads=blake3.blake3.AUTO).update_mmap(path).hexdigest()


def mapped_xxh3(path: Path) -> str:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return xxhash.xxh3_128(content).hexdigest()


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def reads(call: Callable[[], object]) -> int:
    """Count the blocks that a call has read from a disk."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_inblock
    call()
    return resource.getrusage(resource.RUSAGE_SELF).ru_inblock - before
