"""The processor ``timeseries``: windows of every type that has a time axis, with and without a store."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import whorl
from whorl import cache, config, timeseries
from whorl.bounds import Bounds
from whorl.errors import ConfigError, InvalidValueError, WhorlWarning
from whorl.processors.axes import TimeAxisError, family_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DAYS = pd.date_range("2020-01-01", periods=60, freq="D")


def _frame(times: Any) -> pd.DataFrame:
    return pd.DataFrame({"time": times, "place": np.arange(len(times))})


def _dataset(times: Any) -> xr.Dataset:
    return xr.Dataset({"place": ("time", np.arange(len(times)))}, coords={"time": np.asarray(times)})


MAKERS: dict[str, Callable[[Any], Any]] = {
    "dataset": _dataset,
    "array": lambda times: _dataset(times)["place"],
    "pandas": _frame,
    "index": lambda times: _frame(times).set_index("time"),
    "levels": lambda times: _frame(times).assign(other=1).set_index(["other", "time"]),
    "series": lambda times: _frame(times).set_index("time")["place"],
    "polars": lambda times: pl.from_pandas(_frame(times)),
    "lazy": lambda times: pl.from_pandas(_frame(times)).lazy(),
    "dask": lambda times: dd.from_pandas(_frame(times), npartitions=3),
}
KINDS = list(MAKERS)


def make(kind: str, times: Any = DAYS) -> Any:
    """Make a value with these times, each with its place as value."""
    return MAKERS[kind](times)


def places(value: Any) -> list[int]:
    """Give what is left of a value."""
    if isinstance(value, pl.LazyFrame):
        value = value.collect()
    if hasattr(value, "compute"):
        value = value.compute()
    found = value if getattr(value, "name", None) == "place" else value["place"]
    return [int(place) for place in np.asarray(found)]


def window(value: Any, start: object, end: object, names: str | list[str] = "time") -> Any:
    """Slice a value."""
    return timeseries(names).process(value, {"start_time": start, "end_time": end})


ENDS = [
    ("2020-01-10", "2020-01-12", [9, 10, 11]),
    ("2020-02", None, list(range(31, 60))),
    (None, "2020-01", list(range(31))),
    ("2020", "2020", list(range(60))),
    (dt.date(2020, 1, 3), dt.date(2020, 1, 3), [2]),
    (pd.Timestamp("2020-01-03").to_pydatetime(), pd.Timestamp("2020-01-04").to_pydatetime(), [2, 3]),
    (np.datetime64("2020-01-03"), pd.Timestamp("2020-01-04"), [2, 3]),
    (pd.Timestamp("2020-01-03 01:00"), pd.Timestamp("2020-01-03 23:00"), []),
    ("2020-01-03 12:00", "2020-01-05 12:00", [3, 4]),
    (None, None, list(range(60))),
    ("2021-01-01", None, []),
    ("2020-01-12", "2020-01-10", []),
]


@pytest.mark.parametrize(("start", "end", "expected"), ENDS)
@pytest.mark.parametrize("kind", KINDS)
def test_both_ends_are_inside(kind: str, start: object, end: object, expected: list[int]) -> None:
    """A text or a date is the whole period, a datetime a moment; for every type alike."""
    value = make(kind)
    sliced = window(value, start, end)

    assert places(sliced) == expected
    assert type(sliced) is type(value)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_a_window_is_what_a_look_at_every_element_gives(kind: str, data: st.DataObject) -> None:
    """In any order, with gaps and repetitions."""
    first, last = (pd.Timestamp(day).to_pydatetime() for day in ("2019-01-01", "2021-01-01"))
    moments = st.datetimes(first, last).map(lambda found: found.replace(microsecond=0))
    times = data.draw(st.lists(moments, min_size=1, max_size=12))
    start, end = data.draw(st.none() | moments), data.draw(st.none() | moments)
    expected = [
        place for place, time in enumerate(times) if (start is None or time >= start) and (end is None or time <= end)
    ]

    assert places(window(make(kind, pd.DatetimeIndex(times)), start, end)) == expected


@pytest.mark.parametrize("kind", ["pandas", "index", "polars", "dask"])
def test_ends_without_a_zone_are_meant_in_that_of_the_data(kind: str) -> None:
    """Ends with a zone of their own are converted."""
    value = make(kind, pd.date_range("2020-01-01", periods=48, freq="h", tz="Asia/Tokyo"))

    assert places(window(value, "2020-01-02", None)) == list(range(24, 48))
    assert places(window(value, "2020-01-01T00:00Z", "2020-01-01T02:00Z")) == [9, 10, 11]


def test_data_without_a_zone_are_utc_to_ends_that_have_one() -> None:
    """There is nothing else that they could be compared as."""
    value = make("pandas", pd.date_range("2020-01-01", periods=24, freq="h"))

    assert places(window(value, "2020-01-01T03:00+02:00", "2020-01-01T04:00+02:00")) == [1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_name_that_a_value_has_counts(kind: str) -> None:
    """Several candidates may be given; that none is there is an error that names what is."""
    assert places(window(make(kind), "2020-02-28", None, ["when", "time"])) == [58, 59]
    with pytest.raises(TimeAxisError, match="no time axis 'when' or 'date'") as caught:
        window(make(kind), "2020-02-28", None, ["when", "date"])
    assert "place" in caught.value.cause or "time" in caught.value.cause or "none" in caught.value.cause


def test_other_calendars_are_sliced_too() -> None:
    """Coordinates of cftime compare as their own calendar has it."""
    times = xr.date_range("2000-01-28", periods=6, calendar="360_day", use_cftime=True)

    assert places(window(make("dataset", times), "2000-01-29", "2000-01-30")) == [1, 2]


def test_lazy_values_stay_lazy() -> None:
    """Nothing is computed to slice a dataset of dask arrays or a dask frame."""
    lazy = make("dataset").chunk({"time": 10})
    sliced = window(lazy, "2020-01-10", "2020-01-12")

    assert sliced["place"].chunks is not None
    assert places(sliced) == [9, 10, 11]
    assert isinstance(window(make("dask"), "2020-01-10", None), dd.DataFrame)


def test_slicing_leaves_attributes_alone() -> None:
    """The window is the caller's, and no part of a value."""
    found = window(make("dataset").assign_attrs(units="m"), "2020-01-10", "2020-01-12")

    assert found.attrs == {"units": "m"}


