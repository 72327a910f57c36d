"""Frames, series and Arrow tables that are hard to keep, by what is hard about them."""

from __future__ import annotations

import datetime as dt
import uuid
import zoneinfo
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

NANS = np.array([0x7FF8000000000000, 0x7FF8000000000001, 0xFFF8000000000000, 0x7FF0000000000001], "u8").view("f8")
ZONE = zoneinfo.ZoneInfo("Europe/Paris")
MORE_THAN_ONE_BUFFER = 20_000


def _series(values: object, **more: object) -> pd.Series:
    return pd.Series(values, **more)  # type: ignore[call-overload, no-any-return]


def _columns() -> dict[str, object]:
    """Arrays of every dtype, as columns."""
    columns: dict[str, object] = {
        f"column of {kind}": np.array([0, 1, 3], kind) for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
    }
    columns |= {f"column of {kind}": np.array([0.0, -0.0, np.inf], kind) for kind in ("f2", "f4", "f8", ">f8")}
    columns |= {
        "column of big-endian integers": np.array([1, 2], ">i4"),
        "column of bool": [True, False, True],
        "column of complex": np.array([1 + 2j, complex(np.nan, -0.0), 0], "c16"),
        "column of complex64": np.array([1 + 2j, 0], "c8"),
        "column of NaNs of other bits": NANS,
        "column of a negative NaN": np.array([1.0, -np.nan]),
        "column of extreme integers": np.array([-(2**63), 2**63 - 1, 0]),
        "column of extreme unsigned": np.array([2**64 - 1, 0], "u8"),
        "column of subnormal floats": np.array([5e-324, 2.2250738585072014e-308, 0.1 + 0.2]),
        "column of str": [
            "a",
            "",
            None,
            "é",
            "\U0001f600",
            "a,b",
            'q"q',
            "line\nbreak",
            "cr\r\nlf",
            " x ",
            "NaN",
            "null",
        ],
        "column of str without missing": ["a", ""],
        "column of text like numbers": ["1", "01", "1.0", "true", "2020-01-01"],
        "column of categories": pd.Categorical(["b", "a", None, "b"], categories=["z", "b", "a"]),
        "column of ordered categories": pd.Categorical(["lo", "hi"], categories=["lo", "mid", "hi"], ordered=True),
        "column of integer categories": pd.Categorical([10, 5, None], categories=[10, 7, 5]),
        "column of float categories": pd.Categorical([1.5, -0.0], categories=[1.5, -0.0]),
        "column of date categories": pd.Categorical(pd.to_datetime(["2020-01-01", None, "2021-01-01"])),
        "column of zoned categories": pd.Categorical(pd.date_range("2020", periods=3, tz=ZONE)),
        "column of bool categories": pd.Categorical([True, False, None]),
        "column of interval categories": pd.cut([1, 5, 9], [0, 3, 6, 10]),
        "column of mixed categories": pd.Categorical(["a", 1, None], categories=pd.Index(["a", 1], dtype=object)),
        "column of no categories": pd.Categorical([None, None], categories=pd.Index([], dtype=object)),
        "column of categories without rows": pd.Categorical([], categories=["a", "b"]),
        "column of many categories": pd.Categorical(np.arange(300) % 299, categories=np.arange(299)[::-1]),
        "column of periods": pd.period_range("2020-01", periods=3, freq="M"),
        "column of periods and NaT": pd.PeriodIndex(["2020-01", None], freq="Q-NOV"),
        "column of intervals": pd.interval_range(0, 3, closed="left"),
        "column of intervals of dates": pd.IntervalIndex.from_breaks(pd.date_range("2020", periods=3, tz="UTC")),
        "column of intervals and NaN": pd.arrays.IntervalArray.from_tuples([(0.0, 1.5), np.nan, (1.5, 2.0)]),
        "column of sparse": pd.arrays.SparseArray([0, 0, 1, 0]),
    }
    columns |= {
        f"column of {kind}": pd.array([1, None, 3], dtype=kind)
        for kind in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64")
    }
    columns["column of Float64 with NaN and NA"] = pd.arrays.FloatingArray(
        np.array([1.0, np.nan, 0.0]), np.array([False, False, True])
    )
    columns["column of boolean"] = pd.array([True, None, False], dtype="boolean")
    return columns | _text_columns() | _time_columns() | _object_columns() | _arrow_columns()


