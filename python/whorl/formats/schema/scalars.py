"""
A numpy or pandas scalar, a pytz zone or an array comes in, a tag and a tree for ``plain`` go out, and back.

They occur as names of columns and indexes and in ``attrs``: a row taken out of a frame is named by its timestamp.
Arrays are for ``attrs`` alone, where files of arrays have them: the range of a variable, the meanings of its flags.  On
the arrow: *encode* and *decode*.
"""

from __future__ import annotations

import base64
from importlib import import_module
from math import prod
from typing import TYPE_CHECKING, cast

from whorl.formats.schema.loss import Loss
from whorl.formats.schema.plain import Extra, pack

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class _Scalars:
    """The scalars as an ``Extra``; whether a value is one is read from its type's module, so nothing is imported."""

    def pack(self, value: object) -> tuple[str, object] | None:
        kind = type(value)
        module = kind.__module__.partition(".")[0]
        tag = _TAGS.get(module) or _TAGS.get(f"{module}.{kind.__qualname__}")
        tree = _PACK[tag](value) if tag else None
        return None if tag is None or tree is None else (tag, tree)

    def unpack(self, tag: str, tree: object) -> object:
        return _UNPACK[tag](tree)


class _Attributes(_Scalars):
    """The scalars and arrays."""

    def pack(self, value: object) -> tuple[str, object] | None:
        kind = type(value)
        if (kind.__module__, kind.__qualname__) == ("numpy", "ndarray"):
            return _ARRAY, _pack_array(value)
        return super().pack(value)

    def unpack(self, tag: str, tree: object) -> object:
        return _unpack_array(tree) if tag == _ARRAY else super().unpack(tag, tree)


SCALARS: Extra = _Scalars()
ATTRIBUTES: Extra = _Attributes()
_ARRAY = "numpy.array"
_OBJECTS = "|O"
_KINDS = "biufcmMSUV"
_LONGEST = {"f": 8, "c": 16}  # long doubles have bytes that nobody wrote


def _pack_numpy(value: Any) -> object:
    import numpy as np

    kind = type(value)
    if kind in (np.str_, np.bytes_):
        # Its dtype says nothing of a text without length, and one that ends in NULs is cut off by it.
        return [kind.__name__, pack(str.__str__(value) if kind is np.str_ else bytes(value))]
    if not isinstance(value, np.generic) or value.dtype.hasobject or np.dtype(value.dtype.str).type is not kind:
        return None
    if value.dtype.fields is not None or not value.dtype.itemsize:
        return None
    return [value.dtype.str, base64.b64encode(value.tobytes()).decode()]


def _unpack_numpy(tree: Any) -> object:
    import numpy as np

    name, held = tree
    if name in ("str_", "bytes_"):
        return np.str_(held) if name == "str_" else np.bytes_(held)
    return np.frombuffer(base64.b64decode(held), np.dtype(name))[0]


def _pack_array(array: Any) -> object:
    import numpy as np

    dtype = array.dtype
    if dtype == np.dtype(object) and not dtype.metadata:
        # Without arrays in them: none contains itself.
        return [_OBJECTS, list(array.shape), pack(list(array.ravel()), extra=SCALARS, place="the elements")]
    if dtype.metadata or not _is_simple(dtype) or np.dtype(dtype.str) != dtype:
        raise Loss(f"an array of the dtype {dtype!r}")
    return [dtype.str, list(array.shape), base64.b64encode(array.tobytes()).decode()]


def _unpack_array(tree: Any) -> object:
    import numpy as np

    name, shape, held = tree
    if name == _OBJECTS:
        found = np.empty(len(held), object)
        for place, item in enumerate(held):
            found[place] = item
        return found.reshape(shape)
    dtype, data = np.dtype(name), base64.b64decode(held)
    if dtype.str != name or not _is_simple(dtype) or prod(shape) * dtype.itemsize != len(data):
        raise ValueError(f"a stored array of shape {shape} and dtype {name} has {len(data)} bytes")
    return np.ndarray(shape, dtype, data).copy()


def _is_simple(dtype: Any) -> bool:
    """Say whether bytes are all there is to a dtype; numpy makes more of strings without length."""
    return dtype.kind in _KINDS and 0 < dtype.itemsize <= _LONGEST.get(dtype.kind, dtype.itemsize)


def _pack_timestamp(value: Any) -> object:
    tree = [int(value.asm8.view("i8")), value.unit, pack(value.tz, extra=SCALARS)]
    again = cast("Any", _unpack_timestamp([*tree[:2], value.tz]))
    return tree if (again, again.fold) == (value, value.fold) else None


def _unpack_timestamp(tree: Any) -> object:
    import numpy as np
    import pandas as pd

    count, unit, zone = tree
    instant = pd.Timestamp(np.datetime64(count, unit))
    return instant if zone is None else instant.tz_localize("UTC").tz_convert(zone)


def _pack_timedelta(value: Any) -> object:
    return [int(value.asm8.view("i8")), value.unit]


def _unpack_timedelta(tree: Any) -> object:
    import numpy as np
    import pandas as pd

    return pd.Timedelta(np.timedelta64(*tree))


def _pack_period(value: Any) -> object:
    import pandas as pd

    again = pd.Period(ordinal=value.ordinal, freq=value.freqstr)
    return [value.ordinal, value.freqstr] if again.freq == value.freq else None


def _unpack_period(tree: Any) -> object:
    import pandas as pd

    return pd.Period(ordinal=tree[0], freq=tree[1])


def _pack_interval(value: Any) -> object:
    return [*(pack(end, extra=SCALARS) for end in (value.left, value.right)), value.closed]


def _unpack_interval(tree: Any) -> object:
    import pandas as pd

    return pd.Interval(*tree)


def _pack_missing(value: Any) -> object:
    return type(value).__name__


def _unpack_missing(name: Any) -> object:
    import pandas as pd

    return {"NaTType": pd.NaT, "NAType": pd.NA}[name]


def _pack_pytz(value: Any) -> object:
    # A zone localized to one of its offsets is an object of its own, and so are fixed offsets.
    return value.zone if value.zone and _unpack_pytz(value.zone) is value else None


def _unpack_pytz(name: Any) -> Any:
    return import_module("pytz").timezone(name)


_TAGS = {
    "numpy": "numpy",
    "pytz": "pytz",
    "pandas.Timestamp": "pandas.Timestamp",
    "pandas.Timedelta": "pandas.Timedelta",
    "pandas.Period": "pandas.Period",
    "pandas.Interval": "pandas.Interval",
    "pandas.NaTType": "pandas.missing",
    "pandas.NAType": "pandas.missing",
}
_PACK: dict[str, Callable[[Any], object]] = {
    "numpy": _pack_numpy,
    "pandas.Timestamp": _pack_timestamp,
    "pandas.Timedelta": _pack_timedelta,
    "pandas.Period": _pack_period,
    "pandas.Interval": _pack_interval,
    "pandas.missing": _pack_missing,
    "pytz": _pack_pytz,
}
_UNPACK: dict[str, Callable[[Any], object]] = {
    "numpy": _unpack_numpy,
    "pandas.Timestamp": _unpack_timestamp,
    "pandas.Timedelta": _unpack_timedelta,
    "pandas.Period": _unpack_period,
    "pandas.Interval": _unpack_interval,
    "pandas.missing": _unpack_missing,
    "pytz": _unpack_pytz,
}
