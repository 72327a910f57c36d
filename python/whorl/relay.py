"""
Calls made in other processes in, traces for the computation that started them out.

A worker process that a stage's body started writes what it called into a folder named after the computing process; the
computation reads it when its function returns.  The folder is there only while something computes.  On the arrow: part
of *compute*.
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

from whorl.config import announce_process, announced_process
from whorl.errors import CorruptEntryError
from whorl.store.codec import decode_trace, encode_trace
from whorl.store.process import exists

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whorl.store.manifest import Trace

_announced_before: list[int | None] = []


def announce() -> None:
    """Tell processes started from now on that this one computes."""
    if announced_process() != os.getpid():
        _announced_before.append(announced_process())
        announce_process(os.getpid())
        _sweep_once()
        with suppress(OSError):
            _folder(os.getpid()).mkdir(mode=0o700, exist_ok=True)


def retract() -> None:
    """End the announcement, and give back the one that this process was started under."""
    announce_process(_announced_before.pop() if _announced_before else None)
    try:
        os.rmdir(_folder(os.getpid()))
    except OSError:  # a worker reported something
        shutil.rmtree(_folder(os.getpid()), ignore_errors=True)


def has_listener() -> bool:
    """Whether this process was started by one that computes, or may be a worker of one."""
    return _listener() is not None


def pass_on(trace: Trace | None) -> None:
    """Hand a trace to the computing process that started this one, if there is one; None says one cannot be had."""
    process = _listener()
    if process is None:
        return
    folder = _folder(process)
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
    try:
        yield from _reported(_folder(os.getpid()), since) if is_open() else ()
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
        found = os.lstat(_folder(os.getpid()))
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == _user() and not stat.S_IMODE(found.st_mode) & 0o022


@cache
def _sweep_once() -> None:
    """Remove the folders of this user's processes that were killed while they computed."""
    prefix = _folder(0).name[:-1]
    with suppress(OSError):  # the folder of others may not be listed by everybody: then they stay
        for name in os.listdir(tempfile.gettempdir()):
            process = name.removeprefix(prefix)
            if name.startswith(prefix) and process.isdecimal() and not exists(int(process)):
                shutil.rmtree(_folder(int(process)), ignore_errors=True)


def _listener() -> int | None:
    process = announced_process() or _pool_parent()
    return None if process is None or process == os.getpid() or not _folder(process).is_dir() else process


def _folder(process: int) -> Path:
    return Path(tempfile.gettempdir()) / f"whorl-{_user()}-{process}"


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0  # Windows gives each user a temporary folder of their own


def _pool_parent() -> int | None:
    """Find the parent of a multiprocessing worker: a pool may be older than the computation that uses it."""
    module = sys.modules.get("multiprocessing.process")
    parent = module.parent_process() if module else None
    return parent.pid if parent else None
