"""
pandas frames, series, indexes, arrays and scalars in, descriptions out.

A frame counts by its columns in order, with names and dtypes, by its index with names, and by its attrs; how its blocks
lie in memory does not count, and a RangeIndex is the int64 index of its values.  None, NaN, NaT and pd.NA are four
things; the order of categories, ``ordered``, time zones, units and frequencies count; what lies under a mask does not.
On the arrow: inside *digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.fingerprint.describe_instance import check_state, state_of
from whorl.fingerprint.describe_numpy import hash_together
from whorl.fingerprint.description import Inner, attributes, full_name, leaf, node
from whorl.fingerprint.subclasses import besides, class_name, is_of

if TYPE_CHECKING:
    from whorl.fingerprint.description import Describer, Description, Parts

# Values of an index that are looked at in one go.
_SOME = 65_536
_WORD = 2**63
# What pandas keeps in the namespaces of its objects, in one version or another; attrs and flags are read apart.
_IN_FRAMES = frozenset(("_mgr", "_attrs", "_flags", "_cache", "_item_cache", "_cacher", "_is_copy", "_typ"))
_IN_INDEXES = ("_data", "_name", "_cache", "_id", "_references")
_IN_MULTI_INDEXES = ("_levels", "_codes", "_names", "sortorder", "_cache", "_id", "_references")
# What is made from the values when it is first needed: the cache of pandas, the index in space of geopandas.
_CACHES = ("._cache", "._sindex")


def describer_of(kind: type) -> Describer | None:
    """Return what describes a type of pandas' family; None for what is an instance like any other."""
    import pandas as pd
    from pandas.api.extensions import ExtensionArray, ExtensionDtype
    from pandas.tseries.offsets import BaseOffset

    for base, describer in (
        (pd.DataFrame, _describe_frame),
        (pd.Series, _describe_series),
        (pd.MultiIndex, _describe_multi_index),
        (pd.Index, _describe_index),
        (ExtensionArray, _describe_array),
        (ExtensionDtype, _describe_dtype),
        (pd.Timestamp, _describe_timestamp),
        (pd.Timedelta, _describe_timedelta),
        (pd.Period, _describe_period),
        (pd.Interval, _describe_interval),
        (BaseOffset, _describe_offset),
        (type(pd.NaT), _describe_nat),
        (type(pd.NA), _describe_na),
    ):
        if issubclass(kind, base):
            return describer
    return None


# ── frames and series ──


def _describe_frame(frame: Any) -> Description:
    arrays = frame._iter_column_arrays()  # noqa: SLF001 - public ways make a Series per column
    columns = hash_together([_unwrapped(array) for array in arrays])
    parts = [
        (".columns", frame.columns),
        (".index", frame.index),
        *((f".iloc[:, {index}]", column) for index, column in enumerate(columns)),
    ]
    return node(class_name(frame, "pandas", "DataFrame"), [*parts, *_described_besides(frame)])


def _describe_series(series: Any) -> Description:
    parts: Parts = [(".name", series.name), (".index", series.index), (".array", _plain(series.array))]
    return node(class_name(series, "pandas", "Series"), [*parts, *_described_besides(series)])


def _described_besides(frame: Any) -> Parts:
    metadata = frame._metadata  # noqa: SLF001 - pandas' protocol for subclasses
    parts = [(f".{name}", getattr(frame, name, None)) for name in metadata if name != "_name"]
    others = besides(frame, "pandas", _IN_FRAMES.union(metadata))
    return [(".attrs", frame.attrs), (".flags", frame.flags.allows_duplicate_labels), *parts, *others]


# ── indexes ──


def _describe_index(index: Any) -> Description:
    steps = _steps_of(index) if index.dtype == "int64" else None
    if steps is not None:
        name = class_name(index, "pandas", "RangeIndex")
        return node(name, [(".name", index.name), ("", steps), *besides(index, "pandas", _IN_INDEXES)])
    parts: Parts = [(".name", index.name), (".array", _plain(index.array))]
    frequency = getattr(index, "freq", None)
    if frequency is not None and index.dtype.kind in "mM":
        parts.append((".freq", frequency))
    return node(class_name(index, "pandas", "Index"), [*parts, *besides(index, "pandas", _IN_INDEXES)])


