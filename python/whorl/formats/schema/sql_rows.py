"""
A table comes in, its rows as a database takes them and what is needed to read them go out, and back.

On the arrow: *encode* and *decode* of sql, before and after the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.formats.schema.databases import names_for
from whorl.formats.schema.frames import decode_table, encode_table
from whorl.formats.schema.leaves import gaps_of
from whorl.formats.schema.loss import Loss
from whorl.formats.schema.text import table_from, texts_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa


def rows_of(value: object, keys: Sequence[str]) -> tuple[pa.Table, dict[str, Any]]:
    """Give the rows of a table, and what reads them again; ``keys`` are columns that the database has besides."""
    table, schema = encode_table(value)
    leaves, texts = texts_of(table)
    if not leaves.num_columns:
        raise Loss("a table without columns", "parquet")
    texts["names_of_columns"] = names_for(leaves.column_names, keys)
    return leaves, {"schema": schema, "texts": texts, "gaps": gaps_of(leaves), "length": leaves.num_rows}


def value_of(rows: pa.Table, what: Mapping[str, Any]) -> object:
    """Make the table again."""
    return decode_table(table_from(rows, what["texts"]), what["schema"])
