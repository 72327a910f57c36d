"""
A value and the name of another type in, the same content as that type out.

=====================  ===========================================================================================
tables                 pandas, polars (also lazy), pyarrow and dask, each from each; an index that only pandas has is
                       an error for the others but dask; a series with a name is a frame of one column
geopandas              as a frame of pandas, or an Arrow table with its reference systems; and back
xarray                 a Dataset of one variable as a DataArray, a DataArray with a name as a Dataset
xarray and pandas      a dataset as a frame whose index has the dimensions, a data array as a series; and back: exactly
numpy                  the values of a frame of one type, of a series or of a data array; names are left out
None                   stays what it is, whatever is asked for
=====================  ===========================================================================================

What cannot be had without losing something else, or is of another kind altogether, is a FormatError.  On the arrow: the
end of *decode*, where a caller asked for an ``engine``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.errors import FormatError
from whorl.format_options import closest
from whorl.formats.schema import engine_grids as grids
from whorl.formats.schema import engine_numbers as numbers
from whorl.formats.schema import engine_tables as tables
from whorl.formats.schema.engine_refusal import unreadable_as
from whorl.formats.schema.tables import table_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Way = tuple[Callable[[Any], Any], ...]

_PANDAS, _SERIES, _ARROW, _NUMPY = "pandas.DataFrame", "pandas.Series", "pyarrow.Table", "numpy.ndarray"
_POLARS, _LAZY = "polars.DataFrame", "polars.LazyFrame"
_GEO, _GEO_SERIES = "geopandas.GeoDataFrame", "geopandas.GeoSeries"
DASK, XARRAY = "dask.DataFrame", "xarray"
_DATASET, _DATA_ARRAY = "xarray.Dataset", "xarray.DataArray"
_GRIDS = (_DATASET, _DATA_ARRAY)
_ALIASES: Mapping[str, str] = {
    "pandas": _PANDAS, "polars": _POLARS, "polars.lazy": _LAZY, "pyarrow": _ARROW, "arrow": _ARROW, "dask": DASK,
    "dask.dataframe": DASK, "dask.dataframe.DataFrame": DASK, "dask_expr.DataFrame": DASK, "numpy": _NUMPY,
    "geopandas": _GEO,
}  # fmt: skip


def engine_named(name: str) -> str:
    """Give the type that a name stands for; FormatError, with the nearest one, for a name of none."""
    known = {XARRAY, *_GRIDS, _SERIES, *_ALIASES, *_ALIASES.values()}
    if name not in known:
        raise FormatError(f"unknown engine {name!r}", f"known: {', '.join(sorted(known))}", closest(name, known))
    return _ALIASES.get(name, name)


def convert(value: Any, engine: str) -> Any:
    """Give a value as another type; as it is where it has that type already."""
    wanted = engine_named(engine)
    has = type_name(value)
    if value is None or has == wanted or (wanted == XARRAY and has in _GRIDS):
        return value
    try:
        for step in _WAYS.get((has, wanted), ()):
            value = step(value)
    except (ValueError, TypeError, NotImplementedError, OverflowError) as error:
        if isinstance(error, FormatError):
            raise
        raise unreadable_as(has, engine, f"{type(error).__name__}: {error}") from error
    if type_name(value) != wanted and not (wanted == XARRAY and type_name(value) in _GRIDS):
        possible = sorted(target for source, target in _WAYS if source == has)
        cause = f"it can be {', '.join(possible)}" if possible else "it can be read as what it is, and as nothing else"
        raise unreadable_as(has, engine, cause)
    return value


def type_name(value: object) -> str:
    """Name the type of a value as an engine is named."""
    name = table_name(value)
    return _ALIASES.get(name, name)


def _compute(frame: Any) -> Any:
    return frame.compute()


def _collect(frame: Any) -> Any:
    return frame.collect()


def _lazy(frame: Any) -> Any:
    return frame.lazy()


def _plain_rows(frame: Any) -> Any:
    tables.refuse_index(frame, _NUMPY)
    return frame


def _only_variable(dataset: Any) -> Any:
    names = list(dataset.data_vars)
    if len(names) != 1 or dataset.attrs:
        cause = f"it has the variables {', '.join(map(str, names)) or 'none'}"
        cause += " and attributes of its own" if dataset.attrs else ""
        raise unreadable_as(_DATASET, _DATA_ARRAY, cause)
    return dataset[names[0]]


def _as_dataset(array: Any) -> Any:
    if array.name is None:
        raise unreadable_as(_DATA_ARRAY, _DATASET, "it has no name")
    return array.to_dataset()


def _table_ways() -> dict[tuple[str, str], Way]:
    """Lead each table by way of the others that lie between: lazy to eager to Arrow to pandas."""
    from_arrow: dict[str, Way] = {
        _PANDAS: (tables.pandas_of_arrow,),
        _POLARS: (tables.polars_of_arrow,),
        _LAZY: (tables.polars_of_arrow, _lazy),
        DASK: (tables.pandas_of_arrow, tables.dask_of_pandas),
        _NUMPY: (tables.pandas_of_arrow, _plain_rows, numbers.array_of_frame),
        _GEO: (tables.geopandas_of_arrow,),
    }
    to_arrow: dict[str, Way] = {
        _ARROW: (),
        _PANDAS: (tables.arrow_of_pandas,),
        _POLARS: (tables.arrow_of_polars,),
        _LAZY: (_collect, tables.arrow_of_polars),
        DASK: (_compute, tables.arrow_of_pandas),
        _SERIES: (tables.frame_of_series, tables.arrow_of_pandas),
    }
    ways = {
        (has, wanted): (*there, *back)
        for has, there in to_arrow.items()
        for wanted, back in from_arrow.items()
        if has != wanted
    }
    return ways | {(has, _ARROW): there for has, there in to_arrow.items() if there}


_WAYS: Mapping[tuple[str, str], Way] = {
    **_table_ways(),
    (_POLARS, _LAZY): (_lazy,),
    (_LAZY, _POLARS): (_collect,),
    (_PANDAS, DASK): (tables.dask_of_pandas,),
    (DASK, _PANDAS): (_compute,),
    (_PANDAS, _NUMPY): (_plain_rows, numbers.array_of_frame),
    (DASK, _NUMPY): (_compute, _plain_rows, numbers.array_of_frame),
    (_SERIES, _PANDAS): (tables.frame_of_series,),
    (_SERIES, DASK): (tables.frame_of_series, tables.dask_of_pandas),
    (_SERIES, _NUMPY): (_plain_rows, numbers.array_of_series),
    (_SERIES, _GEO): (tables.frame_of_series, tables.geopandas_of_pandas),
    (_GEO_SERIES, _GEO): (tables.frame_of_series,),
    (_GEO_SERIES, _SERIES): (tables.pandas_of_geopandas,),
    (_GEO, _PANDAS): (tables.pandas_of_geopandas,),
    (_PANDAS, _GEO): (tables.geopandas_of_pandas,),
    (_GEO, _ARROW): (tables.arrow_of_geopandas,),
    (_DATASET, _DATA_ARRAY): (_only_variable,),
    (_DATA_ARRAY, _DATASET): (_as_dataset,),
    (_DATASET, _PANDAS): (grids.frame_of_dataset,),
    (_DATA_ARRAY, _PANDAS): (_as_dataset, grids.frame_of_dataset),
    (_DATA_ARRAY, _SERIES): (grids.series_of_array,),
    (_DATASET, _NUMPY): (_only_variable, numbers.values_of_array),
    (_DATA_ARRAY, _NUMPY): (numbers.values_of_array,),
    (_PANDAS, _DATASET): (grids.dataset_of_frame,),
    (_PANDAS, XARRAY): (grids.dataset_of_frame,),
    (_PANDAS, _DATA_ARRAY): (grids.dataset_of_frame, _only_variable),
    (_SERIES, _DATA_ARRAY): (grids.array_of_series,),
    (_SERIES, XARRAY): (grids.array_of_series,),
}
