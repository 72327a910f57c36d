"""
Lines and data in, what a terminal, a pipe or a file can show out.

Data go to stdout, all else to stderr.  Colours are for terminals alone, and not where NO_COLOR is set.  Before the
arrow: how commands speak.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

import click

from whorl.config import environment_variable
from whorl.errors import WhorlWarning
from whorl.fingerprint.urls import hide_secrets
from whorl.report.marks import fit
from whorl.settings import is_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_STDOUT = 1


@dataclass(frozen=True, slots=True)
class Screen:
    """A stream that lines are shown on."""

    stream: TextIO
    is_coloured: bool

    def line(self, text: str = "") -> None:
        """Show one line, or several, in what the stream's encoding has."""
        self.stream.write(fit(text, self.stream.encoding or "ascii") + "\n")
        self.stream.flush()

    def lines(self, texts: Iterable[str]) -> None:
        """Show lines; nothing where there are none."""
        shown = list(texts)
        if shown:
            self.line("\n".join(shown))

    def data(self, data: object) -> None:
        """Show plain data as JSON."""
        text = json.dumps(data, indent=2, ensure_ascii=False)
        if fit(text, self.stream.encoding or "ascii") != text:
            text = json.dumps(data, indent=2)
        self.line(text)

    def paint(self, text: str, colour: str) -> str:
        """Colour a text where the stream shows colours."""
        return click.style(text, fg=colour) if self.is_coloured else text


def out() -> Screen:
    """Where data go."""
    return Screen(sys.stdout, _is_coloured(sys.stdout))


def err() -> Screen:
    """Where progress, notes and errors go."""
    return Screen(sys.stderr, _is_coloured(sys.stderr))


def shown_path(path: str) -> str:
    """Give a path as the user would write it, relative if it lies below the working directory; a URL as it is."""
    if is_url(path):
        return hide_secrets(path)
    below = os.path.relpath(path)
    return path if below.startswith(os.pardir) else below


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show whorl's own warnings in whorl's style, others as Python does."""
    if issubclass(category, WhorlWarning):
        err().line(f"{err().paint('warning:', 'yellow')} {message}")
    else:
        (file or sys.stderr).write(warnings.formatwarning(message, category, filename, lineno, line))


class _Log(logging.Handler):
    """Shows what whorl logs besides its warnings, as a damaged entry that counts as absent."""

    def emit(self, record: logging.LogRecord) -> None:
        err().line(f"{err().paint('warning:', 'yellow')} {record.getMessage()}")


@contextmanager
def log_is_shown() -> Iterator[None]:
    """Show the log from warnings on while a command runs."""
    handler = _Log(logging.WARNING)
    log = logging.getLogger("whorl")
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


@contextmanager
def prints_apart(*, apart: bool) -> Iterator[Screen]:
    """
    Keep stdout for the command's data while the user's code runs: what that prints goes to stderr.

    With ``apart=False`` prints stay where they are.
    """
    if not apart:
        yield out()
        return
    screen = out()
    if not _is_real(sys.stdout):
        with redirect_stdout(sys.stderr):
            yield screen
        return
    # Programs that a stage starts write to the file descriptor, whatever sys.stdout is.
    sys.stdout.flush()
    kept = os.dup(_STDOUT)
    os.dup2(sys.stderr.fileno(), _STDOUT)
    try:
        with open(kept, "w", encoding=sys.stdout.encoding, closefd=False) as stream, redirect_stdout(sys.stderr):
            yield Screen(stream, screen.is_coloured)
    finally:
        os.dup2(kept, _STDOUT)
        os.close(kept)


def _is_real(stream: TextIO) -> bool:
    try:
        return stream.fileno() == _STDOUT and sys.stderr.fileno() >= 0
    except (OSError, ValueError, AttributeError):
        return False


def _is_coloured(stream: TextIO) -> bool:
    return stream.isatty() and not environment_variable("NO_COLOR") and environment_variable("TERM") != "dumb"
