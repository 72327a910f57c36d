"""
Variables of xarray come in, chunks of a zarr go out: at once or block by block, side by side, never whole in memory.

What dask holds is computed by dask, each block written where it was computed, by way of pieces on disk where chunks lie
across the blocks; what lies in a file is read some chunks at a time.  A chunk is written by one block alone.  On the
arrow: *encode* of zarr.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from whorl.formats.schema.chunking import warn_of_sizes
from whorl.formats.schema.detour import HELD, needs_detour, pieces_between, regions
from whorl.formats.schema.gate import Gate
from whorl.formats.schema.loss import Loss, passing, task_within, within

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from whorl.formats.schema.chunking import Chunking
    from whorl.formats.schema.elements import Elements

# The bytes of a chunk that nobody chose: enough for one request to be worth it, few enough for a slice.
_CHUNK = 16 << 20
# What is read at a time of a variable that lies in a file.
_BLOCK = 128 << 20
# Beside the arrays while they are written.
_BETWEEN = "~between"


@dataclass(slots=True)
class ChunkWriter:
    """Writes arrays into one zarr; those of dask are computed together, at ``finish``."""

    store: Any
    chunking: Chunking
    compression: str
    _sources: list[Any] = field(default_factory=list)
    _targets: list[Any] = field(default_factory=list)
    _detours: list[tuple[Any, Any, Sequence[int], int]] = field(default_factory=list)
    _sizes: dict[object, tuple[int, int]] = field(default_factory=dict)

    def write(
        self, node: str, variable: Any, elements: Elements, attributes: Mapping[str, Any], chunks: Sequence[int]
    ) -> None:
        """Write a variable as an array of its own, in chunks of these lengths if there are any."""
        if not chunks:
            chunks = _chunks_for(variable, elements, self.chunking)
            self._sizes[node] = _size_of(variable.shape, chunks, elements)
        chunks, itemsize = tuple(max(1, side) for side in chunks), elements.dtype.itemsize
        target = self._create(self.store, node, variable, elements, chunks, attributes)
        if is_dask(variable):
            self._put_off(node, variable, elements, chunks, target)
        elif variable._in_memory:  # noqa: SLF001 - the public ways load it
            target[...] = elements.put(variable.values)
        else:
            for region in regions(variable.shape, chunks, itemsize, _BLOCK):
                # A part loads no more than itself, and keeps it from its owner.
                target[(*region, ...)] = elements.put(values_of(variable[region]))

    def finish(self) -> None:
        """Compute what is dask's, each block once for all variables that it is part of."""
        warn_of_sizes(self._sizes, self.chunking)
        if not self._sources:
            return
        import dask.array as da

        try:
            gate = Gate()
            with passing(), gate.shut_afterwards():
                targets: list[Any] = [_Into(target, gate) for target in self._targets]
                da.store(self._sources, targets, lock=False)
            for between, target, chunks, itemsize in self._detours:
                for region in regions(target.shape[: len(chunks)], chunks, itemsize, HELD):
                    target[(*region, ...)] = between[(*region, ...)]
        finally:
            if self._detours:
                shutil.rmtree(self.store.root / _BETWEEN, ignore_errors=True)

    def _put_off(self, node: str, variable: Any, elements: Elements, chunks: tuple[int, ...], target: Any) -> None:
        """Have dask write an array at ``finish``; into pieces first, where it would hold too much to make chunks."""
        array, itemsize = variable.data, elements.dtype.itemsize
        blocks = _known_chunks(variable)
        if needs_detour(blocks, chunks, itemsize):
            from zarr.storage import LocalStore

            pieces, by = pieces_between(variable.shape, blocks, chunks, itemsize)
            between = self._create(LocalStore(self.store.root / _BETWEEN), node, variable, elements, pieces, {})
            self._detours.append((between, target, chunks, itemsize))
            array, chunks, target = array.rechunk(by), pieces, between
        self._sources.append(_prepared(array, elements, chunks))
        self._targets.append(target)

    def _create(
        self,
        store: Any,
        node: str,
        variable: Any,
        elements: Elements,
        chunks: Sequence[int],
        attributes: Mapping[str, Any],
    ) -> Any:
        import zarr

        names = [str(name) for name in variable.dims] + [f"{node}-bytes" for _ in elements.more]
        return zarr.create_array(
            store=store,
            name=node,
            shape=(*variable.shape, *elements.more),
            dtype=elements.stored,
            chunks=(*chunks, *elements.more),
            compressors=_compressors(self.compression, elements),
            fill_value=elements.fill,
            dimension_names=names,
            attributes=dict(attributes),
            config={"write_empty_chunks": not elements.may_leave_out},
        )


class _Into:
    """A zarr's array, as tasks of dask's write into it; dask would take an array apart."""

    def __init__(self, target: Any, gate: Gate) -> None:
        self._target, self._gate = target, gate

    def __setitem__(self, region: object, block: Any) -> None:
        with self._gate.writing(), task_within("a block"):
            self._target[region] = block