def _steps_of(index: Any) -> tuple[int, int, int] | None:
    """Give first value, step and length of an index of equal steps, written out or not; None for others."""
    length = len(index)
    if length == 0:
        return 0, 1, 0
    start = int(index[0])
    step = int(index[1]) - start if length > 1 else 1
    if type(index).__name__ != "RangeIndex" and not _has_steps(index, start, step):
        return None
    return start, step, length


def _has_steps(index: Any, start: int, step: int) -> bool:
    import numpy as np

    # The last value tells nearly all other indexes apart at once.
    if abs(step) >= _WORD or int(index[-1]) != start + step * (len(index) - 1):
        return False
    values = index.to_numpy()
    for first in range(0, len(values), _SOME):
        part = values[first : first + _SOME]
        expected = np.arange(len(part), dtype=np.int64) * step + (start + first * step)
        if not np.array_equal(part, expected):
            return False
    return True


def _describe_multi_index(index: Any) -> Description:
    arrays = (index.get_level_values(level).array for level in range(index.nlevels))
    levels = [(f".get_level_values({level})", _plain(array)) for level, array in enumerate(arrays)]
    parts = [(".names", list(index.names)), *levels, *besides(index, "pandas", _IN_MULTI_INDEXES)]
    return node(class_name(index, "pandas", "MultiIndex"), parts)


# ── arrays ──


def _unwrapped(array: Any) -> Any:
    """Take a numpy array out of what pandas, depending on its version, wraps it in."""
    import numpy as np

    if not is_of(type(array), "pandas"):
        return array
    plain = isinstance(array.dtype, np.dtype) or type(array).__name__ in _WRAPPERS
    return array.to_numpy() if plain else array


def _plain(array: Any) -> Any:
    import numpy as np

    found = _unwrapped(array)
    return Inner(found) if isinstance(found, np.ndarray) else found


def _describe_array(array: Any) -> Description:
    """Describe an extension array by its dtype and its values, in the way of its kind."""
    kind = type(array)
    if not is_of(kind, "pandas"):
        return node(f"pandas.array {full_name(kind)}", _parts_of_foreign(array))
    describer = _ARRAYS.get(kind.__name__, _parts_of_unknown)
    return node("pandas.array", describer(array))


def _parts_of_unknown(array: Any) -> Parts:
    return [(".dtype", array.dtype), ("", list(array.astype(object)))]


def _parts_of_foreign(array: Any) -> Parts:
    """Count all that an array of another library holds: nobody says which of it is more than its elements."""
    kind = type(array)
    # These keep dtype and elements out of sight, and nothing else.
    if not any(base.__name__ == "NDArrayBacked" and is_of(base, "pandas") for base in kind.__mro__):
        check_state(array, kind)
    elements = list(array.astype(object))
    held = [(name, value) for name, value in state_of(array) if not (name in _CACHES or _is_same(value, elements))]
    return [(".dtype", array.dtype), ("", elements), *held]


def _is_same(held: Any, elements: list[object]) -> bool:
    """Tell whether objects that an array holds are its elements, which need not be looked at twice."""
    import numpy as np

    if type(held) is not np.ndarray or held.dtype != object or held.shape != (len(elements),):
        return False
    return all(one is other for one, other in zip(held.tolist(), elements, strict=True))


def _parts_of_plain(array: Any) -> Parts:
    return [("", Inner(array.to_numpy()))]


_WRAPPERS = ("NumpyExtensionArray", "PandasArray")


def _parts_of_categories(array: Any) -> Parts:
    import numpy as np

    return [(".dtype", array.dtype), (".codes", Inner(np.asarray(array.codes, dtype=np.int32)))]


def _parts_of_times(array: Any) -> Parts:
    import numpy as np

    if isinstance(array.dtype, np.dtype):
        return _parts_of_plain(array)
    return [(".dtype", array.dtype), (".asi8", Inner(array.asi8))]


def _parts_of_interval(array: Any) -> Parts:
    return [("", "interval"), *attributes(array, "closed", "left", "right")]


