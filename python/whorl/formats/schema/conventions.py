"""
The attributes of a dataset or a variable come in, those that other readers of its file understand go out.

They are written beside the description (``described.py``), which alone is read again: what a file has no words for is
left out here.  On the arrow: *encode* of zarr and netcdf.
"""

from __future__ import annotations

import base64
import struct
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"} | {
    "D": "days",
    "h": "hours",
    "m": "minutes",
}
_NO_TIME = -(1 << 63)
_FILL = "_FillValue"
# HDF5 keeps an attribute in 64 KiB; in JSON a long array would be read by everyone who opens the dataset.
_MOST = 4096
_LIMIT = 1 << 63
_NUMBERS = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")


def json_attributes(attrs: Mapping[Any, Any], dtype: Any = None) -> dict[str, Any]:
    """Give what JSON has: arrays as lists; ``dtype`` is that of the variable that has them."""
    found = _each(_json, attrs)
    if _FILL in found and dtype is not None:
        fill = _json_fill(found.pop(_FILL), dtype.kind)
        found |= {} if fill is None else {_FILL: fill}
    return {**found, **_conventional(dtype)}


def netcdf_attributes(attrs: Mapping[Any, Any], dtype: Any = None) -> dict[str, Any]:
    """Give what netCDF has: texts, numbers, and arrays of them with one axis."""
    return {**_each(_netcdf, attrs), **_conventional(dtype)}


def _each(convert: Callable[[Any], object], attrs: Mapping[Any, Any]) -> dict[str, Any]:
    converted = {name: convert(item) for name, item in attrs.items() if type(name) is str and _is_text(name)}
    return {name: item for name, item in converted.items() if item is not _LEFT_OUT}


def _json(item: Any) -> object:
    if type(item).__module__ == "numpy":
        if getattr(item, "size", _MOST + 1) > _MOST or item.dtype.kind not in "biufUO":
            return _LEFT_OUT
        item = item.tolist()
    return item if _is_json(item) else _LEFT_OUT


def _is_json(value: object) -> bool:
    if type(value) in (bool, int, type(None)):
        return True
    if type(value) is str:
        return _is_text(value)
    if type(value) is float:
        return isfinite(value)
    return type(value) is list and all(map(_is_json, value))


def _json_fill(item: object, kind: str) -> object:
    """Write what stands for a missing number as xarray reads it in a zarr."""
    if kind in "iu" and type(item) is int:
        return item
    if kind == "f" and type(item) in (int, float):
        return base64.b64encode(struct.pack("<d", item)).decode()
    return None


def _netcdf(item: object) -> object:
    import numpy as np

    if type(item) is str:
        return item if _is_printable(item) else _LEFT_OUT
    if type(item) is int:
        return item if -_LIMIT <= item < _LIMIT else _LEFT_OUT
    if type(item) is float:
        return item
    if isinstance(item, np.str_):
        return _netcdf(str(item))
    if type(item) is np.ndarray or isinstance(item, np.generic):
        return _netcdf_array(item)
    is_uniform = type(item) is list and set(map(type, item)) in ({str}, {int}, {float})
    return _netcdf_array(np.asarray(item)) if is_uniform else _LEFT_OUT


def _netcdf_array(array: Any) -> object:
    if array.ndim > 1 or not 0 < array.size <= _MOST:
        return _LEFT_OUT
    if array.dtype.kind in "UO":
        texts = [array.item()] if not array.ndim else array.tolist()
        is_kept = all(type(text) is str and _is_printable(text) for text in texts)
        return (texts if array.ndim else texts[0]) if is_kept else _LEFT_OUT
    if array.dtype.str[1:] not in _NUMBERS:
        return _LEFT_OUT
    return array.astype(array.dtype.newbyteorder("="))[()]


def _is_printable(text: str) -> bool:
    return bool(text) and text.replace("\n", " ").replace("\t", " ").isprintable()


def _is_text(text: str) -> bool:
    """Say whether files have a text: a lone surrogate is none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _conventional(dtype: Any) -> dict[str, object]:
    """Say in the words of CF what numbers of times mean."""
    import numpy as np

    if dtype is None or dtype.kind not in "mM":
        return {}
    unit, count = np.datetime_data(dtype)
    if count != 1 or unit not in _UNITS:
        return {}
    if dtype.kind == "m":
        return {"units": _UNITS[unit], _FILL: _NO_TIME}
    return {"units": f"{_UNITS[unit]} since 1970-01-01", "calendar": "proleptic_gregorian", _FILL: _NO_TIME}


class _LeftOut:
    """Stands for what a file does not have; None is something in JSON."""


_LEFT_OUT = _LeftOut()
