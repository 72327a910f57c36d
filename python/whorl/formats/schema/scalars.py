"""
A numpy or pandas scalar or a pytz zone comes in, a tag and a tree for ``plain`` go out, and back.

They occur as names of columns and indexes and in ``attrs``: a row taken out of a frame is named by its timestamp.  On
the arrow: *encode* and *decode*.
"""

from __future__ import annotations

import base64
from importlib import import_module
from typing import TYPE_CHECKING, cast

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


SCALARS: Extra = _Scalars()


def _pack_numpy(value: Any) -> object:
    import numpy as np

    if not isinstance(value, np.generic) or value.dtype.hasobject or np.dtype(value.dtype.str).type is not type(value):
        return None
    return [value.dtype.str, base64.b64encode(value.tobytes()).decode()]


def _unpack_numpy(tree: Any) -> object:
    import numpy as np

    return np.frombuffer(base64.b64decode(tree[1]), np.dtype(tree[0]))[0]


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
