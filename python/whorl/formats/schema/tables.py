"""
A value comes in, the answer whether it is a table goes out; nothing is imported to find that out.

On the arrow: before *encode*.
"""

from __future__ import annotations

from whorl.typenames import type_name

GEO_TABLES = ("geopandas.GeoDataFrame", "geopandas.GeoSeries")
_TABLES = ("pandas.DataFrame", "pandas.Series", "pyarrow.Table", "polars.DataFrame", "polars.LazyFrame", *GEO_TABLES)


def is_table(value: object) -> bool:
    """Say whether a value is a frame or series of pandas, polars or geopandas, or an Arrow table; not of a subclass."""
    return table_name(value) in _TABLES


def table_name(value: object) -> str:
    """Name the type of a value by its distribution and class: ``pandas.DataFrame``."""
    return type_name(type(value))
