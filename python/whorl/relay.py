"""
Calls made in other processes in, traces for the computation that started them out.

A worker process that a stage's body started writes what it called into a folder of the computing process; the
computation reads it when its function returns.  The folder is there only while something computes, under a name that no
other process has.  Workers are told its path: their own temporary folder may be another one.  On the arrow: part of
*compute*.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from whorl.config import announce_process, announced_process, temporary_folders
from whorl.errors import ConfigError, CorruptEntryError
from whorl.store.codec import decode_trace, encode_trace
from whorl.store.process import has_ended, is_near, name_of, own_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whorl.store.manifest import Trace

# What this process was started under: bodies may change the environment later.
_inherited = announced_process()
# What the environment said before this process announced that it computes, and what it says since.
_before: str | None = None
_announced: str | None = None


def announce() -> None:
    """Tell processes started from now on that this one computes."""
    global _before, _announced  # noqa: PLW0603 - what stands in the environment is the process's too
    before = announced_process()
    if _announced is None or before != _announced:
        _sweep_once()
        mine = _open()
        if before != mine:  # one that was interrupted may have left it there
            _before = before
        _announced = mine
        announce_process(mine)


def _open() -> str:
    """Make the folder of this process; give what others are told of it: where it lies, and its path."""
    try:
        folder = _folder(own_name())
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        return f"{_identity(folder.parent)}:{folder}"
    except OSError:  # is_open() tells: nothing is stored then
        return ""


def retract() -> None:
    """End the announcement, and give back the one that this process was started under."""
    global _announced
    with suppress(OSError):
        folder = _folder(own_name())
        try:
            folder.rmdir()
        except OSError:  # a worker reported something
            shutil.rmtree(folder, ignore_errors=True)
    mine, _announced = _announced, None
    if mine is not None and announced_process() == mine:
        announce_process(_before)


def has_listener() -> bool:
    """Whether this process was started by one that computes, or may be a worker of one."""
    return _listener() is not None


def pass_on(trace: Trace | None) -> None:
    """
    Hand a trace to the computing process that started this one, if there is one; None says one cannot be had.

    ConfigError is raised where that process may compute, but cannot be told: it would store what may be stale.
    """
    folder = _listener()
    if folder is None:
        return
    name = uuid.uuid4().hex
    try:
        (folder / f".{name}").write_bytes(b"" if trace is None else encode_trace(trace))
        (folder / f".{name}").rename(folder / name)  # a reader sees whole files only
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)  # the computing process sees that not all was reported
        if folder.is_dir() or _listener() == folder:
            raise ConfigError(
                "the stage that started this process cannot be told what is called here",
                f"it reads reports of its workers from {folder}, which cannot be written to from here",
                "start workers where they see that folder, and anything else without WHORL_COMPUTING_PROCESS set",
            ) from error


def collect(since: float) -> Iterator[Trace | None]:
    """
    Yield what workers of this process have passed on; what is older than ``since`` belongs to nobody now.

    None stands for a trace that cannot be had, here also for one that cannot be read.
    """
    try:
        yield from _reported(_folder(own_name()), since) if is_open() else ()
    except (OSError, CorruptEntryError):
        yield None


def _reported(folder: Path, since: float) -> Iterator[Trace | None]:
    for name in sorted(os.listdir(folder)):
        path = folder / name
        if not name.startswith(".") and path.stat().st_mtime >= since - 1:
            data = path.read_bytes()
            yield decode_trace(data) if data else None


def is_open() -> bool:
    """Whether workers can report to this process: its folder is there and belongs to this user alone."""
    try:
        found = os.lstat(_folder(own_name()))
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == _user() and not stat.S_IMODE(found.st_mode) & 0o022


@cache
def _sweep_once() -> None:
    """Remove the folders of this user's processes that were killed while they computed."""
    with suppress(OSError):  # the folder of others may not be listed by everybody: then they stay
        above, prefix = os.path.split(_folder(""))
        for name in os.listdir(above):
            if name.startswith(prefix) and has_ended(name.removeprefix(prefix)):
                shutil.rmtree(os.path.join(above, name), ignore_errors=True)


def _listener() -> Path | None:
    """Find the folder of a computing process above this one; also one that cannot be seen from here."""
    hidden = None
    for announced in filter(None, (announced_process(), _inherited)):  # mostly none: each hit asks
        identity, folder = _read(announced)
        if folder is not None and not folder.name.endswith(own_name()):
            if folder.is_dir():
                return folder
            hidden = folder if _is_hidden(folder, identity) else hidden
    parent = _pool_parent()
    with suppress(OSError):
        if parent is not None and (folder := _folder(name_of(parent))).is_dir():
            return folder
    return hidden


def _read(announced: str) -> tuple[str, Path | None]:
    """Take an announcement apart; the folder is None in what is none."""
    device, _, rest = announced.partition(":")
    inode, _, path = rest.partition(":")
    folder = Path(path)
    is_ours = folder.is_absolute() and folder.name.startswith("whorl-")
    return f"{device}:{inode}", folder if is_ours else None


def _is_hidden(folder: Path, identity: str) -> bool:
    """Tell whether a folder that is not here may be there for its process, which looks elsewhere or from elsewhere."""
    name = folder.name.split("-", 2)[-1]
    if has_ended(name):
        return False
    try:
        return not is_near(name) or _identity(folder.parent) != identity
    except OSError:
        return True


def _identity(folder: Path) -> str:
    found = folder.stat()
    return f"{found.st_dev}:{found.st_ino}"


def _folder(name: str) -> Path:
    if not os.path.isdir(_temporary()):
        _temporary.cache_clear()
    return Path(_temporary()) / f"whorl-{_user()}-{name}"


@cache
def _temporary() -> str:
    """
    Give the folder for temporary files, once: a worker that is told nothing looks where its parent did.

    For that, what programs set in ``tempfile`` does not count where the system says enough.
    """
    shared = ("/tmp",) if os.name == "posix" else ()  # noqa: S108 - is_open() tells whose the folder in it is
    said = (*temporary_folders(), *shared)
    usable = (path for path in said if os.path.isdir(path) and os.access(path, os.W_OK | os.X_OK))
    return os.path.abspath(next(usable, None) or tempfile.gettempdir())


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0  # Windows gives each user a temporary folder of their own


def _pool_parent() -> int | None:
    """Find the parent of a multiprocessing worker: a pool may be older than the computation that uses it."""
    module = sys.modules.get("multiprocessing.process")
    parent = module.parent_process() if module else None
    return parent.pid if parent else None


def _is_worker() -> bool:
    """Tell whether multiprocessing started this process; while it imports the script, no parent is known yet."""
    module = sys.modules.get("multiprocessing.process")
    return module is not None and module.current_process().name != "MainProcess"


def _settle() -> None:
    with suppress(OSError):
        _temporary()


def _inherit() -> None:
    """In a forked child: what the parent announced is what the child was started under."""
    global _inherited, _announced
    _inherited, _announced = announced_process() or _inherited, None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_settle, after_in_child=_inherit)
if _is_worker():
    _settle()