def _text_columns() -> dict[str, object]:
    dtypes = {
        "string of python": pd.StringDtype("python"),
        "string of pyarrow": pd.StringDtype("pyarrow"),
        "str of python": pd.StringDtype("python", na_value=np.nan),
        "str of pyarrow": pd.StringDtype("pyarrow", na_value=np.nan),
    }
    return {f"column of {name}": pd.array(["a", None, ""], dtype=dtype) for name, dtype in dtypes.items()}


def _time_columns() -> dict[str, object]:
    columns: dict[str, object] = {}
    for unit in ("s", "ms", "us", "ns"):
        columns[f"column of datetimes in {unit}"] = np.array([0, -1, 10**9, "NaT"], f"M8[{unit}]")
        columns[f"column of timedeltas in {unit}"] = np.array([0, -1, 10**9, "NaT"], f"m8[{unit}]")
        columns[f"column of datetimes in {unit} in Paris"] = (
            _series(np.array([0, 1, "NaT"], f"M8[{unit}]")).dt.tz_localize("UTC").dt.tz_convert(ZONE)
        )
    fixed = dt.timezone(dt.timedelta(hours=-5, minutes=-30), "odd")
    columns |= {
        "column of datetimes in UTC": pd.date_range("2020", periods=2, tz=dt.UTC),
        "column of datetimes in zone UTC": pd.date_range("2020", periods=2, tz=zoneinfo.ZoneInfo("UTC")),
        "column of datetimes in a fixed offset": pd.date_range("2020", periods=2, tz=fixed),
        "column of datetimes around a fold": pd.date_range("2021-10-31T00:00Z", periods=4, freq="h").tz_convert(ZONE),
        "column of dates of far years": np.array(["9999-12-31", "0001-01-01"], "M8[s]"),
        "column of dates beyond the year 9999": np.array(["12000-01-01", "-200-01-01"], "M8[s]"),
    }
    return columns


def _object_columns() -> dict[str, object]:
    objects = {
        "str": ["a", "b", ""],
        "str and None": ["a", None],
        "str and nan": ["a", np.nan],
        "str and NA": ["a", pd.NA],
        "str and NaT": ["a", pd.NaT],
        "str and None and nan and NA and NaT": ["a", None, np.nan, pd.NA, pd.NaT, "b"],
        "None": [None, None],
        "nan": [np.nan, np.nan],
        "None and nan": [None, np.nan],
        "bytes": [b"a", b"", None, b'\x00\xff,\n"'],
        "bool and None": [True, None, False],
        "int": [1, -(2**63), 2**63 - 1],
        "int and nan": [1, np.nan],
        "float": [1.0, np.nan, -0.0],
        "float and None": [1.0, np.nan, None],
        "date": [dt.date(2020, 1, 1), None, dt.date(1, 1, 1), dt.date(9999, 12, 31)],
        "datetime": [dt.datetime(2020, 1, 1, 1, 2, 3, 4), dt.datetime(1, 1, 1), None],  # noqa: DTZ001 - on purpose
        "time": [dt.time(1, 2, 3, 4), dt.time(0), None],
        "timedelta": [dt.timedelta(days=-1, microseconds=1), None],
        "Decimal of one scale": [Decimal("1.00"), Decimal("-2.50"), None],
        "Decimal of several scales": [
            Decimal("1.0"),
            Decimal("1.00"),
            Decimal("NaN"),
            Decimal("-0.0"),
            Decimal("1E+5"),
        ],
        "UUID": [uuid.UUID(int=5), None],
    }
    lost = {
        "huge int": [2**63, 1],
        "int and str": [1, "a"],
        "int and bool": [1, True],
        "int and float": [1, 1.5],
        "an odd nan and str": ["a", float(NANS[1])],
        "set": [{1}, {2}],
        "list": [[1], [2, 3]],
        "dict": [{"a": 1}, {}],
        "array": [np.arange(2), None],
        "lone surrogate": ["\ud800", "a"],
        "zoned datetime": [dt.datetime(2020, 1, 1, tzinfo=dt.UTC)],
        "Timestamp": [pd.Timestamp("2020"), pd.Timestamp("2021", tz="UTC")],
        "numpy scalar": [np.float64(1.5), np.int8(3)],
        "numpy str": [np.str_("a")],
        "tuple": [(1, "a"), (2, None)],
    }
    return {f"objects: {name}": _objects(items) for name, items in (objects | lost).items()}


