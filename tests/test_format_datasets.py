"""The format of datasets and data arrays against the suite that every format passes."""

from __future__ import annotations

import xarray as xr

from contracts.datasets import datasets, refused_datasets
from contracts.round_trips import RoundTrips


class TestZarr(RoundTrips):
    """The default of xarray's values."""

    name = "zarr"
    values = staticmethod(lambda: datasets() | refused_datasets())
    refused = frozenset(refused_datasets())


def netcdf_values() -> dict[str, object]:
    """Give what zarr is asked to hold, apart from strings with a NUL in them, and those on their own."""
    found = datasets()
    texts = ["", "ü", "日本語", "\n"]
    return {**found, "texts without NUL": xr.Dataset({"v": ("x", texts)}), **refused_datasets()}


class TestNetCdf(RoundTrips):
    """What xarray's values are exchanged in."""

    name = "netcdf"
    suffix = ".nc"
    values = staticmethod(netcdf_values)
    refused = frozenset(refused_datasets()) | {
        *(f"numbers of {kind}" for kind in ("f2", "c8", "c16", ">c16")),
        *("texts", "text objects"),
    }
