"""
A coroutine in, its value out, from a thread that may block; and blocking work in, an awaitable out.

The engine is written once, as blocking code.  For an ``async def`` stage it runs in a thread of its own and sends the
coroutine back to the caller's loop, so that waiting for a store or a lock never blocks that loop.  On the arrow:
*compute*.
"""

from __future__ import annotations

import asyncio  # noqa: TID253 - this module is imported for async stages alone
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from whorl.executors.threads import run_in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

T = TypeVar("T")


@dataclass(slots=True)
class _Home:
    """The caller's loop, and what was sent back to it and has not ended."""

    loop: asyncio.AbstractEventLoop
    finished: asyncio.Event
    sent: set[Future[object]] = field(default_factory=set)

    def finish(self) -> None:
        """Tell the loop that the work has ended, if it still runs."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.finished.set)


_home: ContextVar[_Home | None] = ContextVar("whorl event loop", default=None)


async def run_beside_loop(work: Callable[[], T]) -> T:
    """Run blocking work in a thread of its own; its coroutines come back to this loop.  Cancelling cancels them."""
    home = _Home(asyncio.get_running_loop(), asyncio.Event())
    token = _home.set(home)
    try:
        task = run_in_thread(work, home.finish)
    finally:
        _home.reset(token)
    try:
        await home.finished.wait()
    except asyncio.CancelledError:
        for future in tuple(home.sent):
            future.cancel()
        raise
    return task.result()


def wait_for(coroutine: Coroutine[object, object, T]) -> T:
    """Run a coroutine to its end: on the loop this work was started from, else on a loop of its own."""
    home = _home.get()
    if (
        _runs_a_loop()
    ):  # a plain function on a loop's own thread called an async stage's consumer: it blocks, as it asked
        return run_in_thread(lambda: asyncio.run(coroutine)).result()
    if home is None or not home.loop.is_running():
        return asyncio.run(coroutine)
    future = asyncio.run_coroutine_threadsafe(coroutine, home.loop)
    home.sent.add(future)  # type: ignore[arg-type]
    try:
        return future.result()
    finally:
        home.sent.discard(future)


def _runs_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
