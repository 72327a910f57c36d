"""One stage per format whose payload is a file beside its manifest, and two whose values lie inside it."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import xarray as xr

from whorl import stage

ROWS = 6_000


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


@stage(cache=True, format="parquet")
def parquet() -> pd.DataFrame:
    return frame()


@stage(cache=True, format="arrow")
def arrow() -> pd.DataFrame:
    return frame()


@stage(cache=True, format="feather")
def feather() -> pd.DataFrame:
    return frame()


@stage(cache=True, format="csv")
def csv() -> pd.DataFrame:
    return frame()


@stage(cache=True, format="npy")
def npy() -> np.ndarray:
    return np.random.default_rng(7).random(ROWS)


@stage(cache=True, format="json")
def json() -> list[object]:
    chance = random.Random(7)
    return [{"number": chance.randrange(1 << 62), "word": f"word {number % 97}"} for number in range(ROWS // 4)]


@stage(cache=True, format="pickle")
def pickle() -> list[object]:
    chance = random.Random(7)
    return [(chance.random(), {number % 97}) for number in range(ROWS // 2)]


@stage(cache=True)
def small() -> list[object]:
    return ["small", 1, 2.5, None]


@stage(cache=True)
def medium() -> bytes:
    return bytes(range(256)) * 4


@stage(cache=True, format="zarr", format_options={"chunks": {"time": 1000}})
def zarr() -> xr.Dataset:
    times = pd.date_range("2020-01-01", periods=4000, freq="h")
    heights = np.random.default_rng(3).normal(size=(4000, 2))
    return xr.Dataset({"height": (("time", "place"), heights)}, coords={"time": times, "place": ["a", "b"]})
