"""Windows that the code reads: ``timeseries(sliceable=True)`` lets a wider one answer for the narrower ones in it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from dateutil import tz

from whorl import Param, Processor, cache, clear_memoizer, config, stage, timeseries
from whorl.errors import ConfigError
from whorl.processors.axes import TimeAxisError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ran: list[tuple[object, object]] = []
factor = 1


@pytest.fixture(autouse=True)
def store(tmp_path: Path) -> Iterator[Path]:
    """Give a test a store of its own."""
    ran.clear()
    clear_memoizer()
    with config.options(filesystem=str(tmp_path / "store")):
        yield tmp_path / "store"


def days(start: object, end: object) -> pd.DataFrame:
    """Make a frame of the days of a window; the number of a day is that since 1970."""
    times = pd.date_range(start or "2020-01-01", end or "2020-12-31", freq="D")  # type: ignore[call-overload]
    return pd.DataFrame({"time": times, "day": times.as_unit("s").asi8 // 86_400})


@timeseries(sliceable=True)
@cache(ignore=[ran])
def daily(start_time: Any = None, end_time: Any = None, scale: int = 1) -> pd.DataFrame:
    ran.append((start_time, end_time))
    return days(start_time, end_time).assign(scale=scale)


def kind() -> str:
    """Say how the last call was answered."""
    assert daily.last is not None
    return daily.last.kind


def test_a_window_inside_of_the_computed_one_is_a_hit() -> None:
    """It is sliced."""
    daily("2020-01-01", "2020-01-31")
    found = daily("2020-01-05", dt.date(2020, 1, 7))

    assert kind() == "hit"
    assert ran == [("2020-01-01", "2020-01-31")]
    pd.testing.assert_frame_equal(found.reset_index(drop=True), days("2020-01-05", "2020-01-07").assign(scale=1))


def test_a_wider_window_runs_over_both() -> None:
    """So that no window that was served before is lost; ends are handed on as they were given."""
    daily("2020-01-10", "2020-01-20")
    wider = daily("2020-01-15", dt.date(2020, 1, 25))
    daily("2020-01-10", "2020-01-25")

    assert kind() == "hit"
    assert ran == [("2020-01-10", "2020-01-20"), ("2020-01-10", dt.date(2020, 1, 25))]
    assert wider["day"].tolist() == days("2020-01-15", "2020-01-25")["day"].tolist()


def test_ten_days_never_answer_for_a_year() -> None:
    """Nor does an end that is open."""
    daily("2020-01-01", "2020-01-10")
    whole = daily()
    daily("2020-05-01", None)

    assert len(whole) == 366
    assert kind() == "hit"
    assert ran == [("2020-01-01", "2020-01-10"), (None, None)]


def test_other_arguments_and_other_code_have_windows_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The window is no part of the key; everything else is."""

    @timeseries(sliceable=True)
    @cache(name="scaled", ignore=[ran])
    def scaled(start_time: str, end_time: str) -> pd.DataFrame:
        ran.append((start_time, end_time))
        return days(start_time, end_time).assign(scale=factor)

    daily("2020-01-01", "2020-01-31")
    daily("2020-01-05", "2020-01-07", scale=2)
    scaled("2020-01-01", "2020-01-31")
    monkeypatch.setitem(globals(), "factor", 3)
    found = scaled("2020-01-05", "2020-01-07")

    assert found["scale"].tolist() == [3, 3, 3]
    assert ran[1:] == [("2020-01-05", "2020-01-07"), ("2020-01-01", "2020-01-31"), ("2020-01-05", "2020-01-07")]


def test_recomputing_keeps_what_was_covered() -> None:
    """The entry is computed anew, not another one in its place."""
    daily("2020-01-01", "2020-01-31")
    daily("2020-01-05", "2020-01-07", recompute=True)
    daily("2020-01-01", "2020-01-31")

    assert kind() == "hit"
    assert ran[1:] == [("2020-01-01", "2020-01-31")]


