"""
pyarrow tables, arrays, scalars and schemas in, descriptions out.

An array counts by its type, its length, which values are valid, and the values: chunks, slices, offsets, what lies
under nulls, dictionaries of text, and whether offsets have 32 or 64 bits do not count.  Names and metadata of schemas
do.  On the arrow: inside *digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.fingerprint.description import Inner, attributes, items, leaf, node

if TYPE_CHECKING:
    from whorl.fingerprint.description import Describer, Description, Parts


def describer_of(kind: type) -> Describer | None:
    """Return what describes a type of pyarrow's family; None for what is an instance like any other."""
    import pyarrow as pa

    for base, describer in (
        (pa.Table, _describe_table),
        (pa.RecordBatch, _describe_table),
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
    return None


def _describe_table(table: Any) -> Description:
    columns = [(f'["{field.name}"]', Inner(_whole(table.column(index)))) for index, field in enumerate(table.schema)]
    name = type(table).__name__
    return node(f"pyarrow.{name}", [(".schema", table.schema), (".num_rows", table.num_rows), *columns])


def _describe_chunks(chunks: Any) -> Description:
    return node("pyarrow.ChunkedArray", [("", Inner(_whole(chunks)))])


def _describe_array(array: Any) -> Description:
    return node("pyarrow.Array", [(".type", _name_type(array.type)), ("", len(array)), *_parts_of(array)])


def _describe_scalar(scalar: Any) -> Description:
    import pyarrow as pa

    return node("pyarrow.Scalar", [("", pa.repeat(scalar, 1))])


def _whole(chunks: Any) -> Any:
    """Join the chunks of a column."""
    import pyarrow as pa

    if not isinstance(chunks, pa.ChunkedArray):
        return chunks
    if chunks.num_chunks == 1:
        return chunks.chunk(0)
    joined = chunks.combine_chunks()
    return joined if isinstance(joined, pa.Array) else pa.concat_arrays(joined.chunks)


# ── schemas ──


def _describe_schema(schema: Any) -> Description:
    return node("pyarrow.Schema", [("", list(schema)), (".metadata", _sorted(schema.metadata))])


def _describe_field(field: Any) -> Description:
    parts = [*attributes(field, "name", "nullable"), (".type", _name_type(field.type))]
    return node("pyarrow.Field", [*parts, (".metadata", _sorted(field.metadata))])


def _describe_type(kind: Any) -> Description:
    return leaf("pyarrow.DataType", str(kind))


def _describe_metadata(metadata: Any) -> Description:
    return node("pyarrow.KeyValueMetadata", [("", _sorted(dict(metadata)))])


def _describe_buffer(buffer: Any) -> Description:
    return ("buffer", "pyarrow.Buffer", [], buffer)


def _sorted(metadata: Any) -> dict[bytes, bytes]:
    return dict(sorted((metadata or {}).items()))


def _name_type(kind: Any) -> str:
    """Name a type without what is layout: the width of offsets, and dictionaries of text."""
    from pyarrow import types

    if types.is_dictionary(kind):
        name = _name_type(kind.value_type)
        is_layout = _is_text(kind.value_type) and not kind.ordered
        return name if is_layout else f"dictionary<{name}, ordered={kind.ordered}>"
    if types.is_map(kind):
        return f"map<{_name_type(kind.key_type)}, {_name_type(kind.item_type)}>"
    if types.is_fixed_size_list(kind):
        return f"list<{_name_type(kind.value_type)}>[{kind.list_size}]"
    if types.is_list(kind) or types.is_large_list(kind):
        return f"list<{_name_type(kind.value_type)}>"
    if types.is_struct(kind):
        fields = (kind.field(index) for index in range(kind.num_fields))
        return f"struct<{', '.join(f'{field.name!r}: {_name_type(field.type)}' for field in fields)}>"
    return str(kind).removeprefix("large_").removesuffix("_view")


# ── arrays ──


def _parts_of(array: Any) -> Parts:
    """List what an array holds: which values are valid, and the values."""
    from pyarrow import types

    kind = array.type
    if types.is_dictionary(kind):
        return _parts_of(array.dictionary_decode())
    if types.is_null(kind):
        return []
    for test, parts_of in (
        (_is_text, _parts_of_text),
        (types.is_boolean, _parts_of_booleans),
        (_is_list, _parts_of_lists),
        (types.is_struct, _parts_of_structs),
        (_is_fixed, _parts_of_fixed),
    ):
        if test(kind):
            return [(".valid", Inner(_valid(array)) if array.null_count else None), *parts_of(array)]
    # Unions, run-length encoding, extensions, maps and views: value by value.
    return [("", array.to_pylist())]


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    tests = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    return any(test(kind) for test in tests)


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return any(test(kind) for test in (types.is_list, types.is_large_list, types.is_fixed_size_list))


def _is_fixed(kind: Any) -> bool:
    import pyarrow as pa

    try:
        return bool(kind.bit_width % 8 == 0) and not isinstance(kind, pa.BaseExtensionType)
    except ValueError:
        return False


def _valid(array: Any) -> Any:
    """Tell which values are valid."""
    return array.is_valid().to_numpy(zero_copy_only=False)


def _parts_of_fixed(array: Any) -> Parts:
    import numpy as np

    width = array.type.bit_width // 8
    memory = array.buffers()[1]
    if memory is None or not width:
        return [("", Inner(np.zeros(0, np.uint8)))]
    block = np.frombuffer(memory, dtype=np.uint8)[array.offset * width : (array.offset + len(array)) * width]
    if array.null_count:
        block = block.reshape(-1, width).copy()
        block[~_valid(array)] = 0
    return [("", Inner(block.reshape(-1)))]


def _parts_of_booleans(array: Any) -> Parts:
    import pyarrow.compute as pc

    return [("", Inner(pc.fill_null(array, False).to_numpy(zero_copy_only=False)))]  # noqa: FBT003 - pyarrow's signature


def _parts_of_text(array: Any) -> Parts:
    import numpy as np
    import pyarrow.compute as pc

    wide = str(array.type).startswith("large_")
    if array.null_count:
        array = pc.fill_null(array, b"" if "binary" in str(array.type) else "")
    _, offsets, memory = array.buffers()
    if offsets is None or not len(array):
        return [(".lengths", Inner(np.zeros(0, "<i8"))), ("", Inner(np.zeros(0, np.uint8)))]
    bounds = np.frombuffer(offsets, dtype="<i8" if wide else "<i4")[array.offset : array.offset + len(array) + 1]
    block = np.frombuffer(memory or b"", dtype=np.uint8)[int(bounds[0]) : int(bounds[-1])]
    return [(".lengths", Inner(np.diff(bounds).astype("<i8"))), ("", Inner(block))]


def _parts_of_lists(array: Any) -> Parts:
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.list_value_length(array), 0).cast("int64")
    return [(".lengths", lengths), ("", array.flatten())]


def _parts_of_structs(array: Any) -> Parts:
    names = [array.type.field(index).name for index in range(array.type.num_fields)]
    return items(zip(names, array.flatten(), strict=True))
