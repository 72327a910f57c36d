"""
A long digest in, a bar on the terminal out: after a second, and only where somebody looks.

The bar is rich's, imported when it is first shown; without rich there is none.  Before the arrow: how commands speak.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress

_PATIENCE = 1.0  # seconds, experience.md


@contextmanager
def shown_progress(label: str) -> Iterator[Callable[[int, int | None], None] | None]:
    """Give what a digest reports its bytes to; None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    bar = _Bar(label)
    try:
        yield bar
    finally:
        bar.close()


class _Bar:
    """Holds a bar on the terminal from the second second on."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._due = monotonic() + _PATIENCE
        self._progress: Progress | None = None

    def __call__(self, done: int, total: int | None) -> None:
        if self._progress is None:
            if monotonic() < self._due:
                return
            self._due = float("inf")
            self._open(total)
        if self._progress is not None:
            self._progress.update(self._progress.task_ids[0], completed=done)

    def _open(self, total: int | None) -> None:
        try:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
        except ImportError:
            return
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._progress.add_task(self._label, total=total)
        self._progress.start()

    def close(self) -> None:
        """Take the bar off the terminal."""
        if self._progress is not None:
            self._progress.stop()
