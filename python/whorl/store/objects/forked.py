"""
A way to make a client in, this process's client out: a child that was forked makes its own.

Connections, threads and locks do not survive ``os.fork``.  And work that has to end: ``within`` leaves it behind in a
thread of its own when the time is over.  On the arrow: below *lookup* and *commit*.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

# What parents made.  Forgetting it would close their connections, or wait for threads that run in the parent alone.
_of_parents: list[object] = []


class PerProcess(Generic[T]):
    """Something that each process makes for itself, when it is first needed."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._owner = 0
        self._made: T | None = None
        _all.add(self)

    def get(self) -> T:
        """Return what this process made; all its threads share it."""
        made = self._made
        if made is not None and self._owner == os.getpid():
            return made
        with self._lock:
            if self._made is None or self._owner != os.getpid():
                if self._made is not None:
                    _of_parents.append(self._made)
                self._made = self._make()
                self._owner = os.getpid()
            return self._made

    def unlock(self) -> None:
        """Take a lock that nobody holds: in a forked child, the thread that held the old one is not there."""
        self._lock = threading.Lock()


def within(seconds: float, work: Callable[[], T]) -> T:
    """Do something that may never end; after some seconds it is left to itself, with ``TimeoutError``."""
    answer: dict[str, Any] = {}

    def run() -> None:
        try:
            answer["value"] = work()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            answer["error"] = error

    thread = threading.Thread(target=run, name="whorl-store", daemon=True)
    thread.start()
    thread.join(seconds)
    if "error" in answer:
        raise answer["error"]
    if "value" not in answer:
        raise TimeoutError
    value: T = answer["value"]
    return value


def _unlock_all() -> None:
    for each in list(_all):
        each.unlock()


_all: weakref.WeakSet[PerProcess[Any]] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_all)
