"""
The exceptions and warnings that a user of whorl meets.

Every message says what failed, why, and what to do next (``error: … / cause: … / tip: …``).  Errors also derive from
the built-in exception that a caller would catch, and all their fields survive pickling, so that they come back whole
from workers.  Beside the arrow: every step raises from here.
"""

from __future__ import annotations

import sys
import warnings


class WhorlError(Exception):
    """
    What whorl raises of its own accord; an exception of the user's function passes through untouched.

    ``message`` says what failed, ``cause`` why, ``tip`` what to do next; the last two may be empty.
    """

    def __init__(self, message: str, cause: str = "", tip: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cause = cause
        self.tip = tip

    def __reduce__(self) -> tuple[type[WhorlError], tuple[str, str, str]]:
        return type(self), (self.message, self.cause, self.tip)

    def __str__(self) -> str:
        lines = [self.message]
        if self.cause:
            lines.append(f"cause: {self.cause}")
        if self.tip:
            lines.append(f"tip: {self.tip}")
        return "\n".join(lines)


class ConfigError(WhorlError, ValueError):
    """A setting or a declaration makes no sense: an unknown name, a value out of range, two stages of one name."""


class UndigestableError(WhorlError, TypeError):
    """A value has no digest; the message names the path inside the argument (``args/config.model.lock``)."""


class InputMissingError(WhorlError, FileNotFoundError):
    """A raw input is not there: no such file or folder, a glob without a match, or the wrong kind of thing."""


class InputChangedError(WhorlError, OSError):
    """A raw input changed each time while it was read."""


class InputUnreadableError(WhorlError, OSError):
    """A raw input may be there, but the store behind its URL refuses, does not answer, or breaks off each time."""


class StoreError(WhorlError, OSError):
    """A store cannot be read or written."""


class CorruptEntryError(StoreError):
    """A stored entry does not agree with its digests."""


class FormatError(WhorlError, ValueError):
    """
    A format is unknown, or cannot hold a value exactly.

    ``value`` is the computed value where there is one, so that hours of computing are not lost with the error; it
    stays in the process and is left out of pickles.
    """

    value: object = None


class InvalidValueError(WhorlError, ValueError):
    """A processor of a stage does not take a value for what the call asked for (``validate_data=True``)."""


class SignatureError(StoreError):
    """A manifest's signature is missing or wrong where the policy asks for one."""


class LeaseTimeoutError(StoreError, TimeoutError):
    """Another process computed the same key for longer than ``wait_timeout``."""


class NoEntryError(WhorlError, LookupError):
    """Nothing is stored for a call that must not compute."""


class WhorlWarning(UserWarning):
    """The root of whorl's warnings."""


class StaleWarning(WhorlWarning):
    """A result was not stored, or is served although something changed."""


class NotFollowedWarning(WhorlWarning):
    """Code depends on something that a fingerprint cannot see."""


class StoreWarning(WhorlWarning):
    """A store failed; the value was computed and returned all the same."""


_NOT_THE_CALLERS = ("whorl", "contextlib")


def warn(message: str, category: type[WhorlWarning]) -> None:
    """Warn at the line of the caller's own code that led here, not at one of whorl, or of what it leaves blocks by."""
    depth, frame = 2, sys._getframe(1)  # noqa: SLF001 - the one way to see who called
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in _NOT_THE_CALLERS:
        depth, frame = depth + 1, frame.f_back
    warnings.warn(message, category, stacklevel=depth)
