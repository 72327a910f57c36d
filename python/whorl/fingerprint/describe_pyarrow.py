"""
pyarrow tables, arrays, scalars and schemas in, descriptions out.

- Table and RecordBatch: names, types, nullability and metadata of the schema, the number of rows, and each column.
- ChunkedArray, Array and Scalar: the type with its metadata, which values are valid, and the values.
- Schema, Field and DataType: everything that they say; Schema and Field with their metadata, in any order.
- KeyValueMetadata: the pairs in any order.  Buffer: its bytes.
- Tensors and whatever else pyarrow has: like instances of any class.

Chunks, slices, offsets and their width, views, what lies under nulls, dictionaries of text and run-end encoding do not
count (``rust/core/src/columns``).  Dictionaries of other values, and ordered ones, are types of their own and count by
their decoded values.  On the arrow: inside *digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.digest import digest_arrow, digest_arrow_type
from whorl.fingerprint.describe_instance import refuse, refuse_plan
from whorl.fingerprint.description import leaf, node
from whorl.fingerprint.lazy import is_plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whorl.fingerprint.description import Describer, Description

# As in the Rust module.  pyarrow's own recursion ends some thousand levels deeper, in a crash.
_DEPTH = 256


def describer_of(kind: type) -> Describer | None:
    """Return what describes a type of pyarrow's family; None for what is an instance like any other."""
    import pyarrow as pa

    for base, describer in (
        (pa.Table, _describe_table),
        (pa.RecordBatch, _describe_batch),
        (pa.ChunkedArray, _describe_chunks),
        (pa.Array, _describe_array),
        (pa.Scalar, _describe_scalar),
        (pa.Schema, _describe_schema),
        (pa.Field, _describe_field),
        (pa.DataType, _describe_type),
        (pa.KeyValueMetadata, _describe_metadata),
        (pa.Buffer, _describe_buffer),
    ):
        if issubclass(kind, base):
            return describer
    return _refuse_plan if is_plan(kind) else None


def _refuse_plan(plan: object) -> Description:
    raise refuse_plan(type(plan), "read it to a table, and pass that")


# ── values ──


def _describe_table(table: Any) -> Description:
    return leaf("arrow pyarrow.Table", digest_arrow(_checked(table, table.schema.types)))


def _describe_batch(batch: Any) -> Description:
    return leaf("arrow pyarrow.RecordBatch", digest_arrow(_checked(batch, batch.schema.types)))


def _describe_chunks(chunks: Any) -> Description:
    import pyarrow as pa

    _checked(chunks, [chunks.type])
    # Before pyarrow 16, only tables gave streams.
    return leaf("arrow pyarrow.ChunkedArray", digest_arrow(pa.Table.from_arrays([chunks], names=[""])))


def _describe_array(array: Any) -> Description:
    return leaf("arrow pyarrow.Array", digest_arrow(_checked(array, [array.type])))


def _describe_scalar(scalar: Any) -> Description:
    import pyarrow as pa

    _check_depth([scalar.type])
    return leaf("arrow pyarrow.Scalar", digest_arrow(_checked(pa.repeat(scalar, 1), [])))


def _checked(obj: Any, types: Iterable[Any]) -> Any:
    """Have pyarrow check that buffers are as long as they should be: Arrow's interface does not tell."""
    _check_depth(types)
    obj.validate()
    return obj


# ── schemas ──


def _describe_schema(schema: Any) -> Description:
    _check_depth(schema.types)
    return leaf("arrow pyarrow.Schema", digest_arrow_type(schema))


def _describe_field(field: Any) -> Description:
    import pyarrow as pa

    _check_depth([field.type])
    return leaf("arrow pyarrow.Field", digest_arrow_type(pa.schema([field])))


def _describe_type(kind: Any) -> Description:
    _check_depth([kind])
    return leaf("arrow pyarrow.DataType", digest_arrow_type(kind))


def _check_depth(types: Iterable[Any]) -> None:
    level = [inner for kind in types for inner in _types_in(kind)]
    for _ in range(_DEPTH):
        if not level:
            return
        level = [inner for kind in level for inner in _types_in(kind)]
    raise refuse(type(level[0]), f"it is nested more than {_DEPTH} levels deep")


def _types_in(kind: Any) -> list[Any]:
    if kind.num_fields and hasattr(kind, "fields"):
        return [field.type for field in kind.fields]
    names = ("value_type", "key_type", "item_type", "storage_type")
    return [getattr(kind, name) for name in names if hasattr(kind, name)]


# ── the rest ──


def _describe_metadata(metadata: Any) -> Description:
    return node("pyarrow.KeyValueMetadata", [("", dict(sorted(dict(metadata).items())))])


def _describe_buffer(buffer: Any) -> Description:
    return ("buffer", "pyarrow.Buffer", [], buffer)
