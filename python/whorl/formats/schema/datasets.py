"""
A dataset or data array comes in, its description and its variables' chunks go out as one zarr, and back.

The description (``described.py``) stands in the root's attributes under ``whorl``, and the metadata of all arrays
beside it, so that opening reads one file.  Attributes that JSON has are written for other readers of zarr, too.  On the
arrow: *encode* and *decode* of zarr.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from whorl.formats.schema.chunking import Blocks, check_blocks, check_chunking
from whorl.formats.schema.chunks import ChunkWriter
from whorl.formats.schema.described import KEY, attributes_of, computed, describe, parts_of, rebuild, root_attributes
from whorl.formats.schema.elements import Elements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from whorl.formats.base import PayloadReader, PayloadWriter
    from whorl.formats.schema.described import Part

_ROOT = "zarr.json"
# Below this everything is written in memory: it may stand inline in a manifest.
_SMALL = 1 << 20
# What a data array that stands for an array of numpy is described as.
_BARE = "ndarray"


def write_dataset(value: Any, writer: PayloadWriter, options: Mapping[str, object]) -> None:
    """Write a dataset, a data array or an array of numpy, or raise ``Loss``."""
    is_bare = type(value).__qualname__ == _BARE
    if is_bare:
        value = _labelled(value)
    parts, indexes = parts_of(value)
    chunking, compression = check_chunking(options, value.dims), str(options.get("compression", "zstd"))
    is_small = sum(part.variable.nbytes for part in parts) < _SMALL
    # Blocks that a process of dask's computes cannot reach this one's memory.
    parts = computed(parts, _SMALL)
    store = _draft(writer, is_small=is_small)
    chunk_writer = ChunkWriter(store, chunking, compression)

    def write(part: Part, elements: Elements) -> None:
        # Whoever opens it reads the labels, so they lie together.
        whole = part.variable.shape if part.is_indexed else ()
        chunk_writer.write(part.node, part.variable, elements, attributes_of(part), whole)

    described = describe(value, parts, indexes, write)
    if is_bare:
        described["type"] = _BARE
    chunk_writer.finish()
    nodes = [part.node for part in parts if part.node]
    _finish(store, writer, root_attributes(value, parts, described), nodes)


def open_dataset(reader: PayloadReader, options: Mapping[str, object]) -> Any:
    """Open what ``write_dataset`` wrote: indexes are read, all else is read when it is needed."""
    from whorl.formats.schema.lazy_zarr import PayloadStore

    root = json.loads(reader.read(_ROOT))
    described = root["attributes"][KEY]
    metadata = root["consolidated_metadata"]["metadata"]
    opener = _Opener(PayloadStore(reader.lazy()), metadata, check_blocks(options), os.urandom(16).hex())
    if described["type"] != _BARE:
        return rebuild(described, opener.variable)
    return rebuild({**described, "type": "DataArray"}, opener.variable).values


def _labelled(array: Any) -> Any:
    """Put an array of numpy into one of xarray, whose dimensions are axis_0, axis_1 …"""
    import xarray as xr

    return xr.DataArray(array, dims=[f"axis_{axis}" for axis in range(array.ndim)])


@dataclass(frozen=True, slots=True)
class _Opener:
    """Makes variables that read nothing yet; ``blocks`` cuts them into blocks of dask, where that is asked for."""

    store: Any
    metadata: Mapping[str, Any]
    blocks: Blocks | None
    token: str

    def variable(self, entry: Mapping[str, Any], dims: tuple[Any, ...], attrs: Any, number: int) -> Any:
        """Make one of what stands in the description."""
        import xarray as xr

        from whorl.formats.schema.lazy_zarr import LazyElements, array_of, lazily

        array = array_of(self.store, entry["node"], self.metadata[entry["node"]])
        lazy = LazyElements(array, Elements.described(entry["kind"], entry["dtype"]), f"{self.token}-{number}")
        lengths = tuple(array.chunks[: len(dims)])
        chunks = dict(zip(dims, lengths, strict=True))
        variable = xr.Variable(dims, lazily(lazy), attrs, {"preferred_chunks": chunks}, fastpath=True)
        if self.blocks is not None and dims:
            lengths = self.blocks.of(dims, lazy.shape, lengths, max(1, lazy.dtype.itemsize))
        elif not entry["dask"]:
            return variable
        return _by_dask(variable, lazy, lengths)


def _by_dask(variable: Any, lazy: Any, blocks: Sequence[int]) -> Any:
    """Give an array of dask, if dask is there."""
    from importlib.util import find_spec

    if find_spec("dask") is None:
        return variable
    return variable.copy(data=lazy_blocks(lazy, tuple(blocks)))


def lazy_blocks(lazy: Any, blocks: Sequence[int]) -> Any:
    """Make an array of dask, each block read by the worker that needs it."""
    import dask.array as da
    from xarray.core import indexing

    readable = indexing.ImplicitToExplicitIndexingAdapter(indexing.LazilyIndexedArray(lazy), indexing.OuterIndexer)
    name = "whorl-" + "-".join(lazy.__dask_tokenize__()[1:])
    return da.from_array(  # type: ignore[no-untyped-call]
        readable, chunks=blocks, name=name, lock=False, meta=_empty(lazy.dtype), asarray=True
    )


def _empty(dtype: Any) -> Any:
    import numpy as np

    return np.empty((0,), dtype)


def _draft(writer: PayloadWriter, *, is_small: bool) -> Any:
    from zarr.storage import LocalStore, MemoryStore

    return MemoryStore() if is_small else LocalStore(writer.folder)


def _finish(store: Any, writer: PayloadWriter, attributes: Mapping[str, Any], nodes: Sequence[str]) -> None:
    """Write the metadata of the whole, and what is in memory."""
    from zarr.storage import MemoryStore

    in_memory = isinstance(store, MemoryStore)
    held = {key: buffer.to_bytes() for key, buffer in store._store_dict.items()} if in_memory else {}  # noqa: SLF001 - a dictionary of our own is as good
    metadata = {}
    for node in nodes:
        data = held[f"{node}/{_ROOT}"] if in_memory else (writer.folder / node / _ROOT).read_bytes()
        metadata[node] = json.loads(data)
    root = {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": attributes,
        "consolidated_metadata": {"kind": "inline", "must_understand": False, "metadata": metadata},
    }
    held[_ROOT] = json.dumps(root, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    for key in sorted(held):
        writer.write(key, held[key])