def _objects(items: list[object]) -> pd.Series:
    array = np.empty(len(items), object)
    for place, item in enumerate(items):
        array[place] = item
    return pd.Series(array, dtype=object)


def _arrow_columns() -> dict[str, object]:
    arrays = {
        "int64": pa.array([1, None]),
        "string": pa.array(["a", None]),
        "large binary": pa.array([b"a", None], pa.large_binary()),
        "decimal": pa.array([Decimal("1.20"), None], pa.decimal128(10, 2)),
        "date64": pa.array([0, 86_400_000], pa.date64()),
        "time32": pa.array([1, None], pa.time32("s")),
        "timestamp in seconds": pa.array([1, None], pa.timestamp("s", "Asia/Tokyo")),
        "list": pa.array([[1, 2], None, []]),
        "struct": pa.array([{"a": 1, "b": "x"}, None]),
        "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
        "dictionary": pa.array(["a", "b", "a"]).dictionary_encode(),
        "null": pa.nulls(2),
    }
    return {f"column of Arrow {name}": pd.arrays.ArrowExtensionArray(array) for name, array in arrays.items()}


def _indexes() -> Mapping[str, pd.Index]:
    two = pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["x", None])
    return {
        "range": pd.RangeIndex(5, 11, 2, name="r"),
        "integers": pd.Index([3, 1, 2], name="i"),
        "small integers": pd.Index([3, 1, 2], dtype="u1"),
        "floats": pd.Index([1.5, np.nan, -0.0]),
        "bool": pd.Index([True, False, True]),
        "str": pd.Index(["a", None, "a"], name="key"),
        "objects": pd.Index(["a", None, "a"], dtype=object),
        "integers as objects": pd.Index([1, 2, 3], dtype=object),
        "dates": pd.DatetimeIndex(["2020-01-01", "2020-01-03", None]),
        "regular dates": pd.date_range("2020-01-01", periods=3, freq="2D", name="t"),
        "business days in Paris": pd.date_range("2020-01-01", periods=3, freq="B", tz=ZONE),
        "regular timedeltas": pd.timedelta_range("1h", periods=3, freq="h"),
        "periods": pd.period_range("2020", periods=3, freq="W-MON"),
        "categories": pd.CategoricalIndex(["a", "b", "a"], categories=["b", "a", "c"]),
        "intervals": pd.interval_range(0, 3),
        "named by a tuple": pd.Index([1, 2, 3], name=("a", 1)),
        "named by a timestamp": pd.Index([1, 2, 3], name=pd.Timestamp("2020", tz="UTC")),
        "two levels": two,
        "two levels, one unused": two.remove_unused_levels()[[0, 1, 0]],
        "three levels with dates and missing": pd.MultiIndex.from_arrays(
            [pd.to_datetime(["2020", None, "2021"]), ["a", "b", None], [1.5, 2.5, np.nan]], names=["a", "a", 3]
        ),
        "levels of a product": pd.MultiIndex.from_product([pd.date_range("2020", periods=3), [0]], names=["t", "n"]),
    }


