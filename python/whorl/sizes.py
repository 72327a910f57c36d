"""
A value in, the bytes of memory that it takes out, near enough to bound a cache by.

Buffers count once, however many views of them there are; objects inside of frames and containers count.  What is not
known counts by ``sys.getsizeof``.  It never raises.  Beside the arrow: the tier in memory asks.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from whorl.typenames import type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_CONTAINERS = (list, tuple, set, frozenset)


def is_dask_backed(value: Any) -> bool:
    """Whether a value is a collection of dask's, or has arrays that are."""
    kind = type(value)
    if kind.__module__.partition(".")[0] in ("dask", "dask_expr") and hasattr(value, "__dask_graph__"):
        return True
    if kind.__module__.partition(".")[0] != "xarray":
        return False
    # A dataset has no chunks of its own to tell where its variables are cut in different places.
    variables = value.variables.values() if kind.__qualname__ == "Dataset" else [value]
    return any(getattr(variable, "chunks", None) not in (None, (), {}) for variable in variables)


def size_of(value: Any) -> int:
    """Give the bytes that a value takes."""
    return _Measure(set()).of(value)


class _Measure:
    """One measuring; ``seen`` has the numbers of what was counted."""

    def __init__(self, seen: set[int]) -> None:
        self._seen = seen
        self._held: list[object] = []  # so that no number is used twice

    def of(self, value: Any) -> int:
        """Add one value and what it holds."""
        total, waiting = 0, [value]
        while waiting:
            current = waiting.pop()
            if id(current) in self._seen:
                continue
            self._seen.add(id(current))
            self._held.append(current)
            total += self._own(current)
            waiting.extend(_parts(current))
        return total

    def _own(self, value: Any) -> int:
        measure = _MEASURES.get(type_name(type(value)))
        if measure is not None:
            try:
                return measure(value)
            except Exception:  # noqa: BLE001 - a library's own estimate that fails says nothing
                return sys.getsizeof(value, 0)
        return sys.getsizeof(value, 0)


def _parts(value: Any) -> Iterator[Any]:
    """Yield what a value holds besides itself."""
    if type(value) is dict:
        yield from value
        yield from value.values()
    elif type(value) in _CONTAINERS:
        yield from value
    elif type(value).__qualname__ == "ndarray" and type(value).__module__ == "numpy":
        if value.base is not None:
            yield value.base
        if value.dtype.hasobject:
            yield from value.ravel().tolist()
    elif isinstance(held := getattr(value, "__dict__", None), dict) and type(value).__module__ not in _LIBRARIES:
        yield held


def _array(value: Any) -> int:
    """Count an array that owns its memory; a view's memory is its base's."""
    return (
        int(value.nbytes) if value.base is None else sys.getsizeof(value, 0) - int(value.flags.owndata) * value.nbytes
    )


def _frame(value: Any) -> int:
    columns = [value.iloc[:, place] for place, kind in enumerate(value.dtypes) if str(kind) == "geometry"]
    return int(value.memory_usage(index=True, deep=True).sum()) + sum(map(_geometries, columns))


def _series(value: Any) -> int:
    return int(value.memory_usage(deep=True)) + (_geometries(value) if str(value.dtype) == "geometry" else 0)


def _geometries(column: Any) -> int:
    """Estimate what GEOS holds, of which pandas sees the addresses alone: as measured with points, lines and areas."""
    import shapely

    each, point = 180, 28
    return each * int(column.notna().sum()) + point * int(shapely.get_num_coordinates(column.to_numpy()).sum())


def _bytes(value: Any) -> int:
    return int(value.nbytes)


def _dask_frame(value: Any) -> int:
    return int(value.memory_usage(index=True, deep=True).sum().compute())


_LIBRARIES = frozenset(("numpy", "pandas", "geopandas", "pyarrow", "polars", "xarray", "dask"))
_INDEXES = ("Index", "MultiIndex", "RangeIndex", "DatetimeIndex", "TimedeltaIndex", "PeriodIndex", "CategoricalIndex")
_MEASURES: Mapping[str, Callable[[Any], int]] = {
    "numpy.ndarray": _array,
    **{f"{name}Frame": _frame for name in ("pandas.Data", "geopandas.GeoData")},
    **{f"pandas.{name}": _series for name in ("Series", "IntervalIndex", *_INDEXES)},
    "geopandas.GeoSeries": _series,
    **{f"xarray.{name}": _bytes for name in ("Dataset", "DataArray", "Variable")},
    **{f"polars.{name}": lambda value: int(value.estimated_size()) for name in ("DataFrame", "Series")},
    "pyarrow.Table": lambda table: int(table.get_total_buffer_size()),
    **{f"{name}.{kind}": _dask_frame for name in ("dask", "dask_expr") for kind in ("DataFrame", "Series")},
    "dask.Array": _bytes,
}
