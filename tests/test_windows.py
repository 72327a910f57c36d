"""Reading a part: what a window does not touch is not read, and what is left is what slicing the whole would leave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.alike import assert_alike
from contracts.payload import FolderPayload, new_payload
from contracts.tables import frames, polars_frames
from whorl import Processor, cache, config, hash_value, timeseries
from whorl.errors import ConfigError, FormatError
from whorl.formats.base import decode_as, format_named, register_format
from whorl.wish import Window, Wish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

PARQUET = format_named("parquet")
ROWS = 40
PART = 7
DAYS = pd.date_range("2020-01-01", periods=ROWS, freq="D")


@dataclass(frozen=True)
class Counted(FolderPayload):
    """A payload that notes which of its files are read."""

    seen: list[str] = field(default_factory=list)

    def path(self, name: str) -> Path:
        self.seen.append(name)
        return super().path(name)

    def read(self, name: str) -> bytes:
        self.seen.append(name)
        return super().read(name)


def stored(value: object, folder: Path, **options: object) -> Counted:
    """Write a value, cut into parts of a few rows."""
    payload = new_payload(folder)
    PARQUET.encode(value, payload, {"split_by": "time", "row_group_size": PART, **options})
    return Counted(payload.folder)


def sliced(value: Any, start: object, end: object) -> Any:
    """Slice a value as a stage's caller gets it."""
    return timeseries().process(value, {"start_time": start, "end_time": end})


def read(payload: FolderPayload, start: object, end: object) -> Any:
    """Read what a window touches."""
    return decode_as(PARQUET, payload, {}, Wish(windows=(Window(("time",), start, end),)))


def check(value: Any, payload: FolderPayload, start: object, end: object) -> None:
    """Hold what is read for a window against the whole value."""
    expected, found = sliced(value, start, end), sliced(read(payload, start, end), start, end)

    if isinstance(expected, pl.LazyFrame):
        expected, found = expected.collect(), found.collect()

    assert_alike(found, expected, f"{start} to {end}")
    assert hash_value(found) == hash_value(expected)


def numbered(times: object) -> pd.DataFrame:
    """Make a frame with these times."""
    return pd.DataFrame({"time": times, "number": np.arange(ROWS, dtype="f8")})


