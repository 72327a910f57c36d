"""
Exceptions in, what a user wants to see of them out: whorl's own as error, cause and tip, others as a traceback.

Frames of whorl and of the import system are left out of tracebacks: the user's fault is in the user's files.
Beyond the arrow: pure text.
"""

from __future__ import annotations

import importlib
import os
import sysconfig
import traceback
from typing import TYPE_CHECKING

from whorl.report.marks import leave_plain

if TYPE_CHECKING:
    from whorl.errors import WhorlError
    from whorl.report.marks import Paint

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_IMPORT_SYSTEM = os.path.dirname(importlib.__file__) + os.sep
_INSTALLED = tuple(sysconfig.get_paths()[name] + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_NOTE = "whorl: raised in the stage "


def draw_error(error: WhorlError, *, place: str = "", paint: Paint = leave_plain) -> list[str]:
    """Draw one of whorl's own errors; ``place`` is where in the user's files it arose."""
    lines = [f"{paint('error:', 'red')} {place}{': ' if place else ''}{error.message}"]
    if error.cause:
        lines.append(f"cause: {error.cause}")
    if error.tip:
        lines.append(f"tip: {error.tip}")
    return lines


def draw_traceback(error: BaseException) -> str:
    """Draw a traceback with the user's frames alone, causes and groups likewise; whole if it has none."""
    report = traceback.TracebackException.from_exception(error)
    if isinstance(error, SyntaxError) or any(not _is_ours(frame.filename) for frame in report.stack):
        _trim(report)
    return "".join(report.format()).rstrip("\n")


def word_exception(error: BaseException) -> str:
    """Word an exception in one line: its type, and the first line of what it says."""
    said = str(error).split("\n", 1)[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def find_place(error: BaseException) -> str:
    """Find the innermost line of the user's files that an exception passed; empty where there is none."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_foreign(frame.filename)]
    return f"{os.path.relpath(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""


def _trim(report: traceback.TracebackException) -> None:
    report.stack[:] = [frame for frame in report.stack if not _is_ours(frame.filename)]
    notes = getattr(report, "__notes__", None)
    if notes:
        report.__notes__ = [note for note in notes if not note.startswith(_NOTE)]
    for inner in (report.__cause__, report.__context__, *(report.exceptions or ())):
        if inner is not None:
            _trim(inner)


def _is_ours(file: str) -> bool:
    return file.startswith((_PACKAGE, _IMPORT_SYSTEM, "<frozen "))


def _is_foreign(file: str) -> bool:
    return _is_ours(file) or file.startswith(_INSTALLED)
