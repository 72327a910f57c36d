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
from types import ModuleType
from typing import TYPE_CHECKING, Any

from whorl.digest import copy_plain
from whorl.typenames import type_name

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    plain = copy_plain(value, _is_fixed)
    if plain is not None:
        return plain
    memo = {id(part): part for part in _fixed_parts(value)}
    copied = copy.deepcopy(value, memo)
    if any(_is_frame(part) for part in memo.values()):
        return _pickled(value)
    kept: Any = memo.get(id(memo), ())  # where deepcopy holds what it made copies of
    # Geometries in places that are not looked at, or that a value makes anew whenever it is asked for its state.
    return _pickled(value) if any(_is_fixed(type(part)) for part in kept) else copied


def _fixed_parts(value: object) -> Iterator[object]:
    """Find geometries in containers, attributes and arrays, which ``deepcopy`` would make anew one by one."""
    seen: set[int] = set()
    waiting = [value] if "shapely" in sys.modules else []
    while waiting:
        part: Any = waiting.pop()
        kind = type(part)
        if kind in _IMMUTABLE or id(part) in seen or isinstance(part, (type, ModuleType)):
            continue
        seen.add(id(part))
        if _is_fixed(kind):
            yield part
        elif isinstance(part, (list, tuple, set, frozenset)):
            waiting.extend(part)
        elif isinstance(part, dict):
            waiting.extend(part.values())
        elif _is_array_of_objects(part):
            waiting.extend(part.ravel().tolist())
        else:
            waiting.extend(getattr(part, "__dict__", {}).values())


def _pickled(value: object) -> object:
    """Copy a value by pickling it, but for geometries, which say less of themselves then, and what holds them."""
    if "shapely" not in sys.modules:
        return pickle.loads(pickle.dumps(value, protocol=5))  # noqa: S301 - our own bytes
    held: list[Any] = []
    data = io.BytesIO()
    _Writer(data, held).dump(value)
    data.seek(0)
    return _Reader(data, held).load()


def _taken(number: int) -> object:
    """Stand in a pickle for what was put aside; its reader has another function for it."""
    raise LookupError(number)


class _Writer(pickle.Pickler):
    """Puts geometries and arrays of them aside."""

    def __init__(self, data: io.BytesIO, held: list[Any]) -> None:
        super().__init__(data, protocol=5)
        self._held = held

    def reducer_override(self, obj: Any) -> Any:
        """Give a geometry, or an array of them, a number."""
        kind = type(obj)
        if type_name(kind) == "geopandas.GeometryArray":
            self._held.append(obj.copy())
        elif _is_fixed(kind):
            self._held.append(obj)
        else:
            return NotImplemented
        return _taken, (len(self._held) - 1,)


class _Reader(pickle.Unpickler):
    """Takes what was put aside; geometries themselves never change."""

    def __init__(self, data: io.BytesIO, held: list[Any]) -> None:
        super().__init__(data)
        self._held = held

    def find_class(self, module: str, name: str) -> Any:
        """Find a class, or what stands for things that were put aside."""
        if (module, name) == (__name__, _taken.__name__):
            return self._held.__getitem__
        return super().find_class(module, name)


def _is_array_of_objects(value: object) -> bool:
    return type_name(type(value)) == "numpy.ndarray" and value.dtype == object  # type: ignore[attr-defined]


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
