"""
A frame, a series or an Arrow table comes in, a csv file and a schema beside it go out, and back, exactly.

===================  ==============================================================================================
DataFrame, Series    kept, through the schema: dtypes, labels, index, names, ``attrs``; dates in UTC, categories as text
pyarrow.Table        kept, where each column has a type that text can hold
geopandas            kept: geometries as well-known binary in base64, reference systems, which column is active
missing and empty    a missing value is an empty field, an empty string a quoted one
refused              objects of several types, nested values, dates beyond the year 9999
===================  ==============================================================================================

The columns of the index stand first.  What was written is read again and compared, for csv has no rules of its own.
The only option is ``delimiter``.  Values own the memory they are parsed into.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from whorl.format_options import OPTIONS
from whorl.formats.base import check_options
from whorl.formats.schema.frames import decode_table, encode_table
from whorl.formats.schema.loss import refusing
from whorl.formats.schema.payload import MAP_FROM, Draft, check_same
from whorl.formats.schema.tables import is_table
from whorl.formats.schema.text import leaf_types, table_from, texts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from whorl.formats.base import Format, PayloadReader, PayloadWriter

_FILE = "data.csv"
_SCHEMA = "schema.json"
_SMALL = 1 << 20
_BLOCK = 1 << 20


class Csv:
    """The format ``csv``."""

    name = "csv"
    suffix = ".csv"
    exact = True
    runs_code = False

    def accepts(self, value: object) -> bool:
        """Take frames, series and Arrow tables."""
        return is_table(value)

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        """Write the rows and the schema, and read them again."""
        check_options(self, options, OPTIONS[self.name])
        delimiter = str(options.get("delimiter", ","))
        draft = Draft(writer)
        with refusing(self.name, value):
            table, schema = encode_table(value)
            leaves, texts = texts_of(table)
            _write(leaves, draft, delimiter)
            whole = {"schema": schema, "texts": texts, "delimiter": delimiter, "widest": _widest(leaves)}
            draft.write(_SCHEMA, json.dumps(whole, ensure_ascii=False, indent=1).encode())
            check_same(value, self.decode(draft, options))

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:  # noqa: ARG002 - for writing only
        """Read the schema, and the rows by it."""
        whole = json.loads(reader.read(_SCHEMA))
        leaves = _read(reader, whole)
        return decode_table(table_from(leaves, whole["texts"]), whole["schema"])


def _write(leaves: pa.Table, writer: PayloadWriter, delimiter: str) -> None:
    import pyarrow as pa
    from pyarrow import csv

    options = csv.WriteOptions(delimiter=delimiter)
    if not leaves.num_columns:
        writer.write(_FILE, b"")
    elif leaves.nbytes < _SMALL:
        sink = pa.BufferOutputStream()
        csv.write_csv(leaves, sink, options)
        writer.write(_FILE, memoryview(sink.getvalue()))
    else:
        csv.write_csv(leaves, str(writer.path(_FILE)), options)


def _read(reader: PayloadReader, whole: Mapping[str, object]) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv

    kinds = leaf_types(cast("dict[str, list[str]]", whole["texts"]))
    if not kinds:
        return pa.table({})
    names = [str(place) for place in range(len(kinds))]
    small = reader.size(_FILE) < MAP_FROM
    return csv.read_csv(
        pa.BufferReader(reader.read(_FILE)) if small else str(reader.path(_FILE)),
        csv.ReadOptions(
            column_names=names, skip_rows_after_names=1, block_size=_BLOCK + 2 * cast("int", whole["widest"])
        ),
        csv.ParseOptions(delimiter=str(whole["delimiter"]), newlines_in_values=True, ignore_empty_lines=False),
        csv.ConvertOptions(
            column_types=dict(zip(names, kinds, strict=True)),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _widest(leaves: pa.Table) -> int:
    """Bound the length of a row, which must fit into a block of the parser: quotes may double each character."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = [column for column in leaves.columns if pa.types.is_large_string(column.type)]
    longest = sum(pc.max(pc.binary_length(column)).as_py() or 0 for column in texts)
    return int(2 * longest + 32 * leaves.num_columns) + 2 * sum(map(len, leaves.column_names))


FORMAT: Format = Csv()
