"""
A table value comes in, an Arrow table with everything in its schema's metadata goes out, ready for a file, and back.

The metadata has whorl's schema under ``whorl``, and pandas' own under ``pandas`` so that ``pandas.read_parquet`` and
``read_feather`` give the natural frame too, as those of geopandas do by what is under ``geo``.  An Arrow table keeps
the metadata it came with.  On the arrow: *encode* and *decode*.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from whorl.formats.schema.frames import decode_table, encode_table
from whorl.formats.schema.geo import geo_metadata
from whorl.formats.schema.pandas_metadata import pandas_metadata

if TYPE_CHECKING:
    from typing import Any

    import pyarrow as pa

    from whorl.formats.schema.buffers import Memory
    from whorl.formats.schema.simple import Kind

_KEY = b"whorl"


def to_file_table(value: Any) -> pa.Table:
    """Make the table that a file shall hold; raise ``Loss`` for what it cannot."""
    table, described = encode_table(value)
    metadata = dict(table.schema.metadata or {})
    if "index" in described:
        metadata[b"pandas"] = json.dumps(pandas_metadata(table, described)).encode()
        metadata |= geo_metadata(table, described)
    metadata[_KEY] = json.dumps(described).encode()
    return table.replace_schema_metadata(metadata)


def of_file_table(table: pa.Table, memory: Memory | None = None) -> object:
    """Make the value that a file's table holds; see ``decode_table`` for who owns the memory."""
    return cast("object", decode_table(table, described_by(table), memory))


def described_by(table: pa.Table) -> Kind:
    """Give the schema that stands in the metadata of a file's table."""
    return cast("Kind", json.loads(table.schema.metadata[_KEY]))
