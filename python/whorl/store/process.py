"""
A process in, a name for what it leaves behind out; and from such a name, whether that process still lives.

A process id says little on its own: it is used again, means nothing on another machine sharing the folder, and
differs between containers.  So the name holds a digest of machine, boot and container, the id, and the start time.  On
the arrow: part of *commit*.
"""

from __future__ import annotations

import os
from functools import lru_cache

from whorl.store.disk import digest_bytes

_PARTS = 3
_UNKNOWN = "unknown"  # a process without a start time: its id may have been used again


def own_name() -> str:
    """Return the name of this process: ``<host>-<pid>-<start>``, the same for as long as it lives."""
    return name_of(os.getpid())  # not remembered across a fork


def host_name() -> str:
    """Return the name of this machine."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    import socket

    return socket.gethostname()


def is_near(name: str) -> bool:
    """Return whether a name is of this machine, as it is started, and container."""
    return name.partition("-")[0] == _host()


def has_ended(name: str) -> bool | None:
    """Return whether the process of a name is gone; ``None`` where that cannot be known from here."""
    parts = name.split("-")
    if len(parts) < _PARTS or parts[0] != _host() or not parts[1].isdigit():
        return None
    start = _start_of(int(parts[1]))
    return None if start == _UNKNOWN else start != parts[2]


@lru_cache(maxsize=4)
def name_of(pid: int) -> str:
    """Return the name of a process of this machine."""
    return f"{_host()}-{pid}-{_start_of(pid) or _UNKNOWN}"


@lru_cache(maxsize=1)
def _host() -> str:
    parts = (host_name(), _first_line("/proc/sys/kernel/random/boot_id"), _link("/proc/self/ns/pid"))
    return digest_bytes("\n".join(parts).encode("utf-8", "surrogateescape")).hex()[:12]


def _start_of(pid: int) -> str | None:
    """Return when a process started, in its kernel's ticks (proc(5), field 22); ``None`` where there is none."""
    stat = _first_line(f"/proc/{pid}/stat")
    if stat:
        return stat.rpartition(")")[2].split()[19]  # the command before it may contain anything
    return _UNKNOWN if not os.path.isdir("/proc/self") and exists(pid) else None


def exists(pid: int) -> bool:
    """Ask a system without /proc; on Windows signal 0 would end the process, so there all count as living."""
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.readline().strip()
    except OSError:  # another system than Linux
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
