"""
A value in, a value that nobody else holds out.

Deep copies; what cannot be changed is handed on as it is, and what dask will compute is copied part by part when it has
been.  On the arrow: before *compute*, and between *decode* and the value.
"""

from __future__ import annotations

import copy
import io
import pickle
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from whorl.digest import copy_plain
from whorl.piecewise import is_collection, is_read_anew, over_parts
from whorl.typenames import type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    # Copies collections of dask's.
    _CopyAll: TypeAlias = Callable[[Sequence[object]], Sequence[object]]

_IMMUTABLE = frozenset({type(None), bool, int, float, complex, str, bytes, range, type(Ellipsis)})


class UncopyableError(TypeError):
    """A value that has no private copy; the engine falls back to computing or digesting it again."""


def private_copy(value: object) -> object:
    """Copy a value so that changing the copy, at any depth, leaves the original as it was."""
    return _copy(value, _copy_later)


def copy_to_keep(value: object) -> object:
    """Copy a value that is kept for others; what dask would compute of it is computed, and stays where that is done."""
    return _copy(value, _copy_now)


def _copy(value: object, copy_all: _CopyAll) -> object:
    kind = type(value)
    if _is_fixed(kind):
        return value
    try:
        if is_collection(kind):
            return copy_all([value])[0]
        if _is_frame(value):
            return _copy_frame(value, copy_all)
        return _copy_deeply(value, copy_all)
    except Exception as error:
        raise UncopyableError(f"a {kind.__qualname__} cannot be copied: {error}") from error


def _copy_later(collections: Sequence[object]) -> Sequence[object]:
    """Copy collections of dask's part by part, when these are computed."""
    return [copy.copy(each) if is_read_anew(each) else over_parts(each, _part) for each in collections]


def _copy_now(collections: Sequence[object]) -> Sequence[object]:
    """
    Copy collections of dask's, all arrays together, for they may come of the same; then all frames, and so on.

    A part that has no copy is an error.
    """
    import dask

    copies = [over_parts(each, private_copy) for each in collections]
    families = [each.__module__.split(".")[:2] for each in map(type, copies)]
    for family in {tuple(each): each for each in families}.values():
        places = [place for place, each in enumerate(families) if each == family]
        held = dask.persist(*(copies[place] for place in places), traverse=False)  # type: ignore[attr-defined, no-untyped-call]
        for place, each in zip(places, held, strict=True):
            copies[place] = each
    return copies


def _part(value: object) -> object:
    """Copy what dask has computed; what has no copy is handed on, for nothing of ours keeps it."""
    try:
        return private_copy(value)
    except UncopyableError:
        return value


def _is_fixed(kind: type) -> bool:
    """Whether nothing changes values of a type; geometries would lose the grid they were rounded to when copied."""
    shapely = sys.modules.get("shapely")
    return kind in _IMMUTABLE or (shapely is not None and issubclass(kind, shapely.Geometry))


def _copy_deeply(value: object, copy_all: _CopyAll) -> object:
    """
    Copy a value; pandas shares the objects of its columns when it is copied as a part, pickling does not.

    The core copies lists, dicts and tuples of what cannot be changed, about eight times as fast as ``deepcopy``.
    """
    plain = copy_plain(value, _is_fixed)
    if plain is not None:
        return plain
    parts = list(_parts_apart(value))
    lazy = [part for part in parts if is_collection(type(part))]
    apart = {id(part): part for part in parts}
    if lazy:
        apart.update(zip(map(id, lazy), copy_all(lazy), strict=True))
    memo = apart.copy()
    copied = copy.deepcopy(value, memo)
    kept: Any = memo.get(id(memo), ())  # where deepcopy holds what it made copies of
    if any(map(_shares_objects, kept)):
        raise TypeError("polars hands the same objects of a column to all")
    # Geometries and collections of dask's in places that are not looked at, or that a value makes anew whenever it is
    # asked for its state.
    again = any(_is_frame(part) for part in memo.values()) or any(_is_apart(type(part)) for part in kept)
    return _pickled(value, apart, copy_all) if again else copied