def test_an_entry_that_does_not_answer_any_more_widens_nothing() -> None:
    """What has expired is computed for the window that is asked for."""

    @timeseries(sliceable=True)
    @cache(name="fleeting", ttl=1e-9, ignore=[ran])
    def fleeting(start_time: str, end_time: str) -> pd.DataFrame:
        ran.append((start_time, end_time))
        return days(start_time, end_time)

    fleeting("2020-01-01", "2020-01-31")
    fleeting("2020-01-05", "2020-01-07")

    assert ran == [("2020-01-01", "2020-01-31"), ("2020-01-05", "2020-01-07")]


def test_a_consumer_counts_the_window_that_it_gets() -> None:
    """And gets that window, whatever is stored."""

    @stage(frame=daily, cache=True, name="length")
    def length(frame: pd.DataFrame) -> int:
        return len(frame)

    daily("2020-01-01", "2020-01-31")
    narrow = timeseries(sliceable=True)(cache(name="narrow", ignore=[ran])(daily.__wrapped__))

    assert length() == 366
    assert length(frame=narrow("2020-01-05", "2020-01-07")) == 3
    assert length() == 366


def test_what_cannot_be_sliced_answers_for_no_other_window() -> None:
    """A number for a year must not pass for that of a day, whether it was computed now or before."""

    @timeseries(sliceable=True)
    @cache(name="length of a window")
    def length(start_time: str, end_time: str) -> int:
        return len(days(start_time, end_time))

    for window in (("2020-01-01", "2020-12-31"), ("2020-01-05", "2020-01-06")):
        with pytest.raises(TimeAxisError, match="cannot be sliced"):
            length(*window)
    with pytest.raises(TimeAxisError, match="cannot be sliced"):
        daily("2020-01-01", "2020-01-31", engine="pyarrow")


def test_memory_answers_for_windows_inside_alone() -> None:
    """It holds the values of the windows that were asked for, and a wider one is computed."""
    daily("2020-01-01", "2020-01-31", memoize=True)
    inside = daily("2020-01-05", "2020-01-07", memoize=True)
    again = daily("2020-01-05", "2020-01-07", memoize=True)
    wider = daily("2020-01-01", "2020-02-10", memoize=True)

    assert len(inside) == len(again) == 3
    assert len(wider) == 41
    assert len(ran) == 2


def test_why_it_would_run_is_said() -> None:
    """By the window."""
    daily("2020-01-01", "2020-01-10")

    assert daily.status("2020-01-05", "2020-01-06") == "fresh"
    assert (
        "2020-01-05 … 2020-02-01 is not in 2020-01-01 … 2020-01-10" in daily.explain("2020-01-05", "2020-02-01").reason
    )


def test_a_window_of_inputs_cannot_be_sliceable() -> None:
    """What the result was computed for must be known."""
    with pytest.raises(ConfigError, match="cannot be sliceable"):

        @timeseries(sliceable=True)
        @stage(start_time=Param("2020"), cache=True, name="odd input")
        def odd(start_time: str, end_time: str) -> str:
            return start_time + end_time


def test_no_call_is_given_the_ends_of_two_callers() -> None:
    """Days and moments, texts and days: code that takes each of them need not take both at once."""

    @timeseries(sliceable=True)
    @cache(name="strict", ignore=[ran])
    def strict(start_time: Any, end_time: Any) -> pd.DataFrame:
        ran.append((start_time, end_time))
        assert type(start_time) is type(end_time)
        return days(start_time, end_time)

    callers: list[Any] = [str, dt.date.fromisoformat, dt.datetime.fromisoformat, pd.Timestamp, np.datetime64]
    for _ in range(2):
        for place, kind in enumerate(callers):
            window = kind(f"2020-01-{place + 1:02}"), kind(f"2020-01-{place + 5:02}")
            assert strict(*window)["day"].tolist() == days(*window)["day"].tolist()

    assert len(ran) == len(callers)


