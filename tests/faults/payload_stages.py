"""
One stage per format and kind of value whose payload is in files beside its manifest, and two that lie inside it.

``WHORL_FAULT_ROWS`` makes the values larger: then libraries write their files themselves.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask.dataframe as dd
import geopandas as gpd
import numpy as np
import pandas as pd
import polars as pl
import xarray as xr

import whorl
from whorl import stage, timeseries

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = int(os.environ.get("WHORL_FAULT_ROWS", "6000"))
# Of values that lie in several files, dask's and those that are cut along time.
PARTS = 3


def frame() -> pd.DataFrame:
    """Make a frame that takes more than a manifest has room for, in any format."""
    chance = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "number": chance.integers(0, 1 << 62, ROWS),
            "share": chance.random(ROWS),
            "word": [f"word {number % 97}" for number in range(ROWS)],
        }
    )


def plain() -> pd.DataFrame:
    """Make a smaller one of what every program holds: its file takes long to write, whatever is in it."""
    chance = np.random.default_rng(7)
    rows = ROWS // 8
    numbers, shares = chance.integers(0, 1 << 30, rows, dtype="i4"), chance.integers(0, 1 << 20, rows) / 1024
    return pd.DataFrame({"number": numbers, "share": shares, "word": [f"word {number % 97}" for number in range(rows)]})


def hours() -> pd.DataFrame:
    """Make a frame along an axis of times."""
    return frame().assign(time=pd.date_range("2020-01-01", periods=ROWS, freq="h"))


def places() -> gpd.GeoDataFrame:
    """Make a frame of points."""
    table = frame()
    points = gpd.points_from_xy(table["share"], 1 - table["share"])
    return gpd.GeoDataFrame(table[["number"]], geometry=points, crs="EPSG:4326")


def words() -> pl.DataFrame:
    """Make a frame of polars."""
    return pl.from_pandas(frame())


def partitions() -> dd.DataFrame:
    """Make a frame of dask."""
    return dd.from_pandas(frame(), npartitions=PARTS)


def numbers() -> np.ndarray:
    """Make an array."""
    return np.random.default_rng(7).random(ROWS)


def heights() -> xr.Dataset:
    """Make a dataset along an axis of times."""
    steps = ROWS * 2 // 3
    times = pd.date_range("2020-01-01", periods=steps, freq="h")
    values = np.random.default_rng(3).normal(size=(steps, 2))
    return xr.Dataset({"height": (("time", "place"), values)}, coords={"time": times, "place": ["a", "b"]})


def blocks() -> xr.Dataset:
    """Make the same of dask's blocks."""
    return heights().chunk({"time": ROWS // 3})


def maps() -> xr.Dataset:
    """Make a dataset of maps."""
    side = max(40, ROWS // 200)
    values = np.random.default_rng(3).normal(size=(PARTS, side, side)).astype("f4")
    labels = {
        "time": pd.date_range("2020", periods=PARTS),
        "lat": np.arange(side) * 0.125,
        "lon": np.arange(side) * 0.125,
    }
    return xr.Dataset({"rain": (("time", "lat", "lon"), values)}, coords=labels)


def records() -> list[object]:
    """Make a list of what JSON nearly has."""
    chance = random.Random(7)
    return [{"number": chance.randrange(1 << 62), "word": f"word {number % 97}"} for number in range(ROWS // 4)]


def sets() -> list[object]:
    """Make a list of what JSON does not have."""
    chance = random.Random(7)
    return [(chance.random(), {number % 97}) for number in range(ROWS // 2)]


def model() -> Path:
    """Make a folder, in the working directory."""
    folder = Path("model")
    folder.mkdir(exist_ok=True)
    for name in ("weights", "notes"):
        (folder / name).write_bytes(random.Random(name).randbytes(ROWS * 4))
    return folder


def _stored(name: str, make: Callable[[], object], **options: Any) -> Callable[[], Any]:
    return stage(cache=True, name=f"payload.{name}", format=name.partition(" ")[0], **options)(make)


_ALONG_TIME = {"split_by": "time"}
_IN_ROWS = {"split_by": "time", "row_group_size": ROWS // PARTS}
# What is called by these names is the format of the first word; "of" says of which values, where they are of others.
STAGES: dict[str, Callable[[], Any]] = {
    **{name: _stored(name, frame) for name in ("parquet", "arrow", "feather", "csv", "delta", "sql")},
    **{name: _stored(name, plain) for name in ("excel", "hdf", "html", "orc", "stata", "xml")},
    "npy": _stored("npy", numbers),
    "json": _stored("json", records),
    "pickle": _stored("pickle", sets),
    "file": _stored("file", model),
    "zarr": _stored("zarr", heights, format_options={"chunks": {"time": 1000}}),
    "netcdf": _stored("netcdf", heights),
    "terracotta": _stored("terracotta", maps),
    "parquet of rows": _stored("parquet of rows", hours, format_options=_IN_ROWS),
    "zarr of hours": _stored("zarr of hours", heights, format_options=_ALONG_TIME),
    "zarr of dask": _stored("zarr of dask", blocks),
    "netcdf of dask": _stored("netcdf of dask", blocks, format_options={"compression": "zlib"}),
    "zarr of numpy": _stored("zarr of numpy", numbers),
    **{f"{name} of dask": _stored(f"{name} of dask", partitions) for name in ("parquet", "delta", "sql")},
    **{f"{name} of geopandas": _stored(f"{name} of geopandas", places) for name in ("parquet", "feather", "csv")},
    **{f"{name} of geopandas": _stored(f"{name} of geopandas", places) for name in ("delta", "sql")},
    **{f"{name} of polars": _stored(f"{name} of polars", words) for name in ("parquet", "arrow", "delta", "sql")},
}  # fmt: skip


def loaded(value: Any) -> Any:
    """Compute what is computed or read when somebody looks."""
    if isinstance(value, Path):
        return {str(path.relative_to(value)): path.read_bytes() for path in sorted(value.rglob("*"))}
    kind = type(value).__module__.partition(".")[0]
    return value.compute() if kind in ("dask", "dask_expr", "xarray") else value


def digest_of(value: object) -> str:
    """Give the digest of a value with all that it has; of what is read later, once it is read."""
    return str(whorl.hash_value(loaded(value)))


@stage(cache=True)
def small() -> list[object]:
    return ["small", 1, 2.5, None]


@stage(cache=True)
def medium() -> bytes:
    return bytes(range(256)) * 4


@timeseries()
@stage(cache=True, format="parquet", format_options={"row_group_size": ROWS // PARTS})
def rows_in_windows(start_time: str | None = None, end_time: str | None = None) -> pd.DataFrame:
    return hours()


@timeseries()
@stage(cache=True, format="zarr", format_options={"chunks": {"time": ROWS // 6}})
def heights_in_windows(start_time: str | None = None, end_time: str | None = None) -> xr.Dataset:
    return heights()


@timeseries()
@stage(cache=True, format="parquet")
def partitions_in_windows(start_time: str | None = None, end_time: str | None = None) -> dd.DataFrame:
    return dd.from_pandas(hours().set_index("time"), npartitions=PARTS)


WINDOWED: dict[str, Callable[..., Any]] = {
    "parquet": rows_in_windows,
    "zarr": heights_in_windows,
    "parquet of dask": partitions_in_windows,
}
