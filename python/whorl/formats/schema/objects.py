"""
An array of Python objects of one simple type comes in, an Arrow array and a kind go out, and back.

=========================  ===============================================================
str, bytes, bool, float    as they are; floats keep NaN as NaN
int                        64-bit integers; larger ones are refused
date, time, timedelta      date32, time64, duration
datetime                   timestamp, where it has neither a zone nor a fold
Decimal                    decimal128 where all have one exponent, else text
UUID                       text
None, NaN, NaT, pd.NA      null; which of them is in the kind, or beside each value where there are several
mixtures, anything else    refused
=========================  ===============================================================

On the arrow: *encode* and *decode*.
"""

from __future__ import annotations

import datetime as dt
import math
import struct
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from whorl.formats.schema.loss import Loss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    import numpy as np
    import pyarrow as pa

    Kind = dict[str, object]

_MISSING = ("None", "NaN", "NaT", "NA")
_QUIET_NAN = struct.pack("d", float("nan"))


def encode(array: np.ndarray) -> tuple[Kind, pa.Array]:
    """Make the Arrow array of the values, with nulls for what is missing."""
    import numpy as np
    import pyarrow as pa

    if array.ndim != 1:
        raise Loss(f"an object array of {array.ndim} dimensions")
    items = array.tolist()
    missing = _missing(items)
    present = items if missing is None else [item for item, code in zip(items, missing, strict=True) if code < 0]
    name = _type_of(present)
    kind, values = _ENCODE[name](items if missing is None else _nulled(items, missing))
    met = [] if missing is None else sorted(set(missing) - {-1})
    if len(met) > 1:
        codes = pa.array(np.array(missing, np.int8))
        return {"of": name, **kind, "missing": "each"}, pa.StructArray.from_arrays(
            [values, codes], ["value", "missing"]
        )
    return {"of": name, **kind, "missing": _MISSING[met[0]] if met else None}, values


def decode(kind: Kind, column: pa.ChunkedArray) -> np.ndarray:
    """Make the array of objects again."""
    import numpy as np

    missing, codes = kind["missing"], None
    if missing == "each":
        column, codes = column.flatten()
    objects = np.empty(len(column), object)
    objects[:] = _DECODE[cast("str", kind["of"])](column)
    if codes is not None:
        _mark(objects, codes.to_numpy())
    elif missing not in (None, "None"):
        objects[column.is_null().to_numpy()] = _marks()[_MISSING.index(cast("str", missing))]
    return objects


def _mark(objects: np.ndarray, codes: np.ndarray) -> None:
    for code, mark in enumerate(_marks()):
        objects[codes == code] = mark


def _marks() -> list[object]:
    """Return the values that stand for a missing one, in the order of their names."""
    import pandas as pd

    return [None, float("nan"), pd.NaT, pd.NA]


def _missing(items: Sequence[object]) -> list[int] | None:
    """Say of each object which missing value it is, -1 for none; None where all are there."""
    types = set(map(type, items))
    floats = float in types and not types <= {float, type(None)}
    marks: dict[type, int] = {type(mark): code for code, mark in enumerate(_marks())}
    if not floats:
        del marks[float]
    if not types & marks.keys():
        return None
    codes = [marks.get(type(item), -1) for item in items]
    if floats:
        _check_nans(items)
    return codes


def _check_nans(items: Iterable[object]) -> None:
    floats = [item for item in items if type(item) is float]
    if not all(map(math.isnan, floats)):
        raise Loss("objects of several types, float among them")
    if any(struct.pack("d", item) != _QUIET_NAN for item in floats):
        raise Loss("objects and a NaN with other bits than usual")


def _nulled(items: Sequence[object], missing: Sequence[int]) -> list[object]:
    return [item if code < 0 else None for item, code in zip(items, missing, strict=True)]


