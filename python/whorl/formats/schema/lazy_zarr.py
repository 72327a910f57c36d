"""
Payload files come in, a zarr that only reads goes out, and arrays of xarray that read it when they are looked at.

The files check themselves (``LazyFiles``), so a chunk is what was written or an error; only what the payload does not
list is the fill value.  Everything here can be pickled.  Needs zarr and xarray: imported by those who have them.  On
the arrow: *decode* of zarr, and after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xarray.backends import BackendArray  # noqa: TID253 - see above
from xarray.core import indexing  # noqa: TID253 - see above
from zarr.abc.store import (  # noqa: TID253 - see above
    OffsetByteRequest,
    RangeByteRequest,
    Store,
    SuffixByteRequest,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

    from whorl.formats.base import LazyFiles
    from whorl.formats.schema.elements import Elements


# What ``chunks.py`` writes with, and nothing else: a payload may come from someone hostile.
_CODECS = frozenset({"blosc", "bytes", "gzip", "vlen-utf8", "zstd"})


class PayloadStore(Store):
    """A payload's files under their names, as zarr's keys."""

    supports_writes = False
    supports_deletes = False
    supports_listing = True

    def __init__(self, files: LazyFiles) -> None:
        super().__init__(read_only=True)
        self._files = files
        self._names = frozenset(files.names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PayloadStore) and other._files == self._files

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<a stored payload of {len(self._names)} files>"

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """Return a file, or a part of it after all of it was checked."""
        import asyncio

        if key not in self._names:
            return None
        data = await asyncio.to_thread(self._files.read, key)
        return prototype.buffer.from_bytes(_part(data, byte_range))

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Return parts of files."""
        return [await self.get(key, prototype, wanted) for key, wanted in key_ranges]

    async def exists(self, key: str) -> bool:
        """Say whether a file is listed."""
        return key in self._names

    async def set(self, key: str, value: Buffer) -> None:  # noqa: ARG002 - zarr's signature
        """Refuse."""
        self._check_writable()

    async def delete(self, key: str) -> None:  # noqa: ARG002 - zarr's signature
        """Refuse."""
        self._check_writable()

    async def list(self) -> AsyncIterator[str]:
        """Yield all names."""
        for name in self._files.names:
            yield name

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names that begin so."""
        for name in self._files.names:
            if name.startswith(prefix):
                yield name

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield what is directly below a folder."""
        above = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        for name in sorted({name[len(above) :].partition("/")[0] for name in self._names if name.startswith(above)}):
            yield name


def _part(data: bytes, wanted: ByteRequest | None) -> bytes:
    if isinstance(wanted, RangeByteRequest):
        return data[wanted.start : wanted.end]
    if isinstance(wanted, OffsetByteRequest):
        return data[wanted.offset :]
    if isinstance(wanted, SuffixByteRequest):
        return data[-wanted.suffix :] if wanted.suffix else b""
    return data


class LazyElements(BackendArray):
    """One array of a zarr as xarray reads it: ``token`` names it for dask, which would pickle it to find a name."""

    def __init__(self, array: Any, elements: Elements, token: str) -> None:
        self._array = array
        self._elements = elements
        self._token = token
        more = len(elements.more)
        self.shape = array.shape[: len(array.shape) - more]
        self.dtype = elements.dtype

    def __dask_tokenize__(self) -> tuple[str, str]:
        return "whorl.LazyElements", self._token

    def __getitem__(self, key: Any) -> Any:
        read = self._basic
        if isinstance(key, indexing.VectorizedIndexer):
            read = self._points
        elif isinstance(key, indexing.OuterIndexer):
            read = self._outer
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.VECTORIZED, read)

    def loaded(self) -> tuple[Any, tuple[Any]]:
        """Give what makes the same in memory, as ``__reduce__`` does."""
        return indexing.NumpyIndexingAdapter, (self._basic((slice(None),) * len(self.shape)),)

    def _basic(self, key: tuple[Any, ...]) -> Any:
        return self._elements.take(self._array[self._whole(key)])

    def _outer(self, key: tuple[Any, ...]) -> Any:
        return self._elements.take(self._array.oindex[self._whole(key)])

    def _points(self, key: tuple[Any, ...]) -> Any:
        if self._elements.more:  # zarr has no points of slices
            return self._outer_points(key)
        return self._elements.take(self._array.vindex[key])

    def _outer_points(self, key: tuple[Any, ...]) -> Any:
        outer, inner = indexing.decompose_indexer(
            indexing.VectorizedIndexer(key), self.shape, indexing.IndexingSupport.OUTER
        )
        found = self._outer(outer.tuple)
        adapter: Any = indexing.NumpyIndexingAdapter
        return adapter(found).vindex[inner]

    def _whole(self, key: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*key, *(slice(None) for _ in self._elements.more))


def array_of(store: PayloadStore, node: str, metadata: dict[str, Any]) -> Any:
    """
    Open an array by metadata that have been read, if they are such as are written here.

    Codecs are found by name among all that are installed, and older zarr has one that unpickles.
    """
    import zarr
    from zarr.storage import StorePath

    codecs = {codec["name"] for codec in metadata["codecs"]} if metadata["zarr_format"] == 3 else {"those of zarr 2"}  # noqa: PLR2004 - the format's number
    if not codecs <= _CODECS or metadata.get("storage_transformers"):
        raise ValueError(f"a stored zarr names codecs that are not used here: {', '.join(sorted(codecs - _CODECS))}")
    return zarr.Array.from_dict(StorePath(store, node), metadata)


def lazily(array: Any) -> Any:
    """Wrap an array as xarray wraps those of files: slices are put off, what was loaded may be changed."""
    protected: Any = indexing.CopyOnWriteArray  # its signature says less than xarray itself gives it
    cached: Any = indexing.MemoryCachedArray
    return cached(protected(indexing.LazilyIndexedArray(array)))
