"""
Context variables in, their values out in the threads that a block starts and in the pools that it gives work to.

Python gives a new thread no context (before 3.14), and other processes none at all, so that what a call asks of the
stages in its body would be lost there.  Only the named variables are carried: others, such as decimal's, are a user's
own business, and nothing is touched where nobody asks for anything.  Methods of the standard library are replaced
meanwhile, and only taken back where they are still ours: what another library put in their place, before or since,
stays.  Beside the arrow: options and observers travel by it.
"""

from __future__ import annotations

import os
import pickle
import threading
from concurrent.futures import Executor, ThreadPoolExecutor  # noqa: TID253 - imported where something is carried
from concurrent.futures.process import ProcessPoolExecutor  # noqa: TID253 - as above
from contextlib import contextmanager
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from functools import partial, wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

from whorl.errors import WhorlWarning, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Each variable, and where another process finds it: "module:name", or nothing for what stays in this one.
_carried: ContextVar[dict[ContextVar[Any], str]] = ContextVar("whorl carried", default={})  # noqa: B039 - never changed
# How many blocks this context is in: a forked child has these, and none of other threads.
_blocks: ContextVar[int] = ContextVar("whorl blocks", default=0)
_Held = list[tuple[ContextVar[Any], Any]]


def _start_carrying(start: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(start)
    def carrying(thread: threading.Thread) -> None:
        if _carried.get() and not thread.daemon:  # daemons are of pools and libraries: they outlive it
            thread.run = carry(thread.run)  # type: ignore[method-assign]
        start(thread)

    return carrying


def _submit_with(prepare: Callable[[Callable[..., Any]], Callable[..., Any]], submit: Callable[..., Any]) -> Any:
    @wraps(submit)
    def submitting(pool: Executor, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        work = prepare(function)
        with _set(_outside()):
            return submit(pool, work, *args, **kwargs)

    return submitting


def _taken_along(function: Callable[..., Any]) -> Callable[..., Any]:
    return carry(function) if _carried.get() else function


def _sent(function: Callable[..., Any]) -> Callable[..., Any]:
    """Send along what can be sent; an option that cannot is said to be lost."""
    held = {home: variable.get() for variable, home in _carried.get().items() if home}
    try:
        pickle.dumps(held)
    except Exception as error:  # noqa: BLE001 - whatever an object in an option does
        warn(f"options of this call do not reach other processes: {error}", WhorlWarning)
        return function
    return _Sent(function, held) if held else function


_PLACES = (
    (threading.Thread, "start", _start_carrying),
    (ThreadPoolExecutor, "submit", partial(_submit_with, _taken_along)),
    (ProcessPoolExecutor, "submit", partial(_submit_with, _sent)),
)
# What tells our functions from those of a library that wraps them and looks like them.
_OURS = frozenset(make(getattr(kind, name)).__code__ for kind, name, make in _PLACES)


@dataclass(slots=True)
class _Hooks:
    """
    What stands in for methods of the standard library while a block, of any thread, wants it.

    A method that is not ours is wrapped once more: nobody can see whether one of ours is still below it, and carrying
    twice does no harm.
    """

    wanted: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def want(self, more: int) -> None:
        """Put functions in place of the methods, or take them back where nobody wants them any more."""
        with self.lock:
            self.wanted += more
            self._settle(begins=more > 0)

    def forked(self) -> None:
        """Keep what the context of a forked child wants: no other thread is there any more."""
        self.lock, self.wanted = threading.Lock(), _blocks.get()
        self._settle(begins=self.wanted > 0)

    def _settle(self, *, begins: bool) -> None:
        for kind, name, make in _PLACES:
            method = getattr(kind, name)
            if begins and not _is_ours(method):
                setattr(kind, name, make(method))
            while not self.wanted and _is_ours(method):
                method = method.__wrapped__
                setattr(kind, name, method)


def _is_ours(method: object) -> bool:
    return getattr(method, "__code__", None) in _OURS


_hooks = _Hooks()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_hooks.forked)


@contextmanager
def carried(variable: ContextVar[Any], home: str = "") -> Iterator[None]:
    """
    Carry a variable into threads that are started, and work that is given to pools, in this context meanwhile.

    ``home`` is where other processes find it; without it stays in this one.
    """
    with _in_force([(_carried, {**_carried.get(), variable: home})]):
        yield


def carry(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function so that it runs with the carried variables as they are now, wherever it runs."""
    held = [(variable, variable.get()) for variable in (*_carried.get(), _carried)]

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with _in_force(held):
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
        with _in_force([*((variables[home], value) for home, value in self.held.items()), (_carried, carried_on)]):
            return self.function(*args, **kwargs)


def _outside() -> _Held:
    """
    Give the carried variables as they are where nobody set them.

    A pool's threads and processes are started when work is given to it, and live longer than this block: the work has
    what the block asks for, they have not.
    """
    nowhere = Context()
    return [(variable, nowhere.run(variable.get)) for variable in (*_carried.get(), _carried, _blocks)]


@contextmanager
def _in_force(held: _Held) -> Iterator[None]:
    """Set variables, and carry what is to be carried, for a block."""
    with _set([*held, (_blocks, _blocks.get() + 1)]):
        _hooks.want(1)
        try:
            yield
        finally:
            _hooks.want(-1)


@contextmanager
def _set(held: _Held) -> Iterator[None]:
    tokens = [(variable, variable.set(value)) for variable, value in held]
    try:
        yield
    finally:
        for variable, token in reversed(tokens):
            variable.reset(token)
