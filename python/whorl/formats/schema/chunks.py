"""
Variables of xarray come in, chunks of a zarr go out: at once or block by block, side by side, never whole in memory.

What dask holds is computed by dask, each block written where it was computed; what lies in a file is read some chunks
at a time.  A chunk is written by one block alone.  On the arrow: *encode* of zarr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

from whorl.formats.schema.loss import Loss, within

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from whorl.formats.schema.elements import Elements

# The bytes of a chunk that nobody chose: enough for one request to be worth it, few enough for a slice.
_CHUNK = 16 << 20
# What is read at a time of a variable that lies in a file.
_BLOCK = 128 << 20
COMPRESSIONS = ("zstd", "blosc", "gzip", "none")


@dataclass(slots=True)
class ChunkWriter:
    """Writes arrays into one zarr; those of dask are computed together, at ``finish``."""

    store: Any
    chunks: Mapping[str, int]
    compression: str
    _sources: list[Any] = field(default_factory=list)
    _targets: list[Any] = field(default_factory=list)

    def write(
        self, node: str, variable: Any, elements: Elements, attributes: Mapping[str, Any], chunks: Sequence[int]
    ) -> None:
        """Write a variable as an array of its own, in chunks of these lengths if there are any."""
        chunks = tuple(max(1, side) for side in chunks) or _chunks_for(variable, elements, self.chunks)
        target = self._create(node, variable, elements, chunks, attributes)
        if is_dask(variable):
            self._sources.append(_prepared(variable.data, elements, chunks))
            self._targets.append(target)
        elif variable._in_memory:  # noqa: SLF001 - the public ways load it
            target[...] = elements.put(variable.values)
        else:
            for region in _regions(variable.shape, chunks, elements.dtype.itemsize):
                # A part loads no more than itself, and keeps it from its owner.
                target[(*region, ...)] = elements.put(variable[region].values)

    def finish(self) -> None:
        """Compute what is dask's, each block once for all variables that it is part of."""
        if self._sources:
            import dask.array as da

            da.store(self._sources, self._targets, lock=False)

    def _create(
        self, node: str, variable: Any, elements: Elements, chunks: Sequence[int], attributes: Mapping[str, Any]
    ) -> Any:
        import zarr

        names = [str(name) for name in variable.dims] + [f"{node}-bytes" for _ in elements.more]
        return zarr.create_array(
            store=self.store,
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


def is_dask(variable: Any) -> bool:
    """Say whether a variable holds an array of dask."""
    return bool(variable.chunks) or type(variable._data).__module__.startswith("dask.array")  # noqa: SLF001 - the public ways load it


def check_chunks(options: Mapping[str, object], dims: Sequence[object]) -> dict[str, int]:
    """Read the option ``chunks``: each dimension is there, each length a number above zero."""
    from whorl.formats.base import closest

    chunks = options.get("chunks", {})
    if not hasattr(chunks, "items"):
        raise Loss(f"the option chunks is {chunks!r}, not lengths by dimension", "")
    for name, length in chunks.items():
        if name not in dims:
            meant = closest(str(name), [str(dim) for dim in dims])
            raise Loss(f"the option chunks names a dimension {name!r} that it does not have; {meant}".rstrip("; "), "")
        if type(length) is not int or length < 1:
            raise Loss(f"the option chunks has {length!r} for {name!r}, not a number above zero", "")
    return dict(chunks.items())


def check_compression(options: Mapping[str, object]) -> str:
    """Read the option ``compression``."""
    from whorl.formats.base import closest

    chosen = options.get("compression", "zstd")
    if chosen not in COMPRESSIONS:
        meant = closest(str(chosen), COMPRESSIONS)
        raise Loss(
            f"the option compression is {chosen!r}, not one of {', '.join(COMPRESSIONS)}; {meant}".rstrip("; "), ""
        )
    return str(chosen)


def _compressors(compression: str, elements: Elements) -> Any:
    from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

    if compression == "none":
        return ()
    if compression == "gzip":
        return (GzipCodec(level=5),)
    if compression == "blosc" and elements.kind not in ("text", "json"):
        return (BloscCodec(cname="lz4", clevel=5, shuffle="shuffle", typesize=elements.stored.itemsize),)
    return (ZstdCodec(level=0),)


def _chunks_for(variable: Any, elements: Elements, wanted: Mapping[str, int]) -> tuple[int, ...]:
    """Choose the lengths of chunks: as asked for, else dask's, else the file's that it lies in, else by size."""
    known = _known_chunks(variable) or _by_size(variable.shape, max(1, elements.dtype.itemsize))
    return tuple(
        max(1, min(wanted.get(name, length), side))
        for name, length, side in zip(variable.dims, known, variable.shape, strict=True)
    )


def _known_chunks(variable: Any) -> tuple[int, ...]:
    if is_dask(variable):
        return tuple(max(lengths, default=1) for lengths in variable.data.chunks)
    if variable._in_memory:  # noqa: SLF001 - as above
        return ()
    preferred = variable.encoding.get("preferred_chunks", {})
    found = tuple(preferred.get(name) for name in variable.dims)
    return found if all(type(length) is int and length > 0 for length in found) else ()


def _by_size(shape: Sequence[int], size: int) -> tuple[int, ...]:
    """
    Fill a chunk along the last axis first: the elements that lie side by side stay together.

    The pieces of an axis are of one length, for zarr fills up the last one.
    """
    lengths = []
    for side in reversed(shape):
        pieces = -(-side // max(1, _CHUNK // size))
        length = -(-side // max(1, pieces)) or 1
        lengths.append(length)
        size *= length
    return tuple(reversed(lengths))


def _prepared(array: Any, elements: Elements, chunks: tuple[int, ...]) -> Any:
    """Have dask turn each block into what stands in the zarr, cut so that no two blocks write one chunk."""
    if any(length % chunk for lengths, chunk in zip(array.chunks, chunks, strict=True) for length in lengths[:-1]):
        array = array.rechunk(chunks)
    stored = object if isinstance(elements.stored, str) else elements.stored
    if not elements.more:
        return array.map_blocks(elements.put, dtype=stored)
    return array.map_blocks(
        elements.put, dtype=stored, new_axis=array.ndim, chunks=(*array.chunks, *((side,) for side in elements.more))
    )


def _regions(shape: Sequence[int], chunks: Sequence[int], itemsize: int) -> Iterator[tuple[slice, ...]]:
    """Cut an array into blocks of whole chunks."""
    lengths, size = [], max(1, itemsize)
    for side, chunk in reversed(list(zip(shape, chunks, strict=True))):
        whole = -(-side // chunk) * chunk
        length = max(chunk, min(whole, _BLOCK // size // chunk * chunk))
        lengths.append(length)
        size *= max(1, length)
    steps = [range(0, side, length) for side, length in zip(shape, reversed(lengths), strict=True)]
    for starts in product(*steps):
        yield tuple(slice(start, start + step.step) for start, step in zip(starts, steps, strict=True))


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