FRAMES: dict[str, Callable[[], Any]] = {
    "range": lambda: numbered(DAYS),
    "odd range": lambda: numbered(DAYS).set_index(pd.RangeIndex(100, 100 + 3 * ROWS, 3, name="row")),
    "index": lambda: numbered(DAYS).set_index(pd.DatetimeIndex(DAYS, freq="D", name="time"))[["number"]],
    "series": lambda: pd.Series(np.arange(ROWS), pd.DatetimeIndex(DAYS, freq="D", name="time"), name="number"),
    "levels": lambda: numbered(DAYS).assign(other=list("ab") * 20).set_index(["other", "time"]),
    "zone": lambda: numbered(DAYS.tz_localize("Europe/Paris")),
    "seconds": lambda: numbered(DAYS.as_unit("s")),
    "backwards": lambda: numbered(DAYS[::-1]),
    "missing": lambda: numbered([pd.NaT, *DAYS[:-2], pd.NaT]),
    "same": lambda: numbered(DAYS.repeat(5)[:ROWS]),
    "dates": lambda: numbered(pd.Series([day.date() for day in DAYS], dtype=object)),
    "objects": lambda: numbered(pd.Series([day.to_pydatetime() for day in DAYS], dtype=object)),
    "arrow": lambda: numbered(pd.array(DAYS, dtype="timestamp[us][pyarrow]")),  # type: ignore[call-overload]
    "unique labels": lambda: numbered(DAYS).set_flags(allows_duplicate_labels=False),
    "polars": lambda: pl.from_pandas(numbered(DAYS)),
    "polars days": lambda: pl.from_pandas(numbered(DAYS)).with_columns(pl.col("time").cast(pl.Date)),
    "polars lazy": lambda: pl.from_pandas(numbered(DAYS.tz_localize("UTC"))).lazy(),
}
WINDOWS = [
    ("2020-01-10", "2020-01-12"), ("2020-01-08", "2020-01-08"), ("2020-02", None), (None, "2020-01-14"),
    ("2019", "2021"), ("2021", None), (None, "2019"), ("2020-01-05", "2020-01-04"),
    (pd.Timestamp("2020-01-09 00:00"), pd.Timestamp("2020-01-10 00:00")), ("2020-01-31T23:00+00:00", None),
]  # fmt: skip


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("kind", FRAMES)
def test_a_window_of_what_is_stored_is_a_window_of_the_value(
    kind: str, window: tuple[object, object], tmp_path: Path
) -> None:
    """Whatever the times, the index and the ends are."""
    value = FRAMES[kind]()
    payload = stored(value, tmp_path)

    assert len([name for name in payload.names if name.startswith("rows-")]) == -(-ROWS // PART)
    check(value, payload, *window)


def _examples() -> dict[str, Any]:
    """Frames that are hard to keep, of many rows and with times."""
    made: dict[str, Any] = {}
    for name, frame in frames().items():
        value: Any = frame
        value.flags.allows_duplicate_labels = True
        if not len(value) or value.columns.nlevels > 1 or any(str(kind).startswith(">") for kind in value.dtypes):
            continue  # pandas takes no rows of big-endian values
        if "time" not in value.columns:
            made[name] = value.take(np.resize(np.arange(len(value)), ROWS)).assign(time=DAYS)
    for name, example in polars_frames().items():
        table: Any = example
        if isinstance(table, pl.DataFrame) and len(table):
            rows = table[np.resize(np.arange(len(table)), ROWS).tolist()]
            made[name] = rows.with_columns(pl.Series("time", DAYS.to_numpy()))
    return made


def test_columns_of_every_kind_are_cut_as_they_are_sliced(tmp_path: Path) -> None:
    """Dtypes, categories, labels and indexes are those of the whole."""
    tried = 0
    for value in _examples().values():
        try:
            payload = stored(value, tmp_path)
        except FormatError:  # sparse values, say: no parquet holds them
            continue
        tried += 1
        for window in (("2020-01-10", "2020-01-12"), ("2020-01-01", "2020-01-07"), ("2021", None)):
            check(value, payload, *window)
        assert hash_value(PARQUET.decode(payload, {})) == hash_value(value)

    assert tried > 100


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_no_row_is_lost_whatever_the_times_are(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Times that do not follow each other are not cut; whatever is cut is cut between rows."""
    moments = st.one_of(st.none(), st.datetimes(pd.Timestamp("2020-01-01"), pd.Timestamp("2020-03-01")))
    times = data.draw(st.lists(moments, min_size=ROWS, max_size=ROWS))
    if data.draw(st.booleans()):
        times = sorted(times, key=lambda time: (time is None, time))
    start, end = data.draw(moments), data.draw(moments)
    value = numbered(pd.Series(times, dtype="datetime64[us]"))
    check(value, stored(value, tmp_path_factory.mktemp("rows")), start, end)


def test_files_beside_the_window_are_not_read(tmp_path: Path) -> None:
    """Four days lie in two parts of seven."""
    payload = stored(numbered(DAYS), tmp_path)
    found = read(payload, "2020-01-12", "2020-01-15")

    assert len(found) == 2 * PART
    assert sorted(name for name in payload.seen if name.startswith("rows-")) == [
        "rows-000001.parquet",
        "rows-000002.parquet",
    ]


def test_times_that_do_not_follow_each_other_are_not_cut(tmp_path: Path) -> None:
    """Every part would be touched by every window."""
    assert stored(numbered(DAYS[::2].append(DAYS[1::2])), tmp_path).names == ("data.parquet",)
    assert stored(pd.DataFrame({"number": [1.0] * ROWS}), tmp_path).names == ("data.parquet",)
    assert stored(numbered(DAYS.strftime("%Y-%m-%d")), tmp_path).names == ("data.parquet",)


def test_other_programs_read_the_folder(tmp_path: Path) -> None:
    """As pandas does."""
    value = FRAMES["index"]()
    payload = stored(value, tmp_path)

    pd.testing.assert_frame_equal(pd.read_parquet(payload.folder), value, check_freq=False)
    assert len(pl.read_parquet(payload.folder)) == ROWS


def test_files_stay_few_however_few_rows_are_asked_for(tmp_path: Path) -> None:
    """Each is listed in the manifest, and is a request in a bucket."""
    value = pd.DataFrame({"time": pd.date_range("2020", periods=1000, freq="D"), "number": range(1000)})

    assert len(stored(value, tmp_path, row_group_size=1).names) == 64 - 1 + 1  # 63 of 16 rows, and the list


def test_an_hour_that_a_zone_leaves_out_is_for_the_one_who_slices(tmp_path: Path) -> None:
    """Reading must not fail: it would be taken for a payload that cannot be read, and computed anew."""
    value = numbered(pd.date_range("2020-03-01", periods=ROWS, freq="D", tz="Europe/Paris"))
    found = read(stored(value, tmp_path), "2020-03-29 02:30", None)

    assert 0 < len(found) < ROWS
    with pytest.raises(ConfigError, match="is no moment of the time zone Europe/Paris"):
        sliced(found, "2020-03-29 02:30", None)


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("America/Sao_Paulo", "2018-11-04", "2018-11-05"), ("America/Sao_Paulo", "2018-11-02", "2018-11-03"),
        ("America/Havana", "2020-11-01", "2020-11-01"), ("America/Havana", "2020-10-30", "2020-10-31"),
        ("Pacific/Apia", "2011-12-30", "2011-12-31"), ("Pacific/Apia", "2011-12-28", "2011-12-30"),
    ],
)  # fmt: skip
def test_days_without_a_midnight_are_read_as_they_are_sliced(zone: str, start: str, end: str, tmp_path: Path) -> None:
    """So are those that have two, and a day that is left out."""
    day = pd.Timestamp(start, tz="UTC") - pd.Timedelta(days=3)
    value = numbered(pd.date_range(day, periods=ROWS, freq="6h").tz_convert(zone))

    check(value, stored(value, tmp_path), start, end)


def test_the_axis_that_is_cut_is_the_one_that_is_sliced(tmp_path: Path) -> None:
    """A column comes before a level, a name that is written first before others, and a label need not be a text."""
    other = DAYS + pd.Timedelta(days=1000)
    value = numbered(other).set_index(pd.DatetimeIndex(DAYS, name="date")).rename(columns={"number": 7})
    names = ["7 o'clock", "date", "time"]
    payload = stored(value, tmp_path, split_by=names)
    window = Window(tuple(names), "2020-01-10", "2020-01-12")
    found: Any = decode_as(PARQUET, payload, {}, Wish(windows=(window,)))
    arguments = {"start_time": window.start, "end_time": window.end}

    assert len(found) < ROWS
    assert_alike(timeseries(names).process(found, arguments), timeseries(names).process(value, arguments), "axis")


def test_a_name_of_an_axis_is_a_text(tmp_path: Path) -> None:
    """Or several texts."""
    with pytest.raises(FormatError, match="split_by"):
        stored(numbered(DAYS), tmp_path, split_by=3)


# through stages


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    with config.options(filesystem=str(tmp_path / "store")):
        yield tmp_path / "store"


def frame_of(rows: int) -> pd.DataFrame:
    """Make a frame of 16 bytes a row."""
    return pd.DataFrame(
        {"time": pd.date_range("2020-01-01", periods=rows, freq="min"), "number": np.arange(rows) * 1.0}
    )


@timeseries()
@cache()
def minutes(start_time: str | None = None, end_time: str | None = None) -> pd.DataFrame:
    return frame_of(1_000_000)


def test_a_hit_of_a_window_needs_the_files_that_it_touches_alone(store: Path) -> None:
    """The stage asks for it by itself: the others may be damaged, and nobody notices."""
    whole = minutes()
    files = sorted(store.rglob("rows-*.parquet"))
    for file in files[1:]:
        file.write_bytes(b"")
    found = minutes("2020-01-01", "2020-01-02")

    assert len(files) > 2
    pd.testing.assert_frame_equal(found, whole.iloc[: 2 * 24 * 60])
    assert minutes.last is not None
    assert minutes.last.kind == "hit"


def test_a_file_that_the_window_touches_is_checked(store: Path) -> None:
    """It is computed anew, as where the only file is damaged."""
    minutes()
    next(store.rglob("rows-000000.parquet")).write_bytes(b"")
    minutes("2020-01-01", "2020-01-02")

    assert minutes.last is not None
    assert minutes.last.kind == "ran"


class Later(Processor):
    """Moves every time by a year."""

    def process(self, value: pd.DataFrame, arguments: Mapping[str, object]) -> pd.DataFrame:
        return value.assign(time=value["time"] + pd.DateOffset(years=1))


@Later()
@timeseries()
@cache(name="moved")
def moved(start_time: str | None = None, end_time: str | None = None) -> pd.DataFrame:
    return frame_of(1_000_000)


@timeseries()
@Later()
@cache(name="moved after")
def moved_after(start_time: str | None = None, end_time: str | None = None) -> pd.DataFrame:
    return frame_of(1_000_000)


@pytest.mark.usefixtures("store")
def test_a_window_of_what_a_processor_makes_is_none_of_what_is_stored() -> None:
    """The times that the window means are made after reading."""
    first = len(moved("2021-01-01", "2021-01-02")), len(moved_after("2020-01-01", "2020-01-02"))
    again = len(moved("2021-01-01", "2021-01-02")), len(moved_after("2020-01-01", "2020-01-02"))

    assert moved.last is not None
    assert moved.last.kind == "hit"
    assert first == again == (2 * 24 * 60, 2 * 24 * 60)


class Unwilling:
    """A format that holds frames as parquet does, and cannot read a part."""

    name, suffix, exact, runs_code = "unwilling", ".parquet", True, False
    accepts, encode, decode = PARQUET.accepts, PARQUET.encode, PARQUET.decode

    def decode_part(self, *_: object) -> object:
        raise AttributeError("it does not know how")


@pytest.mark.usefixtures("store")
def test_what_cannot_be_read_in_part_is_read_whole(caplog: pytest.LogCaptureFixture) -> None:
    """Computing it anew, at each call, would be the dearer way."""
    register_format(Unwilling())
    stage = timeseries()(cache(name="unwilling", format="unwilling")(minutes.__wrapped__))
    stage()

    assert len(stage("2020-01-01", "2020-01-02")) == 2 * 24 * 60
    assert stage.last is not None
    assert stage.last.kind == "hit"
    assert "it is read whole" in caplog.text


@pytest.mark.usefixtures("store")
def test_an_end_that_is_no_time_is_said_on_a_hit_too() -> None:
    """It must not look like a payload that cannot be read."""
    minutes()
    with pytest.raises(ConfigError, match="no end of a window"):
        minutes("soon", None)


@timeseries()
@cache(name="parts")
def parts(start_time: str | None = None, end_time: str | None = None) -> dd.DataFrame:
    return dd.from_pandas(numbered(DAYS).set_index("time"), npartitions=4)


def test_partitions_beside_the_window_are_not_read(store: Path) -> None:
    """They are there, and have no rows."""
    parts()
    for file in sorted(store.rglob("part-*.parquet"))[2:]:
        file.write_bytes(b"")
    found = parts("2020-01-02", "2020-01-12")

    assert found.npartitions == 4
    pd.testing.assert_frame_equal(
        found.compute(),
        numbered(DAYS).set_index("time").loc["2020-01-02":"2020-01-12"],
        check_freq=False,  # type: ignore[misc]
    )


def test_large_datasets_are_cut_along_the_axis_of_the_window(store: Path) -> None:
    """Where time is the last axis, chunks would go along it otherwise."""

    @timeseries()
    @cache(name="cube")
    def cube(start_time: str | None = None, end_time: str | None = None) -> xr.Dataset:
        data = np.zeros((20, 500, 2000))
        return xr.Dataset({"a": (("x", "y", "time"), data)}, {"time": pd.date_range("2020", periods=2000)})

    cube()
    chunks = cube("2020-01-01", "2020-01-03")["a"].encoding["preferred_chunks"]

    assert (chunks["x"], chunks["y"]) == (20, 500)
    assert chunks["time"] < 2000