def _parts_of_masked(array: Any) -> Parts:
    """Take the values apart from the mask; what lies under the mask is set to zero."""
    import numpy as np

    mask = np.asarray(array.isna())
    dtype = array.dtype.numpy_dtype
    values = array.to_numpy(dtype=dtype, na_value=dtype.type(0)) if mask.any() else array.to_numpy(dtype=dtype)
    return [(".dtype", array.dtype), ("", Inner(values)), ("", Inner(mask))]


def _parts_of_sparse(array: Any) -> Parts:
    indices = array.sp_index.to_int_index().indices
    parts: Parts = [(".dtype", array.dtype), (".fill_value", Inner(array.fill_value)), ("", len(array))]
    return [*parts, ("", Inner(indices)), ("", Inner(array.sp_values))]


def _parts_of_strings(array: Any) -> Parts:
    return [(".dtype", array.dtype), ("", array.astype(object).tolist())]


def _parts_of_arrow(array: Any) -> Parts:
    return [(".dtype", array.dtype), ("", Inner(array.__arrow_array__()))]


_ARRAYS = {
    "NumpyExtensionArray": _parts_of_plain,
    "PandasArray": _parts_of_plain,
    "Categorical": _parts_of_categories,
    "DatetimeArray": _parts_of_times,
    "TimedeltaArray": _parts_of_times,
    "PeriodArray": _parts_of_times,
    "IntervalArray": _parts_of_interval,
    "IntegerArray": _parts_of_masked,
    "FloatingArray": _parts_of_masked,
    "BooleanArray": _parts_of_masked,
    "SparseArray": _parts_of_sparse,
    "StringArray": _parts_of_strings,
    "ArrowStringArray": _parts_of_arrow,
    "ArrowStringArrayNumpySemantics": _parts_of_arrow,
    "StringArrayNumpySemantics": _parts_of_strings,
    "ArrowExtensionArray": _parts_of_arrow,
}


def _describe_dtype(dtype: Any) -> Description:
    kind = type(dtype)
    if kind.__module__.partition(".")[0] != "pandas":
        return node(full_name(kind), [("", str(dtype)), *attributes(dtype, *dtype._metadata)])  # noqa: SLF001 - pandas' protocol for what makes dtypes equal
    return node(f"pandas.{kind.__name__}", [("", str(dtype)), *attributes(dtype, *_DTYPES.get(kind.__name__, ()))])


# What the text of a dtype leaves out.
_DTYPES = {
    "CategoricalDtype": ("categories", "ordered"),
    "DatetimeTZDtype": ("unit", "tz"),
    "StringDtype": ("storage", "na_value"),
}


# ── scalars ──


def _describe_timestamp(moment: Any) -> Description:
    name = class_name(moment, "pandas", "Timestamp")
    return node(name, [("", Inner(moment.asm8)), *attributes(moment, "tz", "fold"), *besides(moment, "pandas")])


def _describe_timedelta(delta: Any) -> Description:
    return node(class_name(delta, "pandas", "Timedelta"), [("", Inner(delta.asm8)), *besides(delta, "pandas")])


def _describe_period(period: Any) -> Description:
    parts = [*attributes(period, "ordinal", "freqstr"), *besides(period, "pandas")]
    return node(class_name(period, "pandas", "Period"), parts)


def _describe_interval(interval: Any) -> Description:
    parts = [*attributes(interval, "left", "right", "closed"), *besides(interval, "pandas")]
    return node(class_name(interval, "pandas", "Interval"), parts)


def _describe_offset(offset: Any) -> Description:
    # The calendar of custom business days is made from their week mask and holidays.
    words = [(f".{name}", value) for name, value in sorted(offset.kwds.items()) if name != "calendar"]
    kind = type(offset)
    held = [] if is_of(kind, "pandas") else besides(offset, "pandas", offset.kwds)
    name = class_name(offset, "pandas", f"offsets.{kind.__name__}")
    return node(name, [*attributes(offset, "n", "normalize"), *words, *held])


def _describe_nat(_: object) -> Description:
    return leaf("pandas.NaT")


def _describe_na(_: object) -> Description:
    return leaf("pandas.NA")
