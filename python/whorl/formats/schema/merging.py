"""
An older table, a newer one and the names of key columns in, the older one with the newer rows put in out.

A row whose key is there takes the place of the older one, whatever else it says; others follow at the end, in their
order.  Both tables have the same columns of the same types; one that has had no value so far takes the type of the
other.  On the arrow: before *encode*, for calls that ask for ``upsert``.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from whorl.errors import FormatError
from whorl.formats.schema.geo import as_geo, describe_geo, is_geometry
from whorl.formats.schema.tables import table_name

if TYPE_CHECKING:
    from collections.abc import Sequence


# Of a type in a message: categories have all of theirs in it.
_LONGEST = 80


def merged(old: Any, new: Any, keys: Sequence[str]) -> Any:
    """Put rows into a table; FormatError where that has no one meaning."""
    kind = table_name(new)
    if kind not in ("pandas.DataFrame", "geopandas.GeoDataFrame", "polars.DataFrame", "pyarrow.Table"):
        tip = "compute() it first" if kind.startswith("dask") else ""
        raise FormatError(f"rows of a {kind} cannot be put into a table", "frames and Arrow tables can", tip)
    if table_name(old) != kind:
        raise FormatError(f"rows of a {kind} cannot be put into a {table_name(old)}", "the types differ")
    old, new = _filled(old, new), _filled(new, old)
    _check_columns(_types(old), _types(new))
    _check_keys(new, keys)
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


def _check_columns(old: dict[str, str], new: dict[str, str]) -> None:
    if old == new:
        return
    names = sorted({name for name, _ in old.items() ^ new.items()}, key=str)
    said = (f"{name} (stored: {_short(old, name)}; new: {_short(new, name)})" for name in names)
    tip = "give the columns the types of the stored table, or recompute it: f.options(recompute=True)(…)"
    raise FormatError("rows cannot be put into the stored table", f"these columns differ: {', '.join(said)}", tip)


def _short(types: dict[str, str], name: str) -> str:
    text = types.get(name, "no such column")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _check_keys(table: Any, keys: Sequence[str]) -> None:
    names = list(_types(table))
    for key in keys:
        if key not in names:
            is_level = hasattr(table, "iloc") and key in table.index.names
            tip = "it is a level of the index: return frame.reset_index()" if is_level else ""
            raise FormatError(
                f"upsert_keys names {key!r}, which is no column", f"the columns are {', '.join(map(str, names))}", tip
            )


def _filled(table: Any, other: Any) -> Any:
    """Give columns without any value the type that they have in the other table, if that has a missing value."""
    if table_name(table) == "pyarrow.Table":
        return _filled_arrow(table, other)
    if table_name(table) == "polars.DataFrame":
        empty = [name for name, kind in table.schema.items() if str(kind) == "Null" and name in other.columns]
        return table.cast({name: other.schema[name] for name in empty}) if empty else table
    if not (table.columns.is_unique and other.columns.is_unique):
        return table
    found = {}
    for name in table.columns.intersection(other.columns):
        column, kind = table[name], other[name].dtype
        if str(column.dtype) == "object" != str(kind) and column.isna().all():
            with suppress(TypeError, ValueError):
                made = column.astype(kind)
                found.update({name: made} if made.isna().all() else {})
    if not found:
        return table
    changed = table.copy(deep=False)
    for name, column in found.items():
        changed[name] = column
    return changed


def _filled_arrow(table: Any, other: Any) -> Any:
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        found = other.schema.get_all_field_indices(field.name)
        if pa.types.is_null(field.type) and len(found) == 1:
            kind = other.schema.field(found[0]).type
            table = table.set_column(place, field.with_type(kind), table.column(place).cast(kind))
    return table


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

    tables = [table.copy(deep=False) for table in (old, new)]
    for table in tables:
        table.attrs = {}  # pandas compares them, and cannot where there are arrays in them
    found = pd.concat(tables, ignore_index=True).take(places).reset_index(drop=True)
    geo = describe_geo(new)
    found = found if geo is None else as_geo(found, geo)
    found.attrs = dict(new.attrs)
    return found
