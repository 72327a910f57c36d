"""The format of datasets and data arrays against the suite that every format passes."""

from __future__ import annotations

from contracts.datasets import datasets, refused_datasets
from contracts.round_trips import RoundTrips


class TestZarr(RoundTrips):
    """The default of xarray's values."""

    name = "zarr"
    values = staticmethod(lambda: datasets() | refused_datasets())
    refused = frozenset(refused_datasets())
