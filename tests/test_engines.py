"""Reading a stored value as another type of its family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.dataframe as dd
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr

import whorl
from whorl import cache, config
from whorl.errors import FormatError
from whorl.formats.schema.engines import convert, engine_named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FRAME = pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"]})
TABLES: dict[str, Any] = {
    "pandas.DataFrame": FRAME,
    "pyarrow.Table": pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]}),
    "polars.DataFrame": pl.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"]}),
    "polars.LazyFrame": pl.LazyFrame({"a": [1, 2, 3], "b": ["x", None, "z"]}),
    "dask.DataFrame": dd.from_pandas(FRAME, npartitions=2),
}
CLASSES: dict[str, type] = {
    "pandas.DataFrame": pd.DataFrame,
    "pyarrow.Table": pa.Table,
    "polars.DataFrame": pl.DataFrame,
    "polars.LazyFrame": pl.LazyFrame,
    "dask.DataFrame": dd.DataFrame,
}


def rows(value: Any) -> list[tuple[object, ...]]:
    """Give the rows of a table of any type."""
    plain = convert(value, "pyarrow").to_pylist()
    return [tuple(row.values()) for row in plain]


@pytest.mark.parametrize("target", TABLES)
@pytest.mark.parametrize("source", TABLES)
def test_every_table_can_be_read_as_every_other(source: str, target: str) -> None:
    """With the same rows."""
    found = convert(TABLES[source], target)

    assert isinstance(found, CLASSES[target])
    assert rows(found) == [(1, "x"), (2, None), (3, "z")]


def test_names_are_those_of_libraries_and_of_classes() -> None:
    """What is no type of a value is refused, with the nearest one."""
    assert engine_named("pandas") == engine_named("pandas.DataFrame") == "pandas.DataFrame"
    assert engine_named("dask.dataframe") == "dask.DataFrame"
    with pytest.raises(FormatError) as caught:
        engine_named("panda")
    assert "did you mean 'pandas'" in str(caught.value)


def test_what_would_be_lost_is_an_error() -> None:
    """An index that says something; variables beside the one."""
    with pytest.raises(FormatError, match=r"cannot be read as pyarrow\.Table"):
        convert(FRAME.set_index("b"), "polars")
    with pytest.raises(FormatError, match=r"cannot be read as xarray\.DataArray"):
        convert(xr.Dataset({"a": 1, "b": 2}), "xarray.DataArray")
    with pytest.raises(FormatError, match=r"cannot be read as xarray\.Dataset"):
        convert(xr.DataArray(1), "xarray.Dataset")
    with pytest.raises(FormatError, match=r"a builtins\.int cannot be read as pandas"):
        convert(1, "pandas")


def test_xarrays_types_and_none_are_what_they_are() -> None:
    """One engine means both of xarray's."""
    dataset = xr.Dataset({"a": ("x", [1, 2])})

    assert convert(dataset, "xarray") is dataset
    assert convert(dataset, "xarray.DataArray").identical(dataset["a"])
    assert convert(dataset["a"], "xarray.Dataset").identical(dataset)
    assert convert(None, "dask") is None


@pytest.fixture
def store(tmp_path: Path) -> Iterator[None]:
    """Give a test a store of its own."""
    with config.options(filesystem=str(tmp_path / "store")):
        yield


@cache(engine=pl.DataFrame)
def as_polars() -> Any:
    return FRAME


@cache()
def plain() -> Any:
    return FRAME


@pytest.mark.usefixtures("store")
def test_a_stage_gives_the_type_it_declares_whether_it_ran_or_was_found() -> None:
    """What is stored is what the function gave; a call may ask for another type still."""
    assert isinstance(as_polars(), pl.DataFrame)
    assert isinstance(as_polars(), pl.DataFrame)
    assert isinstance(as_polars.options(engine="pandas")(), pd.DataFrame)
    assert isinstance(plain.options(engine=dd.DataFrame)(), dd.DataFrame)
    assert isinstance(as_polars.options(cache=False)(), pl.DataFrame)
    assert isinstance(plain(), pd.DataFrame)


@pytest.mark.usefixtures("store")
def test_a_type_that_cannot_be_had_computes_nothing_anew() -> None:
    """The value is there: that it is of another kind is for the caller to hear."""
    plain()
    with whorl.observe() as outcomes, pytest.raises(FormatError, match="cannot be read as geopandas"):
        plain.options(engine="geopandas")()

    assert [outcome.kind for outcome in outcomes if outcome.kind == "ran"] == []
    with pytest.raises(FormatError, match="unknown engine 'duck'"):
        cache(engine="duck")(lambda_free)


def lambda_free() -> None:
    """Stand for a function."""
