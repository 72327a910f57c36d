"""
A path in, out how it counts: without the folder of the project that it lies in.

A project that was copied elsewhere is the same project.  What stands behind its folder counts as it is written.  On the
arrow: inside *digest values*; ``data`` says which project holds for a value.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_project: ContextVar[str | None] = ContextVar("whorl project of a value", default=None)


@contextmanager
def counted_from(project: str | None) -> Iterator[None]:
    """Inside the block, let paths below a project's folder count without it."""
    token = _project.set(project)
    try:
        yield
    finally:
        _project.reset(token)


def behind_project(text: str) -> str | None:
    """Return what an absolute path says behind the project's folder; None for one that lies elsewhere."""
    project = _project.get()
    if project is None or not os.path.isabs(text):
        return None
    if f"{text}{os.sep}".startswith(f"{project}{os.sep}"):
        return text[len(project) :]
    if not f"{os.path.realpath(text)}{os.sep}".startswith(f"{project}{os.sep}"):
        return None
    # It leads there by links: the shortest beginning of it that is the project's folder.
    ends = (place for place, sign in enumerate(f"{text}{os.sep}") if sign == os.sep and place)
    end = next((end for end in ends if os.path.realpath(text[:end]) == project), None)
    return None if end is None else text[end:]
