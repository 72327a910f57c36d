"""
Calls made in other processes in, traces for the computation that started them out.

A worker process that a stage's body started writes what it called into a folder named after the computing process; the
computation reads it when its function returns.  The folder stays for as long as the process; a byte in it tells
whether something computes: to make and remove a folder each time costs more than all else that is done to store a small
result, and most of all where a disk is busy.  On the arrow: part of *compute*.
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
from whorl.digest import read_small
from whorl.errors import CorruptEntryError
from whorl.store.codec import decode_trace, encode_trace
from whorl.store.process import exists

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whorl.store.manifest import Trace

# The file whose one byte tells whether something computes; reports have other names.
_SIGN = ".computing"
_YES, _NO = b"1", b"0"
_CHANGE = os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)

_announced_before: list[int | None] = []
_made: set[str] = set()


def announce() -> None:
    """Tell processes started from now on that this one computes."""
    process, before = os.getpid(), announced_process()
    if before != process:
        _announced_before.append(before)
        announce_process(process)
        _sweep_once()
        with suppress(OSError):  # is_open() tells: nothing is stored then
            _make(_folder(process))


def _make(folder: str) -> None:
    """Say that something computes, in a folder that is made where none is, or where late reports are in it."""
    with suppress(OSError):
        if folder in _made and os.listdir(folder) == [_SIGN]:
            _write(folder, _YES, _CHANGE)
            return
    _remove(folder)
    os.mkdir(folder, 0o700)
    _made.add(folder)
    _write(folder, _YES, _CHANGE | os.O_CREAT | os.O_EXCL)


def _write(folder: str, sign: bytes, flags: int) -> None:
    # Opened each time: whoever closes all files of a process must not have this one take another's number.
    descriptor = os.open(f"{folder}/{_SIGN}", flags, 0o600)
    try:
        os.write(descriptor, sign)
    finally:
        os.close(descriptor)


def retract() -> None:
    """End the announcement, and give back the one that this process was started under."""
    announce_process(_announced_before.pop() if _announced_before else None)
    folder = _folder(os.getpid())
    if folder in _made and _pool_parent() is None:  # a pool's worker ends without tidying up
        with suppress(OSError):
            _write(folder, _NO, _CHANGE)
            return
    _remove(folder)


def _remove(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _made.discard(folder)


def _remove_all() -> None:
    for folder in tuple(_made):
        _remove(folder)


atexit.register(_remove_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_made.clear)  # they are the parent's


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
        if names != [_SIGN] and is_open():
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
    """Whether workers can report to this process: its folder says that it computes, and is this user's alone."""
    process = os.getpid()
    try:
        found = os.lstat(_folder(process))
    except OSError:
        return False
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == _user() and not stat.S_IMODE(found.st_mode) & 0o022
    return is_own and _computes(process, unknown=False)


@cache
def _sweep_once() -> None:
    """Remove the folders of this user's processes that were killed while they computed."""
    above, prefix = os.path.split(_folder(0)[:-1])
    with suppress(OSError):  # the folder of others may not be listed by everybody: then they stay
        for name in os.listdir(above):
            process = name.removeprefix(prefix)
            if name.startswith(prefix) and process.isdecimal() and not exists(int(process)):
                shutil.rmtree(os.path.join(above, name), ignore_errors=True)


def _listener() -> int | None:
    process = announced_process() or _pool_parent()
    return process if process is not None and process != os.getpid() and _computes(process, unknown=True) else None


def _computes(process: int, *, unknown: bool) -> bool:
    """Tell whether a process says that it computes; ``unknown`` is for what cannot be read: too many files are open."""
    try:
        return read_small(f"{_folder(process)}/{_SIGN}", 1) == _YES
    except OSError:
        return unknown


def _folder(process: int) -> str:
    return os.path.join(tempfile.gettempdir(), f"whorl-{_user()}-{process}")


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0  # Windows gives each user a temporary folder of their own


def _pool_parent() -> int | None:
    """Find the parent of a multiprocessing worker: a pool may be older than the computation that uses it."""
    module = sys.modules.get("multiprocessing.process")
    parent = module.parent_process() if module else None
    return parent.pid if parent else None
