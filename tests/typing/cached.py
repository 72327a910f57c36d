"""What a type checker knows of ``cache``, of options, and of processors."""

from __future__ import annotations

from typing import assert_type

import pandas as pd

import whorl
from whorl import cache


@cache()
def called(number: int, text: str = "") -> list[int]:
    return [number]


@cache
def bare(number: int) -> str:
    return str(number)


@cache(
    cache_args=["number"], engine=pd.DataFrame, backend="parquet", upsert_keys=["id"], cache_disable_if={"number": 1}
)
def full(number: int) -> pd.DataFrame:
    return pd.DataFrame({"id": [number]})


assert_type(called(1, text="a"), list[int])
assert_type(bare(1), str)
assert_type(full.options(recompute=["called"], memoize="_all", cache_mode="read_only")(1), pd.DataFrame)
called("1")  # type: ignore[arg-type]
called.options(recompute=3)  # type: ignore[arg-type]
called.options(nothing=True)  # type: ignore[call-arg]
whorl.set_parameter("memory://", "filesystem")
whorl.clear_memoizer()