def _labels() -> Mapping[str, pd.Index]:
    return {
        **{name: index for name, index in _indexes().items() if name != "three levels with dates and missing"},
        "not text": pd.Index([1, "a", (2, "b"), None, 1.5, pd.Timestamp("2020"), np.int64(3), b"x", pd.NaT]),
        "duplicates": pd.Index(["a", "a", "b"]),
        "duplicates of integers and text": pd.Index([1, "1", 1], dtype=object),
        "odd text": pd.Index(["", "a,b", 'q"', "new\nline", "__index_level_0__", "\U0001f600", " ", "a.b", "é"]),
        "surrogates": pd.Index(["\ud800", "a"], dtype=object),
        "a name": pd.Index(["a", "b"], name="columns"),
        "integers of numpy": pd.Index([np.int64(1), np.int64(2)], dtype=object),
    }


def frames() -> dict[str, object]:
    """Frames, by what is hard about them."""
    made: dict[str, object] = {name: pd.DataFrame({"x": column}) for name, column in _columns().items()}
    made |= {f"index of {name}": pd.DataFrame({"v": range(len(i))}, index=i) for name, i in _indexes().items()}
    made |= {
        f"labels: {name}": pd.DataFrame(np.arange(2 * len(i)).reshape(2, -1), columns=i)
        for name, i in _labels().items()
    }
    plain = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    tagged, unique = plain.copy(), plain.copy().set_flags(allows_duplicate_labels=False)
    tagged.attrs = {
        "unit": "m",
        "nested": {"a": (1, None, {2})},
        3: np.float32(0.1),
        "when": pd.Timestamp("2020", tz=ZONE),
        "arrays": [np.array([1.5, np.nan], ">f4"), {"a": np.array([["x", "y\0"]])}, np.array(3), np.str_("")],
    }
    random = np.random.default_rng(0)
    made |= {
        "no rows": plain.iloc[:0],
        "no columns": pd.DataFrame(index=pd.Index([1, 2, 3], name="i")),
        "no columns on a range": pd.DataFrame(index=pd.RangeIndex(3)),
        "nothing": pd.DataFrame(),
        "no columns but a name": pd.DataFrame(columns=pd.Index([], name="c", dtype="int64")),
        "no rows of two levels": pd.DataFrame({"v": [1]}, index=pd.MultiIndex.from_tuples([("a", 1)])).iloc[:0],
        "attrs": tagged,
        "unique labels": unique,
        "a slice": pd.DataFrame({"a": np.arange(10), "s": list("abcdefghij")}).iloc[3:9:2],
        "one block by columns": pd.DataFrame(np.arange(12.0).reshape(4, 3)),
        "one block by rows": pd.DataFrame(np.asfortranarray(np.arange(12.0).reshape(4, 3))),
        "everything": pd.DataFrame({name: _three(column) for name, column in _columns().items() if _is_kept(name)}),
        "more than one buffer": pd.DataFrame(
            {
                "f": random.normal(size=MORE_THAN_ONE_BUFFER),
                "s": [f"name {n % 7}" for n in range(MORE_THAN_ONE_BUFFER)],
                "u": [f"name {n}" if n % 5 else None for n in range(MORE_THAN_ONE_BUFFER)],
                "c": pd.Categorical.from_codes(random.integers(-1, 9, MORE_THAN_ONE_BUFFER), list("abcdefghi")),
            }
        ),
        "attrs that are not plain": _with_attrs(plain, {"records": np.zeros(1, [("a", "i4")])}),
        "a custom frequency": pd.DataFrame({"v": [1]}, index=_custom_days()),
        "a subclass": type("Frame", (pd.DataFrame,), {})({"a": [1]}),
    }
    return made


def _three(column: object) -> pd.Series:
    return pd.Series(column).iloc[[0, 1, 0]].reset_index(drop=True)


def _is_kept(name: str) -> bool:
    lost = ("sparse", ">", "big-endian", "beyond", "without rows", "no categories", "objects: ")
    return not any(word in name for word in lost) or name in ("objects: str and None", "objects: Decimal of one scale")


def _with_attrs(frame: pd.DataFrame, attrs: dict[object, object]) -> pd.DataFrame:
    copied = frame.copy()
    copied.attrs = attrs  # type: ignore[assignment]
    return copied


