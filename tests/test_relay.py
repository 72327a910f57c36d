"""The folder that worker processes report through: what goes wrong with it costs no run, and stores nothing unsound."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import whorl
from whorl import config, relay, stage
from whorl.errors import StaleWarning

if TYPE_CHECKING:
    from collections.abc import Iterator


@stage(cache=True)
def answer() -> int:
    return 42


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a temporary folder of its own, and a store beside it."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    with whorl.options(filesystem=str(tmp_path / "store")):
        yield tmp_path / "tmp"


def unlistable(monkeypatch: pytest.MonkeyPatch, refused: Path) -> None:
    """Refuse to list one folder: permissions do not stop root."""
    listdir = os.listdir

    def refusing(path: str | os.PathLike[str] = ".") -> list[str]:
        if os.fspath(path) == str(refused):
            raise PermissionError(errno.EACCES, "not for you", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refusing)


def test_a_temporary_folder_that_cannot_be_listed_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    """What processes that were killed left there stays; the result is stored."""
    relay._sweep_once.cache_clear()
    unlistable(monkeypatch, temporary)

    assert answer() == 42
    assert answer() == 42
    assert answer.last is not None
    assert answer.last.kind == "hit"


def test_reports_that_cannot_be_listed_cost_the_storing_alone(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    """Something may have been called in another process: the value is returned, with a warning."""
    unlistable(monkeypatch, temporary / f"whorl-{os.getuid()}-{os.getpid()}")
    with pytest.warns(StaleWarning, match="could not be recorded"):
        assert answer() == 42

    assert answer.last is not None
    assert not answer.last.stored


def test_what_killed_processes_left_is_removed(temporary: Path) -> None:
    """Folders of processes that live, and those of others, stay; that of this one is put aside when it has ended."""
    relay._sweep_once.cache_clear()
    living, dead = (f"whorl-{os.getuid()}-{number}" for number in (os.getppid(), 999_999_999))
    for name in (living, f"{living}.aside", dead, f"{dead}.aside", "whorl-other", "else"):
        (temporary / name).mkdir()
    answer()

    own = f"whorl-{os.getuid()}-{os.getpid()}.aside"
    left = sorted(path.name for path in temporary.iterdir())
    assert left == sorted([living, f"{living}.aside", "whorl-other", "else", own])


@stage(cache=True)
def reported_to(number: int) -> tuple[int, bool]:
    """Say whether there is a folder for workers while this runs."""
    return number, relay.is_open()


def test_there_is_a_folder_while_something_computes(temporary: Path) -> None:
    """One folder serves all computations of a process; a worker that looks in between finds nobody listening."""
    own = temporary / f"whorl-{os.getuid()}-{os.getpid()}"
    given = []
    for number in range(3):
        given.append(reported_to(number))
        assert not own.exists()

    assert given == [(0, True), (1, True), (2, True)]


def test_what_is_reported_late_is_nobodys(temporary: Path) -> None:
    """A worker that outlives the computation leaves its report behind; the next one begins with an empty folder."""
    own = temporary / f"whorl-{os.getuid()}-{os.getpid()}"

    relay.announce()
    (own / "late").write_bytes(b"no trace")
    relay.retract()
    left = list(temporary.iterdir())
    relay.announce()
    found = list(relay.collect(since=0))
    relay.retract()

    assert left == []
    assert found == []


def test_a_folder_that_was_tidied_up_is_made_anew(temporary: Path) -> None:
    """Programs that empty temporary folders cost no storing."""
    reported_to(10)
    (temporary / f"whorl-{os.getuid()}-{os.getpid()}.aside").rmdir()

    assert reported_to(11) == (11, True)
    assert reported_to.last is not None
    assert reported_to.last.stored


def test_a_process_leaves_no_folder(tmp_path: Path) -> None:
    """What was put aside goes when the process ends, that of a forked child and of a pool's worker too."""
    code = """
import multiprocessing, os, sys, whorl

@whorl.stage(cache=True, name="number")
def number(n: int) -> int:
    return n

def main() -> None:
    number(1)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.map(number, [2, 3]) == [2, 3]
    child = os.fork()
    if not child:
        number(4)
        sys.exit()
    assert os.waitpid(child, 0)[1] == 0
    number(5)

main()
"""
    environment = os.environ | {"TMPDIR": str(tmp_path / "tmp"), "WHORL_FILESYSTEM": str(tmp_path / "store")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)

    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_worker_that_cannot_report_ends_the_reporting(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    """Its own run goes on; the process that computes finds its folder gone, and stores nothing."""
    listener = temporary / f"whorl-{os.getuid()}-{os.getppid()}"
    listener.mkdir()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(Path, "write_bytes", full)
    config.announce_process(os.getppid())
    try:
        relay.pass_on(None)
    finally:
        config.announce_process(None)

    assert not listener.exists()
