"""The folder that worker processes report through: what goes wrong with it costs no run, and stores nothing unsound."""

from __future__ import annotations

import errno
import os
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
    """Folders of processes that live, and those of others, stay."""
    relay._sweep_once.cache_clear()
    names = [f"whorl-{os.getuid()}-{number}" for number in (os.getppid(), 999_999_999)] + ["whorl-other", "else"]
    for name in names:
        (temporary / name).mkdir()
    answer()

    assert sorted(path.name for path in temporary.iterdir()) == sorted([names[0], "whorl-other", "else"])


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
