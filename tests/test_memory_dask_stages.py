"""Stages whose results are dask's: what one consumer does to a part reaches no other, and no store."""

from __future__ import annotations

from typing import Any

import dask.array as da
import dask.dataframe as dd
import pandas as pd
import pytest
import xarray as xr

from whorl import cache, stage


@cache(memoize=True)
def table() -> Any:
    return dd.from_pandas(pd.DataFrame({"a": [1, 2, 3, 4]}), npartitions=1)


@cache(memoize=True, engine="dask")
def by_engine() -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2, 3, 4]})


@cache(memoize=True)
def cube() -> xr.Dataset:
    return xr.Dataset({"v": ("x", da.arange(4))}, attrs={"deep": {"a": 10}})


@stage(cache=False)
def unstored() -> Any:
    return dd.from_pandas(pd.DataFrame({"a": [1, 2, 3, 4]}), npartitions=1).persist()  # type: ignore[attr-defined]


@stage(value=unstored, cache=True)
def spoiling(value: Any) -> int:
    part = value.compute()
    part["a"] *= 0
    return int(part["a"].sum())


@stage(value=unstored, cache=True)
def summing(value: Any) -> int:
    return int(value["a"].sum().compute())


@stage(first=spoiling, second=summing, cache=True)
def both(first: int, second: int) -> tuple[int, int]:
    return first, second


@cache()
def below(name: str) -> int:
    value: Any = {"table": table, "by_engine": by_engine, "cube": cube}[name]()
    return int(value.attrs["deep"]["a"] if name == "cube" else value["a"].sum().compute())


def spoil_result(value: Any) -> None:
    """Do in place what a caller might."""
    if isinstance(value, xr.Dataset):
        value.attrs["deep"]["a"] = 0
    else:
        part = value.compute()
        part["a"] *= 0


@pytest.mark.usefixtures("empty_memory")
@pytest.mark.parametrize("name", ["table", "by_engine", "cube"])
def test_no_stage_stores_what_a_caller_made_of_a_remembered_value(name: str) -> None:
    """It would be a wrong result under a right key."""
    remembered: Any = {"table": table, "by_engine": by_engine, "cube": cube}[name]
    for _ in range(3):
        spoil_result(remembered())

    assert below(name) == 10


@pytest.mark.usefixtures("empty_memory")
def test_consumers_of_an_unstored_frame_have_parts_of_their_own() -> None:
    """Though its parts are held by the frame."""
    assert both() == (0, 10)
