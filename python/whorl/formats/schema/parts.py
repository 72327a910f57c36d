"""
A frame of dask comes in, its partitions go out one by one to whoever writes them, and back as a frame that reads them.

Each partition is computed and written by one task of dask's, wherever that runs, and never gathered.  What comes back
checks each partition when it is read.  Divisions, names and dtypes stay.  What is said of all partitions stands in the
metadata of a partition without rows, so that a folder of partitions has nothing else in it.  On the arrow: *encode* and
*decode*.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from whorl.formats.schema.files import of_file_table, to_file_table
from whorl.formats.schema.gate import Gate
from whorl.formats.schema.loss import Loss, passing, require, task_within, within
from whorl.formats.schema.payload import check_same
from whorl.formats.schema.plain import pack, unpack
from whorl.formats.schema.scalars import SCALARS
from whorl.formats.schema.spans import with_list
from whorl.formats.schema.tables import table_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pyarrow as pa

    from whorl.errors import CorruptEntryError
    from whorl.formats.base import LazyFiles, PayloadReader, PayloadWriter

_META, _LIST = "_parts.parquet", b"whorl_parts"
_FRAMES = ("dask.DataFrame", "dask_expr.DataFrame")


def is_dask_frame(value: object) -> bool:
    """Whether a value is a frame of dask."""
    return table_name(value) in _FRAMES


def is_parts(reader: PayloadReader) -> bool:
    """Whether a payload is a frame of dask."""
    return _META in reader.names


def names_of_parts(value: Any) -> list[str]:
    """Name the file of each partition, in their order."""
    return [f"part-{place:06}.parquet" for place in range(value.npartitions)]


def write_frame(value: Any, work: Callable[..., Any], each: Sequence[object], *more: object) -> list[Any]:
    """
    Have each partition written, and what is said of all of them; give what the tasks gave.

    ``work`` gets a partition, its item of ``each``, and ``more``, in whatever process; what a partition cannot hold is
    a loss that names it.
    """
    dask = require("dask")
    with within("the frame"):
        _without_rows(value)
        pack(list(value.divisions), extra=SCALARS, place="the divisions")
    gate = Gate()
    parts = zip(value.to_delayed(), each, strict=True)
    tasks = [dask.delayed(_worked)(part, gate, work, item, *more) for part, item in parts]
    with passing(), gate.shut_afterwards():
        return list(dask.compute(*tasks))


def _worked(part: Any, gate: Gate, work: Callable[..., Any], *more: object) -> Any:
    """Do the work on a partition; its errors are losses, those of the plan that the partition comes of are not."""
    with gate.writing(), task_within("a partition"):
        return work(part, *more)


def write_list(value: Any, writer: PayloadWriter, parts: Iterable[object], more: Mapping[str, object]) -> None:
    """Write what ``read_list`` gives: of each partition, and of all of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    divisions = pack(list(value.divisions), extra=SCALARS, place="the divisions")
    whole = {"parts": list(parts), "divisions": divisions, **more}
    sink = pa.BufferOutputStream()
    pq.write_table(with_list(_without_rows(value), _LIST, whole), sink, compression="none", store_schema=True)
    writer.write(_META, memoryview(sink.getvalue()))


@dataclass(frozen=True, slots=True)
class Parts:
    """What is said of all partitions: the table of one without rows, and ``listed``, what ``write_list`` was told."""

    table: pa.Table
    listed: Any


def read_list(reader: PayloadReader) -> Parts:
    """Read what is said of the partitions."""
    table = _table(reader.read(_META))
    return Parts(table, json.loads(table.schema.metadata[_LIST]))


def _table(data: bytes) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pq.read_table(pa.BufferReader(data))


def frame_of_parts(parts: Parts, read: Callable[..., Any], each: Sequence[object], **more: object) -> Any:
    """Make the frame again; nothing but its dtypes is read now, and ``read`` is a task of dask's."""
    import dask.dataframe as dd

    divisions: Any = unpack(parts.listed["divisions"], extra=SCALARS)
    make: Any = dd.from_map
    return _as_stored(make(read, each, meta=of_file_table(parts.table), divisions=tuple(divisions), **more))


def _as_stored(frame: Any) -> Any:
    """Take off what dask puts around a frame that is read: text of other types than its own, as settings may say."""
    expression: Any = getattr(frame, "expr", None)
    if type(expression).__name__ != "ArrowStringConversion":
        return frame
    return type(frame)(expression.operands[0])


def _without_rows(value: Any) -> pa.Table:
    """Make the table of what dask says of a frame's partitions; a loss where it cannot be held."""
    meta = value._meta  # noqa: SLF001 - how dask says what a frame is made of
    check_partition(meta)
    table = to_file_table(meta)
    check_same(meta, of_file_table(table))
    return table


@dataclass(frozen=True, slots=True)
class FilesForTasks:
    """The files of a payload for tasks of dask's, which wants a name for whatever it hands to them."""

    files: LazyFiles
    token: str

    def table(self, name: str) -> pa.Table:
        """Read the table of one parquet file, checked."""
        return _table(self.files.read(name))

    def refuted(self, what: str, error: CorruptEntryError) -> CorruptEntryError:
        """Have the entry moved aside for what it leads to; give the error that says so."""
        return self.files.refuted(what, error)

    def __dask_tokenize__(self) -> str:
        return self.token


def files_for_tasks(reader: PayloadReader) -> FilesForTasks:
    """Give the files for later; what they are read through may have a connection, which dask cannot name."""
    return FilesForTasks(reader.lazy(), uuid.uuid4().hex)


def check_partition(frame: object) -> None:
    """Refuse partitions of other types than a frame of pandas."""
    if table_name(frame) != "pandas.DataFrame":
        raise Loss(f"partitions of type {table_name(frame)}")


def differing(place: int, columns: Iterable[str]) -> Loss:
    """Say that a partition does not go into one table with the others."""
    names = ", ".join(f"`{name}`" for name in columns)
    return Loss(f"partition {place} has columns of other types than another: {names}", "parquet")


def spelled_out(frame: Any) -> tuple[Any, list[int] | None]:
    """
    Write the numbers of a RangeIndex out, and say which they were; other indexes stay.

    Filtered partitions of one frame have one or the other, and in a table of its own all have the same columns.
    """
    import pandas as pd

    index = frame.index
    if type(index).__name__ != "RangeIndex":
        return frame, None
    return frame.set_axis(pd.Index(index.to_numpy(), name=index.name)), [index.start, index.stop, index.step]


def summed_up(frame: Any, steps: list[int] | None) -> Any:
    """Give a frame the RangeIndex again that ``spelled_out`` found."""
    import pandas as pd

    if steps is None:
        return frame
    start, stop, step = steps
    return frame.set_axis(pd.RangeIndex(start, stop, step, name=frame.index.name))
