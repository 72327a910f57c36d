"""A payload is a file like any other: pandas and pyarrow read it naturally, without whorl."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from contracts.payload import new_payload
from contracts.tables import frames
from whorl.errors import FormatError
from whorl.formats.base import format_named

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    "parquet": pd.read_parquet,
    "feather": pyarrow.feather.read_feather,
    "arrow": pyarrow.feather.read_feather,
}


def _natural_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "n": [1, 2, 3],
            "f": [0.5, np.nan, 2.0],
            "s": ["a", None, "c"],
            "t": pd.to_datetime(["2020-01-01", None, "2021-01-01"]),
            "z": pd.date_range("2020", periods=3, tz="Europe/Paris"),
            "d": pd.to_timedelta([1, 2, None], unit="s"),
            "c": pd.Categorical(["x", "y", "x"], categories=["y", "x"]),
            "b": [True, False, True],
        }
    )


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(3),
        pd.RangeIndex(2, 8, 2, name="r"),
        pd.Index(["u", "v", "w"], name="key"),
        pd.MultiIndex.from_tuples([("u", 1), ("u", 2), ("v", 1)], names=["k", "l"]),
    ],
    ids=["range", "named range", "text", "levels"],
)
def test_pandas_reads_the_natural_frame(name: str, index: pd.Index, tmp_path: Path) -> None:
    """Columns and index under their own names and dtypes; zones as pandas writes them."""
    frame, payload = _natural_frame().set_index(index), new_payload(tmp_path)
    format_named(name).encode(frame, payload, {})
    read = READERS[name](payload.path(f"data.{name}"))

    pd.testing.assert_frame_equal(read.drop(columns="z"), frame.drop(columns="z"))
    assert (read["z"] == frame["z"]).all()


@pytest.mark.parametrize("name", READERS)
def test_pandas_reads_something_of_every_frame(name: str, tmp_path: Path) -> None:
    """Also where pandas cannot say what whorl's schema says, its reader does not fail on the file."""
    for label, frame in frames().items():
        payload = new_payload(tmp_path)
        try:
            format_named(name).encode(frame, payload, {})
        except FormatError:
            continue
        assert isinstance(frame, pd.DataFrame)
        read = READERS[name](payload.path(f"data.{name}"))
        assert len(read) == len(frame) or frame.columns.empty, label


def test_whole_numbers_as_labels_are_read_as_such(tmp_path: Path) -> None:
    """A frame of a matrix has the labels 0, 1, 2, which a file can only write as text."""
    frame, payload = pd.DataFrame(np.arange(6).reshape(2, 3)), new_payload(tmp_path)
    format_named("parquet").encode(frame, payload, {})

    assert list(pd.read_parquet(payload.path("data.parquet")).columns) == [0, 1, 2]


def test_a_csv_is_what_a_spreadsheet_expects(tmp_path: Path) -> None:
    """The index first, a header, missing fields empty, empty strings quoted."""
    frame = pd.DataFrame(
        {"a": [1.5, None], "s": ["", None], "t": pd.to_datetime(["2020-01-01T10:00", None])},
        index=pd.Index([7, 8], name="k"),
    )
    payload = new_payload(tmp_path)
    format_named("csv").encode(frame, payload, {})
    rows = payload.read("data.csv").decode().splitlines()

    assert rows == ['"k","a","s","t"', '7,1.5,"","2020-01-01 10:00:00.000000"', "8,nan,,"]
    assert payload.names == ("data.csv", "schema.json")


def test_a_small_table_is_one_write_and_options_reach_the_file(tmp_path: Path) -> None:
    """``format_options`` are those of pyarrow's writer."""
    frame, payload = pd.DataFrame({"a": np.arange(1000)}), new_payload(tmp_path)
    format_named("parquet").encode(frame, payload, {"compression": "zstd", "row_group_size": 100})
    metadata = pq.read_metadata(payload.path("data.parquet"))

    assert metadata.num_row_groups == 10
    assert metadata.row_group(0).column(0).compression == "ZSTD"
    pd.testing.assert_frame_equal(format_named("parquet").decode(payload, {}), frame)


@pytest.mark.parametrize("options", [{"use_dictionary": True}, {"version": "1.0"}, {"use_byte_stream_split": ["a"]}])
def test_no_option_makes_parquet_inexact(options: dict[str, object], tmp_path: Path) -> None:
    """After an option that touches encodings the file is read again; here all is well, or it is refused."""
    bits = np.array([0x7FF8000000000001, 0xFFF8000000000000, 0x8000000000000000, 0], "u8").view("f8")
    frame, payload = pd.DataFrame({"a": bits, "u": np.arange(4, dtype="u4")}), new_payload(tmp_path)
    format_named("parquet").encode(frame, payload, options)
    decoded = format_named("parquet").decode(payload, options)

    assert decoded["a"].to_numpy().tobytes() == bits.tobytes()
    assert decoded.dtypes.equals(frame.dtypes)


def test_an_option_that_loses_something_is_refused(tmp_path: Path) -> None:
    """Parquet 2.4 has no nanoseconds."""
    frame = pd.DataFrame({"t": np.array([1], "M8[ns]")})

    with pytest.raises(FormatError, match="the format parquet cannot hold"):
        format_named("parquet").encode(frame, new_payload(tmp_path), {"version": "2.4"})