def _custom_days() -> pd.DatetimeIndex:
    return pd.date_range("2020-01-02", periods=1, freq=pd.offsets.CustomBusinessDay(weekmask="Mon Thu"))


def series() -> dict[str, object]:
    """Series, by what is hard about them."""
    names = (
        "a",
        None,
        1,
        ("a", 2),
        pd.Timestamp("2020"),
        np.int64(4),
        "",
        1.5,
        pd.Timedelta("1h"),
        pd.Period("2020", "M"),
    )
    made: dict[str, object] = {f"named {name!r}": pd.Series([1.5, np.nan], name=name) for name in names}
    made |= {f"series: {name}": pd.Series(column, name="s") for name, column in _columns().items()}
    made |= {f"series by {name}": pd.Series(range(len(i)), index=i) for name, i in _indexes().items()}
    made["an empty series"] = pd.Series([], dtype="float64")
    made["an empty series of objects"] = pd.Series([], dtype=object)
    return made


def arrow_tables() -> dict[str, object]:
    """Arrow tables, by what is hard about them."""
    plain = pa.table({"a": [1, None], "b": ["x", None]})
    required = pa.schema([pa.field("a", pa.int64(), nullable=False, metadata={"k": "v"})], metadata={"m": "n"})
    return {
        "plain": plain,
        "metadata": plain.replace_schema_metadata({"k": "v", "pandas": "{}", "whorl": "mine"}),
        "required": pa.table({"a": [1, 2]}, schema=required),
        "chunks": pa.concat_tables([plain, plain.slice(1)]),
        "empty": plain.slice(0, 0),
        "no columns": pa.table({}),
        "duplicate names": pa.Table.from_arrays([pa.array([1]), pa.array(["a"])], names=["x", "x"]),
        "dictionary": pa.table({"d": pa.array(["a", "b", "a"]).dictionary_encode()}),
        "seconds": pa.table({"t": pa.array([1, None], pa.timestamp("s"))}),
        "NaNs": pa.table({"n": pa.array(NANS)}),
        "nested": pa.table({"l": [[1], [], None], "s": [{"a": 1}, None, {"a": None}]}),
    }


def polars_frames() -> dict[str, object]:
    """Frames of polars, by the types of their columns."""
    import polars as pl

    day = dt.date(2020, 1, 2)
    columns: dict[str, pl.Series] = {
        "integers": pl.Series([1, None, -(2**62)], dtype=pl.Int64),
        "small integers": pl.Series([1, None, 255], dtype=pl.UInt8),
        "floats": pl.Series([1.5, None, float("nan"), -0.0]),
        "texts": pl.Series(["a", None, "\N{SNOWMAN}", ""]),
        "bytes": pl.Series([b"a", None, b"\0"]),
        "booleans": pl.Series([True, None, False]),
        "days": pl.Series([day, None]),
        "moments": pl.Series([1, None], dtype=pl.Int64).cast(pl.Datetime("us", "Asia/Tokyo")),
        "nanoseconds": pl.Series([1, None, 3], dtype=pl.Int64).cast(pl.Datetime("ns")),
        "durations": pl.Series([dt.timedelta(seconds=1), None]),
        "times": pl.Series([dt.time(1, 2, 3), None]),
        "categories": pl.Series(["a", "b", None], dtype=pl.Categorical),
        "lists": pl.Series([[1], [], None]),
        "structs": pl.Series([{"a": 1, "b": "x"}, None]),
        "nothing": pl.Series([None, None], dtype=pl.Null),
    }
    found: dict[str, object] = {f"polars: {name}": pl.DataFrame({"a": column}) for name, column in columns.items()}
    found["polars: empty"] = pl.DataFrame({"a": pl.Series([], dtype=pl.Int8), "b": pl.Series([], dtype=pl.String)})
    found["polars: no columns"] = pl.DataFrame()
    found["polars: fixed categories"] = pl.DataFrame({"a": pl.Series(["x"], dtype=pl.Enum(["x", "y"]))})
    return found
