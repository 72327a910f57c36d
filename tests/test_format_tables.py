"""The formats of frames, series and Arrow tables against the suite that every format passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from contracts.alike import assert_alike
from contracts.payload import new_payload, through
from contracts.round_trips import RoundTrips, refused_of
from contracts.tables import arrow_tables, frames, polars_frames, series
from whorl.errors import FormatError
from whorl.fingerprint.values import hash_value
from whorl.formats.base import format_named

if TYPE_CHECKING:
    from pathlib import Path

_OBJECTS = (
    "array",
    "an odd nan and str",
    "dict",
    "huge int",
    "int and bool",
    "int and float",
    "int and str",
    "list",
    "lone surrogate",
    "numpy scalar",
    "numpy str",
    "set",
    "Timestamp",
    "tuple",
    "zoned datetime",
)
_COLUMNS = frozenset(("column of sparse", *(f"objects: {name}" for name in _OBJECTS)))
_NO_TABLE = frozenset(
    (
        *_COLUMNS,
        *(f"series: {name}" for name in _COLUMNS),
        "attrs that are not plain",
        "a custom frequency",
        "a subclass",
    )
)
_NO_TEXT_COLUMNS = frozenset(
    ("column of Arrow list", "column of Arrow struct", "column of Arrow map", "column of dates beyond the year 9999")
)
_NO_TEXT = (
    _NO_TABLE
    | {"polars: lists", "polars: structs"}
    | _NO_TEXT_COLUMNS
    | {f"series: {name}" for name in _NO_TEXT_COLUMNS}
    | {"nested", "everything"}
)


def _tables() -> dict[str, object]:
    return frames() | series() | arrow_tables() | polars_frames()


class TestParquet(RoundTrips):
    """The default of tables."""

    name = "parquet"
    values = staticmethod(_tables)
    refused = _NO_TABLE


@pytest.mark.parametrize("name", ["parquet", "arrow", "feather", "csv", "json"])
def test_objects_of_polars_are_refused(tmp_path: Path, name: str) -> None:
    """Arrow has no column of Python's objects."""
    with pytest.raises(FormatError, match="cannot hold this DataFrame exactly"):
        through(name, pl.DataFrame({"a": pl.Series([{1}], dtype=pl.Object)}), tmp_path)


@pytest.mark.parametrize("name", ["parquet", "arrow", "feather", "csv", "json"])
def test_a_lazy_frame_is_collected_and_comes_back_lazy(tmp_path: Path, name: str) -> None:
    """It is a plan: what it gives is stored."""
    plan = pl.LazyFrame({"a": [1, 2, 3]}).filter(pl.col("a") > 1)
    found = through(name, plan, tmp_path)

    assert isinstance(found, pl.LazyFrame)
    assert found.collect().equals(plan.collect())


def test_row_groups_are_joined(tmp_path: Path) -> None:
    """A file in many pieces, as one made for filtering, gives the same values."""
    for name, value in _tables().items():
        if name in _NO_TABLE or len(value) > 100:  # type: ignore[arg-type]
            continue
        decoded = through("parquet", value, tmp_path, row_group_size=1)
        assert_alike(decoded, value, name)
        assert hash_value(decoded) == hash_value(value), name


class TestArrow(RoundTrips):
    """The fastest."""

    name = "arrow"
    values = staticmethod(_tables)
    refused = _NO_TABLE


class TestFeather(RoundTrips):
    """The same as arrow, compressed."""

    name = "feather"
    values = staticmethod(_tables)
    refused = _NO_TABLE


class TestCsv(RoundTrips):
    """Text with a schema beside it."""

    name = "csv"
    values = staticmethod(_tables)
    refused = _NO_TEXT


class TestJson(RoundTrips):
    """Tables as JSON, when asked for."""

    name = "json"
    values = staticmethod(_tables)
    refused = _NO_TEXT


class TestPickle(RoundTrips):
    """What takes every table but one of a class that cannot be found by name."""

    name = "pickle"
    values = staticmethod(_tables)
    refused = frozenset({"a subclass"})
    repeatable = False  # what pandas remembers within an index is pickled with it


