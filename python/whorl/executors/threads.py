"""
Tasks in, their results in order out, side by side in threads that carry the caller's context.

Threads are made per task, without a limit, so that waiting never takes the place of working: how many may *compute* at
once is bounded by ``Slots``, which a thread takes only around a stage's function.  On the arrow: *compute*.
"""

from __future__ import annotations

import contextvars
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")

_making = threading.Lock()
_inside: ContextVar[Slots | None] = ContextVar("whorl slot held", default=None)


class Slots:
    """A number of places to compute in; a computation nested in another uses the place of its caller."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._places: threading.BoundedSemaphore | None = None

    def _made(self) -> threading.BoundedSemaphore:
        """Make the places when one is first asked for: a hit takes none."""
        with _making:
            if self._places is None:
                self._places = threading.BoundedSemaphore(self.number)
            return self._places

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Wait for a place and keep it for the block."""
        if _inside.get() is self:
            yield
            return
        with self._made():
            token = _inside.set(self)
            try:
                yield
            finally:
                _inside.reset(token)

    @contextmanager
    def given_back(self) -> Iterator[None]:
        """Let others have this context's place meanwhile: whom it waits for may need it."""
        places = self._made()
        places.release()
        try:
            yield
        finally:
            places.acquire()


@contextmanager
def waiting() -> Iterator[None]:
    """Give the place back that this context computes in, if it has one, and take one again after the block."""
    slots = _inside.get()
    if slots is None:
        yield
        return
    with slots.given_back():
        yield


@dataclass(slots=True)
class Task(Generic[T]):
    """Work that runs in a thread of its own."""

    work: Callable[[], T]
    context: contextvars.Context
    when_done: Callable[[], object]
    _values: list[T] = field(default_factory=list)
    _error: BaseException | None = None
    _done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Do the work; called in the thread."""
        try:
            self._values.append(self.context.run(self.work))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._error = error
        finally:
            self._done.set()
            self.when_done()

    def wait(self) -> None:
        """Wait until the work has ended, well or not."""
        self._done.wait()

    def result(self) -> T:
        """Wait for the value, or raise what the work raised."""
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._values[0]


def run_in_thread(work: Callable[[], T], when_done: Callable[[], object] = lambda: None) -> Task[T]:
    """Start one task in a thread of its own, with a copy of this context."""
    task = Task(work, contextvars.copy_context(), when_done)
    threading.Thread(target=task.run, name="whorl", daemon=True).start()
    return task


def run_side_by_side(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Run tasks at once and return their results in order; the first error in that order is raised when all ended."""
    started = [run_in_thread(task) for task in tasks]
    for task in started:
        task.wait()
    return [task.result() for task in started]
