"""
A table along an axis of times comes in, files of rows that follow each other go out; back come those of a window.

Each file is checked by a digest of its own, so that what a window does not touch is neither read nor fetched.  Rows are
never moved: a table whose times do not follow each other is not cut.  What is left out leaves the rest as slicing the
whole would: labels, dtypes, categories and frequencies are those of the whole table.  On the arrow: *encode* and
*decode* of parquet.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, cast

from whorl.axis import choose, is_of_moments, pandas_labels, pandas_times
from whorl.formats.schema.files import described_by
from whorl.formats.schema.frames import decode_table
from whorl.formats.schema.labels import index_of, labels_of
from whorl.formats.schema.plain import unpack
from whorl.formats.schema.scalars import SCALARS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    import pandas as pd
    import pyarrow as pa

    from whorl.formats.base import PayloadReader
    from whorl.formats.schema.simple import Kind
    from whorl.wish import Window

    Span = tuple[int, int, str]

# A table without rows, whose metadata list the files: other programs take it for one more part.
_META, _LIST = "_rows.parquet", b"whorl_rows"
# A part below this is read as fast as a smaller one; a file more costs a request in a store far away.
_PART = 4 << 20
_MOST = 64
_NO_MOMENTS = object()


def is_cut(reader: PayloadReader) -> bool:
    """Whether a payload has one file for each range of rows."""
    return _META in reader.names


def write_rows(table: pa.Table, names: Sequence[str], rows: int | None, write: Callable[[pa.Table, str], None]) -> bool:
    """
    Cut a table along the axis of these names and write each part, if that is worth it; else False, and nothing.

    A part has that many rows, or some MB.  ``write`` puts a table into the file of a name.
    """
    axis = axis_of(table.schema, described_by(table), names)
    least = -(-len(table) // _MOST)
    step = max(rows, least) if rows else -(-len(table) // max(1, min(_MOST, table.nbytes // _PART)))
    starts = range(0, len(table), max(1, step))
    if axis is None or len(starts) <= 1:
        return False
    parts = [table.slice(start, step) for start in starts]
    spans = [span_of(part.column(axis)) for part in parts]
    if not _follow_each_other(spans):
        return False
    files = [f"rows-{place:06}.parquet" for place in range(len(parts))]
    for name, part in zip(files, parts, strict=True):
        write(part, name)
    listed = {"axis": axis, "files": files, "rows": [len(part) for part in parts], "spans": spans}
    write(with_list(table.slice(0, 0), _LIST, listed), _META)
    return True


def read_rows(read: Callable[[str], pa.Table], windows: Sequence[Window]) -> Any:
    """Make the value again, or as many of its rows as the windows touch; ``read`` gives the table of a file."""
    import pyarrow as pa

    meta = read(_META)
    listed = json.loads(meta.schema.metadata[_LIST])
    described = described_by(meta)
    wanted = range(len(listed["files"]))
    for window in windows:
        if axis_of(meta.schema, described, window.names) == listed["axis"]:
            places = touched(listed["spans"], meta, listed["axis"], window) or [0]
            # What lies between is read too: rows stay those of one stretch, so that frequencies do.
            wanted = range(max(wanted.start, places[0]), min(wanted.stop, places[-1] + 1))
    # One part at least, for a value without rows is made of one, as slicing makes it.
    wanted = wanted or range(1)
    table = pa.concat_tables([read(listed["files"][place]) for place in wanted])
    start, whole = sum(listed["rows"][: wanted.start]), sum(listed["rows"])
    return _of_rows(table, described, range(start, start + len(table)), whole)


def all_rows(read: Callable[[str], pa.Table]) -> pa.Table:
    """Read the table of all files."""
    import pyarrow as pa

    meta = read(_META)
    tables = [read(name) for name in json.loads(meta.schema.metadata[_LIST])["files"]]
    return pa.concat_tables(tables).replace_schema_metadata(meta.schema.metadata)


def ranges_of_rows(read: Callable[[str], pa.Table]) -> tuple[Any, list[tuple[str, int, int]]]:
    """Give the value without its rows, and of each file the name, the number of its first row and that of all."""
    meta = read(_META)
    listed = json.loads(meta.schema.metadata[_LIST])
    starts = [sum(listed["rows"][:place]) for place in range(len(listed["rows"]))]
    parts = [(name, start, sum(listed["rows"])) for name, start in zip(listed["files"], starts, strict=True)]
    return _of_rows(meta, described_by(meta), range(0), -1), parts


def read_range(table: pa.Table, start: int, whole: int) -> Any:
    """Make the rows of one file, the first of which has that number among all."""
    return _of_rows(table, described_by(table), range(start, start + len(table)), whole)


def with_list(table: pa.Table, key: bytes, listed: object) -> pa.Table:
    """Put what is known of the files of a payload into the metadata of a table without rows."""
    return table.replace_schema_metadata({**(table.schema.metadata or {}), key: json.dumps(listed).encode()})


def axis_of(schema: pa.Schema, described: Kind, names: Sequence[str]) -> str | None:
    """
    Name the column of a file that has the times of an axis; None where there is none, or none of moments.

    A label that a value has twice is none: what has it cannot be sliced.
    """
    import pyarrow as pa

    if "schema" in described:
        if described["of"] == "Table":  # nobody slices these
            return None
        axis = choose(names, schema.names)
    else:
        axis = _pandas_axis(schema, described, names)
    if axis is None or schema.names.count(axis) != 1:
        return None
    kind = schema.field(axis).type
    return axis if pa.types.is_timestamp(kind) or pa.types.is_date32(kind) else None


def _pandas_axis(schema: pa.Schema, described: Kind, names: Sequence[str]) -> str | None:
    columns = list(labels_of(cast("Kind", described["columns"]))) if described["of"] == "DataFrame" else []
    arrays = cast("list[Kind]", described.get("arrays", []))
    levels = _levels(described)
    labels = [*columns, *(name for name, _ in levels if name is not None)]
    found = choose(names, labels)
    if found is None or [str(label) for label in labels].count(found) != 1:
        return None
    places = [array for label, array in zip(columns, arrays, strict=True) if label == found]
    places += [array for name, array in levels if name == found and array is not None]
    return schema.names[cast("int", places[0]["column"])] if places else None


def _levels(described: Kind) -> list[tuple[object, Kind | None]]:
    """Give the name of each level of an index, and where its values are; a range has none."""
    index = cast("Kind", described["index"])
    parts = cast("list[Kind]", index["levels"]) if index["is"] == "levels" else [index]
    return [(unpack(part["name"], extra=SCALARS), cast("Kind | None", part.get("array"))) for part in parts]


def span_of(column: Any) -> Span | None:
    """Give the first and last time of a column as whole numbers, and their unit; None where there is no time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_day = pa.types.is_date32(column.type)
    found = pc.min_max((column.cast(pa.int32()) if is_day else column).cast(pa.int64())).as_py()
    return None if found["min"] is None else (found["min"], found["max"], "D" if is_day else column.type.unit)


