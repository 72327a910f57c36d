"""Datasets read as frames and frames as datasets: exactly, or with words that say what would be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.alike import assert_alike
from whorl import cache, config
from whorl.errors import FormatError
from whorl.fingerprint.values import hash_value
from whorl.formats.schema.engines import convert

if TYPE_CHECKING:
    from pathlib import Path

DAYS = pd.date_range("2020-01-01", periods=3, name="time")
LABELS: dict[str, Any] = {
    "dates": DAYS,
    "numbers": pd.Index([5, 3, 9], name="n"),
    "text": pd.Index(["a", "b", "c"], name="t"),
    "floats": pd.Index([0.5, 1.5, -2.0], name="x"),
    "a count": pd.RangeIndex(3, name="row"),
    "combinations": pd.MultiIndex.from_product([["p"], [1, 2, 3]], names=["place", "number"]),
}
COLUMNS: dict[str, Any] = {
    "numbers": [1, 2, 3],
    "floats": [1.5, np.nan, -0.0],
    "texts": ["x", None, "z"],
    "flags": [True, False, True],
    "moments": pd.to_datetime(["2020", "2021", None]),
    "zoned": pd.to_datetime(["2020", "2021", None]).tz_localize("Asia/Tokyo"),
    "gaps": pd.array([1, None, 3], dtype="Int64"),
    "kinds": pd.Categorical(["a", "b", "a"]),
}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("labels", LABELS)
def test_a_frame_as_a_dataset_and_back_is_the_frame(labels: str, column: str) -> None:
    """Its index names the dimensions; attributes stay."""
    frame = pd.DataFrame({"v": COLUMNS[column], "w": [1, 2, 3]}, index=LABELS[labels])
    frame.attrs = {"unit": "m"}
    if labels == "combinations" and column in ("gaps", "kinds"):  # of these xarray makes others where it stacks them
        with pytest.raises(FormatError, match="cannot be read as") as caught:
            convert(frame, "xarray")
        assert "another value" in caught.value.cause
        return
    dataset = convert(frame, "xarray")

    assert list(dataset.sizes) == list(frame.index.names)
    assert dataset.attrs == {"unit": "m"}
    assert hash_value(convert(dataset, "pandas")) == hash_value(frame)


def test_an_index_without_a_name_is_a_dimension_called_index() -> None:
    """As xarray has it."""
    dataset = convert(pd.DataFrame({"a": [1, 2]}), "xarray.Dataset")

    assert dataset["a"].dims == ("index",)
    assert convert(pd.DataFrame({"a": [1, 2]}), "xarray.DataArray").identical(dataset["a"])


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame({"a": [1, 2]}, index=[0, 0]), "two rows have one label"),
        (
            pd.DataFrame({"a": [1, 2], "b": 1, "c": 2}).set_index(["a", "b"]).iloc[:1].rename_axis([None, "b"]),
            "no name",
        ),
        (pd.DataFrame({"a": [1, 2], "b": [1, 2], "c": [3, 4]}).set_index(["a", "b"]), "not all combinations"),
        (pd.DataFrame({"a": [2, 1], "b": [0, 0], "c": [3, 4]}).set_index(["a", "b"]), "another value"),
        (pd.DataFrame({"a": [1]}).rename_axis("labels", axis=1), "another value"),
    ],
)
def test_rows_that_are_no_grid_are_refused(frame: pd.DataFrame, words: str) -> None:
    """A gap would be filled, and whole numbers become floats."""
    with pytest.raises(FormatError, match="cannot be read as xarray") as caught:
        convert(frame, "xarray.Dataset")

    assert words in caught.value.cause


def dataset() -> xr.Dataset:
    """Make a dataset that a frame can hold."""
    values = np.arange(6.0).reshape(3, 2)
    return xr.Dataset(
        {"a": (("time", "place"), values), "b": (("time", "place"), values.astype("i2"))},
        coords={"time": DAYS, "place": ["x", "y"]},
        attrs={"source": "s"},
    )


def test_a_dataset_is_a_frame_whose_index_has_the_dimensions() -> None:
    """Lazy ones are computed, and stay lazy for their owner."""
    lazy = dataset().chunk({"time": 1})
    frame = convert(lazy, "pandas")

    assert frame.index.names == ["time", "place"]
    assert (frame["b"].dtype, frame.attrs) == (np.dtype("i2"), {"source": "s"})
    assert frame.loc[(DAYS[1], "y"), "a"] == 3.0
    assert lazy.chunks
    assert_alike(convert(dataset(), "pandas"), frame, "frame")


def test_a_data_array_is_a_series_with_its_attributes() -> None:
    """And back; or a frame of one column, where it has none."""
    array = dataset()["a"].assign_attrs(unit="m")
    series = convert(array, "pandas.Series")

    assert (series.name, series.attrs) == ("a", {"unit": "m"})
    back = convert(series, "xarray")
    assert back.attrs == {"unit": "m"}
    np.testing.assert_array_equal(back.values, array.values)
    assert convert(dataset()["a"], "pandas").columns.tolist() == ["a"]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (dataset().assign(c=("time", [1, 2, 3])), "`c` are not over all of its dimensions"),
        (dataset().assign_coords(month=("time", [1, 1, 2])), "`month` are coordinates"),
        (dataset().assign_coords(run=3), "`run` are coordinates"),
        (dataset().assign(a=dataset()["a"].assign_attrs(unit="m")), "`a` have attributes"),
        (dataset().assign(b=dataset()["b"].T), "another value"),
        (xr.Dataset({"a": 1}), "no dimension"),
    ],
)
def test_what_a_frame_has_no_place_for_is_refused(made: xr.Dataset, words: str) -> None:
    """Nothing is left out in silence, and nothing repeated."""
    with pytest.raises(FormatError, match=r"an xarray\.Dataset cannot be read as pandas") as caught:
        convert(made, "pandas.DataFrame")

    assert words in f"{caught.value.cause} {caught.value.__cause__}"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_frame_is_a_dataset_exactly_or_refused(data: st.DataObject) -> None:
    """There is no third way."""
    rows = data.draw(st.integers(0, 4))
    column = data.draw(st.sampled_from(["i8", "f4", "u1", "?", "M8[ns]", "object"]))
    numbers = data.draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows))
    levels = data.draw(st.lists(st.lists(st.integers(0, 2), min_size=rows, max_size=rows), min_size=1, max_size=2))
    frame = pd.DataFrame({"v": pd.Series(numbers).astype(column)})
    frame.index = (
        pd.Index(levels[0], name="p") if len(levels) == 1 else pd.MultiIndex.from_arrays(levels, names=["p", "q"])
    )
    try:
        found = convert(frame, "xarray")
    except FormatError:
        return

    assert hash_value(found.to_dataframe()) == hash_value(frame)


@cache()
def stored() -> xr.Dataset:
    return dataset()


def test_a_stored_dataset_is_read_as_a_frame(tmp_path: Path) -> None:
    """A hit as a miss."""
    with config.options(filesystem=str(tmp_path / "store")):
        first = stored.options(engine="pandas")()
        second = stored.options(engine=pd.DataFrame)()

        assert isinstance(stored(), xr.Dataset)
    assert_alike(second, first, "frame")
    pd.testing.assert_frame_equal(first, convert(dataset(), "pandas"))
    assert hash_value(first) == hash_value(convert(dataset(), "pandas"))