def test_a_coordinate_that_has_no_times_is_an_error() -> None:
    """So is a dimension without a coordinate."""
    with pytest.raises(TimeAxisError, match="has no times"):
        window(make("dataset", np.arange(3)), "2020", None)
    with pytest.raises(TimeAxisError, match="has no times"):
        window(make("dataset").drop_vars("time"), "2020", None)


def test_a_value_without_a_time_axis_is_given_as_it_is() -> None:
    """With one warning per type."""
    with pytest.warns(WhorlWarning, match=r"cannot slice a builtins\.complex"):
        assert window(1j, "2020", None) == 1j
    assert family_of(1j) is None


@pytest.mark.parametrize("end", ["soon", object(), pd.NaT])
def test_an_end_that_is_no_time_is_refused(end: object) -> None:
    """Before anything is computed with it."""
    with pytest.raises(ConfigError, match="is no end of a window"):
        Bounds.parse(end, None)


def test_a_function_without_the_parameters_is_refused_when_it_is_decorated() -> None:
    """Bare, or as a stage."""
    with pytest.raises(ConfigError, match="has no parameter 'end_time'"):

        @timeseries()
        def short(start_time: str) -> None: ...

    with pytest.raises(ConfigError, match="has no parameter 'start_time'"):

        @timeseries()
        @cache()
        def none_at_all() -> None: ...

    with pytest.raises(ConfigError, match="timeseries cannot be"):
        timeseries([])


@pytest.mark.parametrize("kind", KINDS)
def test_valid_is_what_reaches_within_the_tolerance(kind: str) -> None:
    """Open ends ask for nothing; a value without times reaches nowhere."""
    value, near = make(kind), timeseries(tolerance=dt.timedelta(days=5))

    assert near.validate(value, {"start_time": None, "end_time": None})
    assert near.validate(value, {"start_time": "2019-12-28", "end_time": None})
    assert not near.validate(value, {"start_time": "2019-12-20", "end_time": None})
    assert near.validate(value, {"start_time": None, "end_time": "2020-03-03"})
    assert not near.validate(value, {"start_time": None, "end_time": "2020-03-20"})
    assert timeseries().validate(value, {"start_time": "2019-03-01", "end_time": "2021-02-01"})
    assert not near.validate(window(value, "2021", None), {"start_time": "2020-01-01", "end_time": None})


# --- as decorators ---


@pytest.fixture
def store(tmp_path: Path) -> Iterator[None]:
    """Give a test a store of its own."""
    with config.options(filesystem=str(tmp_path / "store")):
        yield


@timeseries()
@cache(cache_args=["days"])
def daily(start_time: str | None = None, end_time: str | None = None, days: int = 60) -> Any:
    return make("dataset", pd.date_range("2020-01-01", periods=days, freq="D"))


@timeseries()
@cache()
def reading(start_time: str, end_time: str) -> Any:
    return make("pandas", pd.date_range(start_time, end_time, freq="D"))


@cache()
@timeseries()
def stored_sliced(start_time: str, end_time: str) -> Any:
    return make("pandas")


@timeseries()
def bare(start_time: str, end_time: str = "2020-01-02") -> Any:
    return make("pandas")


