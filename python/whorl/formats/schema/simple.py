"""
One array of a dtype that refers to no other array comes in, one Arrow array and a kind go out, and back, to the bit.

``arrays`` says what happens to each dtype, and adds those that are made of other arrays.  On the arrow: *encode* and
*decode*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from whorl.formats.schema import buffers, objects
from whorl.formats.schema.loss import Loss
from whorl.formats.schema.plain import pack, unpack
from whorl.formats.schema.scalars import SCALARS
from whorl.formats.schema.text import as_type, type_of, type_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import numpy as np
    import pyarrow as pa

    from whorl.formats.schema.buffers import Memory

    Kind = dict[str, object]
    Encoded = tuple[Kind, pa.Array | pa.ChunkedArray]
    Encode = Callable[[Any], Encoded]
    Decode = Callable[[Kind, pa.ChunkedArray, Memory | None], Any]

_INT64_MIN = -(1 << 63)
_MASKED = (
    *(f"{sign}Int{bits}Dtype" for sign in ("", "U") for bits in (8, 16, 32, 64)),
    *("Float32Dtype", "Float64Dtype", "BooleanDtype"),
)


def encoder_of(array: Any) -> Encode | None:
    """Find how an array is encoded by its dtype, where that is simple."""
    import numpy as np

    if isinstance(array, np.ndarray):
        return _ENCODE_NUMPY.get(array.dtype.kind)
    return _ENCODE.get(family_of(array.dtype))


def family_of(dtype: Any) -> str:
    """Name the pandas class that a dtype is of; classes of other distributions have no name here."""
    kind = type(dtype)
    return kind.__name__ if kind.__module__.partition(".")[0] == "pandas" else ""


def refuse(array: Any) -> Encoded:
    """Raise for a dtype that cannot be encoded."""
    raise Loss(f"values of dtype {array.dtype}")


# numpy dtypes


def _encode_numbers(array: np.ndarray) -> Encoded:
    import pyarrow as pa

    if array.dtype.itemsize > 8:  # noqa: PLR2004 - long double, whose bits depend on the machine
        return refuse(array)
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return {"as": "numpy", "dtype": array.dtype.str}, pa.array(native, from_pandas=False)


def _encode_complex(array: np.ndarray) -> Encoded:
    import numpy as np
    import pyarrow as pa

    size = array.dtype.itemsize
    if size > 16:  # noqa: PLR2004 - as above
        return refuse(array)
    data = pa.py_buffer(np.ascontiguousarray(array).view(np.uint8))
    fixed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(size), len(array), [None, data])
    return {"as": "complex", "dtype": array.dtype.str}, fixed


def _encode_dates(array: np.ndarray) -> Encoded:
    import pyarrow as pa

    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return {"as": "dates", "dtype": array.dtype.str}, pa.array(native)


def _decode_numpy(kind: Kind, column: pa.ChunkedArray, memory: Memory | None) -> Any:
    import numpy as np

    dtype = np.dtype(cast("str", kind["dtype"]))
    if dtype.kind == "b":
        return buffers.booleans(column)
    native = dtype.newbyteorder("=")
    return buffers.numbers(_of_width(column, native), native, memory).astype(dtype, copy=False)


def _of_width(column: pa.ChunkedArray, dtype: np.dtype) -> pa.ChunkedArray:
    """Give numbers the width they had; old versions of parquet have fewer kinds of integers."""
    import pyarrow as pa

    return as_type(column, pa.from_numpy_dtype(dtype))


def _decode_complex(kind: Kind, column: pa.ChunkedArray, memory: Memory | None) -> Any:
    import numpy as np

    return buffers.numbers(column, np.dtype(cast("str", kind["dtype"])), memory)


def _decode_dates(kind: Kind, column: pa.ChunkedArray, memory: Memory | None) -> Any:
    import numpy as np
    import pyarrow as pa

    dtype = np.dtype(cast("str", kind["dtype"]))
    unit, _ = np.datetime_data(dtype)
    exact = column.cast(pa.timestamp(unit) if dtype.kind == "M" else pa.duration(unit))  # parquet has no seconds
    return _instants(exact, memory).view(dtype.newbyteorder("=")).astype(dtype, copy=False)


def _instants(column: pa.ChunkedArray, memory: Memory | None) -> np.ndarray:
    """Read counts of a unit, with NaT where there is null."""
    import numpy as np

    counts = buffers.numbers(column, np.dtype("i8"), memory)
    if column.null_count:
        counts[buffers.nulls(column)] = _INT64_MIN
    return counts


# pandas dtypes


def _encode_masked(array: Any) -> Encoded:
    import pyarrow as pa

    return {"as": "masked", "dtype": array.dtype.name}, pa.array(array)


def _decode_masked(kind: Kind, column: pa.ChunkedArray, memory: Memory | None) -> Any:
    import pandas as pd

    dtype: Any = pd.api.types.pandas_dtype(cast("str", kind["dtype"]))
    filled = column.fill_null(False if dtype.kind == "b" else 0) if column.null_count else column
    boolean = dtype.kind == "b"
    values = (
        buffers.booleans(filled)
        if boolean
        else buffers.numbers(_of_width(filled, dtype.numpy_dtype), dtype.numpy_dtype, memory)
    )
    return dtype.construct_array_type()(values, buffers.nulls(column))


def _encode_string(array: Any) -> Encoded:
    import pandas as pd
    import pyarrow as pa

    dtype = array.dtype
    missing = "NA" if dtype.na_value is pd.NA else "nan"
    return {"as": "string", "storage": dtype.storage, "missing": missing}, pa.array(array, pa.large_string())


def _decode_string(kind: Kind, column: pa.ChunkedArray, _: Memory | None) -> Any:
    import numpy as np
    import pandas as pd

    # pandas before 3 has no na_value; there only the storage differs.
    missing: Any = {"na_value": np.nan} if kind["missing"] == "nan" else {}
    dtype: Any = pd.StringDtype(cast("Any", kind["storage"]), **missing)
    return dtype.__from_arrow__(column)


def _encode_zoned(array: Any) -> Encoded:
    import pyarrow as pa

    unit, zone = array.dtype.unit, pack(array.dtype.tz, extra=SCALARS, place="the time zone")
    counts = array.asi8 if hasattr(array, "asi8") else array.view("i8")
    instants = pa.array(counts, mask=counts == _INT64_MIN).cast(pa.timestamp(unit, "UTC"))
    return {"as": "zoned", "unit": unit, "zone": zone}, instants


def _decode_zoned(kind: Kind, column: pa.ChunkedArray, _: Memory | None) -> Any:
    import pandas as pd
    import pyarrow as pa

    unit = cast("Any", kind["unit"])
    dtype: Any = pd.DatetimeTZDtype(unit, cast("Any", unpack(kind["zone"], extra=SCALARS)))
    return dtype.__from_arrow__(column.cast(pa.timestamp(unit, "UTC")))


def _encode_period(array: Any) -> Encoded:
    import pandas as pd
    import pyarrow as pa

    name, counts = str(array.dtype), array.asi8
    if pd.api.types.pandas_dtype(name) != array.dtype:
        return refuse(array)
    return {"as": "period", "dtype": name}, pa.array(counts, mask=counts == _INT64_MIN)


def _decode_period(kind: Kind, column: pa.ChunkedArray, memory: Memory | None) -> Any:
    import pandas as pd

    dtype: Any = pd.api.types.pandas_dtype(cast("str", kind["dtype"]))
    return pd.arrays.PeriodArray(_instants(column, memory), dtype=dtype)


def _encode_arrow(array: Any) -> Encoded:
    encoded = array.__arrow_array__()
    return {"as": "arrow", "type": type_text(encoded.type)}, encoded


def _decode_arrow(kind: Kind, column: pa.ChunkedArray, _: Memory | None) -> Any:
    import pandas as pd

    exact = type_of(cast("str", kind["type"]))
    return pd.arrays.ArrowExtensionArray(as_type(column, exact))


# object arrays


def _encode_objects(array: np.ndarray) -> Encoded:
    kind, encoded = objects.encode(array)
    return {"as": "object", **kind}, encoded


def _decode_objects(kind: Kind, column: pa.ChunkedArray, _: Memory | None) -> Any:
    return objects.decode(kind, column)


_ENCODE_NUMPY: dict[str, Encode] = {
    **dict.fromkeys("biuf", _encode_numbers),
    **dict.fromkeys("mM", _encode_dates),
    "c": _encode_complex,
    "O": _encode_objects,
}
_ENCODE: dict[str, Encode] = {
    **dict.fromkeys(_MASKED, _encode_masked),
    "StringDtype": _encode_string,
    "DatetimeTZDtype": _encode_zoned,
    "PeriodDtype": _encode_period,
    "ArrowDtype": _encode_arrow,
}
DECODE: dict[str, Decode] = {
    "numpy": _decode_numpy,
    "complex": _decode_complex,
    "dates": _decode_dates,
    "masked": _decode_masked,
    "string": _decode_string,
    "zoned": _decode_zoned,
    "period": _decode_period,
    "arrow": _decode_arrow,
    "object": _decode_objects,
}