def test_windows_that_cannot_be_joined_stand_beside_each_other() -> None:
    """With a time zone and without, say: neither serves for the other, and neither takes the other's place."""

    @timeseries(sliceable=True)
    @cache(name="beside", ignore=[ran])
    def beside(start_time: str, end_time: str) -> pd.DataFrame:
        ran.append((start_time, end_time))
        return days(start_time[:10], end_time[:10])

    for _ in range(3):
        beside("2020-01-01", "2020-01-05")
        beside("2020-01-01T00:00Z", "2020-01-05T00:00Z")
    wider = beside("2020-01-03", "2020-01-09")
    beside("2020-01-01T00:00Z", "2020-01-02T00:00Z")

    assert len(wider) == 7
    assert ran == [
        ("2020-01-01", "2020-01-05"), ("2020-01-01T00:00Z", "2020-01-05T00:00Z"), ("2020-01-01", "2020-01-09"),
    ]  # fmt: skip


class Moment(dt.datetime):
    """A class that no record can hold."""


ROME = "Europe/Rome"


@pytest.mark.parametrize(
    "make",
    [
        lambda day: dt.datetime(2020, 1, day, tzinfo=tz.gettz(ROME)),
        lambda day: dt.datetime(2020, 1, day, tzinfo=tz.tzutc()),
        lambda day: dt.datetime(2020, 1, day, tzinfo=tz.tzoffset("here", 3600)),
        lambda day: pd.Timestamp(2020, 1, day, tz=tz.gettz(ROME)),
        lambda day: Moment(2020, 1, day),
    ],
)
def test_ends_that_cannot_be_written_down_serve_what_is_inside(make: Any) -> None:
    """They widen no other window, for nobody could give them to the function again; no result is lost."""
    wide, inside, beyond = (make(1), make(9)), (make(2), make(3)), (make(5), make(12))
    sizes = [len(windowed(*window)) for window in (wide, inside, wide, beyond, wide, beyond)]

    assert sizes == [9, 2, 9, 8, 9, 8]
    assert ran == [wide, beyond]


@pytest.mark.parametrize("zone", [ZoneInfo(ROME), dt.UTC, dt.timezone(dt.timedelta(hours=1), "here")])
def test_ends_in_zones_that_can_be_written_down_are_widened(zone: dt.tzinfo) -> None:
    """One zone at a time: what is compared as moments need not be what code can use together."""
    first, second, third, fourth = (dt.datetime(2020, 1, day, tzinfo=zone) for day in (1, 5, 3, 9))
    windowed(first, second)
    windowed(third, fourth)
    elsewhere = tuple(end.astimezone(dt.timezone(dt.timedelta(hours=5))) for end in (third, fourth + dt.timedelta(1)))
    windowed(*elsewhere)

    assert ran == [(first, second), (first, fourth), elsewhere]


@timeseries(sliceable=True)
@cache(ignore=[ran])
def windowed(start_time: Any, end_time: Any) -> pd.DataFrame:
    ran.append((start_time, end_time))
    start, end = pd.Timestamp(start_time), pd.Timestamp(end_time)
    return pd.DataFrame({"time": pd.date_range(start, end, freq="D")})


def test_only_times_are_sliceable() -> None:
    """Ends of another kind are a part of the key where the code reads them, whatever a processor says of itself."""

    class Letters(Processor):
        consumes = ("first", "last")
        sliceable = True

        def process(self, value: Any, arguments: Any) -> Any:
            return [letter for letter in value if arguments["first"] <= letter <= arguments["last"]]

    @Letters()
    @cache(name="letters", ignore=[ran])
    def letters(first: str, last: str) -> list[str]:
        ran.append((first, last))
        return [letter for letter in "pqrstuvw" if first <= letter <= last]

    assert [letters("q", "s") for _ in range(3)] == [["q", "r", "s"]] * 3
    assert letters("q", "r") == ["q", "r"]
    assert len(ran) == 2
