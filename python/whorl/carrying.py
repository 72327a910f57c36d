"""
Context variables in, their values out in the threads that a block starts and in the pools that it gives work to.

Python gives a new thread no context (before 3.14), and other processes none at all, so that what a call asks of the
stages in its body would be lost there.  Only the named variables are carried: others, such as decimal's, are a user's
own business, and nothing is touched where nobody asks for anything.  Beside the arrow: options and observers travel by
it.
"""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor  # noqa: TID253 - imported where something is carried
from concurrent.futures.process import ProcessPoolExecutor  # noqa: TID253 - as above
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

from whorl.errors import WhorlWarning, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Each variable, and where another process finds it: "module:name", or nothing for what stays in this one.
_carried: ContextVar[dict[ContextVar[Any], str]] = ContextVar("whorl carried", default={})  # noqa: B039 - never changed
_PLACES = (
    (threading.Thread, "start"),
    (ThreadPoolExecutor, "submit"),
    (ProcessPoolExecutor, "submit"),
)


@dataclass(slots=True)
class _Hooks:
    """What stands in for methods of the standard library while a block wants it, and what stood there before."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    wanted: int = 0
    before: dict[tuple[type, str], Callable[..., Any]] = field(default_factory=dict)

    def install(self) -> None:
        with self.lock:
            self.wanted += 1
            if self.wanted == 1:
                self.before = {(kind, name): getattr(kind, name) for kind, name in _PLACES}
                for (kind, name), stand_in in zip(_PLACES, _STAND_INS, strict=True):
                    setattr(kind, name, stand_in)

    def remove(self) -> None:
        with self.lock:
            self.wanted -= 1
            if self.wanted == 0:
                for (kind, name), method in self.before.items():
                    setattr(kind, name, method)


@contextmanager
def carried(variable: ContextVar[Any], home: str = "") -> Iterator[None]:
    """
    Carry a variable into threads that are started, and work that is given to pools, in this context meanwhile.

    ``home`` is where other processes find it; without it stays in this one.
    """
    token = _carried.set({**_carried.get(), variable: home})
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
    _hooks.before[threading.Thread, "start"](thread)


@wraps(ThreadPoolExecutor.submit)  # type: ignore[arg-type]
def _submit_carrying(pool: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return _submit(ThreadPoolExecutor, pool, carry(function) if _carried.get() else function, *args, **kwargs)


@wraps(ProcessPoolExecutor.submit)  # type: ignore[arg-type]
def _submit_sending(pool: ProcessPoolExecutor, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return _submit(ProcessPoolExecutor, pool, _sent(function), *args, **kwargs)


_STAND_INS: tuple[Callable[..., Any], ...] = (_start_carrying, _submit_carrying, _submit_sending)


def _submit(kind: type, pool: Any, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Give work to a pool; its own threads live longer than this block and take over nothing, only the work does."""
    token = _carried.set({})
    try:
        return _hooks.before[kind, "submit"](pool, work, *args, **kwargs)
    finally:
        _carried.reset(token)


def carry(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function so that it runs with the carried variables as they are now, wherever it runs."""
    held = [(variable, variable.get()) for variable in (*_carried.get(), _carried)]

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with _holding(held):
            return function(*args, **kwargs)

    return run


@dataclass(frozen=True, slots=True)
class _Sent:
    """A function on its way to another process, with the variables that it runs with there, each with its home."""

    function: Callable[..., Any]
    held: dict[str, object]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        homes = {home: home.partition(":") for home in self.held}
        variables = {home: getattr(import_module(module), name) for home, (module, _, name) in homes.items()}
        carried_on = {variable: home for home, variable in variables.items()}
        held = [*((variables[home], value) for home, value in self.held.items()), (_carried, carried_on)]
        _hooks.install()
        try:
            with _holding(held):
                return self.function(*args, **kwargs)
        finally:
            _hooks.remove()


def _sent(function: Callable[..., Any]) -> Callable[..., Any]:
    """Send along what can be sent; an option that cannot is said to be lost."""
    held = {home: variable.get() for variable, home in _carried.get().items() if home}
    try:
        pickle.dumps(held)
    except Exception as error:  # noqa: BLE001 - whatever an object in an option does
        warn(f"options of this call do not reach other processes: {error}", WhorlWarning)
        return function
    return _Sent(function, held) if held else function


@contextmanager
def _holding(held: list[tuple[ContextVar[Any], Any]]) -> Iterator[None]:
    tokens = [(variable, variable.set(value)) for variable, value in held]
    try:
        yield
    finally:
        for variable, token in reversed(tokens):
            variable.reset(token)
