"""
A table of one library comes in, the same rows as a table of another go out.

An index that only pandas has is refused, unless it counts the rows.  On the arrow: the end of *decode*, where a caller
asked for an ``engine``.
"""

from __future__ import annotations

from typing import Any

from whorl.formats.schema.engine_refusal import unreadable_as
from whorl.formats.schema.geo import is_geometry

# Partitions of about the size that dask's documentation recommends.
_PARTITION_BYTES = 100_000_000


def arrow_of_pandas(frame: Any) -> Any:
    """Make an Arrow table of a frame; a float that is NaN is missing there, as pyarrow has it."""
    import pyarrow as pa

    refuse_index(frame, "pyarrow.Table")
    return pa.Table.from_pandas(frame, preserve_index=False)


def refuse_index(frame: Any, wanted: str) -> None:
    """Refuse an index that says something: other libraries have none."""
    index = frame.index
    is_plain = type(index).__name__ == "RangeIndex" and index.name is None and index.start == 0 and index.step == 1
    if not is_plain:
        raise unreadable_as("pandas.DataFrame", wanted, "its index would be lost", "store frame.reset_index()")


def pandas_of_arrow(table: Any) -> Any:
    """Make a frame of an Arrow table; whole numbers among which some are missing are pandas' own, which can be."""
    import pyarrow as pa

    frame = table.to_pandas()
    for name, column in zip(table.column_names, table.columns, strict=True):
        if column.null_count and pa.types.is_integer(column.type) and table.column_names.count(name) == 1:
            dtype = _nullable(column.type)
            if name in frame.columns and frame[name].dtype != dtype:
                frame[name] = dtype.__from_arrow__(column)
    return frame


def _nullable(kind: Any) -> Any:
    import pandas as pd

    return pd.api.types.pandas_dtype(str(kind).replace("uint", "UInt").replace("int", "Int"))


def polars_of_arrow(table: Any) -> Any:
    """Make a frame of polars of an Arrow table."""
    import polars as pl

    try:
        return pl.from_arrow(table)
    except pl.exceptions.PolarsError as error:
        first = str(error).splitlines()[0]
        raise unreadable_as("pyarrow.Table", "polars.DataFrame", first) from error


def arrow_of_polars(frame: Any) -> Any:
    """Make an Arrow table of a frame of polars."""
    return frame.to_arrow()


def dask_of_pandas(frame: Any) -> Any:
    """Make a frame of dask, of partitions that fit into memory several times."""
    import dask.dataframe as dd

    size = int(frame.memory_usage(index=True).sum())
    return dd.from_pandas(frame, npartitions=max(1, size // _PARTITION_BYTES), sort=False)  # type: ignore[no-untyped-call]


def pandas_of_geopandas(value: Any) -> Any:
    """Make a frame or series of pandas of the same columns; geometries and reference systems stay."""
    import pandas as pd

    made = pd.Series(value) if value.ndim == 1 else pd.DataFrame(value)
    made.attrs = dict(value.attrs)
    return made


def geopandas_of_pandas(frame: Any) -> Any:
    """Make a frame of geopandas of one that has geometries; the one called ``geometry``, or the only one, is active."""
    import geopandas as gpd

    names = [name for name, dtype in frame.dtypes.items() if is_geometry(dtype)]
    active = "geometry" if "geometry" in names else names[0] if len(names) == 1 else None
    if active is None:
        cause = "it has several columns of geometries" if names else "it has no column of geometries"
        raise unreadable_as("pandas.DataFrame", "geopandas.GeoDataFrame", cause)
    made = gpd.GeoDataFrame(frame, geometry=active)
    made.attrs = dict(frame.attrs)
    return made


def arrow_of_geopandas(frame: Any) -> Any:
    """Make an Arrow table with geometries as GeoArrow has them, reference systems too."""
    import pyarrow as pa

    refuse_index(frame, "pyarrow.Table")
    return pa.table(frame.to_arrow(index=False))


def geopandas_of_arrow(table: Any) -> Any:
    """Make a frame of geopandas of an Arrow table that has geometries."""
    import geopandas as gpd

    return gpd.GeoDataFrame.from_arrow(table)


def frame_of_series(series: Any) -> Any:
    """Make a frame of a series that has a name."""
    if series.name is None:
        raise unreadable_as("series", "a frame", "it has no name")
    frame = series.to_frame()
    frame.attrs = dict(series.attrs)
    return frame
