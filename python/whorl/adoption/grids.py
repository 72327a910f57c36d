"""
A zarr that xarray wrote in, what must be known of it before it is read out.

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
_LARGEST = 16 << 20  # bytes of metadata in one file


def is_array(path: str, returns: str) -> bool:
    """Whether a zarr is read as a DataArray: it says so, or has one variable and the stage says so."""
    import xarray as xr

    names = list(xr.open_dataset(path, engine="zarr", chunks=None, decode_times=False).data_vars)
    return _VARIABLE in names or (len(names) == 1 and returns == "DataArray")


def is_incomplete(path: str) -> bool:
    """Whether chunks are not there: those that are all fill value, or those that a killed process did not write."""
    import zarr

    group = zarr.open_group(path, mode="r", use_consolidated=False)
    return any(array.nchunks_initialized < array.nchunks for _, array in group.arrays())


def check_codecs(path: str) -> None:
    """Refuse a zarr that names a codec which xarray does not use by itself."""
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
                for codec in listed:
                    yield from _names(codec)
            yield from _codecs(value)


def _names(codec: Any) -> Iterator[str]:
    """Yield what a codec is called in zarr 2 and 3; whichever is read, both must be known."""
    if isinstance(codec, dict):
        yield from (str(codec[key]) for key in ("name", "id") if key in codec)
    elif codec is not None:
        yield str(codec)
