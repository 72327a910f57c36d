"""
One pandas or numpy array comes in, one Arrow array and a *kind* go out, and back, to the bit.

The kind is a small JSON object that says what the Arrow type does not.  Per dtype of the array:

=============================  ====================================================================
bool, integers, floats         as they are: every NaN keeps its bits and none becomes null
complex                        fixed-size binary
datetime64, timedelta64        timestamp and duration of the same unit, NaT as null; the zone itself in the kind
Int8 … Float64, boolean        values with nulls; a NaN beside pd.NA stays one
string, str                    large strings; storage and missing value in the kind
object                         see ``objects``
category                       a dictionary where the values have a simple type, else codes; categories in the kind
period, interval               ordinals; a struct of both ends
ArrowDtype                     as it is
geometry                       well-known binary, see ``geo``; the reference system in the kind
sparse, dtypes of others       refused
=============================  ====================================================================

What comes back shares memory with the Arrow arrays it is made of where they can be written to; they must be the
caller's own.  On the arrow: *encode* and *decode*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from whorl.formats.schema import buffers
from whorl.formats.schema.geo import decode_geometry, encode_geometry, is_geometry
from whorl.formats.schema.loss import Loss, within
from whorl.formats.schema.plain import pack, unpack
from whorl.formats.schema.regular import frequency_of, index_from
from whorl.formats.schema.scalars import SCALARS
from whorl.formats.schema.simple import DECODE, encoder_of, family_of, refuse
from whorl.formats.schema.text import column_of, leaves_of, type_of, type_text

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import pyarrow as pa

    from whorl.formats.schema.buffers import Memory
    from whorl.formats.schema.simple import Decode, Encode, Encoded, Kind


def encode_array(array: Any) -> Encoded:
    """Make the kind and the Arrow array; raise ``Loss`` where values or dtype would change."""
    array = _unwrapped(array)
    if is_geometry(array.dtype):
        return encode_geometry(array)
    encoder = encoder_of(array) or _ENCODE.get(family_of(array.dtype), refuse)
    return encoder(array)


def decode_array(kind: Kind, column: pa.ChunkedArray, memory: Memory | None = None) -> Any:
    """Make the array again; ``memory`` is the private writable memory that the column's buffers are in, if any."""
    name = cast("str", kind["as"])
    return (DECODE.get(name) or _DECODE[name])(kind, column, memory)


def inline(encoded: Encoded) -> Kind:
    """Describe an encoded array, values included, for the labels and categories inside a schema."""
    kind, column = encoded
    leaves = leaves_of(_chunked(column))
    return {
        "kind": kind,
        "type": type_text(column.type),
        "leaves": [[type_text(leaf.type), pack(leaf.to_pylist())] for leaf in leaves],
    }


def from_inline(described: Kind) -> tuple[Kind, pa.ChunkedArray]:
    """Give the kind and the Arrow column of ``inline`` again."""
    import pyarrow as pa

    leaves = [
        pa.chunked_array([pa.array(cast("list[object]", unpack(values)), type_of(kind), from_pandas=False)])
        for kind, values in cast("list[tuple[str, object]]", described["leaves"])
    ]
    return cast("Kind", described["kind"]), column_of(iter(leaves), type_of(cast("str", described["type"])))


def inline_labels(array: Any) -> Kind:
    """Describe an array of labels; objects of several types are written one by one."""
    array = _unwrapped(array)
    try:
        return inline(encode_array(array))
    except (Loss, UnicodeEncodeError, OverflowError):
        if array.dtype != object:
            raise
    return {"labels": pack(list(array), extra=SCALARS, place="the labels")}


def labels_from(described: Kind) -> Any:
    """Make the array of ``inline_labels`` again."""
    import numpy as np

    if "labels" not in described:
        return decode_array(*from_inline(described))
    labels = cast("list[object]", unpack(described["labels"], extra=SCALARS))
    array = np.empty(len(labels), object)
    array[:] = labels
    return array


def _unwrapped(array: Any) -> Any:
    """Return the numpy array inside pandas' wrappers of one."""
    import numpy as np

    wrapper = type(array.dtype).__name__ in ("NumpyEADtype", "PandasDtype")
    return np.asarray(array) if wrapper or isinstance(array.dtype, np.dtype) else array


