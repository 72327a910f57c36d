"""
The window that a stored value was computed for and that of a call in; whether one has the other in it, and both out.

For stages whose code reads the window and of which ``timeseries(sliceable=True)`` says that a wider window contains the
narrower one: keys.md, "Processors".  Ends stay what callers gave, for the function is called with them.  On the arrow:
beside *look up*, and before *compute*.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from whorl.bounds import Bounds
from whorl.errors import ConfigError
from whorl.formats.schema.plain import pack, read
from whorl.formats.schema.scalars import SCALARS

if TYPE_CHECKING:
    from collections.abc import Sequence

Ends: TypeAlias = "tuple[object, object]"


def record_window(ends: Sequence[object]) -> str:
    """Write the ends of a window for a manifest."""
    return json.dumps([pack(end, extra=SCALARS, place="an end of the window") for end in ends])


def read_window(recorded: str | None) -> Ends | None:
    """Read what ``record_window`` wrote; None where there is nothing, or nothing that is a window."""
    if recorded is None:
        return None
    try:
        found: Any = read(recorded, extra=SCALARS)
        start, end = found
        Bounds.parse(start, end)
    except (ConfigError, ImportError, KeyError, TypeError, ValueError):  # somebody else wrote it: it covers nothing
        return None
    return start, end


def covers(recorded: str | None, ends: Sequence[object]) -> bool:
    """Whether a recorded window has that of a call in it."""
    known = read_window(recorded)
    return known is not None and all(_reaches(known, ends))


def widest(recorded: str | None, ends: Ends) -> Ends:
    """Give the window that has both in it; where they cannot be compared, that of the call."""
    known = read_window(recorded)
    if known is None:
        return ends
    starts, lasts = _reaches(known, ends)
    return (known if starts else ends)[0], (known if lasts else ends)[1]


def word_window(ends: Sequence[object]) -> str:
    """Word a window for a line."""
    start, end = ("open" if end is None else str(end) for end in ends)
    return f"{start} … {end}"


def _reaches(known: Ends, ends: Sequence[object]) -> tuple[bool, bool]:
    """Whether a window begins where another does or before, and ends where it does or after; not if none can tell."""
    one, other = Bounds.parse(*known), Bounds.parse(*ends)
    try:
        return _starts(one, other), _lasts(one, other)
    except TypeError:  # one has a time zone, the other has none
        return False, False


def _starts(one: Bounds, other: Bounds) -> bool:
    """Whether one window begins where another does, or before."""
    return one.lower is None or (other.lower is not None and _compare(one.lower, other.lower) <= 0)


def _lasts(one: Bounds, other: Bounds) -> bool:
    """Whether one window ends where another does, or after."""
    if one.upper is None or other.upper is None:
        return one.upper is None
    order = _compare(one.upper, other.upper)
    return order > 0 or (order == 0 and (one.is_closed or not other.is_closed))


def _compare(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)
