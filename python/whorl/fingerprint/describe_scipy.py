"""
Sparse arrays and matrices, and distributions of scipy in, descriptions out.

Sparse ones count by their class (an array is no matrix, and the format is part of what code sees), their dtype, their
shape, and by what they store as they store it: explicit zeros, duplicates and the order of indices can be told apart,
and count.  The width of indices is layout, and what scipy remembers of an array (whether its indices are sorted) is
none of its value.  Distributions count by their state, without numpy's generator of the whole process, which stands in
each that was given none.  On the arrow: inside *digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.fingerprint.describe_instance import refuse, state_of
from whorl.fingerprint.description import Inner, full_name, node
from whorl.fingerprint.subclasses import besides

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.fingerprint.description import Describer, Description, Parts


def describer_of(kind: type) -> Describer | None:
    """Return what describes a type of scipy's family; None for what is an instance like any other."""
    for base in kind.__mro__:
        if base.__module__.startswith("scipy.sparse") and base.__name__ in _BASES:
            return _describe_sparse
        if base.__module__.startswith("scipy.stats") and base.__name__ in _DISTRIBUTIONS:
            return _describe_distribution
    return None


_DISTRIBUTIONS = ("rv_generic", "multi_rv_generic")
# The base of arrays and matrices has had several names.
_BASES = ("_spbase", "spmatrix", "sparray")
# What arrays of one format or another keep in their namespace.
_KEPT = frozenset(
    (
        *("data", "indices", "indptr", "coords", "row", "col", "offsets", "rows", "dtype", "blocksize", "format"),
        *("maxprint", "has_canonical_format", "has_sorted_indices"),
    )
)


def _describe_distribution(distribution: Any) -> Description:
    from numpy.random import mtrand

    shared = mtrand._rand  # noqa: SLF001 - what numpy.random.seed sets
    parts = [part for part in state_of(distribution) if part[1] is not shared]
    return node(full_name(type(distribution)), parts)


def _describe_sparse(array: Any) -> Description:
    kind = type(array)
    stored = _STORED.get(array.format)
    if stored is None or not kind.__module__.startswith("scipy.sparse"):
        raise refuse(kind, "its format is not one of scipy's own")
    parts: Parts = [(".shape", tuple(map(int, array.shape))), (".dtype", array.dtype), *stored(array)]
    return node(f"scipy.sparse.{kind.__name__}", [*parts, *besides(array, "scipy", _KEPT)])


def _compressed(array: Any) -> Parts:
    blocks = [(".blocksize", tuple(map(int, array.blocksize)))] if array.format == "bsr" else []
    return [*blocks, _indices(array, "indptr"), _indices(array, "indices"), _numbers(array.data)]


def _coordinates(array: Any) -> Parts:
    axes = array.coords if hasattr(array, "coords") else (array.row, array.col)
    return [*((f".coords[{axis}]", Inner(_wide(indices))) for axis, indices in enumerate(axes)), _numbers(array.data)]


def _diagonals(array: Any) -> Parts:
    return [_indices(array, "offsets"), _numbers(array.data)]


def _lists(array: Any) -> Parts:
    return [(".rows", Inner(array.rows)), _numbers(array.data)]


def _mapping(array: Any) -> Parts:
    return [("", [(_plain(place), value) for place, value in array.items()])]


def _plain(place: Any) -> tuple[int, ...]:
    return tuple(map(int, place)) if isinstance(place, tuple) else (int(place),)


def _indices(array: Any, name: str) -> tuple[str, object]:
    return f".{name}", Inner(_wide(getattr(array, name)))


def _wide(indices: Any) -> Any:
    return indices.astype("int64", copy=False)


def _numbers(data: Any) -> tuple[str, object]:
    return ".data", Inner(data)


_STORED: dict[str, Callable[[Any], Parts]] = {
    "csr": _compressed,
    "csc": _compressed,
    "bsr": _compressed,
    "coo": _coordinates,
    "dia": _diagonals,
    "lil": _lists,
    "dok": _mapping,
}
