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
_inside: ContextVar[_Place | None] = ContextVar("whorl slot held", default=None)


class Slots:
    """A number of places to compute in; a computation nested in another uses the place of its caller."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._places: threading.BoundedSemaphore | None = None

    def made(self) -> threading.BoundedSemaphore:
        """Make the places when one is first asked for: a hit takes none."""
        with _making:
            if self._places is None:
                self._places = threading.BoundedSemaphore(self.number)
            return self._places

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Wait for a place and keep it for the block."""
        outer = _inside.get()
        if outer is not None and outer.slots is self:
            yield
            return
        place = _Place(self, outer)
        token = _inside.set(place)
        try:
            yield
        finally:
            _inside.reset(token)
            place.end()


class _Place:
    """
    The place that one body computes in, with the one that it was called from.

    Threads of the body may wait side by side: the first gives the place back, and the last takes one again.
    """

    def __init__(self, slots: Slots, outer: _Place | None) -> None:
        self.slots, self.outer = slots, outer
        self._lock = threading.Lock()
        self._waiting = 0
        self._is_taking = self._has_ended = False
        self._places = slots.made()
        self._places.acquire()
        self._is_held = True

    def give_back(self) -> None:
        """Let others have the place: whom a thread waits for may need it."""
        with self._lock:
            self._waiting += 1
            self._release()

    def take_again(self) -> None:
        """Wait for a place, if no other thread of the body waits for something or for the place."""
        with self._lock:
            self._waiting -= 1
            if self._waiting or self._has_ended or self._is_taking or self._is_held:
                return
            self._is_taking = True
        try:
            self._places.acquire()
        except BaseException:
            self._is_taking = False
            raise
        with self._lock:
            self._is_taking, self._is_held = False, True
            if self._has_ended or self._waiting:
                self._release()

    def end(self) -> None:
        """Give the place back for good, even if a thread outlives the body."""
        with self._lock:
            self._has_ended = True
            self._release()

    def _release(self) -> None:
        if self._is_held:
            self._is_held = False
            self._places.release()


def has_place() -> bool:
    """Whether this context is a part of a body that computes."""
    return _inside.get() is not None


@contextmanager
def waiting() -> Iterator[None]:
    """Give back the places of the bodies that this context is a part of, and take them again after the block."""
    chain: list[_Place] = []
    place = _inside.get()
    while place is not None:
        chain.append(place)
        place = place.outer
    for each in chain:
        each.give_back()
    try:
        yield
    finally:
        for each in reversed(chain):
            each.take_again()


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
