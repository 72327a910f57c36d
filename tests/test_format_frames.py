"""Frames that nobody thought of: what hypothesis finds, each format holds or refuses, and never changes."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import pandas as pdst

from contracts.alike import assert_alike
from contracts.payload import through
from whorl.errors import FormatError
from whorl.fingerprint.values import hash_value

if TYPE_CHECKING:
    from pathlib import Path

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_MISSING = st.sampled_from([None, np.nan, pd.NA, pd.NaT])
_NAMES = st.none() | _TEXT | st.integers() | st.tuples(_TEXT, st.integers())
_NUMPY = st.sampled_from(["i1", "u8", "i8", "f4", "f8", "?", "M8[ns]", "M8[s]", "m8[us]", "c16"])
_EXTENSION = st.sampled_from(["Int8", "Float64", "boolean", "string", "str", "category", "period[D]", "zoned"])
_INTEGERS = st.integers(-(2**70), 2**70)
_OBJECTS = st.sampled_from([_TEXT, _INTEGERS, st.floats(), st.dates(), st.binary(max_size=4), st.booleans()])
_SETTINGS = settings(
    max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)


@st.composite
def _columns(draw: st.DrawFn, rows: int) -> pd.Series:
    """Draw a column of any kind."""
    kind = draw(st.sampled_from(["numpy", "extension", "text", "objects"]))
    if kind == "numpy":
        dtype = np.dtype(draw(_NUMPY))
        data = draw(st.binary(min_size=rows * dtype.itemsize, max_size=rows * dtype.itemsize))  # every bit pattern
        values = np.frombuffer(data, "u1") % 2 == 1 if dtype.kind == "b" else np.frombuffer(data, dtype)
        return pd.Series(values.copy())
    if kind == "objects":
        items = st.lists(draw(_OBJECTS) | _MISSING, min_size=rows, max_size=rows)
        return pd.Series(draw(items), dtype=object)
    texts = draw(st.lists(_TEXT | st.none(), min_size=rows, max_size=rows))
    return pd.Series(texts, dtype="str") if kind == "text" else _extension(draw, rows, texts)


def _extension(draw: st.DrawFn, rows: int, texts: list[str | None]) -> pd.Series:
    dtype = draw(_EXTENSION)
    if dtype in ("string", "str", "category"):
        return pd.Series(texts, dtype=dtype)
    numbers = draw(st.lists(st.integers(0, 100) | st.none(), min_size=rows, max_size=rows))
    if dtype == "boolean":
        return pd.Series([None if number is None else number % 2 == 0 for number in numbers], dtype=dtype)
    if dtype in ("Int8", "Float64"):
        return pd.Series(numbers, dtype=dtype)
    days = pd.to_datetime(pd.Series(numbers, dtype="Int64").astype("float"), unit="D").astype("M8[us]")
    return days.dt.to_period("D") if dtype == "period[D]" else days.dt.tz_localize(zoneinfo.ZoneInfo("Asia/Tokyo"))


@st.composite
def _frames(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(0, 5))
    columns = draw(st.lists(_columns(rows), max_size=4))
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=range(rows))
    labels = draw(st.lists(_NAMES | st.floats(), min_size=len(columns), max_size=len(columns)))
    odd = pd.Index(np.array([*labels, None], object)[:-1], dtype=object)
    frame.columns = draw(st.sampled_from([odd, pd.RangeIndex(len(columns))]))
    frame.index = draw(_index(rows))
    frame.attrs = draw(st.dictionaries(_TEXT, st.integers() | _TEXT | st.floats(), max_size=2))
    return frame


@st.composite
def _index(draw: st.DrawFn, rows: int) -> pd.Index:
    kind = draw(st.sampled_from(["range", "numbers", "text", "dates", "levels"]))
    if kind == "range":
        return pd.RangeIndex(0, rows * 3, 3, name=draw(_NAMES))
    if kind == "dates":
        return pd.date_range("2020", periods=rows, freq=draw(st.sampled_from(["D", "2h", "MS"])), name=draw(_NAMES))
    texts = draw(st.lists(_TEXT | st.none(), min_size=rows, max_size=rows))
    numbers = draw(st.lists(st.integers(-5, 5), min_size=rows, max_size=rows))
    if kind == "levels":
        names = [draw(_NAMES), draw(_NAMES)]
        return pd.MultiIndex.from_arrays([pd.Index(texts, dtype="str"), np.array(numbers, "i2")], names=names)
    values, dtype = (numbers, "i8") if kind == "numbers" else (texts, object)
    return pd.Index(values, dtype=dtype, name=draw(_NAMES))


@pytest.mark.parametrize("name", ["parquet", "arrow", "feather", "csv", "json", "pickle"])
@_SETTINGS
@given(frame=_frames())
def test_any_frame_is_held_exactly_or_refused(name: str, tmp_path: Path, frame: pd.DataFrame) -> None:
    """There is no third way."""
    try:
        decoded = through(name, frame, tmp_path)
    except FormatError as refusal:
        assert refusal.cause  # noqa: PT017 - either this or what follows
        return

    assert hash_value(decoded) == hash_value(frame)
    assert_alike(decoded, frame, name)


@pytest.mark.parametrize("name", ["parquet", "arrow", "csv"])
@_SETTINGS
@given(frame=pdst.data_frames(pdst.columns(4, dtype=float), index=pdst.range_indexes(max_size=9)))
def test_any_frame_of_floats_is_held(name: str, tmp_path: Path, frame: pd.DataFrame) -> None:
    """Frames of numbers are never refused."""
    assert hash_value(through(name, frame, tmp_path)) == hash_value(frame)