def _chunked(array: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def _encode_interval(array: Any) -> Encoded:
    import pyarrow as pa

    ends = [(encode_array(end.array), frequency_of(end)) for end in (array.left, array.right)]
    parts = [_chunked(encoded).combine_chunks() for (_, encoded), _ in ends]
    described = [{"kind": kind, "freq": frequency} for (kind, _), frequency in ends]
    kind: Kind = {"as": "interval", "closed": array.closed, "ends": described}
    return kind, pa.StructArray.from_arrays(parts, names=["left", "right"])


def _decode_interval(kind: Kind, column: pa.ChunkedArray, memory: Memory | None) -> Any:
    import pandas as pd

    ends = zip(cast("list[dict[str, Kind]]", kind["ends"]), column.flatten(), strict=True)
    left, right = (index_from(decode_array(end["kind"], part, memory), end["freq"]) for end, part in ends)
    return pd.arrays.IntervalArray.from_arrays(left, right, closed=cast("Any", kind["closed"]))


# categories


def _encode_categorical(array: Any) -> Encoded:
    import pyarrow as pa

    kind, numbers, values = _encode_codes(array.codes, array.categories)
    kind = {**kind, "ordered": array.ordered}
    return kind, numbers if values is None else pa.DictionaryArray.from_arrays(numbers, values, ordered=array.ordered)


def encode_level(codes: Any, level: Any) -> Encoded:
    """Make an array of the values of one level of an index, as its readers expect it, or of the codes."""
    import pyarrow as pa

    kind, numbers, values = _encode_codes(codes, level)
    return kind, numbers if values is None else pa.DictionaryArray.from_arrays(numbers, values).dictionary_decode()


def _encode_codes(codes: Any, categories: Any) -> tuple[Kind, pa.Array, pa.Array | None]:
    """Describe the index that codes point into; the last is its values, where a file may show them instead of codes."""
    import pyarrow as pa

    with within("categories"):
        labels = {"array": inline_labels(categories.array), "freq": frequency_of(categories)}
    values = _simple(categories)
    kind: Kind = {"as": "categorical", "categories": labels, "codes": values is None}
    return kind, pa.array(codes, mask=codes < 0), values


def _simple(categories: Any) -> pa.Array | None:
    """Return categories as an Arrow array that other readers understand, if each value in it is found by its looks."""
    import pyarrow as pa

    if not categories.is_unique or categories.hasnans:
        return None
    try:
        values = _chunked(encode_array(categories.array)[1]).combine_chunks()
    except Loss:
        return None
    odd = pa.types.is_nested(values.type) or pa.types.is_fixed_size_binary(values.type)
    return None if odd or values.null_count else values


def _decode_categorical(kind: Kind, column: pa.ChunkedArray, _: Memory | None) -> Any:
    import pandas as pd

    codes, categories = decode_codes(kind, column)
    return pd.Categorical.from_codes(codes, categories=categories, ordered=cast("bool", kind["ordered"]))


def decode_codes(kind: Kind, column: pa.ChunkedArray) -> tuple[Any, Any]:
    """Return codes, -1 for missing, and the index of categories; the file may have no dictionary, or another one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    labels = cast("dict[str, Kind]", kind["categories"])
    array = labels_from(labels["array"])
    categories = index_from(array, labels["freq"])
    if kind["codes"]:
        return _codes(column), categories
    known = _chunked(encode_array(array)[1]).combine_chunks()
    if not pa.types.is_dictionary(column.type):
        return _codes(pc.index_in(column.cast(known.type), value_set=known)), categories
    unified = column.unify_dictionaries()
    found = unified.chunk(0).dictionary.cast(known.type) if unified.num_chunks else known
    indices = pa.chunked_array([chunk.indices for chunk in unified.chunks], unified.type.index_type)
    if not found.equals(known):
        indices = pc.index_in(found, value_set=known).take(indices)
    return _codes(indices), categories


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    import numpy as np

    column = column.fill_null(-1) if column.null_count else column
    return buffers.numbers(column, np.dtype(column.type.to_pandas_dtype()), None)


_ENCODE: dict[str, Encode] = {"IntervalDtype": _encode_interval, "CategoricalDtype": _encode_categorical}
_DECODE: dict[str, Decode] = {
    "interval": _decode_interval,
    "categorical": _decode_categorical,
    "geometry": decode_geometry,
}
