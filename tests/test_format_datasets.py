"""The format of datasets and data arrays against the suite that every format passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr

from contracts.datasets import datasets, refused_datasets
from contracts.payload import new_payload, through
from contracts.round_trips import RoundTrips
from whorl.errors import FormatError
from whorl.fingerprint.values import hash_value
from whorl.formats.base import format_named

if TYPE_CHECKING:
    from pathlib import Path


class TestZarr(RoundTrips):
    """The default of xarray's values."""

    name = "zarr"
    values = staticmethod(lambda: datasets() | refused_datasets())
    refused = frozenset(refused_datasets())


def test_netcdf_holds_a_value_or_refuses_it(tmp_path: Path) -> None:
    """Types, order, attributes; an array comes back as an array.  Most are kept."""
    values = datasets() | refused_datasets()
    refused = []
    for name, value in values.items():
        try:
            decoded = through("netcdf", value, tmp_path)
        except FormatError:
            refused.append(name)
            continue
        assert type(decoded) is type(value), name
        assert hash_value(decoded) == hash_value(value), name

    assert set(refused_datasets()) - {"long doubles"} <= set(refused)
    assert len(refused) < len(values) * 2 / 3, refused


def test_another_program_reads_netcdf(tmp_path: Path) -> None:
    """With times as times."""
    times = pd.date_range("2020-01-01", periods=3)
    value = xr.DataArray([1.5, np.nan, -0.0], coords={"time": times}, name="height", attrs={"unit": "m", "odd": (1,)})
    payload = new_payload(tmp_path)
    format_named("netcdf").encode(value, payload, {})
    with xr.open_dataset(payload.path("data.nc"), engine="h5netcdf") as found:
        assert found["height"].attrs["unit"] == "m"
        assert pd.DatetimeIndex(found["time"]).equals(times)

    decoded = format_named("netcdf").decode(payload, {})
    assert decoded.identical(value)  # type: ignore[attr-defined]
    assert decoded.attrs["odd"] == (1,)  # type: ignore[attr-defined]


def test_blocks_of_dask_are_written_to_netcdf(tmp_path: Path) -> None:
    """What comes back is in memory and has the same digest."""
    value = xr.Dataset({"a": ("x", da.arange(1000, chunks=100))})  # type: ignore[no-untyped-call]
    decoded = through("netcdf", value, tmp_path)

    assert hash_value(decoded) == hash_value(value)
