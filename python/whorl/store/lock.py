"""
A path in, a lock out: one holder among all processes and threads, freed by the kernel when its process dies.

The lock is ``flock`` on a file, with a lock of the threads around it (two descriptors of one process exclude each
other too, but threads should not poll).  The holder removes the file before it lets go, so lock files do not pile up;
that is safe because whoever gets the lock then looks whether its file is still the one at the path, and begins again
if not.  A forked child closes the descriptors at once and so never keeps a lock alive.  On the arrow: around *compute*
and *commit*.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whorl.errors import LeaseTimeoutError
from whorl.store.disk import close_read, failure, make_folder
from whorl.store.process import host_name
from whorl.store.rights import file_mode, settle_file

if TYPE_CHECKING:
    from collections.abc import Iterator

# Waiters look again after 1 ms, then less and less often.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05
_BUSY = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}
# A file system that cannot lock: a lease is an optimisation, and manifests are replaced by rename all the same.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}
_ABOUT_LIMIT = 1024


@contextmanager
def locked(path: str, what: str, timeout: float) -> Iterator[None]:
    """
    Hold the lock of a path; wait ``timeout`` seconds at most, then raise ``LeaseTimeoutError`` naming the holder.

    Not re-entrant.  It may be left in another thread than it was entered in.
    """
    deadline = time.monotonic() + timeout
    with among_threads(path, what, deadline, timeout):
        descriptor = _acquire(path, what, deadline, timeout)
        owner = os.getpid()
        try:
            yield
        finally:
            if owner == os.getpid():  # a forked child has closed it already
                _release(path, descriptor)


# --- between threads ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Shared:
    lock: threading.Lock = field(default_factory=threading.Lock)
    users: int = 0


_guard = threading.Lock()
_shared: dict[str, _Shared] = {}
_descriptors: set[int] = set()


@contextmanager
def among_threads(path: str, what: str, deadline: float, timeout: float) -> Iterator[None]:
    """Hold a name among the threads of this process, until a moment of the monotonic clock; not re-entrant."""
    with _guard:
        shared = _shared.setdefault(path, _Shared())
        shared.users += 1
    try:
        if not shared.lock.acquire(timeout=_left(deadline)):
            raise _timed_out(path, what, timeout)
        try:
            yield
        finally:
            shared.lock.release()
    finally:
        with _guard:
            shared.users -= 1
            if not shared.users and _shared.get(path) is shared:  # not that of a forked child
                del _shared[path]


def _left(deadline: float) -> float:
    return min(max(0.0, deadline - time.monotonic()), threading.TIMEOUT_MAX)


# --- between processes -------------------------------------------------------------------------------------------


def _acquire(path: str, what: str, deadline: float, timeout: float) -> int:
    while True:
        descriptor = _open(path)
        try:
            _wait(descriptor, path, what, deadline, timeout)
            if _is_at(descriptor, path):
                _introduce(descriptor)
                return descriptor
        except BaseException:
            _close(descriptor)
            raise
        _close(descriptor)


def _open(path: str) -> int:
    """Open a lock file, on record for forked children."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    while True:
        try:
            with _guard:  # no fork between the two
                descriptor = os.open(path, flags, file_mode(path))
                _descriptors.add(descriptor)
            settle_file(path, descriptor)
        except FileNotFoundError:
            make_folder(os.path.dirname(path))
        except OSError as error:
            raise failure("lock", path, error) from error
        else:
            return descriptor


def _wait(descriptor: int, path: str, what: str, deadline: float, timeout: float) -> None:
    pause = _FIRST_PAUSE
    while not _try_lock(descriptor, path):
        left = _left(deadline)
        if not left:
            raise _timed_out(path, what, timeout)
        time.sleep(min(pause, left))  # Ctrl-C ends it at once
        pause = min(pause * 1.5, _LONGEST_PAUSE)


if sys.platform == "win32":
    import msvcrt

    def _lock_now(descriptor: int) -> None:
        os.lseek(descriptor, _ABOUT_LIMIT, os.SEEK_SET)  # beyond what the holder writes, so that others can read it
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock_now(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _try_lock(descriptor: int, path: str) -> bool:
    try:
        _lock_now(descriptor)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        if error.errno not in _NO_LOCKS:
            raise failure("lock", path, error) from error
    return True


def _is_at(descriptor: int, path: str) -> bool:
    """Return whether the path still leads to the open file: its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
    except OSError as error:
        raise failure("lock", path, error) from error


def _release(path: str, descriptor: int) -> None:
    try:
        with suppress(OSError):  # left where it is, it does no harm (Windows does not remove open files)
            os.unlink(path)
    finally:
        _close(descriptor)


def _close(descriptor: int) -> None:
    with _guard:
        if descriptor in _descriptors:
            _descriptors.discard(descriptor)
            close_read(descriptor)


# --- who holds it ------------------------------------------------------------------------------------------------


def _introduce(descriptor: int) -> None:
    """Leave host, process id and time in the lock file, for the messages of those who wait."""
    about = json.dumps({"host": host_name(), "pid": os.getpid(), "since": time.time()}).encode()
    with suppress(OSError):  # a full disk: the lock holds all the same
        if os.fstat(descriptor).st_size:  # ext4 writes at once what was truncated, even nothing: a third of a storing
            os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, about[:_ABOUT_LIMIT])


def _timed_out(path: str, what: str, timeout: float) -> LeaseTimeoutError:
    return LeaseTimeoutError(
        f"waited {timeout:.3g} s for {what}",
        f"it is held by {_holder(path)}",
        "wait longer with wait_timeout, or end that process; its lock is freed when it ends",
    )


def _holder(path: str) -> str:
    try:
        with open(path, "rb") as file:
            about = json.loads(file.read(_ABOUT_LIMIT))
        age = max(0.0, time.time() - float(about["since"]))
        return f"process {int(about['pid'])} on {about['host']}, for {age:.0f} s"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # it is about to begin or to end
        return "another process"


# --- forked children ---------------------------------------------------------------------------------------------


def _forget() -> None:
    """In a forked child: let go of what the parent holds."""
    _guard.release()
    for descriptor in _descriptors:
        with suppress(OSError):
            os.close(descriptor)  # never unlock: the lock is the parent's too
    _descriptors.clear()
    _shared.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_guard.acquire, after_in_parent=_guard.release, after_in_child=_forget)
