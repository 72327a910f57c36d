"""
A dataset or data array comes in, its description and its variables' chunks go out as one zarr, and back.

The description is what zarr's own metadata cannot say exactly: the order of variables, types of names and attributes,
dtypes, indexes.  It stands in the root's attributes under ``whorl``, and the metadata of all arrays beside it, so that
opening reads one file.  Attributes that JSON has are written for other readers of zarr, too.  On the arrow: *encode*
and *decode* of zarr.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from whorl.formats.schema.chunking import Blocks, check_blocks, check_chunking
from whorl.formats.schema.chunks import ChunkWriter, check_array, check_compression, is_dask
from whorl.formats.schema.elements import Elements
from whorl.formats.schema.indexes import check_indexes, describe_indexes, rebuild_index
from whorl.formats.schema.loss import within
from whorl.formats.schema.plain import pack, unpack
from whorl.formats.schema.scalars import SCALARS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from whorl.formats.base import PayloadReader, PayloadWriter

_ROOT = "zarr.json"
_KEY = "whorl"
# Below this everything is written in memory: it may stand inline in a manifest.
_SMALL = 1 << 20
# What may name a folder on any file system, and is no name of zarr's or the store's.
_PLAIN = re.compile(r"(?!__|refs$|side$|zarr\.json$|variable-)[a-z0-9_][A-Za-z0-9._-]{0,99}", re.IGNORECASE)
_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"} | {
    "D": "days",
    "h": "hours",
    "m": "minutes",
}
_NO_TIME = -(1 << 63)


@dataclass(frozen=True, slots=True)
class _Part:
    """One variable of a value: its name, whether it is a coordinate, and the array of the zarr that holds it."""

    name: Any
    variable: Any
    is_coordinate: bool
    is_indexed: bool
    node: str


class _Data:
    """Stands for the name of a data array's own variable: that may be None, or the name of a coordinate."""


def write_dataset(value: Any, writer: PayloadWriter, options: Mapping[str, object]) -> None:
    """Write a dataset or a data array, or raise ``Loss``."""
    indexes = describe_indexes(value)
    derived = {unpack_tree(index["dim"]) for index in indexes if index["type"] == "levels"}
    parts = _parts_of(value, derived, set(value.xindexes))
    for part in parts:
        check_array(part.variable, part.name)
    check_indexes(value, indexes)
    chunking, compression = check_chunking(options, value.dims), check_compression(options)
    check_blocks(options)
    is_small = sum(part.variable.nbytes for part in parts) < _SMALL
    store = _draft(writer, is_small=is_small)
    chunk_writer = ChunkWriter(store, chunking, compression)
    described = []
    for part in parts:
        with within(f"variable `{part.name}`"):
            described.append(_write_part(part, chunk_writer, is_small=is_small))
    chunk_writer.finish()
    head = {"version": 1, "type": type(value).__qualname__, "name": pack_tree(getattr(value, "name", None), "the name")}
    if head["type"] == "Dataset":
        head["attrs"] = pack_tree(value.attrs, "attrs")
    plain = {"coordinates": " ".join(part.node for part in parts if part.is_coordinate and part.node)}
    attributes = {_KEY: {**head, "variables": described, "indexes": indexes}, **plain}
    if head["type"] == "Dataset":
        attributes.update(plain_attributes(value.attrs, attributes))
    _finish(store, writer, attributes, [part.node for part in parts if part.node])


def open_dataset(reader: PayloadReader, options: Mapping[str, object]) -> Any:
    """Open what ``write_dataset`` wrote: indexes are read, all else is read when it is needed."""
    from whorl.formats.schema.lazy_zarr import PayloadStore

    root = json.loads(reader.read(_ROOT))
    described = root["attributes"][_KEY]
    if described["version"] != 1:
        raise ValueError(f"a stored zarr is of version {described['version']}, and this whorl reads 1")
    metadata, store, token = (
        root["consolidated_metadata"]["metadata"],
        PayloadStore(reader.lazy()),
        os.urandom(16).hex(),
    )
    variables: dict[Any, Any] = {}
    blocks = check_blocks(options)
    coordinates, is_dataset = [], described["type"] == "Dataset"
    for number, entry in enumerate(described["variables"]):
        name = unpack_tree(entry["name"]) if entry["coordinate"] or is_dataset else _Data
        variables[name] = _variable(entry, store, metadata, f"{token}-{number}", blocks)
        if entry["coordinate"]:
            coordinates.append(name)
    indexes = {}
    for index in described["indexes"]:
        indexes.update(rebuild_index(index, variables))
    return _assembled(described, variables, coordinates, indexes)


def _parts_of(value: Any, derived: set[Any], indexed: set[Any]) -> list[_Part]:
    """List the variables in their order; the data of a data array last, for which the name is that of the array."""
    taken: set[str] = set()

    def part(name: object, variable: Any, *, is_coordinate: bool) -> _Part:
        node = "" if is_coordinate and name in derived else _node(name, taken)
        return _Part(name, variable, is_coordinate, is_coordinate and name in indexed, node)

    if type(value).__qualname__ == "Dataset":
        coordinates = set(value.coords)
        return [part(name, each, is_coordinate=name in coordinates) for name, each in value.variables.items()]
    found = [part(name, each.variable, is_coordinate=True) for name, each in value.coords.items()]
    return [*found, part("data" if value.name is None else value.name, value.variable, is_coordinate=False)]


def _node(name: object, taken: set[str]) -> str:
    """Name an array of the zarr after its variable, where file systems allow that, capitals apart."""
    node = name if isinstance(name, str) and _PLAIN.fullmatch(name) and name.lower() not in taken else ""
    node = node or f"variable-{len(taken)}"
    taken.add(node.lower())
    return node


