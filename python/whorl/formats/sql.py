"""
A frame, a series or an Arrow table comes in, a table of an SQL database and a schema go out, and back, exactly.

===================  ==============================================================================================
DataFrame, Series    kept, through the schema: dtypes, labels, index, names, ``attrs``; dates and bytes as text
pyarrow.Table        kept, where each column has a type that text can hold
polars               frames, also lazy ones, which are collected
geopandas            kept: geometries as well-known binary in base64, reference systems, which column is active
frames of dask       kept, with divisions: rows of one table, written and read partition by partition
refused              objects of several types, nested gaps, what the database changes, tables without columns,
                     partitions of several types
===================  ==============================================================================================

By default the database is a file of SQLite beside the schema.  With a ``url`` of SQLAlchemy's in the settings
(``[tool.whorl.root.sql]``), or ``driver``, ``host``, ``port``, ``database``, ``user``, ``password``, it is that one:
each result is a table of its own, never written again, and a row of ``whorl_tables`` says of which revision it is.  A
table that is gone, says otherwise, or whose rows have another digest than those that were written is no entry; of a
frame of dask each partition is compared when it is read.  ``write_url``, or ``write_user`` and ``write_password``, are
for writing alone.  None of these is ever stored.  What was written is read again and compared.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from whorl.errors import StoreError
from whorl.fingerprint.values import hash_value
from whorl.format_options import OPTIONS
from whorl.formats.base import check_options
from whorl.formats.schema.databases import (
    ROW,
    database,
    make_revisions,
    read_again,
    read_rows,
    url_of,
    url_of_file,
    write_table,
)
from whorl.formats.schema.loss import refusing
from whorl.formats.schema.parts import files_for_tasks, is_dask_frame, is_parts, read_list
from whorl.formats.schema.payload import check_same
from whorl.formats.schema.sql_parts import read_sql_parts, url_that_stays, write_sql_parts
from whorl.formats.schema.sql_rows import rows_of, value_of
from whorl.formats.schema.tables import is_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whorl.formats.base import Format, PayloadReader, PayloadWriter

_FILE, _SCHEMA = "data.sqlite", "schema.json"


class Sql:
    """The format ``sql``."""

    name = "sql"
    suffix = ".sqlite"
    exact = True
    runs_code = False
    settings_only = OPTIONS["sql"]

    def accepts(self, value: object) -> bool:
        """Take frames, series and Arrow tables."""
        return is_table(value) or is_dask_frame(value)

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        """Write the table and the schema; in a database of others in one transaction."""
        check_options(self, options, self.settings_only)
        with refusing(self.name, value):
            url = url_of(options, writes=True)
            name = "data" if url is None else f"whorl_{uuid.uuid4().hex}"
            named = {"table": name, "revision": uuid.uuid4().hex, "external": url is not None}
            place = url or url_of_file(writer.path(_FILE))
            if is_dask_frame(value):
                write_sql_parts(value, writer, place, named)
            else:
                writer.write(_SCHEMA, json.dumps(_write(value, place, named), indent=1).encode())

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:
        """Read the table by the schema; ``CorruptEntryError`` where it is gone or of another revision."""
        parts = read_list(reader) if is_parts(reader) else None
        whole = parts.listed if parts else {"keys": [ROW], **json.loads(reader.read(_SCHEMA))}
        url = url_of(options, writes=False) if whole["external"] else None
        if url is None and whole["external"]:
            raise StoreError("a result lies in a database that no setting names", 'set the url of the format "sql"')
        if parts:
            return read_sql_parts(parts, url or url_that_stays(reader, _FILE), files_for_tasks(reader))
        with database(url or url_of_file(reader.path(_FILE))) as engine:
            return value_of(read_rows(engine, whole, is_still=not whole["external"]), whole)


def _write(value: object, url: Any, named: Mapping[str, Any]) -> dict[str, Any]:
    """Write one table, and compare; give the schema."""
    leaves, what = rows_of(value, [ROW])
    whole: dict[str, Any] = {**named, "keys": [ROW], **what}
    is_own = not named["external"]
    with database(url) as engine:
        make_revisions(engine)
        write_table(engine, whole, leaves, is_still=is_own)
        found = read_again(engine, whole, is_still=is_own)
    check_same(value, value_of(found, whole))
    return {**whole, "rows": str(hash_value(found))}


FORMAT: Format = Sql()
