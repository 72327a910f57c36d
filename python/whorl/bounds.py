"""
Two ends as a caller gives them in, moments that can be compared with a time axis out.

A text or a date stands for the whole period that it names; its end is the beginning of the next one, which is outside.
On the arrow: after *decode*, for ``timeseries``; and inside *decode*.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from whorl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    import pandas as pd


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    A window in time: from ``lower``, which is inside, to ``upper``; None is open.

    ``is_closed`` tells whether ``upper`` itself is inside.  Both are pandas Timestamps, with a time zone where the
    caller gave one, until they are mapped.
    """

    lower: Any
    upper: Any
    is_closed: bool = True

    @classmethod
    def parse(cls, start: object, end: object) -> Bounds:
        """Read the two ends; ConfigError for one that is no time."""
        lower = None if start is None else _period(start)[0]
        upper, is_closed = (None, True) if end is None else _period(end)[1:]
        return cls(lower, upper, is_closed)

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

    def are_reached_by(self, first: Any, last: Any, tolerance: timedelta) -> bool:
        """Whether times from ``first`` to ``last`` come within a tolerance of both ends."""
        return (self.lower is None or first <= self.lower + tolerance) and (
            self.upper is None or last >= self.upper - tolerance
        )


def _period(given: object) -> tuple[pd.Timestamp, pd.Timestamp, bool]:
    """Give the first moment of what a caller means, its last one, and whether the last one is inside."""
    import pandas as pd

    try:
        if isinstance(given, dt.date) and not isinstance(given, dt.datetime):
            given = given.isoformat()
        moment: Any = pd.Timestamp(given)  # type: ignore[arg-type]
        if isinstance(given, str) and moment.tz is None:
            period = pd.Period(given)
            return period.start_time, (period + 1).start_time, False
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{given!r} is no end of a window in time", str(error), 'give "2020-01-31"') from error
    if pd.isna(moment):
        raise ConfigError(f"{given!r} is no end of a window in time", tip="an open end is None")
    return moment, moment, True


def _in_zone(moment: pd.Timestamp | None, zone: Any) -> pd.Timestamp | None:
    if moment is None:
        return None
    if zone is None:
        return moment if moment.tz is None else moment.tz_convert("UTC").tz_localize(None)
    return moment.tz_localize(zone) if moment.tz is None else moment.tz_convert(zone)
