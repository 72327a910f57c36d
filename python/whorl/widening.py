"""
The window that a stored value was computed for and that of a call in; whether one has the other in it, and both out.

For stages whose code reads the window and of which ``timeseries(sliceable=True)`` says that a wider window contains the
narrower one: keys.md, "Processors".  A function is given both ends as one caller gave them, or as one could have: never
the types of two.  On the arrow: beside *look up*, and before *compute*.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from whorl.bounds import Bounds
from whorl.formats.schema.loss import Loss
from whorl.formats.schema.plain import pack, unpack
from whorl.formats.schema.scalars import SCALARS

if TYPE_CHECKING:
    from collections.abc import Sequence

Ends: TypeAlias = "tuple[object, object]"
# Nanoseconds since 1970, and whether in a time zone: numbers have no first and no last year.
Moment: TypeAlias = "tuple[int, bool]"

_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
# What reading a record of somebody else may raise, who wrote anything.
_UNREADABLE = (
    ArithmeticError, AttributeError, ImportError, LookupError, NotImplementedError, OSError, RecursionError, TypeError,
    ValueError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Extent:
    """
    A window that a result is asked for, or was computed for: what its ends mean, and how they read.

    ``ends`` are as a caller gave them; None where they cannot be written down, or mean something else by now.
    """

    lower: Moment | None
    upper: Moment | None
    is_closed: bool
    words: tuple[str, str]
    ends: Ends | None = None

    @classmethod
    def of(cls, ends: Sequence[object]) -> Extent:
        """Say what the ends of a call mean; ConfigError for one that is no time."""
        start, end = ends
        bounds = Bounds.parse(start, end)
        words = tuple("open" if item is None else str(item) for item in (start, end))
        return cls(
            _moment(bounds.lower), _moment(bounds.upper), bounds.is_closed, cast("tuple[str, str]", words), (start, end)
        )

    def __str__(self) -> str:
        return " … ".join(self.words)

    def means(self, other: Extent) -> bool:
        """Whether it has the moments of another in it, and no others."""
        return (self.lower, self.upper, self.is_closed) == (other.lower, other.upper, other.is_closed)

    def starts(self, other: Extent) -> bool:
        """Whether it begins where another does, or before; not if that depends on the data's time zone."""
        if self.lower is None or other.lower is None:
            return self.lower is None
        return _compare(self.lower, other.lower) in {-1, 0}

    def lasts(self, other: Extent) -> bool:
        """Whether it ends where another does, or after; not if that depends on the data's time zone."""
        if self.upper is None or other.upper is None:
            return self.upper is None
        order = _compare(self.upper, other.upper)
        return order == 1 or (order == 0 and (self.is_closed or not other.is_closed))


def record_window(ends: Sequence[object]) -> str:
    """Write a window for a manifest; its ends as they were given only where they can be written."""
    extent = Extent.of(ends)
    try:
        written = [pack(end, extra=SCALARS) for end in ends]
    except Loss:  # a zone of dateutil, a class of one's own: it serves what is inside, and widens nothing
        written = []
    means = [extent.lower, extent.upper, extent.is_closed]
    return json.dumps({"ends": written, "means": means, "words": extent.words})


def read_window(recorded: str | None) -> Extent | None:
    """Read what ``record_window`` wrote; None where there is nothing, or nothing that is a window."""
    extent, written = _read(recorded)
    return None if extent is None else _with_ends(extent, written)


def covers(recorded: str | None, asked: Extent) -> bool:
    """Whether a recorded window has another in it."""
    known, _ = _read(recorded)
    return known is not None and known.starts(asked) and known.lasts(asked)


def widest(recorded: str | None, ends: Ends) -> Ends:
    """Give the window that has both in it; where no caller could have given its ends, that of the call."""
    known, asked = read_window(recorded), Extent.of(ends)
    if known is None or known.ends is None:
        return ends
    starts, lasts = known.starts(asked), known.lasts(asked)
    if not (starts or lasts):
        return ends
    wide = (known.ends if starts else ends)[0], (known.ends if lasts else ends)[1]
    return wide if _forms(wide) in (_forms(known.ends), _forms(ends)) else ends


def _read(recorded: str | None) -> tuple[Extent | None, object]:
    """Read a window without its ends, and its ends as they are written."""
    if recorded is None:
        return None, None
    try:
        found: Any = json.loads(recorded)
        lower, upper, is_closed = found["means"]
        start, end = map(str, found["words"])
        return Extent(_read_moment(lower), _read_moment(upper), bool(is_closed), (start, end)), found.get("ends")
    except _UNREADABLE:
        return None, None


def _moment(moment: Any) -> Moment | None:
    if moment is None:
        return None
    return int(moment.asm8.view("i8")) * _NANOSECONDS[moment.unit], moment.tz is not None


def _read_moment(recorded: Any) -> Moment | None:
    if recorded is None:
        return None
    count, is_zoned = recorded
    if type(count) is not int or type(is_zoned) is not bool:
        raise ValueError(f"{recorded!r} is no moment")
    return count, is_zoned


def _with_ends(extent: Extent, written: object) -> Extent:
    """Add the ends as they were given, if they still mean what they did to whoever wrote them."""
    try:
        ends = unpack(written, extra=SCALARS)
        found = Extent.of(cast("list[object]", ends))
    except _UNREADABLE:
        return extent
    return found if found.means(extent) else extent


def _compare(one: Moment, other: Moment) -> int | None:
    """Say which of two moments is later; None for one with a time zone and one without."""
    return None if one[1] != other[1] else (one[0] > other[0]) - (one[0] < other[0])


def _forms(ends: Ends) -> tuple[object, ...]:
    """Say what code can tell of ends besides their moments: types, units, time zones, and how texts are written."""
    return tuple(map(_form, ends))


def _form(end: Any) -> object:
    zone = getattr(end, "tzinfo", None)
    shape = getattr(end, "dtype", getattr(end, "unit", None))
    if isinstance(end, str):
        import pandas as pd

        zone, shape = pd.Timestamp(end).tzinfo, re.sub(r"\d", "0", end)
    return type(end), str(shape), type(zone), str(zone)
