"""
A frame of dask comes in, one parquet file per partition goes out, and back as a frame that reads them when it is asked.

Each partition is computed and written by one task of dask's, wherever that runs, and never gathered.  What comes back
checks each file when it is read.  Divisions, names and dtypes stay.  Where a window is known to lie beside a partition,
its file is not read: it has no rows then, as it has after slicing.  On the arrow: *encode* and *decode*.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from whorl.formats.schema.files import of_file_table, to_file_table
from whorl.formats.schema.loss import Loss, require, within
from whorl.formats.schema.plain import pack, unpack
from whorl.formats.schema.scalars import SCALARS
from whorl.formats.schema.spans import axis_of, described_by, span_of, touched, with_list
from whorl.formats.schema.tables import table_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from whorl.formats.base import LazyFiles, PayloadReader, PayloadWriter
    from whorl.formats.schema.spans import Span
    from whorl.wish import Window

# A partition without rows, whose metadata list the files.
_META, _LIST = "_parts.parquet", b"whorl_parts"
_FRAMES = ("dask.DataFrame", "dask_expr.DataFrame")


def is_dask_frame(value: object) -> bool:
    """Whether a value is a frame of dask."""
    return table_name(value) in _FRAMES


def is_parts(reader: PayloadReader) -> bool:
    """Whether a payload has one file per partition."""
    return _META in reader.names


def write_parts(value: Any, writer: PayloadWriter, axes: Sequence[str] = ()) -> None:
    """
    Write a frame of dask; what a partition cannot hold is a loss that names it.

    ``axes`` are the names of an axis of times, of which the first and last one in each partition are noted.
    """
    dask = require("dask")
    parts = value.to_delayed()
    names = [f"part-{place:06}.parquet" for place in range(len(parts))]
    with within("the frame"):
        meta = _written(value._meta, str(writer.path(_META)))  # noqa: SLF001 - how dask says what a frame is made of
        divisions = pack(list(value.divisions), extra=SCALARS, place="the divisions")
    tasks = [
        dask.delayed(_write_part)(part, str(writer.path(name)), axes) for part, name in zip(parts, names, strict=True)
    ]
    listed = {"parts": names, "divisions": divisions, "spans": dask.compute(*tasks)}
    _write_file(with_list(meta, _LIST, listed), str(writer.path(_META)))


def read_parts(reader: PayloadReader, windows: Sequence[Window] = ()) -> Any:
    """Make the frame again; nothing but its dtypes is read now."""
    import dask.dataframe as dd
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(reader.read(_META)))
    described = json.loads(table.schema.metadata[_LIST])
    meta = of_file_table(table)
    divisions: Any = unpack(described["divisions"], extra=SCALARS)
    beside = _beside(described["spans"], table, meta, windows)
    wanted = ["" if place in beside else name for place, name in enumerate(described["parts"])]
    make: Any = dd.from_map
    return make(_read_part, wanted, files=reader.lazy(), empty=meta, meta=meta, divisions=tuple(divisions))


def _beside(spans: Sequence[Span | None], table: pa.Table, meta: Any, windows: Sequence[Window]) -> set[int]:
    """Say which partitions have no row in a window; of categories each partition may have others, so all are read."""
    known = [place for place, span in enumerate(spans) if span is not None]
    kinds = [*meta.dtypes, *(meta.index.get_level_values(level).dtype for level in range(meta.index.nlevels))]
    if not known or any(str(kind) == "category" for kind in kinds):
        return set()
    found: set[int] = set()
    for window in windows:
        axis = axis_of(table.schema, described_by(table), window.names)
        if axis is not None:
            ends = [spans[place] for place in known]
            found.update(
                place for place, end in zip(known, ends, strict=True) if not touched([end], table, axis, window)
            )
    return found


def _write_part(frame: Any, path: str, axes: Sequence[str]) -> Span | None:
    """Write one partition: a task of dask's, in whatever process.  Gives its first and last time."""
    table = _written(frame, path)
    axis = axis_of(table.schema, described_by(table), axes)
    return None if axis is None else span_of(table.column(axis))


def _written(frame: Any, path: str) -> pa.Table:
    """Write a frame of pandas, and compare."""
    import pyarrow.parquet as pq

    from whorl.formats.schema.payload import check_same

    if table_name(frame) != "pandas.DataFrame":
        raise Loss(f"partitions of type {table_name(frame)}")
    table = to_file_table(frame)
    _write_file(table, path)
    check_same(frame, of_file_table(pq.read_table(path)))
    return table


def _write_file(table: pa.Table, path: str) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="none", write_page_checksum=True, store_schema=True)


def _read_part(name: str, files: LazyFiles, empty: Any) -> Any:
    """Read one partition, checked: a task of dask's, in whatever process; without a name one that has no rows."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not name:
        return empty[np.zeros(0, bool)]
    return of_file_table(pq.read_table(pa.BufferReader(files.read(name))))
