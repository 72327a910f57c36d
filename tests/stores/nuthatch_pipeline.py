"""What made the caches ``nuthatch`` and ``nuthatch-local``; see README.md.  A test runs it with the imports changed."""

import os

import numpy as np
import pandas as pd
import xarray as xr
from nuthatch import cache
from nuthatch.processors import timeseries


@cache(cache_args=["region", "days"], backend="parquet", version="2")
def rain(region: str, days: int = 1) -> pd.DataFrame:
    return pd.DataFrame({"mm": [1.5 * days, 2.5]}, index=pd.Index(["a", region], name="place"))


@cache(cache_args=["region"])
def table(region: str) -> pd.DataFrame:
    return pd.DataFrame({"mm": [1.5, 2.5]}, index=pd.Index(["a", region], name="place"))


@cache()
def air() -> xr.Dataset:
    times = pd.date_range("2013-01-01", periods=6, freq="D")
    return xr.Dataset({"air": ("time", np.arange(6.0))}, coords={"time": times})


@timeseries(timeseries="time")
@cache(cache_args=["agg_days"])
def daily(start_time: str | None, end_time: str | None, agg_days: int = 1) -> xr.Dataset:
    return air().rolling(time=agg_days).mean()


@cache(cache_args=["name"])
def array(name: str) -> xr.DataArray:
    return xr.DataArray(np.arange(3.0), dims="x", name=name)


@cache()
def settings() -> dict[str, object]:
    return {"a": 1, "b": [1, 2]}


@cache(cache_args=["n"])
def nothing(n: int) -> None:
    return None


@cache(cache_args=["first", "second"])
def two(first: str, second: str) -> str:
    return f"{first}, {second}"


def main() -> None:
    os.makedirs("nuthatch/rain")  # the backend parquet of 0.4.11 does not
    rain("africa", days=3)
    table("asia")
    daily(None, "2013-01-04", agg_days=2)
    daily("2013-01-02", None, cache_mode="local", agg_days=3)
    array("y", namespace="wide")
    settings()
    nothing(1)
    nothing(2, namespace="wide")
    two("a_b", "c")
    two("../up", "x")


if __name__ == "__main__":
    main()
