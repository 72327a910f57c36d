"""
Tasks of dask's come in that write into a payload; once their work has failed, none begins to write and none still does.

A scheduler gives up at the first error and leaves the tasks that run already to themselves, while what they write into
is removed.  The gate holds among the threads of a process; tasks of a cluster's other processes go through unhindered.
On the arrow: *encode*.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Gate:
    """As many as come may be within."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._within = 0
        self._is_shut = False

    def __reduce__(self) -> tuple[type[Gate], tuple[()]]:
        return (Gate, ())

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be within; an error, which nobody hears any more, where the gate is shut."""
        with self._changed:
            if self._is_shut:
                raise RuntimeError("the work that this task belongs to has failed")
            self._within += 1
        try:
            yield
        finally:
            with self._changed:
                self._within -= 1
                self._changed.notify_all()

    @contextmanager
    def shut_afterwards(self) -> Iterator[None]:
        """Shut the gate at the end, however it comes, and wait for who is within."""
        try:
            yield
        finally:
            with self._changed:
                self._is_shut = True
                self._changed.wait_for(lambda: not self._within)
