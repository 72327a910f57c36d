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
    """Folders of processes that live, and those of others, stay, as does the one of this process."""
    relay._sweep_once.cache_clear()
    living, dead = (f"whorl-{os.getuid()}-{number}" for number in (os.getppid(), 999_999_999))
    for name in (living, dead, "whorl-other", "else"):
        (temporary / name).mkdir()
    answer()

    own = f"whorl-{os.getuid()}-{os.getpid()}"
    assert sorted(path.name for path in temporary.iterdir()) == sorted([living, "whorl-other", "else", own])


@stage(cache=True)
def reported_to(number: int) -> tuple[int, bool]:
    """Say whether there is a folder for workers while this runs."""
    return number, relay.is_open()


def test_a_process_says_whether_it_computes(temporary: Path) -> None:
    """One folder serves all computations of a process; a worker that looks in between finds nobody listening."""
    given, between = [], []
    for number in range(3):
        given.append(reported_to(number))
        between.append(relay.is_open())

    assert given == [(0, True), (1, True), (2, True)]
    assert between == [False] * 3
    assert [path.name for path in temporary.iterdir()] == [f"whorl-{os.getuid()}-{os.getpid()}"]


def test_what_is_reported_late_is_nobodys(temporary: Path) -> None:
    """A worker that outlives the computation leaves its report behind; the next one begins with an empty folder."""
    own = temporary / f"whorl-{os.getuid()}-{os.getpid()}"

    relay.announce()
    relay.retract()
    (own / "late").write_bytes(b"no trace")
    relay.announce()
    found = list(relay.collect(since=0))
    relay.retract()

    assert found == []
    assert not (own / "late").exists()


@pytest.mark.parametrize("whole", [False, True])
def test_a_folder_that_was_tidied_up_is_made_anew(temporary: Path, *, whole: bool) -> None:
    """Programs that empty temporary folders cost no storing."""
    reported_to(10)
    own = temporary / f"whorl-{os.getuid()}-{os.getpid()}"
    (own / ".computing").unlink()
    if whole:
        own.rmdir()

    assert reported_to(11) == (11, True)
    assert reported_to.last is not None
    assert reported_to.last.stored


def test_nothing_is_stored_where_workers_could_not_report(temporary: Path) -> None:
    """A folder that somebody else made is neither written to nor believed: what workers called would be missing."""
    planted = temporary / f"whorl-{os.getuid()}-{os.getpid()}"
    planted.symlink_to(temporary.parent, target_is_directory=True)
    (temporary.parent / ".computing").write_bytes(b"0")
    with pytest.warns(StaleWarning, match="could not be recorded"):
        assert reported_to(20) == (20, False)

    assert reported_to.last is not None
    assert not reported_to.last.stored
    assert (temporary.parent / ".computing").read_bytes() == b"0"


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
    (listener / ".computing").write_bytes(b"1")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(Path, "write_bytes", full)
    config.announce_process(os.getppid())
    try:
        relay.pass_on(None)
    finally:
        config.announce_process(None)

    assert not listener.exists()


def test_who_cannot_tell_whether_anybody_listens_reports(temporary: Path) -> None:
    """A call that went unrecorded would make a stale result; one that nobody waits for does no harm."""
    listener = temporary / f"whorl-{os.getuid()}-{os.getppid()}"
    listener.mkdir()
    config.announce_process(os.getppid())
    heard = []
    try:
        for content in (b"1", b"0", None):
            (listener / ".computing").unlink(missing_ok=True)
            if content is not None:
                (listener / ".computing").write_bytes(content)
            heard.append(relay.has_listener())
        (listener / ".computing").mkdir()
        heard.append(relay.has_listener())
    finally:
        config.announce_process(None)

    assert heard == [True, False, False, True]
