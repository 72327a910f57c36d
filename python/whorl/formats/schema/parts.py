"""
A frame of dask comes in, one parquet file per partition goes out, and back as a frame that reads them when it is asked.

Each partition is computed and written by one task of dask's, wherever that runs, and never gathered.  What comes back
checks each file when it is read.  Divisions, names and dtypes stay.  On the arrow: *encode* and *decode*.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from whorl.formats.schema.files import of_file_table, to_file_table
from whorl.formats.schema.loss import Loss, require, within
from whorl.formats.schema.plain import pack, unpack
from whorl.formats.schema.scalars import SCALARS
from whorl.formats.schema.tables import table_name

if TYPE_CHECKING:
    from whorl.formats.base import LazyFiles, PayloadReader, PayloadWriter

_LIST, _META = "parts.json", "meta.parquet"
_FRAMES = ("dask.DataFrame", "dask_expr.DataFrame")


def is_dask_frame(value: object) -> bool:
    """Whether a value is a frame of dask."""
    return table_name(value) in _FRAMES


def is_parts(reader: PayloadReader) -> bool:
    """Whether a payload has one file per partition."""
    return _LIST in reader.names


def write_parts(value: Any, writer: PayloadWriter) -> None:
    """Write a frame of dask; what a partition cannot hold is a loss that names it."""
    dask = require("dask")
    parts = value.to_delayed()
    names = [f"part-{place:06}.parquet" for place in range(len(parts))]
    with within("the frame"):
        _write_part(value._meta, str(writer.path(_META)))  # noqa: SLF001 - how dask says what a frame is made of
        divisions = pack(list(value.divisions), extra=SCALARS, place="the divisions")
    tasks = [dask.delayed(_write_part)(part, str(writer.path(name))) for part, name in zip(parts, names, strict=True)]
    dask.compute(*tasks)
    writer.write(_LIST, json.dumps({"parts": names, "divisions": divisions}).encode())


def read_parts(reader: PayloadReader) -> Any:
    """Make the frame again; nothing but its dtypes is read now."""
    import dask.dataframe as dd
    import pyarrow as pa
    import pyarrow.parquet as pq

    described = json.loads(reader.read(_LIST))
    meta = of_file_table(pq.read_table(pa.BufferReader(reader.read(_META))))
    divisions: Any = unpack(described["divisions"], extra=SCALARS)
    files = reader.lazy()
    make: Any = dd.from_map
    return make(_read_part, described["parts"], files=files, meta=meta, divisions=tuple(divisions))


def _write_part(frame: Any, path: str) -> None:
    """Write one partition, and compare: a task of dask's, in whatever process."""
    import pyarrow.parquet as pq

    if table_name(frame) != "pandas.DataFrame":
        raise Loss(f"partitions of type {table_name(frame)}")
    table = to_file_table(frame)
    pq.write_table(table, path, compression="none", write_page_checksum=True, store_schema=True)
    from whorl.formats.schema.payload import check_same

    check_same(frame, of_file_table(pq.read_table(path)))


def _read_part(name: str, files: LazyFiles) -> Any:
    """Read one partition, checked: a task of dask's, in whatever process."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    return of_file_table(pq.read_table(pa.BufferReader(files.read(name))))