def _type_of(present: Sequence[object]) -> str:
    types = set(map(type, present))
    if not types:
        return "nothing"
    names = sorted(f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.") for kind in types)
    if len(names) > 1:
        raise Loss(f"objects of several types: {', '.join(names)}")
    if names[0] not in _ENCODE:
        raise Loss(f"objects of type {names[0]}")
    return names[0]


def _as(kind: Callable[[], pa.DataType]) -> Callable[[Sequence[Any]], tuple[Kind, pa.Array]]:
    def encoder(items: Sequence[Any]) -> tuple[Kind, pa.Array]:
        import pyarrow as pa

        return {}, pa.array(items, kind(), from_pandas=False)

    return encoder


def _encode_ints(items: Sequence[Any]) -> tuple[Kind, pa.Array]:
    import pyarrow as pa

    try:
        return {}, pa.array(items, pa.int64())
    except OverflowError:
        raise Loss("integers beyond 64 bits") from None


def _encode_naive(items: Sequence[Any]) -> tuple[Kind, pa.Array]:
    if any(item is not None and (item.tzinfo is not None or item.fold) for item in items):
        raise Loss("datetimes or times with a zone or a fold")
    import pyarrow as pa

    clocks = {type(item) for item in items} - {type(None)}
    return {}, pa.array(items, pa.time64("us") if clocks == {dt.time} else pa.timestamp("us"))


def _encode_decimals(items: Sequence[Decimal | None]) -> tuple[Kind, pa.Array]:
    import pyarrow as pa

    scale = _common_scale([item for item in items if item is not None])
    if scale is not None:
        return {"text": False}, pa.array(items, pa.decimal128(38, scale))
    return {"text": True}, pa.array([None if item is None else str(item) for item in items], pa.large_string())


def _common_scale(items: Sequence[Decimal]) -> int | None:
    """Return how many digits follow the point in all of them, if decimal128 gives each back with sign and digits."""
    parts = [item.as_tuple() for item in items]
    exponents = {part.exponent for part in parts}
    exponent = exponents.pop() if len(exponents) == 1 else None
    if not isinstance(exponent, int) or not -38 <= exponent <= 0:  # noqa: PLR2004 - decimal128's digits
        return None
    zeros = any(part.sign and not any(part.digits) for part in parts)
    return None if zeros or any(len(part.digits) > 38 for part in parts) else -exponent  # noqa: PLR2004


def _encode_uuids(items: Sequence[Any]) -> tuple[Kind, pa.Array]:
    import pyarrow as pa

    if any(item is not None and item.is_safe.name != "unknown" for item in items):
        raise Loss("UUIDs that know whether they were made safely")
    return {}, pa.array([None if item is None else str(item) for item in items], pa.large_string())


def _plain(column: pa.ChunkedArray) -> list[object]:
    return cast("list[object]", column.to_pylist())


def _objects(column: pa.ChunkedArray) -> Any:
    return column.to_numpy()


def _converted(convert: Callable[[Any], object]) -> Callable[[pa.ChunkedArray], list[object]]:
    def decoder(column: pa.ChunkedArray) -> list[object]:
        return [None if item is None else convert(item) for item in column.to_pylist()]

    return decoder


def _uuid(text: str) -> object:
    from uuid import UUID

    return UUID(text)


def _arrow(name: str, *arguments: object) -> Callable[[], pa.DataType]:
    def make() -> pa.DataType:
        import pyarrow as pa

        return getattr(pa, name)(*arguments)

    return make


_ENCODE: dict[str, Callable[[Sequence[Any]], tuple[Kind, pa.Array]]] = {
    "nothing": _as(_arrow("null")),
    "str": _as(_arrow("large_string")),
    "bytes": _as(_arrow("large_binary")),
    "bool": _as(_arrow("bool_")),
    "int": _encode_ints,
    "float": _as(_arrow("float64")),
    "datetime.date": _as(_arrow("date32")),
    "datetime.timedelta": _as(_arrow("duration", "us")),
    "datetime.datetime": _encode_naive,
    "datetime.time": _encode_naive,
    "decimal.Decimal": _encode_decimals,
    "uuid.UUID": _encode_uuids,
}
_DECODE: dict[str, Callable[[pa.ChunkedArray], list[object]]] = {
    **dict.fromkeys(_ENCODE, _plain),
    **dict.fromkeys(("str", "bytes"), _objects),
    "decimal.Decimal": _converted(Decimal),
    "uuid.UUID": _converted(_uuid),
}
