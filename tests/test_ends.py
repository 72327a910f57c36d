"""The ends of windows: which are refused and when, and what days and moments are in a time zone."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pytest
import xarray as xr
from dateutil import tz
from hypothesis import given, settings
from hypothesis import strategies as st

from whorl import File, Param, Processor, cache, config, stage, timeseries
from whorl.bounds import Bounds
from whorl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ran: list[tuple[object, object]] = []
WRONG = [
    "2020-02-31", "nonsense", "", "NaT", "2016-12-31 23:59:60", Ellipsis, pd.NaT, 10**40, True, ["2020"],
    "10:00", "T10:00", "10am", "12:30 PM", "1:1", "10:00Z", "10:00:05.5+01:00", dt.time(10),
]  # fmt: skip
ZONES = [
    "America/Sao_Paulo", "America/Havana", "Asia/Beirut", "Europe/Rome", "Pacific/Apia", "Pacific/Kwajalein",
    "America/Danmarkshavn", "Antarctica/Casey", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC",
]  # fmt: skip


@pytest.fixture(autouse=True)
def store(tmp_path: Path) -> Iterator[None]:
    """Give a test a store of its own."""
    ran.clear()
    with config.options(filesystem=str(tmp_path / "store")):
        yield


@timeseries()
@cache(ignore=[ran])
def whole(start_time: Any = None, end_time: Any = None) -> pd.DataFrame:
    ran.append((None, None))
    return pd.DataFrame({"time": pd.date_range("2020-01-01", "2020-12-31")})


@timeseries(sliceable=True)
@cache(ignore=[ran])
def windowed(start_time: Any = None, end_time: Any = None) -> pd.DataFrame:
    ran.append((start_time, end_time))
    return pd.DataFrame({"time": pd.date_range("2020-01-01", "2020-12-31")})


@timeseries()
def plain(start_time: Any = None, end_time: Any = None) -> pd.DataFrame:
    ran.append((start_time, end_time))
    return pd.DataFrame({"time": pd.date_range("2020-01-01", "2020-12-31")})


@stage(frame=whole, cache=True)
def length(frame: pd.DataFrame) -> int:
    return len(frame)


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
@pytest.mark.parametrize("function", [whole, windowed, plain])
def test_an_end_that_is_no_time_is_refused_before_anything_runs(function: Any, wrong: object) -> None:
    """With its parameter and its value; asking how the call stands says so as well."""
    with pytest.raises(ConfigError, match=r"^end_time: .* is no end of a window in time") as caught:
        function("2020-01-01", wrong)
    with pytest.raises(ConfigError, match=r"^start_time: "):
        function(start_time=wrong)

    assert repr(wrong) in caught.value.message
    assert ran == []
    if function is not plain:
        with pytest.raises(ConfigError, match=r"^end_time: "):
            function.status("2020-01-01", wrong)


def test_the_ends_of_an_upstream_are_refused_before_anything_runs() -> None:
    """They are bound with the call that it feeds."""

    @timeseries()
    @cache(name="wrong", ignore=[ran])
    def wrong(start_time: str = "2020-02-31", end_time: str = "2020-03-01") -> pd.DataFrame:
        ran.append((start_time, end_time))
        return pd.DataFrame()

    with pytest.raises(ConfigError, match=r"^start_time: '2020-02-31'"):
        length(frame=wrong)
    assert ran == []


@pytest.mark.parametrize("name", ["start_time", "end_time"])
@pytest.mark.parametrize("source", ["2020-01-03", File("from.txt"), length], ids=["a path", "a file", "a stage"])
def test_an_end_that_an_input_gives_is_refused_when_it_is_decorated(name: str, source: Any) -> None:
    """Processors see plain arguments alone; one that is declared is one."""
    with pytest.raises(ConfigError, match=rf"^timeseries: ends has the input '{name}'"):
        timeseries()(stage(name="ends", **{name: source})(whole.__wrapped__))
    assert len(timeseries()(stage(name="ends", start_time=Param("2020-12-30"))(whole.__wrapped__))()) == 2


def test_an_end_that_a_call_takes_from_a_stage_is_refused_before_anything_runs() -> None:
    """It is known only once that has run."""
    with pytest.raises(ConfigError, match=r"^end_time: <stage .*length> is no end of a window in time"):
        whole(end_time=length)
    assert ran == []


@pytest.mark.parametrize(
    "end",
    ["9999-12-31", "9999", dt.date(9999, 12, 31), pd.Timestamp("9999-12-31T23").to_pydatetime(), "9999-12-31T23:59Z",
     np.datetime64("20000-01-01", "s")],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("zone", [None, "Europe/Berlin", "America/New_York", "Pacific/Apia"])
def test_an_end_beyond_all_times_is_the_last_moment(end: Any, zone: str | None) -> None:
    """Nothing of what lies before is left out, for any type of data, and the first end likewise."""
    times = pd.date_range("2020-01-01", periods=9, tz=zone)
    frame = pd.DataFrame({"time": times})
    values: list[Any] = [frame, pl.from_pandas(frame), dd.from_pandas(frame, npartitions=2)]
    values += [] if zone else [xr.Dataset(coords={"time": times})]
    for value in values:
        given = timeseries()(lambda start_time, end_time, value=value: value)
        for start in ("2020-01-03", np.datetime64("2020-01-03")):
            found = given(start, end)
            assert len(found.time if isinstance(value, xr.Dataset) else found) == 7
        assert len(given("0001-01-01", end)["time"]) == 9
        assert timeseries().validate(value, {"start_time": "2020-01-01", "end_time": end}) is False


def test_what_lies_after_the_last_moment_of_datetime_is_outside() -> None:
    """Data may go further than datetime does."""
    times = np.array(["9999-12-31T23:00", "10000-01-01T00:00"], dtype="datetime64[s]")
    given = timeseries()(lambda start_time, end_time: xr.Dataset(coords={"time": times}))

    assert len(given("2020", "9999-12-31").time) == 1
    assert len(given("2020", np.datetime64("10000-01-02", "s")).time) == 2


def test_what_other_processors_make_of_the_ends_counts() -> None:
    """Whether they stand above or below: what the window is made of is what was made of the words."""

    class Words(Processor):
        def arguments(self, arguments: Mapping[str, object]) -> Mapping[str, object]:
            return {**arguments, "start_time": {"spring": "2020-03"}.get(str(arguments["start_time"]), "summer")}

    below = timeseries()(Words()(cache(name="below", ignore=[ran])(whole.__wrapped__)))
    above = Words()(timeseries()(cache(name="above", ignore=[ran])(whole.__wrapped__)))

    assert len(below("spring")) == len(above("spring")) == 306
    with pytest.raises(ConfigError, match=r"^start_time: 'summer'"):
        below("2020")


def test_a_processor_of_ones_own_refuses_arguments_before_anything_runs() -> None:
    """After all of them have changed what they change."""

    class Positive(Processor):
        def check_arguments(self, arguments: Mapping[str, object]) -> None:
            if arguments["end_time"] is None:
                raise ConfigError("end_time: it must be given")

    for function in (cache(name="own", ignore=[ran])(whole.__wrapped__), whole.__wrapped__):
        with pytest.raises(ConfigError, match="it must be given"):
            Positive()(function)()
    assert ran == []


@pytest.mark.parametrize(
    "end",
    [
        None, "2020", "2020-01", "20200131", "31/01/2020", "Jan 2020", "2020-01-31T10", "2020-01-31T10:00Z",
        "9999-12-31", dt.date(2020, 1, 31), pd.Timestamp("2020-01-31").to_pydatetime(), np.datetime64("2020-01-31"),
        np.datetime64("2020-01"), pd.Timestamp("2020-01-31"), np.str_("2020-01-31"), 1_580_428_800_000_000_000,
        dt.datetime(2020, 1, 31, tzinfo=tz.gettz("Europe/Rome")),
        dt.datetime(2020, 1, 31, tzinfo=ZoneInfo("Asia/Tokyo")),
        dt.datetime(2020, 1, 31, tzinfo=dt.timezone(dt.timedelta(hours=2))), pd.Timestamp("2020-01-31", tz=tz.tzutc()),
    ],
    ids=repr,
)  # fmt: skip
def test_every_end_that_is_a_time_is_taken(end: object) -> None:
    """By stages of either kind, as often as they are asked; the second time from the store."""
    expected = len(plain(end_time=end))
    found = [len(function(end_time=end)) for function in (whole, windowed, whole, windowed)]

    assert found == [expected] * 4
    assert len(ran) == 3


def hours(zone: Any, day: dt.date) -> pd.DataFrame:
    """Make a frame of the quarters of an hour around a day, in a zone."""
    first = pd.Timestamp(day, tz="UTC") - pd.Timedelta(days=3)
    return pd.DataFrame({"time": pd.date_range(first, periods=6 * 96, freq="15min").tz_convert(zone)})


def by_the_clock(frame: pd.DataFrame, first: dt.date, last: dt.date) -> pd.DataFrame:
    """Take the rows of some days as a look at the calendar of the zone does, row by row."""
    return frame[[first <= time.date() <= last for time in frame["time"]]]


days = st.sampled_from(
    [
        dt.date(2018, 11, 4), dt.date(2018, 2, 18), dt.date(2020, 11, 1), dt.date(2020, 3, 8), dt.date(2021, 3, 28),
        dt.date(2011, 12, 30), dt.date(1993, 8, 21), dt.date(1996, 1, 1), dt.date(2016, 10, 22), dt.date(2023, 4, 28),
    ]
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(ZONES), days, st.integers(-1, 1), st.integers(0, 2), st.sampled_from([str, tz.gettz]))
def test_a_day_is_what_the_clocks_of_a_zone_show_of_it(zone: str, day: dt.date, shift: int, more: int, of: Any) -> None:
    """Also where its midnight is left out or comes twice, or it is left out itself."""
    first = day + dt.timedelta(days=shift)
    last = first + dt.timedelta(days=more)
    frame = hours(of(zone), day)
    window = {"start_time": first, "end_time": str(last)}
    expected = by_the_clock(frame, first, last)

    assert timeseries().process(frame, window)["time"].tolist() == expected["time"].tolist()
    if of is str:
        found = timeseries().process(pl.from_pandas(frame), window)
        assert found["time"].to_list() == pl.from_pandas(expected)["time"].to_list()


@pytest.mark.parametrize(
    ("zone", "end", "cause"),
    [
        ("America/Sao_Paulo", pd.Timestamp("2018-11-04").to_pydatetime(), "leave that time out"),
        ("America/Sao_Paulo", "2018-11-04 00:30", "leave that time out"),
        ("Europe/Rome", pd.Timestamp("2020-10-25 02:30"), "show that time twice"),
        ("Europe/Rome", np.datetime64("2020-10-25T02:00"), "show that time twice"),
        ("Europe/Rome", "2020-10-25 02", "show that time twice"),
    ],
)
@pytest.mark.parametrize("kind", [pd.DataFrame, pl.from_pandas])
def test_a_moment_that_is_none_in_the_zone_of_the_data_is_refused(
    kind: Any, zone: str, end: object, cause: str
) -> None:
    """Nobody knows which was meant; one that has an offset is clear, and so is the hour before."""
    frame = kind(hours(zone, dt.date(2020, 10, 25)))
    for window in ({"start_time": end, "end_time": None}, {"start_time": None, "end_time": end}):
        with pytest.raises(ConfigError, match="is no moment of the time zone") as caught:
            timeseries().process(frame, window)
        assert cause in caught.value.cause
        offset = caught.value.tip.split('"')[1]
        assert len(timeseries().process(frame, {"start_time": offset, "end_time": None}))
    assert Bounds.parse("2020-10-25 01", "2020-10-25 01").checked_in_zone("Europe/Rome").upper.isoformat() == (
        "2020-10-25T02:00:00+02:00"
    )


def test_a_moment_that_the_data_do_not_have_costs_no_result() -> None:
    """What was computed is kept, and answers for windows that can be had."""

    @timeseries()
    @cache(name="rome", ignore=[ran])
    def rome(start_time: Any = None, end_time: Any = None) -> pd.DataFrame:
        ran.append((None, None))
        return hours("Europe/Rome", dt.date(2020, 10, 25))

    for _ in range(2):
        with pytest.raises(ConfigError, match="time zone Europe/Rome"):
            rome(np.datetime64("2020-10-25T02:30"))

    assert len(rome("2020-10-25", "2020-10-25")) == 100
    assert len(ran) == 1
