"""
When functions of stages begin and end goes in, the seconds during which at least one of them ran come out.

What is left of a run's time is whorl's own.  A function that calls a stage waits meanwhile: looking up is whorl's work,
and the function computed for it runs on a clock of its own.  On the arrow: around *compute*.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class _Function:
    """A function under way; ``waits`` counts the calls of stages that it waits for, in all its threads."""

    waits: int = 0


@dataclass(slots=True)
class _Stopwatch:
    """Goes on while at least one function runs that does not wait."""

    running: int = 0
    since: float = 0.0
    seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def change(self, step: int) -> float:
        """Count functions that begin or go on (1), end or wait (-1); called with the lock held."""
        now = time.perf_counter()
        if self.running:
            self.seconds += now - self.since
        self.since = now
        self.running += step
        return self.seconds

    def replace_lock(self) -> None:
        """In a forked child: a thread of the parent may have held the lock."""
        self.lock = threading.Lock()


_OUTSIDE = nullcontext()
_stopwatch = _Stopwatch()
_current: ContextVar[_Function | None] = ContextVar("whorl function", default=None)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_stopwatch.replace_lock)


def seconds_in_functions() -> float:
    """Read the seconds that functions of stages took in this process so far."""
    with _stopwatch.lock:
        return _stopwatch.change(0)


@contextmanager
def function_runs() -> Iterator[None]:
    """Count the block as time in a stage's function."""
    token = _current.set(_Function())
    with _stopwatch.lock:
        _stopwatch.change(1)
    try:
        yield
    finally:
        with _stopwatch.lock:
            _stopwatch.change(-1)
        _current.reset(token)


def function_waits() -> AbstractContextManager[None]:
    """Count the block, if it is part of a stage's function, as whorl's own time."""
    function = _current.get()
    return _OUTSIDE if function is None else _waits(function)


@contextmanager
def _waits(function: _Function) -> Iterator[None]:
    with _stopwatch.lock:
        _stopwatch.change(0 if function.waits else -1)
        function.waits += 1
    try:
        yield
    finally:
        with _stopwatch.lock:
            function.waits -= 1
            _stopwatch.change(0 if function.waits else 1)
