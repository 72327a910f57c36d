"""
The names that a time axis may have and what a value has in, the one that counts out, and its times.

Whoever slices and whoever leaves out what lies outside have to take the same axis, and ask here.  On the arrow: inside
*encode* and *decode*, and after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd


def choose(names: Iterable[str], labels: Iterable[object]) -> str | None:
    """Choose the first name that is a label of a value: of a column, a dimension, a level; None where none is."""
    known = {str(label) for label in labels}
    return next((name for name in names if name in known), None)


def pandas_labels(value: Any) -> list[object]:
    """List what a frame or a series of pandas calls its columns, then the levels of its index."""
    columns = list(value.columns) if hasattr(value, "columns") else []
    return [*columns, *(level for level in value.index.names if level is not None)]


def pandas_times(value: Any, name: str) -> pd.Series[Any]:
    """Give the column, or the level of the index, of a name: a series with an element for each row."""
    import pandas as pd

    is_column = hasattr(value, "columns") and name in value.columns
    axis = value[name] if is_column else value.index.get_level_values(name)
    if isinstance(axis.dtype, pd.PeriodDtype):
        axis = (axis.dt if isinstance(axis, pd.Series) else axis).start_time
    return pd.Series(axis).reset_index(drop=True)


def is_of_moments(times: pd.Series[Any]) -> bool:
    """Whether a series has moments by its dtype; objects and texts may become some."""
    import pandas as pd

    return pd.api.types.is_datetime64_any_dtype(times.dtype) or str(times.dtype).startswith("timestamp[")
