"""
A frame or an Arrow table comes in, a table of Delta Lake and a schema beside it go out, and back, exactly.

===================  ==============================================================================================
DataFrame, Series    kept, through the schema: dtypes, labels, index, names, ``attrs``
pyarrow.Table        kept, where delta has a type for each column
polars               frames, also lazy ones, which are collected
geopandas            kept: geometries as well-known binary, reference systems, which column is active; see ``geo``
frames of dask       kept, with divisions: one file per partition, written and read by dask's workers
durations            as whole numbers of their unit; dictionaries as their values; unsigned integers as signed ones
refused              moments finer than microseconds, large unsigned integers, tables without columns, nested gaps,
                     partitions of several types
===================  ==============================================================================================

A payload is a table of its own, of one version, which is pinned: what somebody else adds to it is not read.  ``upsert``
writes a new one.  What was written is read again and compared.  There are no options.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from whorl.formats.base import check_options
from whorl.formats.schema.delta_folder import folder_to_read, folder_to_write
from whorl.formats.schema.delta_parts import read_delta_parts, write_delta_parts
from whorl.formats.schema.delta_types import for_delta, from_delta, writing_delta
from whorl.formats.schema.direct import table_as
from whorl.formats.schema.frames import decode_table, encode_table
from whorl.formats.schema.loss import refusing, require
from whorl.formats.schema.parts import is_dask_frame, is_parts
from whorl.formats.schema.payload import check_same
from whorl.formats.schema.tables import is_table
from whorl.formats.schema.text import type_of, type_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from whorl.formats.base import Format, PayloadReader, PayloadWriter
    from whorl.wish import Wish

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
        return is_table(value) or is_dask_frame(value)

    def main_file(self, names: tuple[str, ...], read: object) -> str:  # noqa: ARG002 - others look into a file
        """Name the folder of the table."""
        return _TABLE

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        """Write the table and the schema."""
        check_options(self, options, ())
        with refusing(self.name, value):
            deltalake = require("deltalake")
            if is_dask_frame(value):
                write_delta_parts(value, writer, _TABLE)
                return
            table, schema = encode_table(value)
            types = [type_text(kind) for kind in table.schema.types]
            whole = {"schema": schema, "names": table.column_names, "types": types, "version": 0}
            with folder_to_write(writer.folder / _TABLE) as folder:
                with writing_delta():
                    deltalake.write_deltalake(folder, for_delta(table), target_file_size=_ONE_FILE)
                check_same(value, decode_table(_table(whole, folder), schema))
            writer.write(_SCHEMA, json.dumps(whole, ensure_ascii=False, indent=1).encode())

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:  # noqa: ARG002 - it has none
        """Read the pinned version of the table; every file is checked."""
        return self._decoded(reader, "")

    def decode_part(self, reader: PayloadReader, options: Mapping[str, object], wish: Wish) -> object:  # noqa: ARG002
        """Read the table for an engine, without a frame of pandas where that is possible."""
        return self._decoded(reader, wish.engine)

    def _decoded(self, reader: PayloadReader, engine: str) -> object:
        if is_parts(reader):
            return read_delta_parts(reader)
        whole = json.loads(reader.read(_SCHEMA))
        files = {name.partition("/")[2]: reader.path(name) for name in reader.names if name.startswith(f"{_TABLE}/")}
        name, path = next(iter(files.items()))
        with folder_to_read(path.parents[name.count("/")], files) as folder:
            table = _table(whole, folder)
        found = table_as(table, whole["schema"], engine)
        return decode_table(table, whole["schema"]) if found is None else found


def _table(whole: Mapping[str, Any], folder: str) -> pa.Table:
    import pyarrow as pa

    found = require("deltalake").DeltaTable(folder, version=whole["version"]).to_pyarrow_dataset().to_table()
    columns = [from_delta(found.column(place), type_of(kind)) for place, kind in enumerate(whole["types"])]
    return pa.table(columns, names=whole["names"])


FORMAT: Format = Delta()
