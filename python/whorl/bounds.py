"""
Two ends as a caller gives them in, moments that can be compared with a time axis out.

A text or a date stands for the whole period that it names; its end is the beginning of the next one, which is outside.
In a time zone a period begins with its first moment there, though its midnight be left out or come twice.
What lies after the last moment of the year 9999, or before the year 1, is taken for that moment where it could not be
compared.  On the arrow: in *bind*, and after *decode*, for ``timeseries``; and inside *decode*.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from whorl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

_DAY = dt.timedelta(days=1)
# What datetime has, and no time zone goes beyond.
_FIRST, _LAST = "0001-01-01", "9999-12-31T23:59:59.999999"
# What pandas and zones raise of moments that datetime has not; the first is for years of five digits.
_BEYOND = (NotImplementedError, OverflowError, ValueError)
_HOUR, _ZONE = r"(T\d{1,2}|\d{1,2}(?=:|\s*[ap]\.?m))(:\d{1,2}){0,2}([.,]\d+)?", r"(Z|UTC|[+-][\d:]+)?"
_TIME_OF_DAY = re.compile(rf"\s*{_HOUR}\s*([ap]\.?m\.?)?\s*{_ZONE}\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    A window in time: from ``lower``, which is inside, to ``upper``; None is open.

    ``is_closed`` tells whether ``upper`` itself is inside.  Both are pandas Timestamps, with a time zone where the
    caller gave one, until they are mapped.  ``named`` has those moments that the caller named by their hour.
    """

    lower: Any
    upper: Any
    is_closed: bool = True
    named: tuple[Any, ...] = field(default=(), compare=False)

    @classmethod
    def parse(cls, start: object, end: object, names: tuple[str, str] = ("start", "end")) -> Bounds:
        """Read the two ends, of parameters with these names; ConfigError for one that is no time."""
        first = None if start is None else _period(start, names[0])
        last = None if end is None else _period(end, names[1])
        named = tuple(found[0] for found in (first, last) if found and (found[2] or found[1] - found[0] < _DAY))
        upper, is_closed = (last[1], last[2]) if last else (None, True)
        if upper is not None and not is_closed and upper.year > dt.MAXYEAR:
            upper, is_closed = within_years(upper), True
        return cls(first[0] if first else None, upper, is_closed, named)

    @property
    def is_open(self) -> bool:
        """Whether everything is inside."""
        return self.lower is None and self.upper is None

    def in_zone(self, zone: Any) -> Bounds:
        """
        Give the same window in the time zone of an axis, None for one without.

        Ends without a zone are meant in that of the axis; an axis without a zone is taken for UTC by ends that have
        one.
        """
        return Bounds(_in_zone(self.lower, zone), _in_zone(self.upper, zone), self.is_closed)

    def checked_in_zone(self, zone: Any) -> Bounds:
        """Give the same; raise ConfigError for a moment that the zone leaves out, or has twice."""
        for moment in self.named:
            _check_is_one(moment, zone)
        return self.in_zone(zone)

    def mapped(self, make: Callable[[Any], Any]) -> Bounds:
        """Give the same window with its ends as things of another type."""
        lower, upper = (None if moment is None else make(moment) for moment in (self.lower, self.upper))
        return Bounds(lower, upper, self.is_closed)

    def contain(self, times: Any) -> Any:
        """Compare an array, a column or an expression of times, element by element; it has the zone of the bounds."""
        inside: Any = True
        if self.lower is not None:
            inside = times >= self.lower
        if self.upper is not None:
            inside = inside & ((times <= self.upper) if self.is_closed else (times < self.upper))
        return inside

    def touch(self, first: Any, last: Any) -> bool:
        """Whether any moment between a first and a last one may be inside."""
        is_after = self.lower is None or last >= self.lower
        return is_after and bool(Bounds(None, self.upper, self.is_closed).contain(first))

    def are_reached_by(self, first: Any, last: Any, tolerance: dt.timedelta) -> bool:
        """Whether times from ``first`` to ``last`` come within a tolerance of both ends."""
        return (self.lower is None or first <= self.lower + tolerance) and (
            self.upper is None or last >= self.upper - tolerance
        )


