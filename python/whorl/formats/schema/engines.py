"""
A value and the name of another type in, the same content as that type out.

=====================  ===========================================================================================
tables                 pandas, polars (also lazy), pyarrow and dask, each from each; an index that only pandas has is
                       an error for the others but dask
xarray                 a Dataset of one variable as a DataArray, a DataArray with a name as a Dataset
None                   stays what it is, whatever is asked for
=====================  ===========================================================================================

What cannot be had without losing something, or is of another kind altogether, is a FormatError.  On the arrow: the end
of *decode*, where a caller asked for an ``engine``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.errors import FormatError
from whorl.formats.schema.tables import table_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Partitions of about the size that dask's documentation recommends.
_PARTITION_BYTES = 100_000_000
_ALIASES: Mapping[str, str] = {
    "pandas": "pandas.DataFrame", "polars": "polars.DataFrame", "polars.lazy": "polars.LazyFrame",
    "pyarrow": "pyarrow.Table", "arrow": "pyarrow.Table", "dask": "dask.DataFrame",
    "dask.dataframe": "dask.DataFrame", "dask.dataframe.DataFrame": "dask.DataFrame",
    "dask_expr.DataFrame": "dask.DataFrame",
}  # fmt: skip
DASK, XARRAY = "dask.DataFrame", "xarray"
_GRIDS = ("xarray.Dataset", "xarray.DataArray")


def engine_named(name: str) -> str:
    """Give the type that a name stands for; FormatError, with the nearest one, for a name of none."""
    known = {XARRAY, *_GRIDS, *_ALIASES, *_ALIASES.values()}
    if name not in known:
        from difflib import get_close_matches

        close = get_close_matches(name, known, n=1)
        names = ", ".join(sorted(known))
        raise FormatError(f"unknown engine {name!r}", f"known: {names}", f"did you mean {close[0]!r}?" if close else "")
    return _ALIASES.get(name, name)


def convert(value: Any, engine: str) -> Any:
    """Give a value as another type; as it is where it has that type already."""
    wanted = engine_named(engine)
    has = type_name(value)
    if value is None or has == wanted or (wanted == XARRAY and has in _GRIDS):
        return value
    for step in _WAYS.get((has, wanted), ()):
        value = step(value)
    if type_name(value) != wanted:
        possible = sorted(target for source, target in _WAYS if source == has)
        cause = f"it can be {', '.join(possible)}" if possible else "it can be read as what it is, and as nothing else"
        raise FormatError(f"a {has} cannot be read as {engine}", cause)
    return value


def type_name(value: object) -> str:
    """Name the type of a value as an engine is named."""
    name = table_name(value)
    return _ALIASES.get(name, name)


def _arrow_of_pandas(frame: Any) -> Any:
    import pyarrow as pa

    _refuse_index(frame, "pyarrow.Table")
    return pa.Table.from_pandas(frame, preserve_index=False)


def _refuse_index(frame: Any, wanted: str) -> None:
    """Refuse an index that says something: other libraries have none."""
    index = frame.index
    is_plain = type(index).__name__ == "RangeIndex" and index.name is None and index.start == 0 and index.step == 1
    if not is_plain:
        cause = "its index would be lost"
        raise FormatError(f"a pandas.DataFrame cannot be read as {wanted}", cause, "store frame.reset_index()")


def _pandas_of_arrow(table: Any) -> Any:
    return table.to_pandas()


def _polars_of_arrow(table: Any) -> Any:
    import polars as pl

    return pl.from_arrow(table)


def _arrow_of_polars(frame: Any) -> Any:
    return frame.to_arrow()


def _dask_of_pandas(frame: Any) -> Any:
    import dask.dataframe as dd

    size = int(frame.memory_usage(index=True).sum())
    return dd.from_pandas(frame, npartitions=max(1, size // _PARTITION_BYTES), sort=False)  # type: ignore[no-untyped-call]


def _compute(frame: Any) -> Any:
    return frame.compute()


def _collect(frame: Any) -> Any:
    return frame.collect()


def _lazy(frame: Any) -> Any:
    return frame.lazy()


def _only_variable(dataset: Any) -> Any:
    names = list(dataset.data_vars)
    if len(names) != 1 or dataset.attrs:
        cause = f"it has the variables {', '.join(map(str, names)) or 'none'}"
        cause += " and attributes of its own" if dataset.attrs else ""
        raise FormatError("an xarray.Dataset cannot be read as xarray.DataArray", cause)
    return dataset[names[0]]


def _as_dataset(array: Any) -> Any:
    if array.name is None:
        raise FormatError("an xarray.DataArray cannot be read as xarray.Dataset", "it has no name")
    return array.to_dataset()


_P, _A, _L = (_arrow_of_pandas,), (_polars_of_arrow,), (_lazy,)
_WAYS: Mapping[tuple[str, str], tuple[Callable[[Any], Any], ...]] = {
    ("pandas.DataFrame", "pyarrow.Table"): _P,
    ("pandas.DataFrame", "polars.DataFrame"): (*_P, *_A),
    ("pandas.DataFrame", "polars.LazyFrame"): (*_P, *_A, *_L),
    ("pandas.DataFrame", "dask.DataFrame"): (_dask_of_pandas,),
    ("pyarrow.Table", "pandas.DataFrame"): (_pandas_of_arrow,),
    ("pyarrow.Table", "polars.DataFrame"): _A,
    ("pyarrow.Table", "polars.LazyFrame"): (*_A, *_L),
    ("pyarrow.Table", "dask.DataFrame"): (_pandas_of_arrow, _dask_of_pandas),
    ("polars.DataFrame", "pyarrow.Table"): (_arrow_of_polars,),
    ("polars.DataFrame", "polars.LazyFrame"): _L,
    ("polars.DataFrame", "pandas.DataFrame"): (_arrow_of_polars, _pandas_of_arrow),
    ("polars.DataFrame", "dask.DataFrame"): (_arrow_of_polars, _pandas_of_arrow, _dask_of_pandas),
    ("polars.LazyFrame", "polars.DataFrame"): (_collect,),
    ("polars.LazyFrame", "pyarrow.Table"): (_collect, _arrow_of_polars),
    ("polars.LazyFrame", "pandas.DataFrame"): (_collect, _arrow_of_polars, _pandas_of_arrow),
    ("polars.LazyFrame", "dask.DataFrame"): (_collect, _arrow_of_polars, _pandas_of_arrow, _dask_of_pandas),
    ("dask.DataFrame", "pandas.DataFrame"): (_compute,),
    ("dask.DataFrame", "pyarrow.Table"): (_compute, *_P),
    ("dask.DataFrame", "polars.DataFrame"): (_compute, *_P, *_A),
    ("dask.DataFrame", "polars.LazyFrame"): (_compute, *_P, *_A, *_L),
    ("xarray.Dataset", "xarray.DataArray"): (_only_variable,),
    ("xarray.DataArray", "xarray.Dataset"): (_as_dataset,),
}
