"""
A frame of dask comes in, a table of Delta Lake of one file per partition goes out, and back.

Each file is written by a task of dask's and says itself how the partition is made of it; one version of the table lists
them all, once they are complete.  On the arrow: *encode* and *decode* of delta.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from whorl.formats.schema.delta_folder import folder_to_write
from whorl.formats.schema.delta_types import for_delta, from_delta, writing_delta
from whorl.formats.schema.frames import decode_table, encode_table
from whorl.formats.schema.loss import require
from whorl.formats.schema.parts import (
    check_partition,
    differing,
    files_for_tasks,
    frame_of_parts,
    names_of_parts,
    read_list,
    spelled_out,
    summed_up,
    write_frame,
    write_list,
)
from whorl.formats.schema.payload import check_same
from whorl.formats.schema.text import type_of, type_text

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from whorl.formats.base import PayloadReader, PayloadWriter
    from whorl.formats.schema.parts import FilesForTasks

_KEY = b"whorl"


def write_delta_parts(value: Any, writer: PayloadWriter, table: str) -> None:
    """Write a file per partition, and the table that lists them."""
    names = names_of_parts(value)
    folder = writer.folder / table
    folder.mkdir(parents=True, exist_ok=True)
    written = write_frame(value, _write_part, [str(folder / name) for name in names])
    schema = _one_schema([schema for schema, _ in written])
    _list_files(folder, schema, names, [rows for _, rows in written])
    write_list(value, writer, [f"{table}/{name}" for name in names], {"version": 0})


def read_delta_parts(reader: PayloadReader) -> Any:
    """Make the frame of the files."""
    parts = read_list(reader)
    return frame_of_parts(parts, _read_part, parts.listed["parts"], files=files_for_tasks(reader))


def _write_part(frame: Any, path: str) -> tuple[bytes, int]:
    """Write one partition, and compare; give the schema and the number of rows: a task of dask's."""
    import pyarrow.parquet as pq

    check_partition(frame)
    plain, steps = spelled_out(frame)
    table, described = encode_table(plain)
    kept = for_delta(table)
    types = [type_text(kind) for kind in table.schema.types]
    whole = {"schema": described, "names": table.column_names, "types": types, "range": steps}
    metadata = {_KEY: json.dumps(whole).encode()}
    pq.write_table(kept.replace_schema_metadata(metadata), path, compression="none", write_page_checksum=True)
    check_same(frame, _frame_of(pq.read_table(path)))
    return kept.schema.serialize().to_pybytes(), kept.num_rows


def _read_part(name: str, files: FilesForTasks) -> Any:
    """Read one partition, checked: a task of dask's, in whatever process."""
    return _frame_of(files.table(name))


def _frame_of(table: pa.Table) -> Any:
    import pyarrow as pa

    whole = json.loads(table.schema.metadata[_KEY])
    columns = [from_delta(column, type_of(kind)) for column, kind in zip(table.columns, whole["types"], strict=True)]
    return summed_up(decode_table(pa.table(columns, names=whole["names"]), whole["schema"]), whole["range"])


def _one_schema(serialized: list[bytes]) -> pa.Schema:
    """Give the schema that all partitions have; delta has one for all files."""
    import pyarrow as pa

    schemas = [pa.ipc.read_schema(pa.py_buffer(data)) for data in serialized]
    for place, schema in enumerate(schemas):
        if not schema.equals(schemas[0]):
            raise differing(place, sorted({name for name, _ in _fields(schema) ^ _fields(schemas[0])}))
    return schemas[0]


def _fields(schema: pa.Schema) -> set[tuple[str, str]]:
    return {(field.name, str(field.type)) for field in schema}


def _list_files(folder: Path, schema: pa.Schema, names: list[str], rows: list[int]) -> None:
    """Write the log of the table: one version, of these files."""
    deltalake, transaction = require("deltalake"), require("deltalake.transaction")
    now = int(time.time() * 1000)
    actions = [
        transaction.AddAction(
            name, (folder / name).stat().st_size, {}, now, data_change=True, stats=json.dumps({"numRecords": count})
        )
        for name, count in zip(names, rows, strict=True)
    ]
    with folder_to_write(folder) as plain, writing_delta():
        transaction.create_table_with_add_actions(plain, deltalake.Schema.from_arrow(schema), actions)
