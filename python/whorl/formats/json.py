"""
A value of builtin types comes in, one JSON file goes out, and back, with every type kept (see ``schema.plain``).

========================================  =============================================================
None, bool, int, float, str, bytes …      kept, floats and strings to the last bit
list, tuple, dict, set, frozenset         kept with any keys and their order; shared parts become copies
date, time, zones, Decimal, UUID, Path    kept
dataclasses, enums                        kept if ``options["types"]`` has their class by name, else refused
DataFrame, Series, pyarrow.Table          when asked for: columns as lists, with a schema for everything else
numpy arrays and scalars, all else        refused
========================================  =============================================================

Exact by construction, for a type is written only by code that knows it; tables are read again and compared.  The only
option is ``types``, a mapping of ``module:Qualified.Name`` to classes; no class is ever looked up by a name in a file.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from whorl.formats.base import check_options
from whorl.formats.schema.loss import refusing
from whorl.formats.schema.plain import TAG, is_plain, pack, read, unpack
from whorl.formats.schema.records import is_record
from whorl.formats.schema.tables import is_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whorl.formats.base import Format, PayloadReader, PayloadWriter

_FILE = "data.json"
_TABLE = {TAG: "table"}
_TABLE_START = json.dumps(_TABLE)[:-1].encode()


class Json:
    """The format ``json``."""

    name = "json"
    suffix = ".json"
    exact = True
    runs_code = False
    takes_types = True

    def accepts(self, value: object) -> bool:
        """Take builtin values, dataclasses, enums and tables; what is inside decides."""
        return is_plain(type(value)) or is_table(value) or is_record(type(value))

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        """Write one file."""
        check_options(self, options, ())
        with refusing(self.name, value):
            if is_table(value):
                data = _encode_table(value)
            else:
                types = cast("Mapping[str, type]", options.get("types", {}))
                tree = pack(value, types={kind: name for name, kind in types.items()})
                data = json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        writer.write(_FILE, data)

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:
        """Read the file."""
        data = reader.read(_FILE)
        if data.startswith(_TABLE_START):
            return _decode_table(data)
        return read(data, types=cast("Mapping[str, type]", options.get("types", {})))


def _encode_table(value: object) -> bytes:
    from whorl.formats.schema.frames import encode_table
    from whorl.formats.schema.payload import check_same
    from whorl.formats.schema.text import texts_of

    table, schema = encode_table(value)
    leaves, texts = texts_of(table)
    columns = {name: pack(leaf.to_pylist()) for name, leaf in zip(leaves.column_names, leaves.columns, strict=True)}
    whole = {**_TABLE, "schema": schema, "texts": texts, "columns": columns}
    data = json.dumps(whole, ensure_ascii=False, allow_nan=False).encode()
    check_same(value, _decode_table(data))
    return data


def _decode_table(data: bytes) -> object:
    import pyarrow as pa

    from whorl.formats.schema.frames import decode_table
    from whorl.formats.schema.text import leaf_types, table_from

    whole = json.loads(data)
    kinds = leaf_types(whole["texts"])
    columns = [cast("list[object]", unpack(column)) for column in whole["columns"].values()]
    leaves = [pa.array(column, kind, from_pandas=False) for column, kind in zip(columns, kinds, strict=True)]
    return decode_table(table_from(pa.table(leaves, names=list(whole["columns"])), whole["texts"]), whole["schema"])


FORMAT: Format = Json()
