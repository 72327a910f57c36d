"""
A plan comes in that is computed later than the stage which gave it; what happens meanwhile is the stage's all the same.

A result may be a graph of dask's that calls other stages and helpers of the user's.  Whoever keeps such a result has it
computed, by writing it or by digesting it; the stages that are called then, and what changes in its module, are the
work of the stage that made the plan.  Beside the arrow: *compute*, continued.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

_running: ContextVar[Callable[[], AbstractContextManager[object]] | None] = ContextVar("whorl plans", default=None)


@contextmanager
def plans_of(running: Callable[[], AbstractContextManager[object]] | None) -> Iterator[None]:
    """Say inside of what plans run that are met in this block: ``running`` is a stage's run, continued."""
    token = _running.set(running)
    try:
        yield
    finally:
        _running.reset(token)


@contextmanager
def plan_runs() -> Iterator[None]:
    """Run a plan in this block as a part of its stage, if it has one."""
    running = _running.get()
    if running is None:
        yield
        return
    with running(), plans_of(None):
        yield
