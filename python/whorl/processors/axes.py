"""
A value and the names that its time axis may have in, the part inside of a window out, or its first and last time.

One function per family of types; which it is is read from the type's name, so that no library is imported for a value
that is not its own.  On the arrow: after *decode*, for ``timeseries``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from whorl.axis import choose, is_of_moments, pandas_labels, pandas_times
from whorl.bounds import Bounds, within_years
from whorl.errors import WhorlError
from whorl.typenames import type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Span: TypeAlias = tuple[Any, Any, Bounds]


class TimeAxisError(WhorlError, ValueError, RuntimeError):
    """A value has no column or dimension of the names that a time axis may have; Nuthatch raises a RuntimeError."""


@dataclass(frozen=True, slots=True)
class Family:
    """
    What can be done along the time axis of some types.

    ``slice`` gives the part inside of a window; ``span`` the first and last time, with the window in their time zone,
    or None where there are no times.
    """

    slice: Callable[[Any, tuple[str, ...], Bounds], Any]
    span: Callable[[Any, tuple[str, ...], Bounds], Span | None]


def family_of(value: object) -> Family | None:
    """Give what can be done with a value; None for a type that has no time axis."""
    return _FAMILIES.get(type_name(type(value)))


def _choose(names: tuple[str, ...], there: Iterable[object], what: str) -> str:
    known = list(there)
    found = choose(names, known)
    if found is None:
        wanted = " or ".join(repr(name) for name in names)
        cause = f"the {what} are {', '.join(map(str, known)) or 'none'}"
        raise TimeAxisError(f"there is no time axis {wanted}", cause)
    return found


# --- pandas ---


def _pandas_times(value: Any, names: tuple[str, ...], bounds: Bounds) -> tuple[Any, Bounds]:
    """Give a series of times, one for each row, and the window in their time zone."""
    import pandas as pd

    name = _choose(names, pandas_labels(value), "columns and levels of the index")
    times = pandas_times(value, name)
    times = times if is_of_moments(times) else pd.to_datetime(times)
    return times, bounds.checked_in_zone(times.dt.tz)


def _slice_pandas(value: Any, names: tuple[str, ...], bounds: Bounds) -> Any:
    times, window = _pandas_times(value, names, bounds)
    if bounds.is_open:
        return value
    inside = window.contain(times).to_numpy(dtype=bool, na_value=False)
    return value if inside.all() else value[inside]


def _span_pandas(value: Any, names: tuple[str, ...], bounds: Bounds) -> Span | None:
    times, window = _pandas_times(value, names, bounds)
    times = times.dropna()
    return (times.min(), times.max(), window) if len(times) else None


# --- dask: each partition is a frame of pandas ---


def _slice_dask(value: Any, names: tuple[str, ...], bounds: Bounds) -> Any:
    meta = _slice_pandas(value._meta, names, bounds)  # noqa: SLF001 - how dask's collections say what they are made of
    return value if bounds.is_open else value.map_partitions(_slice_pandas, names, bounds, meta=meta)


def _span_dask(value: Any, names: tuple[str, ...], bounds: Bounds) -> Span | None:
    dask: Any = import_module("dask")  # its types are not exported
    parts = dask.compute(*(dask.delayed(_span_pandas)(part, names, bounds) for part in value.to_delayed()))
    spans = [span for span in parts if span is not None]
    return (min(span[0] for span in spans), max(span[1] for span in spans), spans[0][2]) if spans else None


# --- polars ---


def _polars_times(value: Any, names: tuple[str, ...], bounds: Bounds) -> tuple[Any, Bounds]:
    """Give an expression of times, and the window in their time zone."""
    import polars as pl

    schema = value.collect_schema()
    name = _choose(names, schema.names(), "columns")
    kind = schema[name]
    if kind not in (pl.Date, pl.Datetime):
        raise TimeAxisError(f"the column {name!r} has no times", f"it is of type {kind}")
    times = pl.col(name).cast(pl.Datetime("ns")) if kind == pl.Date else pl.col(name)
    zone = getattr(kind, "time_zone", None)
    window = bounds.checked_in_zone(zone)
    return times, window if zone else window.mapped(within_years)


def _slice_polars(value: Any, names: tuple[str, ...], bounds: Bounds) -> Any:
    times, window = _polars_times(value, names, bounds)
    return value if bounds.is_open else value.filter(window.contain(times))


def _span_polars(value: Any, names: tuple[str, ...], bounds: Bounds) -> Span | None:
    import pandas as pd

    times, window = _polars_times(value, names, bounds)
    found = value.lazy().select(times.min().alias("first"), times.max().alias("last")).collect()
    first, last = found.row(0)
    return None if first is None else (pd.Timestamp(first), pd.Timestamp(last), window)


# --- xarray ---


def _xarray_times(value: Any, names: tuple[str, ...], bounds: Bounds) -> tuple[Any, Any, Bounds]:
    """Give the dimension, an array of times, and the window as moments that can be compared with them."""
    import numpy as np

    axis = _choose(names, value.dims, "dimensions")
    if axis not in value.coords:
        raise TimeAxisError(f"the dimension {axis!r} has no times", "it has no coordinate", f"assign_coords({axis}=…)")
    times = np.asarray(value.coords[axis].values)
    window = bounds.in_zone(None)
    if times.dtype.kind == "M":
        return axis, times, window.mapped(lambda moment: moment.to_datetime64())
    if len(times) and hasattr(times[0], "calendar"):
        return axis, times, window.mapped(partial(_as_cftime, type(times[0])))
    raise TimeAxisError(f"the dimension {axis!r} has no times", f"its coordinate is of type {times.dtype}")


def _as_cftime(kind: type, moment: Any) -> Any:
    """Make a moment of another calendar; a day that it does not have becomes the last moment before."""
    try:
        return kind(*_fields(moment))
    except ValueError:  # the day after the 30th, where every month has 30
        return kind(*_fields(moment.normalize() - timedelta(microseconds=1)))


def _fields(moment: Any) -> tuple[int, ...]:
    return (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, moment.microsecond)


def _slice_xarray(value: Any, names: tuple[str, ...], bounds: Bounds) -> Any:
    import numpy as np

    if bounds.is_open:
        _choose(names, value.dims, "dimensions")
        return value
    axis, times, window = _xarray_times(value, names, bounds)
    places = np.flatnonzero(window.contain(times))
    if len(places) == len(times):
        return value
    if len(places) and places[-1] - places[0] + 1 == len(places):
        return value.isel({axis: slice(int(places[0]), int(places[-1]) + 1)})  # a range leaves lazy arrays lazy
    return value.isel({axis: places if len(places) else slice(0, 0)})


def _span_xarray(value: Any, names: tuple[str, ...], bounds: Bounds) -> Span | None:
    import pandas as pd

    _, times, window = _xarray_times(value, names, bounds)
    times = times[~pd.isna(times)]
    if not len(times):
        return None
    first, last = times.min(), times.max()
    if times.dtype.kind != "M":
        return first, last, window
    return pd.Timestamp(first), pd.Timestamp(last), bounds.in_zone(None)


_PANDAS, _DASK = Family(_slice_pandas, _span_pandas), Family(_slice_dask, _span_dask)
_POLARS, _XARRAY = Family(_slice_polars, _span_polars), Family(_slice_xarray, _span_xarray)
_FAMILIES: Mapping[str, Family] = {
    "pandas.DataFrame": _PANDAS, "pandas.Series": _PANDAS,
    "geopandas.GeoDataFrame": _PANDAS, "geopandas.GeoSeries": _PANDAS,
    "dask.DataFrame": _DASK, "dask.Series": _DASK, "dask_expr.DataFrame": _DASK, "dask_expr.Series": _DASK,
    "polars.DataFrame": _POLARS, "polars.LazyFrame": _POLARS,
    "xarray.Dataset": _XARRAY, "xarray.DataArray": _XARRAY,
}  # fmt: skip
