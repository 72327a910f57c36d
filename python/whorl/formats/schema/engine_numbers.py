"""
A frame, a series or a data array comes in, its values as an array of numpy go out.

Names, attributes and the labels of a data array are left out, for arrays have none.  Each value stays what it is:
columns of several types are one array where that changes none of them, and what numpy has no type for is refused.  On
the arrow: the end of *decode*, where a caller asked for an ``engine``.
"""

from __future__ import annotations

from typing import Any

from whorl.formats.schema.engine_refusal import unreadable_as

_NUMBERS = "iuf"
_WANTED = "numpy.ndarray"


def array_of_frame(frame: Any) -> Any:
    """Make an array of two dimensions of a frame of pandas."""
    import numpy as np

    columns = [_array(label, column) for label, column in frame.items()]
    dtypes = {column.dtype for column in columns}
    if len(dtypes) == 1 and dtypes == set(frame.dtypes):
        return _own(frame.to_numpy())
    if not columns or not (len(dtypes) == 1 or all(dtype.kind in _NUMBERS for dtype in dtypes)):
        names = ", ".join(sorted({str(kind) for kind in frame.dtypes})) or "no type, for there are none"
        raise unreadable_as(
            "pandas.DataFrame", _WANTED, f"its columns are of {names}, which are no one type of numpy's"
        )
    array = np.column_stack(columns)
    with np.errstate(invalid="ignore"):
        back = [array[:, place].astype(column.dtype) for place, column in enumerate(columns)]
    for label, one, other in zip(frame.columns, columns, back, strict=True):
        if one.tobytes() != other.tobytes():
            raise unreadable_as("pandas.DataFrame", _WANTED, f"column `{label}` has numbers that {array.dtype} has not")
    return array


def array_of_series(series: Any) -> Any:
    """Make an array of one dimension of a series of pandas."""
    return _own(_array(series.name, series))


def values_of_array(array: Any) -> Any:
    """Give the values of a data array, computed where they are lazy."""
    return array.to_numpy()


def _array(label: object, series: Any) -> Any:
    """Give the values of one column; FormatError for a dtype that numpy has nothing for."""
    import numpy as np

    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return series.to_numpy()
    plain = getattr(dtype, "numpy_dtype", None)
    if isinstance(plain, np.dtype) and plain.kind != "O" and not series.isna().any():
        return series.to_numpy(dtype=plain)
    if str(dtype) in ("str", "string"):
        return series.to_numpy(dtype=object)
    raise unreadable_as(
        "pandas.Series", _WANTED, f"the values of `{label}` are of {dtype}, for which numpy has no type"
    )


def _own(array: Any) -> Any:
    """Let the array be changed: what pandas hands out may be its own."""
    return array if array.flags.writeable else array.copy()