def _put(elements: Elements, block: Any) -> Any:
    """Turn a block into what is stored of it; the errors are the writer's, not those of the plan that it comes of."""
    with task_within("a block"):
        return elements.put(block)


def values_of(variable: Any) -> Any:
    """Compute or read the values of a variable that may be lazy."""
    with passing():
        return variable.values


def is_dask(variable: Any) -> bool:
    """Say whether a variable holds an array of dask."""
    return bool(variable.chunks) or type(variable._data).__module__.startswith("dask.array")  # noqa: SLF001 - the public ways load it


def block_lengths(variable: Any) -> tuple[int, ...]:
    """Give the longest side of dask's blocks along each axis."""
    return tuple(max(lengths, default=1) for lengths in variable.data.chunks)


def _compressors(compression: str, elements: Elements) -> Any:
    from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

    if compression == "none":
        return ()
    if compression == "gzip":
        return (GzipCodec(level=5),)
    if compression == "blosc" and elements.kind not in ("text", "json"):
        return (BloscCodec(cname="lz4", clevel=5, shuffle="shuffle", typesize=elements.stored.itemsize),)
    return (ZstdCodec(level=0),)


def _chunks_for(variable: Any, elements: Elements, wanted: Chunking) -> tuple[int, ...]:
    """Choose the lengths of chunks: as asked for, else dask's, else the file's that it lies in, else by size."""
    known = _known_chunks(variable) or _by_size(
        variable.shape, max(1, elements.dtype.itemsize), _order(variable, wanted)
    )
    return tuple(map(wanted.length, variable.dims, known, variable.shape))


def _size_of(shape: Sequence[int], chunks: Sequence[int], elements: Elements) -> tuple[int, int]:
    """Return the bytes of a chunk, as they are in memory, and how many chunks there are."""
    return elements.dtype.itemsize * prod(chunks), prod(
        -(-side // chunk) for side, chunk in zip(shape, chunks, strict=True)
    )


def _known_chunks(variable: Any) -> tuple[int, ...]:
    if is_dask(variable):
        return block_lengths(variable)
    if variable._in_memory:  # noqa: SLF001 - as above
        return ()
    preferred = variable.encoding.get("preferred_chunks", {})
    found = tuple(preferred.get(name) for name in variable.dims)
    return found if all(type(length) is int and length > 0 for length in found) else ()


def _order(variable: Any, wanted: Chunking) -> list[int]:
    """Order the axes: the last one first, for its elements lie side by side, and the one that is to be cut last."""
    axes = reversed(range(variable.ndim))
    return sorted(axes, key=lambda axis: wanted.along is not None and variable.dims[axis] == wanted.along)


def _by_size(shape: Sequence[int], size: int, order: Sequence[int]) -> tuple[int, ...]:
    """
    Fill a chunk along one axis after the other.

    The pieces of an axis are of one length, for zarr fills up the last one.
    """
    lengths = list(shape)
    for axis in order:
        side = shape[axis]
        pieces = -(-side // max(1, _CHUNK // size))
        lengths[axis] = -(-side // max(1, pieces)) or 1
        size *= lengths[axis]
    return tuple(lengths)


def _prepared(array: Any, elements: Elements, chunks: tuple[int, ...]) -> Any:
    """Have dask turn each block into what stands in the zarr, cut so that no two blocks write one chunk."""
    if any(length % chunk for lengths, chunk in zip(array.chunks, chunks, strict=True) for length in lengths[:-1]):
        array = array.rechunk(chunks)
    stored = object if isinstance(elements.stored, str) else elements.stored
    put = partial(_put, elements)
    if not elements.more:
        return array.map_blocks(put, dtype=stored)
    return array.map_blocks(
        put, dtype=stored, new_axis=array.ndim, chunks=(*array.chunks, *((side,) for side in elements.more))
    )


def check_array(variable: Any, name: object) -> None:
    """Refuse what is more than an array of numpy's, now or when it is read."""
    import numpy as np

    with within(f"variable `{name}`"):
        held = variable._data  # noqa: SLF001 - the public ways load it
        family = type(held).__module__.partition(".")[0]
        if not isinstance(variable.dtype, np.dtype) or family not in ("numpy", "xarray", "dask"):
            raise Loss(f"its values are a {type(held).__qualname__} of {variable.dtype}")
        if isinstance(held, np.ndarray) and type(held) is not np.ndarray:
            raise Loss(f"its values are a {type(held).__qualname__}")
        if len(set(variable.dims)) < variable.ndim:
            raise Loss(f"it has a dimension twice: {', '.join(map(str, variable.dims))}")
        if is_dask(variable) and (type(held._meta) is not np.ndarray or variable.size != variable.size):  # noqa: SLF001 - as above; a size may be NaN
            raise Loss("its blocks are no arrays of numpy, or of sizes that are not known")
