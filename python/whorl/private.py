"""
A value in, a value that nobody else holds out.

Copy-on-write views where the type has them, deep copies elsewhere; what cannot be changed is handed on as it is.  On
the arrow: before *compute*, and between *decode* and the value.
"""

from __future__ import annotations

import copy
import io
import pickle
import sys
from typing import Any

from whorl.digest import copy_plain
from whorl.typenames import type_name

_IMMUTABLE = frozenset({type(None), bool, int, float, complex, str, bytes, range, type(Ellipsis)})


class UncopyableError(TypeError):
    """A value that has no private copy; the engine falls back to computing or digesting it again."""


def private_copy(value: object) -> object:
    """Copy a value so that changing the copy, at any depth, leaves the original as it was."""
    if _is_fixed(type(value)):
        return value
    try:
        if _is_frame(value):
            return _copy_frame(value)
        return _copy_deeply(value)
    except Exception as error:
        raise UncopyableError(f"a {type(value).__qualname__} cannot be copied: {error}") from error


def _is_fixed(kind: type) -> bool:
    """Whether nothing changes values of a type; geometries would lose the grid they were rounded to when copied."""
    shapely = sys.modules.get("shapely")
    return kind in _IMMUTABLE or (shapely is not None and issubclass(kind, shapely.Geometry))


def _copy_deeply(value: object) -> object:
    """
    Copy a value; pandas shares the objects of its columns when it is copied as a part, pickling does not.

    The core copies lists, dicts and tuples of what cannot be changed, about eight times as fast as ``deepcopy``.
    """
    copied = copy_plain(value, _is_fixed)
    if copied is not None:
        return copied
    memo: dict[int, object] = {}
    copied = copy.deepcopy(value, memo)
    if any(_is_frame(part) for part in memo.values()):
        return _pickled(value)
    return copied


def _pickled(value: object) -> object:
    """Copy a value by pickling it, but for arrays of geometries, which say less of themselves then."""
    if "geopandas" not in sys.modules:
        return pickle.loads(pickle.dumps(value, protocol=5))  # noqa: S301 - our own bytes
    held: list[Any] = []
    data = io.BytesIO()
    _Writer(data, held).dump(value)
    data.seek(0)
    return _Reader(data, held).load()


class _Writer(pickle.Pickler):
    """Puts arrays of geometries aside."""

    def __init__(self, data: io.BytesIO, held: list[Any]) -> None:
        super().__init__(data, protocol=5)
        self._held = held

    def persistent_id(self, obj: Any) -> int | None:
        """Give an array of geometries a number."""
        if type_name(type(obj)) != "geopandas.GeometryArray":
            return None
        self._held.append(obj)
        return len(self._held) - 1


class _Reader(pickle.Unpickler):
    """Takes copies of what was put aside; geometries themselves never change."""

    def __init__(self, data: io.BytesIO, held: list[Any]) -> None:
        super().__init__(data)
        self._held = held

    def persistent_load(self, pid: int) -> Any:
        """Copy an array of geometries."""
        return self._held[pid].copy()


def _is_frame(value: object) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series, pandas.Index))


def _copy_frame(value: object) -> object:
    """Copy a frame; a deep copy by pandas shares the objects inside object columns, pickling does not."""
    dtypes: Any = getattr(value, "dtypes", None)
    kinds = list(dtypes) if hasattr(dtypes, "__iter__") else [dtypes]
    if any(str(kind) == "object" for kind in kinds) or getattr(value, "attrs", None) or _has_object_index(value):
        return _pickled(value)
    return value.copy(deep=True)  # type: ignore[attr-defined]


def _has_object_index(value: object) -> bool:
    index = getattr(value, "index", None)
    return index is not None and str(getattr(index, "dtype", "")) == "object"
