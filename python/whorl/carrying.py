"""
Context variables in, their values out in the threads that a block starts and in the pools that it gives work to.

Python gives a new thread no context (before 3.14), so that what a call asks of the stages in its body would be lost
in a thread of that body.  Only the named variables are carried: others, such as decimal's, are a user's own business,
and nothing is touched where nobody asks for anything.  Beside the arrow: options and observers travel by it.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor  # noqa: TID253 - imported where something is carried
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_carried: ContextVar[tuple[ContextVar[Any], ...]] = ContextVar("whorl carried", default=())


@dataclass(slots=True)
class _Hooks:
    """What stands in for two methods of the standard library while a block wants it, and what stood there before."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    wanted: int = 0
    start: Callable[..., Any] = threading.Thread.start
    submit: Callable[..., Any] = ThreadPoolExecutor.submit

    def install(self) -> None:
        with self.lock:
            self.wanted += 1
            if self.wanted == 1:
                self.start, self.submit = threading.Thread.start, ThreadPoolExecutor.submit
                threading.Thread.start = _start_carrying  # type: ignore[method-assign, assignment]
                ThreadPoolExecutor.submit = _submit_carrying  # type: ignore[method-assign, assignment]

    def remove(self) -> None:
        with self.lock:
            self.wanted -= 1
            if self.wanted == 0:
                threading.Thread.start = self.start  # type: ignore[method-assign]
                ThreadPoolExecutor.submit = self.submit  # type: ignore[method-assign]


@contextmanager
def carried(*variables: ContextVar[Any]) -> Iterator[None]:
    """Carry variables into threads that are started, and work that is given to pools, in this context meanwhile."""
    token = _carried.set(tuple(dict.fromkeys((*_carried.get(), *variables))))
    _hooks.install()
    try:
        yield
    finally:
        _hooks.remove()
        _carried.reset(token)


_hooks = _Hooks()


@wraps(threading.Thread.start)
def _start_carrying(thread: threading.Thread) -> None:
    if _carried.get() and not thread.daemon:  # daemons are workers of pools: they outlive what they are started in
        thread.run = carry(thread.run)  # type: ignore[method-assign]
    _hooks.start(thread)


@wraps(ThreadPoolExecutor.submit)  # type: ignore[arg-type]
def _submit_carrying(pool: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    variables = _carried.get()
    if not variables:
        return _hooks.submit(pool, function, *args, **kwargs)
    work = carry(function)
    # The pool's own threads live longer than this block: they take over nothing, only the work does.
    token = _carried.set(())
    try:
        return _hooks.submit(pool, work, *args, **kwargs)
    finally:
        _carried.reset(token)


def carry(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function so that it runs with the carried variables as they are now, wherever it runs."""
    held = [(variable, variable.get()) for variable in (*_carried.get(), _carried)]

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        tokens = [(variable, variable.set(value)) for variable, value in held]
        try:
            return function(*args, **kwargs)
        finally:
            for variable, token in reversed(tokens):
                variable.reset(token)

    return run
