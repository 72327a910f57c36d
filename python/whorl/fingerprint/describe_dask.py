"""
Arrays of dask in, descriptions out; what else is lazy in dask is refused.

An array counts by its dtype, its shape and its elements, which are computed some rows at a time; chunks, graph and name
do not count, and never a token of dask, which says how values were asked for rather than what they are.  Frames, bags
and delayed objects are refused: compute them, or hand their inputs over.  On the arrow: inside *digest values*.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from whorl.fingerprint.describe_instance import refuse
from whorl.fingerprint.description import full_name, node
from whorl.fingerprint.lazy import describe_rows
from whorl.plans import plan_runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.fingerprint.description import Describer, Description


def describer_of(kind: type) -> Describer | None:
    """Return what describes a type of dask's family; None for what is an instance like any other."""
    if kind.__module__.startswith("dask.array") and kind.__name__ == "Array":
        return _describe_array
    return _refuse if hasattr(kind, "__dask_graph__") else None


def _describe_array(array: Any) -> Description:
    import numpy as np

    if any(math.isnan(side) for side in array.shape):
        raise refuse(
            type(array), "the sizes of its chunks are not known", "compute_chunk_sizes() or compute() it first"
        )
    if type(array._meta) is not np.ndarray:  # noqa: SLF001 - dask's only word for what its chunks are
        raise refuse(type(array), f"its chunks are {full_name(type(array._meta))}", "compute() it first")  # noqa: SLF001 - as above
    rows = array.chunks[0] if array.ndim else ()
    return node("dask.Array", [("", describe_rows(array.shape, array.dtype, rows, _rows_of(array)))])


def _rows_of(array: Any) -> Callable[[int, int], Any]:
    def load(start: int, stop: int) -> Any:
        with plan_runs():
            return (array[start:stop] if array.ndim else array).compute()

    return load


def _refuse(obj: object) -> Description:
    cause = "its values are not known until they are computed, and how it is cut into parts is no part of them"
    raise refuse(type(obj), cause, "compute() it first, or give the stage what it is made from")
