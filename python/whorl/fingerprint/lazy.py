"""
An array that is computed when it is asked for in; its description out, made rows at a time.

The description is that of the same array in memory, so that a lazy and a loaded one are equal; chunks do not count.
Rows are asked for until there are some tens to hundreds of megabytes, or one row of the first axis where that alone is
more.  What the library takes to compute them, such as whole chunks that these rows are cut from, comes on top.  Nothing
is kept: what was loaded to be hashed stays lazy for its owner.  Elements that are objects have no such way: they are
loaded whole.  On the arrow: inside *digest values*.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from whorl.digest import Digest, HashedMemory, Hasher
from whorl.errors import UndigestableError
from whorl.fingerprint.describe_numpy import header_of, is_fixed
from whorl.fingerprint.description import Described, Inner, buffer
from whorl.fingerprint.kinds import top_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_DASK = frozenset(("dask", "dask_expr", "distributed"))
_PLANS = frozenset(
    (
        ("polars", "LazyFrame"),
        *(("pyarrow", name) for name in ("Dataset", "Fragment", "Scanner")),
        # What reads a file below a variable; variables themselves are loaded where they must be.
        *(("xarray", name) for name in ("BackendArray", "LazilyIndexedArray", "LazilyVectorizedIndexedArray")),
        *(("zarr", name) for name in ("Array", "Group", "AsyncArray", "AsyncGroup")),
    )
)
# Rows are loaded until there is so much to hash ...
_ENOUGH = 64 << 20
# ... and a row of chunks that has more is computed several times, a slice of it each time.  To join the slices takes
# the memory of one several times over.
_TOO_MUCH = 256 << 20
_SLICE = 128 << 20


def is_plan(kind: type) -> bool:
    """Tell what gives its values anew each time it is asked: a plan of them, or a handle to what lies elsewhere."""
    tops = [top_of(base) for base in kind.__mro__]
    if _DASK.intersection(tops):
        return hasattr(kind, "__dask_graph__")
    return any((top, base.__name__) in _PLANS for top, base in zip(tops, kind.__mro__, strict=True))


def is_lazy(value: object) -> bool:
    """Say whether a value is computed or read only when it is asked for: a graph of dask, or variables in a file."""
    kind = type(value)
    if hasattr(kind, "__dask_graph__"):
        asked: Any = value
        if asked.__dask_graph__() is not None:
            return True
    if kind.__module__.partition(".")[0] != "xarray" or kind.__name__ not in ("Dataset", "DataArray"):
        return False
    held: Any = value
    arrays = [held.variable, *(each.variable for each in held.coords.values())] if kind.__name__ == "DataArray" else []
    variables = arrays or held.variables.values()
    return not all(variable._in_memory for variable in variables)  # noqa: SLF001 - the public ways load it


def describe_rows(
    shape: tuple[int, ...], dtype: Any, chunks: Sequence[int], load: Callable[[int, int], Any]
) -> Inner | Described:
    """
    Describe an array as if it were in memory, as a part of what holds it.

    ``chunks`` are the lengths of its chunks on the first axis; ``load`` gives the rows from one up to another.
    """
    import numpy as np

    if not (shape and is_fixed(dtype)):
        return Inner(np.asarray(load(0, shape[0] if shape else 0)))
    hasher = Hasher()
    for start, stop in _pieces(chunks, dtype.itemsize * prod(shape[1:])):
        rows = np.asarray(load(start, stop))
        if rows.dtype != dtype or rows.shape != (stop - start, *shape[1:]):
            raise _misled(dtype, rows)
        hasher.update(_bytes_of(rows))
    memory = HashedMemory(dtype.itemsize * prod(shape), Digest(hasher.digest()))
    return Described(buffer("numpy.ndarray", header_of(dtype, shape), memory))


def _pieces(chunks: Sequence[int], row: int) -> Iterator[tuple[int, int]]:
    """Cut the first axis between chunks, and inside of those that are too large."""
    start = stop = 0
    for length in chunks:
        if length * row > _TOO_MUCH:
            if stop > start:
                yield start, stop
            yield from _slices(stop, stop + length, max(1, _SLICE // row))
            start = stop = stop + length
            continue
        stop += length
        if (stop - start) * row >= _ENOUGH:
            yield start, stop
            start = stop
    if stop > start:
        yield start, stop


def _slices(start: int, stop: int, step: int) -> Iterator[tuple[int, int]]:
    for first in range(start, stop, step):
        yield first, min(first + step, stop)


def _bytes_of(rows: Any) -> Any:
    import numpy as np

    little = rows.dtype.newbyteorder("<")
    return np.ascontiguousarray(rows, dtype=little).reshape(-1).view(np.uint8)


def _misled(dtype: Any, rows: Any) -> UndigestableError:
    return UndigestableError(
        "the parts of a lazy array are not what it says they are",
        f"it has elements of {dtype}, and a part came as {rows.dtype} with the shape {rows.shape}",
        "give the library that made it the right type, or compute() it first",
    )