def _period(given: object, name: str) -> tuple[pd.Timestamp, pd.Timestamp, bool]:
    """Give the first moment of what a caller means, its last one, and whether the last one is inside."""
    import pandas as pd

    problem = f"{name}: {given!r} is no end of a window in time"
    if isinstance(given, str) and _TIME_OF_DAY.fullmatch(given):
        raise ConfigError(problem, "it has a time of day and no day", 'give "2020-01-31T10:00"')
    try:
        if isinstance(given, dt.date) and not isinstance(given, dt.datetime):
            given = given.isoformat()
        if isinstance(given, str) and (period := _period_of(str(given))):
            return *period, False
        moment: Any = pd.Timestamp(given)  # type: ignore[arg-type]
    except (OverflowError, TypeError, ValueError) as error:
        raise ConfigError(problem, str(error), 'give "2020-01-31"') from error
    if pd.isna(moment):
        raise ConfigError(problem, tip="an open end is None")
    return moment, moment, True


@lru_cache(maxsize=256)
def _period_of(text: str) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """Give the first moment of the period that a text names, and of the next one; None for a moment in a time zone."""
    import pandas as pd

    moment = pd.Timestamp(text)
    if pd.isna(moment) or moment.tz is not None:
        return None
    period = pd.Period(text)
    return period.start_time, (period + 1).start_time


def _in_zone(moment: pd.Timestamp | None, zone: Any) -> pd.Timestamp | None:
    if moment is None:
        return None
    if zone is None:
        return moment if moment.tz is None else moment.tz_convert("UTC").tz_localize(None)
    if not _is_far(moment):
        return _shown_in(moment, zone)
    try:
        found = _shown_in(moment, zone)
        is_inside = all(dt.MINYEAR <= shown.year <= dt.MAXYEAR for shown in (found, found.tz_convert("UTC")))
    except _BEYOND:
        is_inside = False
    return found if is_inside else _outermost(zone, is_last=moment.year >= dt.MAXYEAR)


def _is_far(moment: pd.Timestamp) -> bool:
    """Whether it may have no place in some time zone."""
    return not dt.MINYEAR + 1 < moment.year < dt.MAXYEAR


def _shown_in(moment: pd.Timestamp, zone: Any) -> pd.Timestamp:
    return _first_at(moment, zone) if moment.tz is None else moment.tz_convert(zone)


def within_years(moment: pd.Timestamp) -> pd.Timestamp:
    """Give the first or the last moment that datetime has for one beyond."""
    if dt.MINYEAR <= moment.year <= dt.MAXYEAR:
        return moment
    return type(moment)(_LAST if moment.year > dt.MAXYEAR else _FIRST)


def _outermost(zone: Any, *, is_last: bool) -> pd.Timestamp:
    """Give the first or the last moment that datetime has both in a zone and in UTC."""
    import pandas as pd

    moment = pd.Timestamp(_LAST if is_last else _FIRST)
    try:
        shown: pd.Timestamp = moment.tz_localize(zone)
        shown.tz_convert("UTC").to_pydatetime()
    except _BEYOND:
        shown = moment.tz_localize("UTC").tz_convert(zone)
    return shown


def _first_at(moment: pd.Timestamp, zone: Any) -> pd.Timestamp:
    """Give the first moment at which the clocks of a zone show a time, or one that is later."""
    import pandas as pd

    localized: pd.Timestamp = _localized(moment, zone, ambiguous=True)
    if not pd.isna(localized):
        return localized
    # ``nonexistent="shift_forward"`` misses it by hours where a zone leaves out a day, or has got another offset.
    near = moment.floor("s").tz_localize("UTC")
    before, after = -2 * 86_400, 2 * 86_400
    while after - before > 1:
        middle = (before + after) // 2
        shown = (near + dt.timedelta(seconds=middle)).tz_convert(zone).tz_localize(None)
        before, after = (before, middle) if shown >= moment else (middle, after)
    first: pd.Timestamp = (near + dt.timedelta(seconds=after)).tz_convert(zone)
    return first


def _check_is_one(moment: pd.Timestamp, zone: Any) -> None:
    import pandas as pd

    if zone is None or moment.tz is not None or _is_far(moment):
        return
    if not pd.isna(_localized(moment, zone, ambiguous="NaT")):
        return
    first = _first_at(moment, zone)
    cause = "its clocks show that time twice" if first.tz_localize(None) == moment else "its clocks leave that time out"
    tip = f'give it with an offset, such as "{first.isoformat()}"'
    raise ConfigError(f"{moment} is no moment of the time zone {zone}, which the data have", cause, tip)


def _localized(moment: pd.Timestamp, zone: Any, ambiguous: Any) -> Any:
    """Give the first of the moments at which clocks show a time; NaT where there is none, or one too many."""
    return moment.tz_localize(zone, ambiguous=ambiguous, nonexistent="NaT")
