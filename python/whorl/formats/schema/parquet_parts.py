"""
A frame of dask comes in, one parquet file per partition goes out, and back, lazily.

Where a window is known to lie beside a partition, its file is not read: it has no rows then, as it has after slicing.
On the arrow: *encode* and *decode* of parquet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.formats.schema.files import described_by, of_file_table, to_file_table
from whorl.formats.schema.parts import (
    check_partition,
    files_for_tasks,
    frame_of_parts,
    names_of_parts,
    read_list,
    write_frame,
    write_list,
)
from whorl.formats.schema.payload import check_same
from whorl.formats.schema.spans import axis_of, ranges_of_rows, read_range, span_of, touched
from whorl.formats.schema.tables import table_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from whorl.formats.base import PayloadReader, PayloadWriter
    from whorl.formats.schema.parts import FilesForTasks
    from whorl.formats.schema.spans import Span
    from whorl.wish import Window


def write_parts(value: Any, writer: PayloadWriter, axes: Sequence[str], options: Mapping[str, Any]) -> None:
    """Write a file per partition; ``axes`` name an axis of times, of which first and last one in each are noted."""
    names = names_of_parts(value)
    spans = write_frame(value, _write_part, [str(writer.path(name)) for name in names], axes, options)
    write_list(value, writer, names, {"spans": spans})


def read_parts(reader: PayloadReader, windows: Sequence[Window]) -> Any:
    """Make the frame of the files; what the windows do not touch has no rows."""
    parts = read_list(reader)
    empty = of_file_table(parts.table)
    beside = _beside(parts.listed["spans"], parts.table, empty, windows)
    wanted = ["" if place in beside else name for place, name in enumerate(parts.listed["parts"])]
    return frame_of_parts(parts, _read_part, wanted, files=files_for_tasks(reader), empty=empty)


def rows_in_parts(reader: PayloadReader, read: Callable[[str], pa.Table]) -> Any:
    """Make a frame of dask of one of pandas that lies in files of rows, one partition of each; None of other values."""
    import dask.dataframe as dd

    empty, parts = ranges_of_rows(read)
    if table_name(empty) != "pandas.DataFrame":
        return None
    make: Any = dd.from_map
    return make(_read_rows, parts, files=files_for_tasks(reader), meta=empty)


def _read_rows(part: tuple[str, int, int], files: FilesForTasks) -> Any:
    """Read the rows of one file, checked: a task of dask's, in whatever process."""
    name, start, whole = part
    return read_range(files.table(name), start, whole)


def _beside(spans: Sequence[Span | None], table: pa.Table, meta: Any, windows: Sequence[Window]) -> set[int]:
    """Say which partitions have no row in a window; of categories each partition may have others, so all are read."""
    known = {place for place, span in enumerate(spans) if span is not None}
    kinds = [*meta.dtypes, *(meta.index.get_level_values(level).dtype for level in range(meta.index.nlevels))]
    if not known or any(str(kind) == "category" for kind in kinds):
        return set()
    found: set[int] = set()
    for window in windows:
        axis = axis_of(table.schema, described_by(table), window.names)
        if axis is not None:
            found |= known.difference(touched(spans, table, axis, window))
    return found


def _write_part(frame: Any, path: str, axes: Sequence[str], options: Mapping[str, Any]) -> Span | None:
    """Write one partition, and compare: a task of dask's, in whatever process.  Gives its first and last time."""
    import pyarrow.parquet as pq

    check_partition(frame)
    table = to_file_table(frame)
    settings: dict[str, Any] = {"compression": "none", "write_page_checksum": True, "store_schema": True, **options}
    pq.write_table(table, path, **settings)
    check_same(frame, of_file_table(pq.read_table(path)))
    axis = axis_of(table.schema, described_by(table), axes)
    return None if axis is None else span_of(table.column(axis))


def _read_part(name: str, files: FilesForTasks, empty: Any) -> Any:
    """Read one partition, checked: a task of dask's, in whatever process; without a name one that has no rows."""
    import numpy as np

    return of_file_table(files.table(name)) if name else empty[np.zeros(0, bool)]