def _write_part(part: _Part, writer: ChunkWriter, *, is_small: bool) -> dict[str, object]:
    """Write one variable; give what is to be known of it besides."""
    variable, is_lazy = part.variable, is_dask(part.variable)
    if is_lazy and is_small:
        # Blocks that a process of dask's computes cannot reach this one's memory.
        variable = variable.compute()
    entry = {
        "name": pack_tree(part.name, "its name"),
        "coordinate": part.is_coordinate,
        "dims": [pack_tree(name, "a dimension") for name in variable.dims],
        "attrs": pack_tree(variable.attrs, "attrs"),
        "node": part.node,
    }
    if not part.node:
        return entry
    sample = None if is_dask(variable) or not variable._in_memory else variable.values  # noqa: SLF001 - not loaded here
    elements = Elements.of(variable.dtype, sample)
    attributes = {**plain_attributes(variable.attrs, {}), **conventional(variable.dtype)}
    # Whoever opens it reads the labels, so they lie together.
    whole = variable.shape if part.is_indexed else ()
    writer.write(part.node, variable, elements, attributes, whole)
    return {**entry, "kind": elements.kind, "dtype": variable.dtype.str, "dask": is_lazy}


def _variable(entry: Any, store: Any, metadata: Mapping[str, Any], token: str, blocks: Blocks | None) -> Any:
    """
    Make a variable that reads nothing yet; one that an index makes anew has its attributes alone.

    What came from dask goes to dask again, and where blocks are asked for everything does but coordinates.
    """
    import xarray as xr

    from whorl.formats.schema.lazy_zarr import LazyElements, array_of, lazily

    dims = tuple(unpack_tree(name) for name in entry["dims"])
    attrs = unpack_tree(entry["attrs"])
    if not entry["node"]:
        return xr.Variable((), 0, attrs)
    array = array_of(store, entry["node"], metadata[entry["node"]])
    lazy = LazyElements(array, Elements.described(entry["kind"], entry["dtype"]), token)
    chunks = dict(zip(dims, array.chunks, strict=False))
    variable = xr.Variable(dims, lazily(lazy), attrs, {"preferred_chunks": chunks}, fastpath=True)
    if blocks is None or entry["coordinate"]:
        return _by_dask(variable, lazy, tuple(chunks.values())) if entry["dask"] else variable
    stored = array.chunks[: len(dims)]
    return _by_dask(variable, lazy, blocks.of(dims, variable.shape, stored, variable.dtype.itemsize))


def _by_dask(variable: Any, lazy: Any, chunks: Sequence[int]) -> Any:
    """Give an array of dask for what was one, if dask is there."""
    from importlib.util import find_spec

    if find_spec("dask") is None:
        return variable
    return variable.copy(data=lazy_blocks(lazy, chunks))


def lazy_blocks(lazy: Any, chunks: Sequence[int]) -> Any:
    """Make an array of dask, one block for each chunk, each read by the worker that needs it."""
    import dask.array as da
    from xarray.core import indexing

    readable = indexing.ImplicitToExplicitIndexingAdapter(indexing.LazilyIndexedArray(lazy), indexing.OuterIndexer)
    name = "whorl-" + "-".join(lazy.__dask_tokenize__()[1:])
    return da.from_array(  # type: ignore[no-untyped-call]
        readable, chunks=chunks, name=name, lock=False, meta=_empty(lazy.dtype), asarray=True
    )


def _empty(dtype: Any) -> Any:
    import numpy as np

    return np.empty((0,), dtype)


def _assembled(described: Any, variables: dict[Any, Any], coordinates: list[Any], indexes: dict[Any, Any]) -> Any:
    """Put variables together in the order they had."""
    import xarray as xr

    held = xr.Coordinates({name: variables[name] for name in coordinates}, indexes=indexes)
    if described["type"] == "DataArray":
        return xr.DataArray(variables[_Data], coords=held, name=unpack_tree(described["name"]))
    data = {name: each for name, each in variables.items() if name not in held}
    return xr.Dataset(data, coords=held, attrs=unpack_tree(described["attrs"]))[list(variables)]


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


def pack_tree(value: object, place: str) -> Any:
    """Write a plain value as JSON can, its types kept."""
    return pack(value, extra=SCALARS, place=place)


def unpack_tree(tree: Any) -> Any:
    """Read what ``pack_tree`` wrote."""
    return unpack(tree, extra=SCALARS)


def plain_attributes(attrs: Mapping[Any, Any], taken: Mapping[str, object]) -> dict[str, Any]:
    """Keep the attributes that JSON has, for other readers."""
    return {name: item for name, item in attrs.items() if type(name) is str and name not in taken and _is_json(item)}


def _is_json(value: object) -> bool:
    if type(value) in (str, bool, int, type(None)):
        return True
    if type(value) is float:
        return value - value == 0.0
    return type(value) is list and all(map(_is_json, value))


def conventional(dtype: Any) -> dict[str, object]:
    """Say in the words of CF what numbers of times mean."""
    import numpy as np

    if dtype.kind not in "mM":
        return {}
    unit, count = np.datetime_data(dtype)
    if count != 1 or unit not in _UNITS:
        return {}
    if dtype.kind == "m":
        return {"units": _UNITS[unit], "_FillValue": _NO_TIME}
    return {"units": f"{_UNITS[unit]} since 1970-01-01", "calendar": "proleptic_gregorian", "_FillValue": _NO_TIME}
