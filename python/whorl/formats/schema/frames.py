"""
A frame, a series or an Arrow table comes in, an Arrow table and a schema go out, and back.

The table is what any reader of the file can use: columns under their own names where these are text and unique, the
index before them.  The schema holds the rest: labels, kinds of arrays (see ``arrays``), index, names, ``attrs``,
flags, and what geopandas has besides (see ``geo``).  Other subclasses of frames are refused, for their class would be
lost.  On the arrow: *encode* and *decode*.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, cast

from whorl.formats.schema.arrays import decode_array, encode_array
from whorl.formats.schema.geo import as_geo, describe_geo
from whorl.formats.schema.labels import describe_index, describe_labels, index_of, labels_of
from whorl.formats.schema.loss import Loss, within
from whorl.formats.schema.plain import pack, unpack
from whorl.formats.schema.polars_tables import arrow_of, frame_of
from whorl.formats.schema.scalars import ATTRIBUTES, SCALARS
from whorl.formats.schema.tables import is_table, table_name
from whorl.formats.schema.text import as_type

if TYPE_CHECKING:
    from typing import Any

    import pyarrow as pa

    from whorl.formats.schema.buffers import Memory
    from whorl.formats.schema.simple import Encoded, Kind


def encode_table(value: Any) -> tuple[pa.Table, Kind]:
    """Make the table and the schema; raise ``Loss`` for what they cannot hold."""
    if not is_table(value):
        kind = type(value)
        raise Loss(f"it is of type {kind.__module__}.{kind.__qualname__}, not a frame, a series or an Arrow table")
    library, _, name = table_name(value).partition(".")
    if library not in ("pandas", "geopandas"):
        table = value if name == "Table" else arrow_of(value)
        of = name if name == "Table" else f"{library}.{name}"
        return table, {"of": of, "schema": base64.b64encode(table.schema.serialize()).decode()}
    shelf = _Shelf()
    is_frame = hasattr(value, "columns")
    described: Kind = {"of": "DataFrame" if is_frame else "Series", "index": _row_labels(value, shelf)}
    described |= _describe_frame(value, shelf) if is_frame else _describe_series(value, shelf)
    if (geo := describe_geo(value)) is not None:
        described["geo"] = geo
    with within("attrs"):
        described["attrs"] = pack(value.attrs, extra=ATTRIBUTES, place="the dictionary")
    described["unique"] = not value.flags.allows_duplicate_labels
    return shelf.table(), described


def decode_table(table: pa.Table, described: Kind, memory: Memory | None = None) -> Any:
    """Make the value again; it takes over the memory of the table, or of the private mapping ``memory`` it is in."""
    if "schema" in described:
        plain = _arrow_table(table, cast("str", described["schema"]))
        return plain if described["of"] == "Table" else frame_of(plain, cast("str", described["of"]))
    columns = _Columns(table, memory)
    index = index_of(cast("Kind", described["index"]), columns.take)
    value: Any = (
        _frame(described, columns, index) if described["of"] == "DataFrame" else _series(described, columns, index)
    )
    if "geo" in described:
        value = as_geo(value, cast("Kind", described["geo"]))
    value.attrs = unpack(described["attrs"], extra=ATTRIBUTES)
    if described["unique"]:
        value.flags.allows_duplicate_labels = False
    return value


class _Shelf:
    """The columns of a table in the making, under names that are text and unique."""

    def __init__(self) -> None:
        self._encoded: dict[str, Encoded] = {}

    def put(self, label: object, encoded: Encoded, otherwise: str = "") -> Kind:
        """Keep an array under its label where that is possible; say where it is and of what kind."""
        name = _readable(label, otherwise or f"__index_level_{len(self._encoded)}__")
        while name in self._encoded:
            name += "_"
        self._encoded[name] = encoded
        return {"kind": encoded[0], "column": len(self._encoded) - 1}

    def table(self) -> pa.Table:
        """Make the table; a column without nulls is declared so, which parquet need not encode then."""
        import pyarrow as pa

        arrays = [array for _, array in self._encoded.values()]
        fields = [pa.field(name, array.type, _has_nulls(array)) for name, (_, array) in self._encoded.items()]
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


class _Columns:
    """The columns of a table that was read, by where the shelf put them."""

    def __init__(self, table: pa.Table, memory: Memory | None) -> None:
        self._table = table
        self._memory = memory

    def take(self, described: Kind) -> tuple[Kind, pa.ChunkedArray]:
        return cast("Kind", described["kind"]), self._table.column(cast("int", described["column"]))

    def array(self, described: Kind) -> Any:
        return decode_array(*self.take(described), self._memory)


def _has_nulls(array: Any) -> bool:
    import pyarrow as pa

    return bool(array.null_count) or pa.types.is_null(array.type) or pa.types.is_dictionary(array.type)


def _readable(label: object, otherwise: str) -> str:
    """Name a column as its label reads; other bytes than UTF-8 cannot stand in a file."""
    text = otherwise if label is None else str(label)
    return text.encode("utf-8", "replace").decode()


def _row_labels(value: Any, shelf: _Shelf) -> Kind:
    with within("index"):
        return describe_index(value.index, shelf.put)


def _describe_frame(frame: Any, shelf: _Shelf) -> Kind:
    with within("column labels"):
        labels = describe_labels(frame.columns)
    return {"columns": labels, "arrays": [_put(label, series, shelf) for label, series in frame.items()]}


def _describe_series(series: Any, shelf: _Shelf) -> Kind:
    with within("the name of the series"):
        name = pack(series.name, extra=SCALARS, place="it")
    return {"name": name, "array": _put(series.name, series, shelf)}


def _put(label: object, series: Any, shelf: _Shelf) -> Kind:
    with within(f"column `{label}`"):
        return shelf.put(label, encode_array(series.array), otherwise="value")


def _frame(described: Kind, columns: _Columns, index: Any) -> Any:
    import pandas as pd

    arrays = map(columns.array, cast("list[Kind]", described["arrays"]))
    # Each as a series of its dtype: from a bare array of objects pandas would guess another one.
    parts = {place: _as_series(array, index) for place, array in enumerate(arrays)}
    frame: Any = pd.DataFrame(parts, index=index, copy=False)
    frame.columns = labels_of(cast("Kind", described["columns"]))
    return frame


def _series(described: Kind, columns: _Columns, index: Any) -> Any:
    series = _as_series(columns.array(cast("Kind", described["array"])), index)
    series.name = cast("Any", unpack(described["name"], extra=SCALARS))
    return series


def _as_series(array: Any, index: Any) -> Any:
    import pandas as pd

    return pd.Series(array, index=index, dtype=array.dtype, copy=False)


def _arrow_table(table: pa.Table, serialized: str) -> pa.Table:
    """Give a table back the schema it had, where the file changed types or added to the metadata."""
    import pyarrow as pa

    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(serialized)))
    columns = zip(table.columns, schema.types, strict=True)
    return pa.Table.from_arrays([as_type(column, kind) for column, kind in columns], schema=schema)
