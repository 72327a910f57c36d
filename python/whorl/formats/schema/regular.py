"""
An index or its array comes in, the frequency of a regular one goes out as text, and back.

Code can tell an index with a frequency from one without, so it is part of the value.  Periods have theirs in the dtype.
On the arrow: *encode* and *decode*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from whorl.formats.schema.loss import Loss

if TYPE_CHECKING:
    from typing import Any


def frequency_of(index: Any) -> str | None:
    """Return the frequency of an index of times, if it has one that its text can give back."""
    from pandas.tseries.frequencies import to_offset

    frequency = getattr(index, "freq", None) if type(index).__name__ in ("DatetimeIndex", "TimedeltaIndex") else None
    if frequency is None:
        return None
    if to_offset(frequency.freqstr) != frequency:
        raise Loss(f"the frequency {frequency!r}")
    return cast("str", frequency.freqstr)


def index_from(array: Any, frequency: object, name: Any = None) -> Any:
    """Make the index of an array."""
    import pandas as pd

    index: Any = pd.Index(array, dtype=array.dtype, name=name, copy=False)
    if frequency is not None:
        index.freq = frequency
    return index