def _simple() -> dict[str, object]:
    """Tables that every program's own format should hold."""
    times = pd.to_datetime(["2020-01-02 03:04:05", None])
    columns: dict[str, object] = {
        "integers": [1, -2],
        "floats": [1.5, float("nan")],
        "texts": ["a", "b c"],
        "texts with gaps": ["a", None],
        "booleans": [True, False],
        "times": times,
        "zoned": times.tz_localize("Asia/Tokyo"),
        "took": pd.to_timedelta([1, 2], unit="s"),
        "kinds": pd.Categorical(["x", "y"]),
        "odd label \N{SNOWMAN}": [1, 2],
    }
    found: dict[str, object] = {f"simple: {name}": pd.DataFrame({name: column}) for name, column in columns.items()}
    found["simple: all"] = pd.DataFrame(columns)
    found["simple: indexed"] = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key"))
    found["simple: levels"] = pd.DataFrame({"a": [1, 2], "b": [0, 0], "c": [1.5, 2.5]}).set_index(["a", "b"])
    found["simple: series"] = pd.Series([1, 2], name="s")
    found["simple: arrow"] = pa.table({"a": [1, 2], "b": ["x", "y"]})
    found["simple: polars"] = pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    return found


OTHERS = ("excel", "hdf", "html", "orc", "stata", "xml")


@pytest.mark.parametrize("name", OTHERS)
def test_the_formats_of_other_programs_hold_simple_tables(tmp_path: Path, name: str) -> None:
    """Exactly: dtypes, index, zones, categories come back."""
    for label, value in _simple().items():
        decoded = through(name, value, tmp_path)

        assert_alike(decoded, value, label)
        assert hash_value(decoded) == hash_value(value), label


@pytest.mark.parametrize("name", OTHERS)
def test_the_formats_of_other_programs_hold_a_table_or_refuse_it(tmp_path: Path, name: str) -> None:
    """Whatever is asked of them, nothing comes back changed."""
    refused = refused_of(name, _tables(), tmp_path)

    assert set(refused) >= _NO_TABLE
    assert len(refused) < len(_tables()) * 3 / 4


TEXTS = {
    "beyond ASCII": ["ß", "€ 日本", "😀"],
    "spaces": [" x", "a  b ", "\xa0"],
    "what reads as a gap": ["NA", "null", "nan"],
    "what reads as a number": ["007", "1e5", "True"],
    "lines": ["a\nb", "c\r\nd\re", "\t"],
    "tags": ["<b>&amp;</b>", "\"'", "]]><!--"],
    "long": ["x" * 300, None, "y"],
    "empty": ["", None, "a"],
    "NUL": ["\0", "\x01", "a"],
}


@pytest.mark.parametrize(
    ("name", "lost"),
    [("html", {"NUL"}), ("xml", {"empty", "NUL"}), ("excel", {"empty", "NUL"}), ("csv", set())],
)
def test_texts_are_kept_as_they_are(name: str, lost: set[str], tmp_path: Path) -> None:
    """Or refused, with a cause."""
    frames_of_texts = {label: pd.DataFrame({"a ü": [1, 2, 3], "b": texts}) for label, texts in TEXTS.items()}

    assert set(refused_of(name, frames_of_texts, tmp_path)) == lost


def test_other_readers_find_the_table_of_html_and_xml(tmp_path: Path) -> None:
    """In UTF-8, as the file says."""
    frame = pd.DataFrame({"a": [1, 2], "ü": ["ß", None]})
    payloads = {name: new_payload(tmp_path) for name in ("html", "xml")}
    for name, payload in payloads.items():
        format_named(name).encode(frame, payload, {})
    (html,) = pd.read_html(payloads["html"].path("data.html"))
    xml = pd.read_xml(payloads["xml"].path("data.xml"))

    assert html.to_dict("list") == frame.to_dict("list")
    assert xml.set_axis(["a", "ü"], axis=1).to_dict("list") == frame.to_dict("list")


def test_the_table_of_an_older_html_is_read(tmp_path: Path) -> None:
    """As pandas wrote it."""
    frame, payload = pd.DataFrame({"a": [1, 2], "b": ["x &", None]}), new_payload(tmp_path)
    format_named("html").encode(frame, payload, {})
    payload.write("data.html", frame.fillna("").to_html(index=False, justify="left").encode())

    assert_alike(format_named("html").decode(payload, {}), frame, "older")
