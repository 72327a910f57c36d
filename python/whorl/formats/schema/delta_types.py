"""
An Arrow table comes in, one of types that Delta Lake has goes out, and back.

===========================  ==================================================================
dictionaries                 their values
moments                      microseconds, in UTC where they have a zone
durations, times             whole numbers of their unit
unsigned integers            signed ones of 64 bits
half floats                  floats of 4 bytes
large and fixed-size types   those of their kind
missing values alone         text
===========================  ==================================================================

On the arrow: *encode* and *decode*.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from whorl.errors import StoreError
from whorl.formats.schema.loss import Loss, require, within

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

# How the library words that a disk refuses what it writes.
_OF_DISKS = ("LocalFileSystem error", "(os error ")


@contextmanager
def writing_delta() -> Iterator[None]:
    """Turn what the library says of a value into a loss, and what it says of the disk into a failure of the store."""
    errors = require("deltalake.exceptions")
    try:
        yield
    except errors.DeltaError as error:
        if any(words in str(error) for words in _OF_DISKS):
            raise StoreError("the store could not write a result as delta", str(error)) from error
        raise Loss(str(error), "parquet") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of Rust: no Exception, and no module has it
            raise
        raise Loss(str(error), "parquet") from error


def for_delta(table: pa.Table) -> pa.Table:
    """Give each column a type that delta has; raise ``Loss`` for values that do not fit."""
    import pyarrow as pa

    if not table.num_columns:
        raise Loss("a table without columns", "parquet")
    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        with within(f"column `{name}`"):
            columns.append(column.cast(_delta_type(column.type)))
    names = [name or f"column_{place}" for place, name in enumerate(table.column_names)]
    if len(set(names)) < len(names):
        raise Loss("two columns of one name", "parquet")
    # As one batch: several are written by threads, in any order.
    return pa.table(columns, names=names).combine_chunks()


def from_delta(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Give a column the type that it had."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return from_delta(column, kind.value_type).dictionary_encode().cast(kind)
    if pa.types.is_null(kind):
        return pa.chunked_array([pa.nulls(len(column))])
    if pa.types.is_time32(kind):
        return column.cast(pa.int32()).cast(kind)
    return column.cast(kind)


def _delta_type(kind: pa.DataType) -> pa.DataType:
    """Give the type of delta that a type of Arrow is kept as; its own where delta has it, or nothing like it."""
    import pyarrow as pa

    is_ = pa.types
    if is_.is_dictionary(kind):
        return _delta_type(kind.value_type)
    if is_.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    families = (
        (pa.string(), (is_.is_large_string, is_.is_null)),
        (pa.binary(), (is_.is_large_binary, is_.is_fixed_size_binary)),
        (pa.int64(), (is_.is_unsigned_integer, is_.is_duration, is_.is_time)),
        (pa.float32(), (is_.is_float16,)),
    )
    return next((kept for kept, tests in families if any(test(kind) for test in tests)), kind)
