"""
A plan comes in that is computed later than the stage which gave it; what happens meanwhile is the stage's all the same.

A result may be a graph of dask's that calls other stages and helpers of the user's.  Whoever keeps such a result has it
computed, by writing it or by digesting it; the stages that are called then, what changes in its module and what it
raises are the work of the stage that made the plan.  Beside the arrow: *compute*, continued.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

T = TypeVar("T")

_OUTSIDE = nullcontext()
_begin: ContextVar[Callable[[], object] | None] = ContextVar("whorl plans", default=None)


class PlanFailed(BaseException):
    """An error of a plan's own, on its way through code that would take it for an error in what it does itself."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class _Met(BaseException):
    """There is a plan."""


@contextmanager
def plans_of(begin: Callable[[], object] | None) -> Iterator[None]:
    """
    Say whose plans are met in this block: ``begin`` is called before each of them runs.

    Their errors are ``PlanFailed``; with None, nobody is there to hear it, and they stay what they are.
    """
    token = _begin.set(begin)
    try:
        yield
    finally:
        _begin.reset(token)


def outside_of_plans() -> AbstractContextManager[None]:
    """Leave a block out of whatever plan or value is computed around it: what a stage meets is its own."""
    return _OUTSIDE if _begin.get() is None else plans_of(None)


@contextmanager
def until_a_plan() -> Iterator[None]:
    """End this block where a plan would run."""
    with suppress(_Met), plans_of(_stop):
        yield


def _stop() -> None:
    raise _Met


@contextmanager
def plan_runs() -> Iterator[None]:
    """Run a plan in this block; those inside of it are parts of it."""
    begin = _begin.get()
    if begin is None:
        yield
        return
    begin()
    try:
        with plans_of(None):
            yield
    except Exception as error:
        raise PlanFailed(error) from error


def as_raised(work: Callable[[], T]) -> T:
    """Do some work, and let the error of a plan out as it was raised."""
    try:
        return work()
    except PlanFailed as failed:
        error = failed.error
    raise error
