"""Digesting a tree of small files costs about what opening them does, and less than a look at them again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import datasets
import memory
import peers
import pytest
from targets import Target, judged_figure
from words import in_mebibytes

import whorl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from board import Board
    from race import Race

blake3 = peers.imported("blake3")

pytestmark = pytest.mark.timeout(3600)
THREADS = 2
OLD = 3  # seconds after which the stat table trusts the dates of a file
MEMORY = 64 * 2**20  # beyond the interpreter
PROCESS = 100 * 2**20  # with it

# Target 2 of hashing.md.
READ, WALKED = f"C: open, read, close, {THREADS} threads", "os.walk and blake3"
FIRST = (Target(2, "hash_tree, first", 2.0, READ), Target(2, "hash_tree, first", 2.5, WALKED, faster=True))
SCANNED, STATUS = "os.scandir and stat", "git status -uno, a process"
AGAIN = (Target(2, "hash_tree, unchanged", 0.7, SCANNED), Target(2, "hash_tree, unchanged", 1.5, STATUS))


@pytest.fixture(scope="module")
def files(request: pytest.FixtureRequest) -> int:
    """Give the number of files."""
    return request.config.getoption("--files")


@pytest.fixture(scope="module")
def tree(files: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the tree, which is too large to be left behind."""
    folder = datasets.tree(tmp_path_factory.mktemp("tree") / "tree", files)
    time.sleep(OLD)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def repository(tree: Path, tmp_path: Path) -> Iterator[peers.Repository]:
    """Give the tree as git sees it."""
    yield peers.Repository(tree, tmp_path / "git")
    shutil.rmtree(tmp_path / "git", ignore_errors=True)


def test_the_first_digest_of_a_tree(race: Race, tree: Path, files: int, tmp_path: Path) -> None:
    """Every file is opened, read and hashed, out of the page cache."""
    loops = peers.compiled(tmp_path)
    competitors = {
        READ: lambda: loops.read_tree(bytes(tree), THREADS),
        WALKED: lambda: walked(tree),
        f"C: statx, {THREADS} threads": lambda: loops.stat_tree(bytes(tree), THREADS),
    }
    claim = f"hash_tree of {files} files of 4 KiB, first, {THREADS} threads"

    def first() -> whorl.Digest:
        return whorl.hash_tree(tree, threads=THREADS, stat_table=False)

    race.run(claim, first, competitors, rounds=7, targets=FIRST)

    assert competitors[READ]() == files * datasets.SMALL_FILE
    assert first() == whorl.hash_tree(tree, threads=1, stat_table=False)


def test_the_digest_of_an_unchanged_tree(
    race: Race, tree: Path, files: int, repository: peers.Repository, stat_table: Path
) -> None:
    """No file is opened: the stat table knows the digest of each."""
    again = [sys.executable, "-c", "import sys, whorl; whorl.hash_tree(sys.argv[1])", tree]
    competitors = {
        SCANNED: lambda: scanned(tree),
        STATUS: repository.status,
        "whorl, a process": lambda: subprocess.run(again, check=True),
    }
    claim = f"hash_tree of {files} files of 4 KiB, unchanged"
    race.run(claim, lambda: whorl.hash_tree(tree), competitors, rounds=11, targets=AGAIN)

    assert stat_table.stat().st_size > files
    assert repository.status() == b""
    assert scanned(tree) == files * datasets.SMALL_FILE
    assert whorl.hash_tree(tree) == whorl.hash_tree(tree, stat_table=False)


def test_memory_of_hash_tree(board: Board, tree: Path, stat_table: Path) -> None:
    """A first digest that also fills the stat table."""
    found = memory.peak("hash_tree", tree)

    beyond = "hash_tree, memory beyond the interpreter"
    board.judged += [
        judged_figure(2, beyond, found.highest - found.before, MEMORY, in_mebibytes),
        judged_figure(2, "hash_tree, memory of the process", found.highest, PROCESS, in_mebibytes),
    ]
    assert stat_table.exists()
    assert found.digest == str(whorl.hash_tree(tree, stat_table=False))


def walked(tree: Path) -> str:
    """Digest names and contents in order, as one would in a few lines of Python; a Path for each would be slower."""
    hasher = blake3.blake3()
    for folder, folders, names in os.walk(tree):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                hasher.update(os.fsencode(path)).update(blake3.blake3(file.read()).digest())
    return hasher.hexdigest()


def scanned(tree: Path) -> int:
    """Ask for the status of every file."""
    total, folders = 0, [os.fspath(tree)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total
