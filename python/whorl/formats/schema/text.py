"""
An Arrow column comes in, columns that any text file can hold go out, and back.

======================================  ====================================================
bool, integers, floats, strings         as they are; floats as text where a NaN is not the usual one
date, time, timestamp, decimal          ISO text or digits, in UTC
duration                                a count of its unit
binary                                  base64
dictionary                              its values
struct                                  one column per field
null                                    an empty text column
lists, maps, unions, views              refused
======================================  ====================================================

On the arrow: *encode* and *decode*.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, cast

from whorl.formats.schema.loss import Loss, within
from whorl.formats.schema.plain import float_of, float_text

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    import pyarrow as pa

    Texts = dict[str, list[str]]

_ARROW_FILE = "ipc:"


def type_text(kind: pa.DataType) -> str:
    """Write an Arrow type: its alias where it has one, else its serialized form."""
    import pyarrow as pa

    try:
        alias = pa.type_for_alias(str(kind))
    except ValueError:
        alias = None
    if alias == kind:
        return str(kind)
    return _ARROW_FILE + base64.b64encode(pa.schema([pa.field("x", kind)]).serialize()).decode()


def type_of(text: str) -> pa.DataType:
    """Read what ``type_text`` wrote."""
    import pyarrow as pa

    if not text.startswith(_ARROW_FILE):
        return pa.type_for_alias(text)
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text[len(_ARROW_FILE) :]))).field(0).type


def as_type(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Convert a column if need be; a file may name the items of lists otherwise, which counts as a difference here."""
    return column if column.type.equals(kind, check_metadata=True) else column.cast(kind)


def texts_of(table: pa.Table) -> tuple[pa.Table, Texts]:
    """Make a table of columns that text can hold, and say how to make the first one again."""
    import pyarrow as pa

    leaves: dict[str, pa.ChunkedArray] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        with within(f"column `{name}`"):
            parts = leaves_of(column)
        for place, leaf in enumerate(parts):
            leaves[_unused(name if len(parts) == 1 else f"{name}.{place}", leaves)] = leaf
    texts: Texts = {
        "names": table.column_names,
        "types": [type_text(kind) for kind in table.schema.types],
        "leaves": [type_text(leaf.type) for leaf in leaves.values()],
    }
    return pa.table(list(leaves.values()), names=list(leaves)), texts


def table_from(leaves: pa.Table, texts: Texts) -> pa.Table:
    """Make the table again of which ``texts_of`` made leaves; dictionaries come back as their values."""
    import pyarrow as pa

    rest = iter(leaves.columns)
    columns = [column_of(rest, type_of(kind)) for kind in texts["types"]]
    return pa.table(columns, names=texts["names"])


def leaf_types(texts: Texts) -> list[pa.DataType]:
    """Return the types of the columns that the text holds."""
    return [type_of(text) for text in texts["leaves"]]


def _unused(name: str, taken: Container[str]) -> str:
    while name in taken:
        name += "_"
    return name


def leaves_of(column: pa.ChunkedArray) -> list[pa.ChunkedArray]:
    """Split and convert a column into columns of booleans, numbers or strings; raise ``Loss`` where there is no way."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        return leaves_of(column.cast(kind.value_type))
    if pa.types.is_struct(kind):
        if column.null_count:
            raise Loss("missing values of a nested type", "parquet")
        return [leaf for part in column.flatten() for leaf in leaves_of(part)]
    return [_leaf(column)]


def column_of(leaves: Iterator[pa.ChunkedArray], kind: pa.DataType) -> pa.ChunkedArray:
    """Take as many leaves as a type needs and make the column again; dictionaries come back as their values."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return column_of(leaves, kind.value_type)
    if pa.types.is_struct(kind):
        fields = [kind.field(place) for place in range(kind.num_fields)]
        parts = [column_of(leaves, field.type).combine_chunks() for field in fields]
        return pa.chunked_array([pa.StructArray.from_arrays([_one(part) for part in parts], fields=fields)])
    return _column(next(leaves), kind)


