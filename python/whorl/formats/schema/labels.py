"""
A pandas index comes in, a description goes out, and back: kind of index, names, frequency, levels and codes.

Where the values go is the caller's choice: into the description (column labels), or into a table (rows).  On the arrow:
*encode* and *decode*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from whorl.formats.schema.arrays import (
    decode_array,
    decode_codes,
    encode_array,
    encode_level,
    from_inline,
    inline,
    inline_labels,
    labels_from,
)
from whorl.formats.schema.loss import Loss
from whorl.formats.schema.plain import pack, unpack
from whorl.formats.schema.regular import frequency_of, index_from
from whorl.formats.schema.scalars import SCALARS

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import pyarrow as pa

    from whorl.formats.schema.simple import Encoded, Kind

    Put = Callable[[object, Encoded], Kind]
    Take = Callable[[Kind], tuple[Kind, pa.ChunkedArray]]

_SIMPLE = ("Index", "DatetimeIndex", "TimedeltaIndex", "PeriodIndex", "CategoricalIndex", "IntervalIndex")


def describe_labels(index: Any) -> Kind:
    """Describe an index together with its values."""
    if type(index).__name__ in _SIMPLE:
        return {"is": "array", "array": inline_labels(index.array), **_tags(index)}
    return describe_index(index, lambda _, encoded: inline(encoded))


def labels_of(described: Kind) -> Any:
    """Make the index of ``describe_labels`` again."""
    if described["is"] == "array":
        return index_from(labels_from(cast("Kind", described["array"])), described["freq"], _name(described))
    return index_of(described, from_inline)


def describe_index(index: Any, put: Put) -> Kind:
    """Describe an index; ``put`` keeps an array under a name and says where it is."""
    kind = type(index)
    if kind.__module__.partition(".")[0] != "pandas":
        raise Loss(f"an index of type {kind.__module__}.{kind.__qualname__}")
    if kind.__name__ == "RangeIndex":
        return {"is": "range", "range": [index.start, index.stop, index.step], **_tags(index)}
    if kind.__name__ == "MultiIndex":
        levels = [_describe_level(*level, put) for level in zip(index.names, index.levels, index.codes, strict=True)]
        return {"is": "levels", "levels": levels}
    return {"is": "array", "array": put(index.name, encode_array(index.array)), **_tags(index)}


def index_of(described: Kind, take: Take) -> Any:
    """Make an index again; ``take`` gives back what ``put`` kept."""
    import pandas as pd

    if described["is"] == "range":
        start, stop, step = cast("tuple[int, int, int]", described["range"])
        return pd.RangeIndex(start, stop, step, name=_name(described))
    if described["is"] == "array":
        return index_from(decode_array(*take(cast("Kind", described["array"]))), described["freq"], _name(described))
    parts = cast("list[Kind]", described["levels"])
    pairs = [decode_codes(*take(cast("Kind", part["array"]))) for part in parts]
    names = cast("Any", [_name(part) for part in parts])
    return pd.MultiIndex(
        [level for _, level in pairs], [codes for codes, _ in pairs], names=names, verify_integrity=False
    )


def _describe_level(name: object, level: Any, codes: Any, put: Put) -> Kind:
    return {"array": put(name, encode_level(codes, level)), "name": _pack_name(name)}


def _tags(index: Any) -> Kind:
    """Describe what an index has besides its values."""
    return {"name": _pack_name(index.name), "freq": frequency_of(index)}


def _pack_name(name: object) -> object:
    return pack(name, extra=SCALARS, place="the name")


def _name(described: Kind) -> Any:
    return unpack(described["name"], extra=SCALARS)
