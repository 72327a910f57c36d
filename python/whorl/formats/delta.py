"""
A frame or an Arrow table comes in, a table of Delta Lake and a schema beside it go out, and back, exactly.

===================  ==============================================================================================
DataFrame, Series    kept, through the schema: dtypes, labels, index, names, ``attrs``
pyarrow.Table        kept, where delta has a type for each column
polars               frames, also lazy ones, which are collected
durations            as whole numbers of their unit; dictionaries as their values; unsigned integers as signed ones
refused              moments finer than microseconds, large unsigned integers, tables without columns, nested gaps
===================  ==============================================================================================

A payload is a table of its own, of one version, which is pinned: what somebody else adds to it is not read.  ``upsert``
writes a new one.  What was written is read again and compared.  There are no options.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from whorl.formats.base import check_options
from whorl.formats.schema.frames import decode_table, encode_table
from whorl.formats.schema.loss import Loss, refusing, require, within
from whorl.formats.schema.payload import check_same
from whorl.formats.schema.tables import is_table
from whorl.formats.schema.text import type_of, type_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from whorl.formats.base import Format, PayloadReader, PayloadWriter

_TABLE, _SCHEMA = "data.delta", "schema.json"
# One file keeps the order of the rows.
_ONE_FILE = 1 << 50


class Delta:
    """The format ``delta``."""

    name = "delta"
    suffix = ".delta"
    exact = True
    runs_code = False

    def accepts(self, value: object) -> bool:
        """Take frames, series and Arrow tables."""
        return is_table(value)

    def main_file(self, names: tuple[str, ...], read: object) -> str:  # noqa: ARG002 - others look into a file
        """Name the folder of the table."""
        return _TABLE

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        """Write the table and the schema."""
        check_options(self, options, ())
        with refusing(self.name, value):
            deltalake = require("deltalake")
            table, schema = encode_table(value)
            if not table.num_columns:
                raise Loss("a table without columns", "parquet")
            folder = writer.folder / _TABLE
            try:
                deltalake.write_deltalake(str(folder), _for_delta(table), target_file_size=_ONE_FILE)
            except deltalake.exceptions.DeltaError as error:
                raise Loss(str(error), "parquet") from error
            types = [type_text(kind) for kind in table.schema.types]
            whole = {"schema": schema, "names": table.column_names, "types": types, "version": 0}
            writer.write(_SCHEMA, json.dumps(whole, ensure_ascii=False, indent=1).encode())
            check_same(value, _value(whole, str(folder)))

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:  # noqa: ARG002 - it has none
        """Read the pinned version of the table; every file is checked."""
        whole = json.loads(reader.read(_SCHEMA))
        paths = [str(reader.path(name)) for name in reader.names if name != _SCHEMA]
        return _value(whole, os.path.join(paths[0].partition(f"{os.sep}{_TABLE}{os.sep}")[0], _TABLE))


def _value(whole: Mapping[str, Any], folder: str) -> object:
    import pyarrow as pa

    found = require("deltalake").DeltaTable(folder, version=whole["version"]).to_pyarrow_dataset().to_table()
    columns = [_back(found.column(place), type_of(kind)) for place, kind in enumerate(whole["types"])]
    return decode_table(pa.table(columns, names=whole["names"]), whole["schema"])


def _for_delta(table: pa.Table) -> pa.Table:
    """Give each column a type that delta has; raise ``Loss`` for values that do not fit."""
    import pyarrow as pa

    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        with within(f"column `{name}`"):
            columns.append(column.cast(_delta_type(column.type)))
    names = [name or f"column_{place}" for place, name in enumerate(table.column_names)]
    if len(set(names)) < len(names):
        raise Loss("two columns of one name", "parquet")
    # As one batch: several are written by threads, in any order.
    return pa.table(columns, names=names).combine_chunks()


def _delta_type(kind: pa.DataType) -> pa.DataType:
    """Give the type of delta that a type of Arrow is kept as; its own where delta has it, or nothing like it."""
    import pyarrow as pa

    is_ = pa.types
    if is_.is_dictionary(kind):
        return _delta_type(kind.value_type)
    if is_.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    families = (
        (pa.string(), (is_.is_large_string, is_.is_null)),
        (pa.binary(), (is_.is_large_binary, is_.is_fixed_size_binary)),
        (pa.int64(), (is_.is_unsigned_integer, is_.is_duration, is_.is_time)),
        (pa.float32(), (is_.is_float16,)),
    )
    return next((kept for kept, tests in families if any(test(kind) for test in tests)), kind)


def _back(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _back(column, kind.value_type).dictionary_encode().cast(kind)
    if pa.types.is_null(kind):
        return pa.chunked_array([pa.nulls(len(column))])
    if pa.types.is_time32(kind):
        return column.cast(pa.int32()).cast(kind)
    return column.cast(kind)


FORMAT: Format = Delta()
