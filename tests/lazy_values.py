"""Values that are plans, made by some work on numbers, and notes of how often the work was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import polars as pl
import xarray as xr

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def lazy_array(work: Callable[[Any], Any], size: int = 2, blocks: int = 1) -> da.Array:
    """Make an array of some blocks, each by some work on zeros."""
    return da.zeros(size, chunks=size // blocks).map_blocks(work, dtype=float, meta=np.zeros(0))


def lazy_dataset(work: Callable[[Any], Any], size: int = 2, blocks: int = 1) -> xr.Dataset:
    """Make a dataset of such an array, ``v``."""
    return xr.Dataset({"v": ("x", lazy_array(work, size, blocks))})


def lazy_frame(work: Callable[[Any], Any]) -> pl.LazyFrame:
    """Make a frame of polars whose column ``a`` is made by some work on one zero."""
    return pl.LazyFrame({"a": [0.0]}).select(pl.col("a").map_batches(work, return_dtype=pl.Float64))


def note(counted: Path) -> None:
    """Note in a file that something was done, with one letter."""
    with counted.open("a") as file:
        file.write("x")


def noted(counted: Path) -> Callable[[Any], Any]:
    """Give work that adds one and notes it."""

    def work(values: Any) -> Any:
        note(counted)
        return values + 1

    return work