def ran(call: Callable[[], object]) -> list[str]:
    """Tell which stages ran in a call."""
    with whorl.observe() as outcomes:
        call()
    return [outcome.stage.rpartition(".")[2] for outcome in outcomes if outcome.kind == "ran"]


@pytest.mark.usefixtures("store")
def test_one_stored_value_serves_every_window() -> None:
    """The function reads neither end, so that they are no part of the key."""
    assert places(daily("2020-01-10", "2020-01-12")) == [9, 10, 11]
    assert ran(lambda: daily("2020-02-01", None)) == []
    assert places(daily("2020-02-01", None)) == list(range(31, 60))
    assert ran(lambda: daily("2020-02-01", None, days=3)) == ["daily"]


@pytest.mark.usefixtures("store")
def test_a_window_that_the_code_reads_is_a_result_of_its_own() -> None:
    """Ten days that were computed first never answer for a year."""
    assert len(places(reading("2020-01-01", "2020-01-10"))) == 10
    assert len(places(reading("2020-01-01", "2020-12-31"))) == 366
    assert reading.key("2020-01-01", "2020-01-10") != reading.key("2020-01-01", "2020-12-31")


@pytest.mark.usefixtures("store")
def test_a_stage_around_a_processor_stores_what_was_sliced() -> None:
    """Then the ends are arguments like any other."""
    assert places(stored_sliced("2020-01-01", "2020-01-02")) == [0, 1]
    assert places(stored_sliced("2020-01-01", "2020-01-03")) == [0, 1, 2]


def test_a_bare_function_is_sliced() -> None:
    """Defaults and keywords count, and validate_data is heard."""
    assert places(bare("2020-01-01")) == [0, 1]
    assert places(bare(start_time="2020-01-01", end_time="2020-01-03")) == [0, 1, 2]
    assert bare.__name__ == "bare"
    with pytest.raises(InvalidValueError):
        bare("2010", "2011", validate_data=True)


@pytest.mark.usefixtures("store")
def test_calls_at_once_never_see_each_others_window() -> None:
    """A processor keeps nothing of a call."""
    daily("2020-01-01", "2020-01-01")
    ends = [f"2020-01-{day:02}" for day in range(1, 25)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda end: places(daily("2020-01-01", end)), ends))

    assert [len(value) for value in found] == list(range(1, 25))


@pytest.mark.usefixtures("store")
def test_validation_is_of_one_call_and_computes_anew() -> None:
    """A stored value that does not reach far enough is computed again; if that helps nothing, it is an error."""
    daily("2020-01-01", None)

    assert ran(lambda: daily.options(validate_data=True)("2020-01-01", "2020-02-01")) == []
    with pytest.raises(InvalidValueError):
        daily.options(validate_data=True)("2020-01-01", "2025-01-01")
    assert places(daily("2020-01-01", "2025-01-01")) == list(range(60))


@pytest.mark.usefixtures("store")
def test_a_processor_validates_by_itself_where_it_says_so() -> None:
    """A call has the last word; a bare function is validated too."""

    @timeseries(validate_data=True)
    @cache(name="validated", cache_args=["days"])
    def validated(start_time: str, end_time: str, days: int = 1) -> Any:
        return make("pandas")

    assert places(validated("2020-01-01", "2020-01-02")) == [0, 1]
    with pytest.raises(InvalidValueError):
        validated("2010", "2011")
    assert places(validated("2010", "2011", validate_data=False)) == []
    with pytest.raises(InvalidValueError):
        timeseries(validate_data=True)(validated.__wrapped__)("2010", "2011")


@pytest.mark.usefixtures("store")
def test_a_consumer_counts_the_window_that_it_gets() -> None:
    """What a processor makes of an upstream is part of the key of what is made from it."""

    def build(end: str) -> Any:
        @timeseries()
        @cache(name=f"source-{end}")
        def source(start_time: str = "2020-01-01", end_time: str = end) -> Any:
            return make("pandas")

        @whorl.stage(frame=source, cache=True, name="count")
        def count(frame: pd.DataFrame) -> int:
            return len(frame)

        return count

    assert build("2020-01-05")() == 5
    assert build("2020-01-09")() == 9


@pytest.mark.usefixtures("store")
def test_processors_work_in_the_order_written() -> None:
    """And each may change the arguments and the value."""

    class Add(whorl.Processor):
        def __init__(self, more: int) -> None:
            self.more = more

        def process(self, value: int, arguments: Any) -> int:
            return value * 10 + self.more

        def arguments(self, arguments: Any) -> Any:
            return {**arguments, "number": arguments["number"] + 1}

    @Add(1)
    @Add(2)
    @cache()
    def number(number: int) -> int:
        return number

    @Add(1)
    @Add(2)
    def plain(number: int) -> int:
        return number

    assert number(5) == plain(5) == 712
    assert number(5) == 712
