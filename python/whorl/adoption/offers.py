"""
What is found in another tool's cache, as plain records: an offer with the call that made it, or why there is none.

Beside the arrow: what the modules of this package hand to each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.call import Call


class UnfitError(Exception):
    """An entry that is not adopted; the text says why, and becomes a ``Skipped``."""


def worded(error: Exception) -> str:
    """Word an error of a library in one line that is not long."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


@dataclass(frozen=True, slots=True)
class Offer:
    """
    An entry of which the call is known: ``label`` names it as the other tool does, ``made`` is when, since 1970.

    ``read`` gives the value, or raises ``UnfitError``.
    """

    label: str
    call: Call
    made: float
    read: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Skipped:
    """An entry that is not adopted, and why."""

    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """
    What the user allows besides what is safe.

    ``lossy``: files that do not keep types, as they are read.  ``pickles``: files whose reading runs code.
    """

    lossy: bool = False
    pickles: bool = False