def _one(part: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Older pyarrow combines an empty column to a chunked array of no chunks."""
    import pyarrow as pa

    return pa.concat_arrays(part.chunks) if isinstance(part, pa.ChunkedArray) else part


def _leaf(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    kind, is_ = column.type, pa.types
    if is_.is_boolean(kind) or is_.is_integer(kind):
        return column
    if is_.is_floating(kind):
        return _float_leaf(column)
    if is_.is_string(kind) or is_.is_large_string(kind) or is_.is_null(kind):
        return column.cast(pa.large_string())
    if is_.is_duration(kind):
        return column.cast(pa.int64())
    if is_.is_binary(kind) or is_.is_large_binary(kind) or is_.is_fixed_size_binary(kind):
        return _strings(None if item is None else base64.b64encode(item).decode() for item in column.to_pylist())
    if is_.is_date(kind) or is_.is_time(kind) or is_.is_timestamp(kind) or is_.is_decimal(kind):
        return _cast_leaf(column)
    raise Loss(f"values of Arrow type {kind}", "parquet")


def _column(leaf: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    is_ = pa.types
    if is_.is_null(kind):
        return pa.chunked_array([pa.nulls(len(leaf))])
    if is_.is_floating(kind) and is_.is_large_string(leaf.type):
        items = [None if text is None else float_of(text) for text in leaf.to_pylist()]
        return pa.chunked_array([pa.array(items, pa.float64())])
    if is_.is_binary(kind) or is_.is_large_binary(kind) or is_.is_fixed_size_binary(kind):
        blobs = [None if text is None else base64.b64decode(text) for text in leaf.to_pylist()]
        return pa.chunked_array([pa.array(blobs, kind)])
    if is_.is_timestamp(kind):
        return leaf.cast(pa.timestamp(kind.unit)).cast(pa.int64()).cast(kind)
    if is_.is_time(kind):  # pyarrow casts times to text, but not back
        moments = pc.binary_join_element_wise(_word("1970-01-01"), leaf, _word(" "))
        return moments.cast(pa.timestamp(kind.unit)).cast(kind)
    return leaf.cast(kind)


def _float_leaf(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Keep floats as numbers, unless a NaN has other bits than usual; narrow floats have no text for those."""
    import numpy as np
    import pyarrow as pa

    wide = column.cast(pa.float32()) if pa.types.is_float16(column.type) else column
    values = np.concatenate([np.empty(0, wide.type.to_pandas_dtype()), *(_numbers(chunk) for chunk in wide.chunks)])
    nans = values[np.isnan(values)]
    if nans.tobytes() == np.full(len(nans), np.nan, values.dtype).tobytes():
        return wide
    if values.itemsize < np.dtype("f8").itemsize:
        raise Loss(f"a NaN with other bits than usual, as {column.type}", "parquet")
    return _strings(None if item is None else float_text(item) for item in column.to_pylist())


def _numbers(chunk: pa.Array) -> object:
    return chunk.drop_null().to_numpy(zero_copy_only=False)


def _cast_leaf(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cast to text and back, for not every date has a text: years beyond 9999 do not."""
    import pyarrow as pa

    plain = (
        column.cast(pa.int64()).cast(pa.timestamp(column.type.unit)) if pa.types.is_timestamp(column.type) else column
    )
    leaf = plain.cast(pa.large_string())
    try:
        same = _column(leaf, column.type).equals(column)
    except pa.ArrowInvalid:
        same = False
    if not same:
        raise Loss(f"values of Arrow type {column.type} that have no text, such as years beyond 9999", "parquet")
    return leaf


def _word(text: str) -> pa.Scalar:
    import pyarrow as pa

    return pa.scalar(text, pa.large_string())


def _strings(items: Iterator[str | None]) -> pa.ChunkedArray:
    import pyarrow as pa

    return cast("pa.ChunkedArray", pa.chunked_array([pa.array(items, pa.large_string())]))
