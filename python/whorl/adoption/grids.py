"""
A zarr that xarray wrote in, what is in doubt about it out: before anything of it is decoded.

Codecs are found by name among all that are installed, and one of them unpickles: a zarr that names another codec than
those that xarray uses is refused, whatever is allowed.  Beside the arrow: part of reading payloads.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from whorl.adoption.offers import UnfitError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CODECS = frozenset({
    "blosc", "bytes", "crc32c", "gzip", "lz4", "sharding_indexed", "transpose", "vlen-bytes", "vlen-utf8", "zlib",
    "zstd",
})  # fmt: skip
_METADATA = ("zarr.json", ".zarray", ".zmetadata")
_CODEC_LISTS = ("codecs", "index_codecs", "filters", "compressor")
# How xarray says that a Dataset was a DataArray.
_VARIABLE = "__xarray_dataarray_variable__"
_SPANS = frozenset({"days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"})
_PACKED = ("scale_factor", "add_offset")
_LARGEST = 16 << 20  # bytes of metadata in one file


def is_array(path: str, returns: str) -> bool:
    """Whether a zarr is read as a DataArray: it says so, or has one variable and the stage says so."""
    names = _variables(path)
    return _VARIABLE in names or (len(names) == 1 and returns == "DataArray")


def doubts_of(path: str, returns: str) -> str:
    """Say what xarray may read otherwise than it was, if anything; ``UnfitError`` for codecs that are unknown."""
    _check_codecs(path)
    names = _variables(path)
    if len(names) == 1 and _VARIABLE not in names and returns not in ("Dataset", "DataArray"):
        return f"it has one variable, {names[0]}, and may have been a DataArray: annotate what the stage returns"
    return next(_doubts(path), "")


def is_incomplete(path: str) -> bool:
    """Whether chunks are not there: those that are all fill value, or those that a killed process did not write."""
    import zarr

    group = zarr.open_group(path, mode="r", use_consolidated=False)
    return any(array.nchunks_initialized < array.nchunks for _, array in group.arrays())


def _check_codecs(path: str) -> None:
    for file in _metadata_files(path):
        if os.path.getsize(file) > _LARGEST:
            raise UnfitError("its metadata is too large")
        with open(file, "rb") as stream:
            named = set(_codecs(json.load(stream)))
        if not named <= _CODECS:
            raise UnfitError(f"it names codecs that are not used here: {', '.join(sorted(named - _CODECS))}")


def _metadata_files(path: str) -> Iterator[str]:
    for folder, _, names in os.walk(path):
        yield from (os.path.join(folder, name) for name in names if name in _METADATA)


def _codecs(node: Any) -> Iterator[str]:
    """Yield the names of codecs at any depth of metadata, also where they are kept a second time."""
    if isinstance(node, list):
        for item in node:
            yield from _codecs(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in _CODEC_LISTS:
                listed = value if isinstance(value, list) else [value]
                yield from (_name(codec) for codec in listed if codec is not None)
            yield from _codecs(value)


def _name(codec: Any) -> str:
    return str(codec.get("name", codec.get("id", codec)) if isinstance(codec, dict) else codec)


def _raw(path: str) -> Any:
    import xarray as xr

    return xr.open_dataset(path, engine="zarr", chunks=None, decode_cf=False)


def _variables(path: str) -> list[str]:
    """Name the variables that are no coordinates, as xarray will see them."""
    import xarray as xr

    return [str(name) for name in xr.open_dataset(path, engine="zarr", chunks=None, decode_times=False).data_vars]


def _doubts(path: str) -> Iterator[str]:
    """Yield what attributes say of how values were written, where that may be the user's own words."""
    for name, variable in _raw(path).variables.items():
        attributes, units = variable.attrs, str(variable.attrs.get("units", ""))
        if any(key in attributes for key in _PACKED):
            yield f"{name} is packed, so that its numbers are rounded"
        if (
            variable.dtype.kind in "iu"
            and "_FillValue" in attributes
            and "calendar" not in attributes
            and "dtype" not in attributes
        ):
            yield f"{name} has whole numbers, and was probably written from fractions"
        if units in _SPANS and "dtype" not in attributes:
            yield f"{name} has the units {units}, and may have been numbers or durations"
        if " since " in units and "calendar" not in attributes:
            yield f"{name} has the units {units!r} and no calendar, and may have been numbers or moments"
