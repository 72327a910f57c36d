"""Windows that the code reads: ``timeseries(sliceable=True)`` lets a wider one answer for the narrower ones in it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whorl import cache, clear_memoizer, config, stage, timeseries
from whorl.bounds import Bounds
from whorl.errors import ConfigError
from whorl.processors.axes import TimeAxisError
from whorl.widening import covers, read_window, record_window, widest

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
        @cache(name="odd")
        @stage(start_time="a.txt", cache=True, name="odd input")
        def odd(start_time: str, end_time: str) -> str:
            return start_time + end_time


ends = st.one_of(
    st.none(),
    st.dates(dt.date(2019, 1, 1), dt.date(2021, 1, 1)),
    st.datetimes(pd.Timestamp("2019"), pd.Timestamp("2021")),
    st.sampled_from(["2020", "2020-02", "2020-02-03", "2020-02-03 12:00"]),
    st.dates(dt.date(2019, 1, 1), dt.date(2021, 1, 1)).map(pd.Timestamp),
    st.dates(dt.date(2019, 1, 1), dt.date(2021, 1, 1)).map(np.datetime64),
)


@settings(deadline=None)
@given(ends, ends, ends, ends)
def test_the_widest_window_has_both_in_it_and_ends_of_theirs(start: Any, end: Any, start2: Any, end2: Any) -> None:
    """Whatever the ends are; and what is recorded reads as it was."""
    recorded = record_window((start, end))
    wide = widest(recorded, (start2, end2))

    assert read_window(recorded) == (start, end)
    assert covers(record_window(wide), (start, end))
    assert covers(record_window(wide), (start2, end2))
    assert wide[0] in (start, start2)
    assert wide[1] in (end, end2)
    assert covers(recorded, (start2, end2)) == (Bounds.parse(*wide) == Bounds.parse(start, end))


@pytest.mark.parametrize("recorded", [None, "", "[]", "7", '["soon", null]', '[{"whorl": "x", "v": 1}, null]', "{}"])
def test_what_is_no_window_covers_nothing(recorded: str | None) -> None:
    """Somebody else wrote the record, or no window was known then."""
    assert not covers(recorded, (None, None))
    assert widest(recorded, ("2020", "2021")) == ("2020", "2021")


def test_zones_and_no_zones_do_not_compare() -> None:
    """Which of them is wider depends on the data: the window that is asked for is computed."""
    recorded = record_window(("2020-01-01T00:00+00:00", None))

    assert not covers(recorded, ("2020-05", None))
    assert widest(recorded, ("2020-05", None)) == ("2020-05", None)
    assert covers(recorded, ("2020-05-01T00:00+02:00", None))