def _follow_each_other(spans: Iterable[Span | None]) -> bool:
    there = [span for span in spans if span is not None]
    return all(one[1] <= other[0] for one, other in pairwise(there)) or all(
        one[0] >= other[1] for one, other in pairwise(there)
    )


def touched(spans: Sequence[Span | None], meta: pa.Table, axis: str, window: Window) -> Sequence[int]:
    """
    Say which parts a window touches, in their order; ``meta`` is the table without its rows.

    Times are compared as ``processors.axes`` does, so that no row is left out that it would keep; a moment that their
    zone leaves out, or has twice, is for who slices to refuse.
    """
    if window.bounds.is_open:  # what has no time is inside too
        return range(len(spans))
    zone = _zone_of(_of_rows(meta, described_by(meta), range(0), -1), axis, window.names)
    if zone is _NO_MOMENTS:
        return range(len(spans))
    bounds = window.bounds.in_zone(zone)
    return [place for place, span in enumerate(spans) if span is not None and bounds.touch(*_ends(span, zone))]


def _ends(span: Span, zone: Any) -> tuple[pd.Timestamp, pd.Timestamp]:
    import numpy as np
    import pandas as pd

    moments = np.array(span[:2], "i8").view(f"M8[{span[2]}]")
    first, last = (pd.Timestamp(moment) for moment in moments)
    return (first, last) if zone is None else (first.tz_localize("UTC"), last.tz_localize("UTC"))


def _zone_of(empty: Any, axis: str, names: Sequence[str]) -> Any:
    """Tell the time zone of an axis, as the value itself has it; of objects nobody knows what they become."""
    if hasattr(empty, "collect_schema"):  # polars
        return getattr(empty.collect_schema()[axis], "time_zone", None)
    name = choose(names, pandas_labels(empty))
    assert name is not None
    times = pandas_times(empty, name)
    return times.dt.tz if is_of_moments(times) else _NO_MOMENTS


def _of_rows(table: pa.Table, described: Kind, rows: range, whole: int) -> Any:
    """Make a value of some rows; what counts rows counts those of the whole."""
    import numpy as np

    index = cast("Kind | None", described.get("index"))
    if index is None or index["is"] != "range" or len(rows) == whole:
        return decode_table(table, described)
    counted = index_of(index, _no_array)
    part = counted[rows.start : rows.stop]
    value = decode_table(table, {**described, "index": {**index, "range": [part.start, part.stop, part.step]}})
    value.index = counted[np.arange(rows.start, rows.stop)]  # as it is when rows are chosen one by one
    return value


def _no_array(_: Kind) -> Any:
    raise AssertionError("a range has no values")
