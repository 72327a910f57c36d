"""Plans and handles as results: refused wherever they stand, since what they give would be read anew each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.dataset as pds
import pytest
import xarray as xr
import zarr
from xarray.core.variable import MissingDimensionsError
from xarray.namedarray.core import NamedArray

from whorl import FormatError, UndigestableError, cache, config, observe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder with some files in it, and a store."""
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"a": [1]}).to_parquet("table.parquet")
    xr.Dataset({"a": ("x", [1.0, 2.0])}).to_netcdf("data.nc", engine="h5netcdf")
    zarr.save("array.zarr", np.arange(3))
    with config.options(filesystem=str(tmp_path / "store")):
        yield tmp_path


class OwnVariable(xr.Variable):
    """A variable of an own class."""


PLANS: dict[str, Callable[[], Any]] = {
    "array of zarr": lambda: zarr.open("array.zarr"),
    "dataset of pyarrow": lambda: pds.dataset("table.parquet"),
    "delayed": lambda: dask.delayed(3),
    "array of dask": lambda: da.ones(3),  # type: ignore[no-untyped-call]
}
INSIDE = PLANS | {
    "frame of dask": lambda: dd.read_parquet("table.parquet"),
    "lazy frame": lambda: pl.scan_parquet("table.parquet"),
    "group of zarr": zarr.group,
    "elements in a file": lambda: xr.open_dataset("data.nc", engine="h5netcdf", cache=False)["a"].variable._data,
}


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_no_result(name: str) -> None:
    """Where no format takes its values."""

    @cache()
    def stage() -> object:
        return PLANS[name]()

    with pytest.raises(FormatError, match="is a plan, or a handle"):
        stage()


@pytest.mark.parametrize("name", INSIDE)
def test_a_plan_is_no_part_of_a_result(name: str) -> None:
    """The error says what to return."""

    @cache()
    def stage() -> object:
        return {"n": (1, INSIDE[name]())}

    with pytest.raises(FormatError, match="is a plan, or a handle") as raised:
        stage()

    assert ".compute()" in raised.value.tip


@pytest.mark.parametrize("chunks", [None, {}])
@pytest.mark.parametrize("kind", ["dataset", "array", "variable", "tree"])
def test_lazy_variables_inside_a_result_are_stored(kind: str, chunks: dict[str, int] | None, folder: Path) -> None:
    """The file that they came from may go."""

    @cache()
    def stage(kind: str, chunks: dict[str, int] | None) -> object:
        opened = xr.open_dataset("data.nc", engine="h5netcdf", chunks=chunks)
        held = {"dataset": opened, "array": opened["a"], "variable": opened["a"].variable, "tree": xr.DataTree(opened)}
        return [held[kind], 1]

    with observe() as outcomes:
        first: Any = stage(kind, chunks)
        (folder / "data.nc").unlink()
        again: Any = stage(kind, chunks)

    assert [outcome.kind for outcome in outcomes] == ["ran", "hit"]
    assert type(again[0]) is type(first[0])
    values = again[0]["a"] if kind in ("dataset", "tree") else again[0]
    assert values.to_numpy().tolist() == [1.0, 2.0]


@pytest.mark.parametrize("kind", [OwnVariable, NamedArray])
def test_lazy_variables_of_all_classes_are_stored(kind: type, folder: Path) -> None:
    """Also those of own classes, and those without the rest of xarray."""

    @cache()
    def stage() -> object:
        lazy = xr.open_dataset("data.nc", engine="h5netcdf")["a"].variable._data
        return [kind(("x",), lazy), 1]

    stage()
    (folder / "data.nc").unlink()
    again: Any = stage()

    assert type(again[0]) is kind
    assert np.asarray(again[0].data).tolist() == [1.0, 2.0]


def test_errors_of_xarray_are_stored() -> None:
    """They lie in the module of its variables."""

    @cache()
    def stage() -> object:
        return {"error": MissingDimensionsError("a")}

    first: Any = stage()
    again: Any = stage()

    assert repr(first) == repr(again)


@pytest.mark.parametrize("name", ["dataset of pyarrow", "delayed", "frame of dask", "lazy frame"])
def test_a_plan_is_no_argument(name: str) -> None:
    """Its files may hold something else tomorrow."""

    @cache()
    def stage(plan: object) -> int:
        return 1

    with pytest.raises(UndigestableError, match="args/plan"):
        stage(INSIDE[name]())
