"""
Sparse arrays and matrices of scipy in, descriptions out.

They count by their class (an array is no matrix, and the format is part of what code sees), their dtype, their shape,
and by what they store as they store it: explicit zeros, duplicates and the order of indices can be told apart, and
count.  The width of indices is layout, and what scipy remembers of an array (whether its indices are sorted) is none
of its value.  On the arrow: inside *digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.fingerprint.describe_instance import refuse
from whorl.fingerprint.description import Inner, node
from whorl.fingerprint.subclasses import besides

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.fingerprint.description import Describer, Description, Parts


def describer_of(kind: type) -> Describer | None:
    """Return what describes a type of scipy's family; None for what is an instance like any other."""
    if not any(base.__module__.startswith("scipy.sparse") and base.__name__ in _BASES for base in kind.__mro__):
        return None
    return _describe_sparse


# The base of arrays and matrices has had several names.
_BASES = ("_spbase", "spmatrix", "sparray")
# What arrays of one format or another keep in their namespace.
_KEPT = frozenset(
    (
        *("data", "indices", "indptr", "coords", "row", "col", "offsets", "rows", "dtype", "blocksize", "format"),
        *("maxprint", "has_canonical_format", "has_sorted_indices"),
    )
)


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
