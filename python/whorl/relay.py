"""
Calls made in other processes in, traces for the computation that started them out.

A worker process that a stage's body started writes what it called into a folder named after the computing process; the
computation reads it when its function returns.  The folder has that name only while something computes: in between it
is put aside under another one, for making a folder anew costs more than all else that is done to store a small result.
On the arrow: part of *compute*.
"""

from __future__ import annotations

import atexit
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

from whorl.config import announce_process, announced_process
from whorl.errors import CorruptEntryError
from whorl.store.codec import decode_trace, encode_trace
from whorl.store.process import exists

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whorl.store.manifest import Trace

# What a folder is called beside its name while nothing computes.
_ASIDE = ".aside"

_announced_before: list[int | None] = []
_put_aside: set[str] = set()


def announce() -> None:
    """Tell processes started from now on that this one computes."""
    process, before = os.getpid(), announced_process()
    if before != process:
        _announced_before.append(before)
        announce_process(process)
        _sweep_once()
        _open(_folder(process))


def _open(folder: str) -> None:
    with suppress(OSError):
        if folder in _put_aside:
            _put_aside.discard(folder)
            with suppress(OSError):  # somebody tidied up
                os.rename(folder + _ASIDE, folder)
                return
        os.mkdir(folder, 0o700)


def retract() -> None:
    """End the announcement, and give back the one that this process was started under."""
    announce_process(_announced_before.pop() if _announced_before else None)
    folder = _folder(os.getpid())
    is_kept = _pool_parent() is None and is_open()  # a pool's worker ends without tidying up
    if not (is_kept and _shut(folder)):
        _remove(folder)


def _shut(folder: str) -> bool:
    """Put a folder aside for the next computation, without what workers reported; false where that cannot be done."""
    try:
        os.rename(folder, folder + _ASIDE)
        if os.listdir(folder + _ASIDE):
            _remove(folder + _ASIDE)
        else:
            _put_aside.add(folder)
    except OSError:
        return False
    return True


def _remove(folder: str) -> None:
    try:
        os.rmdir(folder)
    except OSError:  # a worker reported something
        shutil.rmtree(folder, ignore_errors=True)


def _remove_aside() -> None:
    for folder in _put_aside:
        _remove(folder + _ASIDE)
    _put_aside.clear()


atexit.register(_remove_aside)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_put_aside.clear)  # they are the parent's


def has_listener() -> bool:
    """Whether this process was started by one that computes, or may be a worker of one."""
    return _listener() is not None


def pass_on(trace: Trace | None) -> None:
    """Hand a trace to the computing process that started this one, if there is one; None says one cannot be had."""
    process = _listener()
    if process is None:
        return
    folder = Path(_folder(process))
    name = uuid.uuid4().hex
    try:
        (folder / f".{name}").write_bytes(b"" if trace is None else encode_trace(trace))
        (folder / f".{name}").rename(folder / name)  # a reader sees whole files only
    except OSError:
        shutil.rmtree(folder)  # the computing process sees that not all was reported


def collect(since: float) -> Iterator[Trace | None]:
    """
    Yield what workers of this process have passed on; what is older than ``since`` belongs to nobody now.

    None stands for a trace that cannot be had, here also for one that cannot be read.
    """
    folder = _folder(os.getpid())
    try:
        names = os.listdir(folder)
        if names and is_open():
            yield from _reported(Path(folder), names, since)
    except (OSError, CorruptEntryError):
        yield None


def _reported(folder: Path, names: list[str], since: float) -> Iterator[Trace | None]:
    for name in sorted(names):
        path = folder / name
        if not name.startswith(".") and path.stat().st_mtime >= since - 1:
            data = path.read_bytes()
            yield decode_trace(data) if data else None


def is_open() -> bool:
    """Whether workers can report to this process: its folder is there and belongs to this user alone."""
    try:
        found = os.lstat(_folder(os.getpid()))
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == _user() and not stat.S_IMODE(found.st_mode) & 0o022


@cache
def _sweep_once() -> None:
    """Remove the folders of this user's processes that were killed while they computed."""
    above, prefix = os.path.split(_folder(0)[:-1])
    with suppress(OSError):  # the folder of others may not be listed by everybody: then they stay
        for name in os.listdir(above):
            process = name.removeprefix(prefix).removesuffix(_ASIDE)
            if name.startswith(prefix) and process.isdecimal() and not exists(int(process)):
                shutil.rmtree(os.path.join(above, name), ignore_errors=True)


def _listener() -> int | None:
    process = announced_process() or _pool_parent()
    return None if process is None or process == os.getpid() or not os.path.isdir(_folder(process)) else process


def _folder(process: int) -> str:
    return os.path.join(tempfile.gettempdir(), f"whorl-{_user()}-{process}")


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0  # Windows gives each user a temporary folder of their own


def _pool_parent() -> int | None:
    """Find the parent of a multiprocessing worker: a pool may be older than the computation that uses it."""
    module = sys.modules.get("multiprocessing.process")
    parent = module.parent_process() if module else None
    return parent.pid if parent else None
