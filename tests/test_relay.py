"""The folder that worker processes report through: what goes wrong with it costs no run, and stores nothing unsound."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import whorl
from whorl import config, relay, stage, trace
from whorl.errors import ConfigError, StaleWarning
from whorl.store.process import name_of, own_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@stage(cache=True)
def answer() -> int:
    return 42


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a temporary folder of its own, and a store beside it."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    relay._temporary.cache_clear()
    with whorl.options(filesystem=str(tmp_path / "store")):
        yield tmp_path / "tmp"
    relay._temporary.cache_clear()


def folder_of(process: int) -> str:
    """Name the folder of a process."""
    return f"whorl-{os.getuid()}-{name_of(process)}"


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
    unlistable(monkeypatch, temporary / folder_of(os.getpid()))
    with pytest.warns(StaleWarning, match="could not be recorded"):
        assert answer() == 42

    assert answer.last is not None
    assert not answer.last.stored


def test_what_killed_processes_left_is_removed(temporary: Path) -> None:
    """Folders of processes that live, those of others, and those of another container stay."""
    relay._sweep_once.cache_clear()
    living, near = folder_of(os.getppid()), own_name().partition("-")[0]
    dead, far = (f"whorl-{os.getuid()}-{host}-999999999-1" for host in (near, "0" * len(near)))
    for name in (living, dead, far, "whorl-other", "else"):
        (temporary / name).mkdir()
    answer()

    assert sorted(path.name for path in temporary.iterdir()) == sorted([living, far, "whorl-other", "else"])


@stage(cache=True)
def reported_to(number: int, *, inner: bool = False) -> tuple[int, bool]:
    """Say whether there is a folder for workers while this runs."""
    return (number, relay.is_open()) if inner else reported_to(number, inner=True)


def test_the_folder_is_there_while_something_computes(temporary: Path) -> None:
    """One folder serves a computation and those inside it; a worker that looks in between finds nobody listening."""
    given, between = [], []
    for number in range(3):
        given.append(reported_to(number))
        between.append(list(temporary.iterdir()))

    assert given == [(0, True), (1, True), (2, True)]
    assert between == [[], [], []]
    assert config.announced_process() is None


@stage(cache=True)
def held(number: int) -> list[list[str]]:
    """Say what is in the temporary folder and below while this runs."""
    return [[entry.name for entry in path.iterdir()] for path in Path(os.environ["TMPDIR"]).iterdir()]


def test_a_temporary_folder_without_room_costs_no_storing(temporary: Path) -> None:
    """The folder for reports is empty: the most that a full disk still has room for."""
    assert held(1) == [[]]


def test_containers_that_share_a_temporary_folder_have_each_its_own(tmp_path: Path) -> None:
    """The first process of each has the same number."""
    inside = ["unshare", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    if not shutil.which("unshare") or subprocess.run([*inside, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no containers may be made here")
    code = """
import os, whorl
@whorl.stage(cache=True, name="folder")
def folder():
    return os.getpid(), os.listdir(os.environ["TMPDIR"])
print(*folder())
"""
    said = []
    for store in ("one", "other"):
        environment = os.environ | {"WHORL_FILESYSTEM": str(tmp_path / store)}
        ran = subprocess.run([*inside, sys.executable, "-c", code], env=environment, check=True, capture_output=True)
        said.append(ran.stdout.split())

    assert [number for number, _ in said] == [b"1", b"1"]
    assert said[0][1] != said[1][1]


def test_nothing_is_stored_where_workers_could_not_report(temporary: Path) -> None:
    """A folder that somebody else made is not believed: what workers called would be missing."""
    (temporary / folder_of(os.getpid())).symlink_to(temporary.parent, target_is_directory=True)
    with pytest.warns(StaleWarning, match="could not be recorded"):
        assert reported_to(20, inner=True) == (20, False)

    assert reported_to.last is not None
    assert not reported_to.last.stored


def test_a_temporary_folder_may_go(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    """The next computation takes the one that there is then."""
    reported_to(30)
    (temporary.parent / "next").mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary.parent / "next"))
    temporary.rmdir()

    assert reported_to(31) == (31, True)


def test_processes_that_end_at_once_leave_no_folder(tmp_path: Path) -> None:
    """As children of servers end, which tidy nothing up; and what a program calls last of all."""
    code = """
import atexit, os, whorl
atexit.register(lambda: number(1))

@whorl.stage(cache=True, name="number")
def number(n: int) -> int:
    return n

number(2)
for n in (3, 4):
    child = os.fork()
    if not child:
        number(n)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""
    environment = os.environ | {"WHORL_FILESYSTEM": str(tmp_path / "store")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)

    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.fixture
def listener(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of a process that computes and announced that to this one."""
    folder = temporary / folder_of(os.getppid())
    folder.mkdir()
    found = temporary.stat()
    monkeypatch.setenv("WHORL_COMPUTING_PROCESS", f"{found.st_dev}:{found.st_ino}:{folder}")
    return folder


def test_a_worker_that_cannot_report_ends_the_reporting(monkeypatch: pytest.MonkeyPatch, listener: Path) -> None:
    """Its own run goes on; the process that computes finds its folder gone, and stores nothing."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(Path, "write_bytes", full)
    relay.pass_on(None)

    assert not listener.exists()


def test_who_ended_its_computation_does_not_listen(listener: Path) -> None:
    """The process lives, and its folder would be where this one looks."""
    before = relay.has_listener()
    listener.rmdir()
    relay.pass_on(None)

    assert before
    assert not relay.has_listener()


@pytest.mark.parametrize("what", ["another file system", "another machine"])
def test_a_worker_that_cannot_see_the_folder_says_so(
    what: str, monkeypatch: pytest.MonkeyPatch, listener: Path
) -> None:
    """In a container with a temporary folder of its own: nobody would know of what is called there."""
    listener.rmdir()
    near = own_name().partition("-")[0]
    announced = config.announced_process() or ""
    elsewhere = f"1:1:{listener}" if what == "another file system" else announced.replace(near, "0" * len(near))
    monkeypatch.setenv("WHORL_COMPUTING_PROCESS", elsewhere)
    with pytest.raises(ConfigError, match="cannot be told what is called here"):
        answer()

    assert relay.has_listener()


def test_who_was_announced_and_has_ended_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    """What stands in the environment may be old, or none of ours."""
    gone = temporary / "whorl" / f"whorl-{os.getuid()}-{own_name().partition('-')[0]}-999999999-1"
    heard = []
    for announced in (f"1:1:{gone}", "", "17", f"1:1:{temporary}", "1:1:whorl-relative"):
        monkeypatch.setenv("WHORL_COMPUTING_PROCESS", announced)
        heard.append(relay.has_listener())

    assert heard == [False] * 5


def test_an_interrupted_computation_leaves_no_ghost(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    """Wherever the interrupt strikes: nothing says any more that something computes, and the next result is stored."""
    for number, name in enumerate(("announce", "collect", "is_open", "retract", "_open")):
        with monkeypatch.context() as patch:
            patch.setattr(relay, name, interrupting(getattr(relay, name)))
            with pytest.raises(KeyboardInterrupt):
                reported_to(40 + number)

        assert not trace.something_computes()
        assert config.announced_process() is None
        assert list(temporary.iterdir()) == []
        assert reported_to(40 + number, inner=True) == (40 + number, True)


def interrupting(function: Callable[..., object]) -> Callable[..., object]:
    """Interrupt the first call of a function once it has done its work."""
    calls: list[None] = []

    def call(*args: object, **options: object) -> object:
        result = function(*args, **options)
        calls.append(None)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return result

    return call