def _shares_objects(value: object) -> bool:
    """Whether a value is a table of polars with Python's objects in it, which no copy of its copies."""
    table: Any = value
    kind = type_name(type(value))
    columns = table.dtypes if kind == "polars.DataFrame" else [table.dtype] if kind == "polars.Series" else []
    return any(str(column) == "Object" for column in columns)


def _is_apart(kind: type) -> bool:
    """Whether ``deepcopy`` does not copy values of a type as it should."""
    return kind not in _IMMUTABLE and (_is_fixed(kind) or is_collection(kind))


def _parts_apart(value: object) -> Iterator[object]:
    """
    Find geometries and collections of dask's in containers, attributes and arrays.

    ``deepcopy`` would make the former anew one by one, and share what the latter hold.
    """
    seen: set[int] = set()
    waiting = [value] if "shapely" in sys.modules or "dask.base" in sys.modules else []
    while waiting:
        part: Any = waiting.pop()
        kind = type(part)
        if kind in _IMMUTABLE or id(part) in seen or isinstance(part, (type, ModuleType)):
            continue
        seen.add(id(part))
        if _is_apart(kind):
            yield part
        elif isinstance(part, (list, tuple, set, frozenset)):
            waiting.extend(part)
        elif isinstance(part, dict):
            waiting.extend(part.values())
        elif _is_array_of_objects(part):
            waiting.extend(part.ravel().tolist())
        else:
            waiting.extend(_fields(part, kind))


def _fields(value: object, kind: type) -> Iterator[object]:
    """Give what an instance holds; xarray's have slots."""
    yield from getattr(value, "__dict__", {}).values()
    if kind.__module__.partition(".")[0] == "xarray":
        for base in kind.__mro__:
            slots = base.__dict__.get("__slots__", ())
            yield from (getattr(value, slot, None) for slot in slots if slot != "__dict__")


def _pickled(value: object, apart: Mapping[int, object], copy_all: _CopyAll) -> object:
    """
    Copy a value by pickling it.

    Geometries, which say less of themselves then, and what holds them are put aside, and so are collections of dask's,
    ``apart`` with the copies that there are.
    """
    if "shapely" not in sys.modules and "dask.base" not in sys.modules:
        return pickle.loads(pickle.dumps(value, protocol=5))  # noqa: S301 - our own bytes
    held: list[Any] = []
    data = io.BytesIO()
    _Writer(data, held, lambda part: apart[id(part)] if id(part) in apart else copy_all([part])[0]).dump(value)
    data.seek(0)
    return _Reader(data, held).load()


def _taken(number: int) -> object:
    """Stand in a pickle for what was put aside; its reader has another function for it."""
    raise LookupError(number)


class _Writer(pickle.Pickler):
    """Puts geometries, arrays of them and collections of dask's aside."""

    def __init__(self, data: io.BytesIO, held: list[Any], copied: Callable[[object], object]) -> None:
        super().__init__(data, protocol=5)
        self._held = held
        self._copied = copied

    def reducer_override(self, obj: Any) -> Any:
        """Give what is put aside a number."""
        kind = type(obj)
        if type_name(kind) == "geopandas.GeometryArray":
            self._held.append(obj.copy())
        elif _is_fixed(kind):
            self._held.append(obj)
        elif is_collection(kind):
            self._held.append(self._copied(obj))
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


def _copy_frame(value: object, copy_all: _CopyAll) -> object:
    """Copy a frame; a deep copy by pandas shares the objects inside object columns, pickling does not."""
    dtypes: Any = getattr(value, "dtypes", None)
    kinds = list(dtypes) if hasattr(dtypes, "__iter__") else [dtypes]
    if any(str(kind) == "object" for kind in kinds) or getattr(value, "attrs", None) or _has_object_index(value):
        return _pickled(value, {}, copy_all)
    return value.copy(deep=True)  # type: ignore[attr-defined]


def _has_object_index(value: object) -> bool:
    index = getattr(value, "index", None)
    return index is not None and str(getattr(index, "dtype", "")) == "object"
