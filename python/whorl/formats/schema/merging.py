"""
An older table, a newer one and the names of key columns in, the older one with the newer rows put in out.

A row whose key is there takes the place of the older one, whatever else it says; others follow at the end, in their
order.  Both tables have the same columns of the same types.  On the arrow: before *encode*, for calls that ask for
``upsert``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.errors import FormatError
from whorl.formats.schema.geo import as_geo, describe_geo, is_geometry
from whorl.formats.schema.tables import table_name

if TYPE_CHECKING:
    from collections.abc import Sequence


def merged(old: Any, new: Any, keys: Sequence[str]) -> Any:
    """Put rows into a table; FormatError where that has no one meaning."""
    kind = table_name(new)
    if kind not in ("pandas.DataFrame", "geopandas.GeoDataFrame", "polars.DataFrame", "pyarrow.Table"):
        tip = "compute() it first" if kind.startswith("dask") else ""
        raise FormatError(f"rows of a {kind} cannot be put into a table", "frames and Arrow tables can", tip)
    if table_name(old) != kind:
        raise FormatError(f"rows of a {kind} cannot be put into a {table_name(old)}", "the types differ")
    _check_columns(_types(old), _types(new), keys)
    if describe_geo(old) != describe_geo(new):
        raise FormatError("rows cannot be put into the stored table", "its active geometry is another column")
    if hasattr(new, "iloc"):
        _check_index(old)
        _check_index(new)
    places = _places(_keys(old, keys), _keys(new, keys), keys)
    return _taken(old, new, places)


def _types(table: Any) -> dict[str, str]:
    names = list(table.column_names if hasattr(table, "column_names") else table.columns)
    kinds = table.schema.types if hasattr(table, "column_names") else table.dtypes
    return dict(zip(names, map(_type, kinds, _columns(table)), strict=True))


def _columns(table: Any) -> list[Any]:
    if hasattr(table, "items"):
        return [column for _, column in table.items()]
    return list(table.columns if hasattr(table, "column_names") else table.get_columns())


def _type(kind: Any, column: Any) -> str:
    """Write a type out: that of categories has them all, that of geometries not their reference system."""
    return f"geometry in {getattr(column.array.crs, 'srs', None)}" if is_geometry(kind) else repr(kind)


def _check_columns(old: dict[str, str], new: dict[str, str], keys: Sequence[str]) -> None:
    if old != new:
        differing = sorted(map(str, {name for name, _ in old.items() ^ new.items()}))
        raise FormatError("rows cannot be put into the stored table", f"these columns differ: {', '.join(differing)}")
    for key in keys:
        if key not in new:
            cause = f"the columns are {', '.join(map(str, new))}"
            raise FormatError(f"upsert_keys names {key!r}, which is no column", cause)


def _check_index(frame: Any) -> None:
    index = frame.index
    if type(index).__name__ != "RangeIndex" or index.start != 0 or index.step != 1 or index.name is not None:
        cause = "its index says more than the number of a row"
        raise FormatError(
            "rows cannot be put into a frame with an index of its own", cause, "return frame.reset_index()"
        )


def _keys(table: Any, keys: Sequence[str]) -> Any:
    """Give the keys of all rows, as an index of pandas."""
    import pandas as pd

    columns = table.select(list(keys)).to_pandas() if not hasattr(table, "iloc") else table[list(keys)]
    if columns.isna().to_numpy().any():
        raise FormatError("rows without a key cannot be told apart", f"a value of {', '.join(keys)} is missing")
    return pd.MultiIndex.from_frame(columns) if len(keys) > 1 else pd.Index(columns[keys[0]])


def _places(old: Any, new: Any, keys: Sequence[str]) -> Any:
    """Give the rows of the merged table by their places among the older rows followed by the newer ones."""
    import numpy as np

    for which, index in (("stored", old), ("new", new)):
        if not index.is_unique:
            raise FormatError(f"two {which} rows have one key", f"upsert_keys are {', '.join(keys)}")
    found = new.get_indexer(old)
    places = np.where(found >= 0, found + len(old), np.arange(len(old)))
    return np.concatenate([places, np.flatnonzero(old.get_indexer(new) < 0) + len(old)])


def _taken(old: Any, new: Any, places: Any) -> Any:
    kind = table_name(new)
    if kind == "pyarrow.Table":
        import pyarrow as pa

        return pa.concat_tables([old, new]).take(pa.array(places)).replace_schema_metadata(new.schema.metadata)
    if kind == "polars.DataFrame":
        import polars as pl

        return pl.concat([old, new])[places]
    import pandas as pd

    found = pd.concat([old, new], ignore_index=True).take(places).reset_index(drop=True)
    geo = describe_geo(new)
    found = found if geo is None else as_geo(found, geo)
    found.attrs = dict(new.attrs)
    return found
