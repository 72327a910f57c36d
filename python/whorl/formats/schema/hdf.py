"""
A dataset or data array comes in, a netCDF file, which is one of HDF5, and its schema go out, and back.

Reading takes nothing from the file but arrays that lie in it: HDF5 could have them lie in other files of the machine.
Of a disk that fails while it writes HDF5 learns nothing: it may end the process (``_Sink``).
On the arrow: *encode* and *decode* of netcdf.
"""

from __future__ import annotations

import io
import json
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, cast

from whorl.formats.schema.chunks import block_lengths, is_dask, values_of
from whorl.formats.schema.conventions import netcdf_attributes
from whorl.formats.schema.described import computed, describe, is_plain_name, parts_of, rebuild
from whorl.formats.schema.detour import regions
from whorl.formats.schema.elements import STRING, Elements
from whorl.formats.schema.loss import Loss

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from whorl.formats.base import PayloadReader, PayloadWriter
    from whorl.formats.schema.described import Part

_FILE, _SCHEMA = "data.nc", "schema.json"
# Below this everything is written in memory: it may stand inline in a manifest.
_SMALL = 1 << 20
# What is computed at a time of what is lazy, and what is read at once rather than from a path.
_BLOCK, _READ = 128 << 20, 16 << 20
# HDF5's and netCDF's own.
_TAKEN = frozenset(("CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "_FillValue", "_NCProperties"))


class _Sink:
    """
    A file of which HDF5 hears no failure; ``check`` raises what the system said.

    What cannot be written from then on is kept, for the library reads some of it again and closes the file.  Without a
    path everything is in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: Any = io.BytesIO() if path is None else path.open("w+b", buffering=0)
        self._error: OSError | None = None
        self._kept: list[tuple[int, bytes]] = []
        self._place = self._end = 0

    def check(self) -> None:
        """Raise the first error, if there was one."""
        if self._error is not None:
            raise OSError(self._error.errno, self._error.strerror, str(self._path)) from self._error

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place, which may lie beyond the end."""
        self._place = offset + (0, self._place, self._end)[whence]
        return self._place

    def tell(self) -> int:
        """Return the place."""
        return self._place

    def read(self, size: int) -> bytes:
        """Read some bytes."""
        data = bytearray(max(0, min(size, self._end - self._place)))
        self.readinto(data)
        return bytes(data)

    def readinto(self, buffer: bytearray | memoryview) -> int:
        """Read as many bytes as there is room for, zeros where nothing was written."""
        view = memoryview(buffer).cast("B")
        done = 0
        try:
            self._file.seek(self._place)
            while done < len(view) and (count := self._file.readinto(view[done:])):
                done += count
        except OSError as error:
            self._error = self._error or error
        view[done:] = bytes(len(view) - done)
        for start, data in self._kept:
            low, high = max(start, self._place), min(start + len(data), self._place + len(view))
            if low < high:
                view[low - self._place : high - self._place] = data[low - start : high - start]
        self._place += len(view)
        return len(view)

    def write(self, data: bytes | memoryview) -> int:
        """Write all of the bytes, or keep them."""
        view = memoryview(data).cast("B")
        left = view
        try:
            self._file.seek(self._place)
            while left and self._error is None:
                left = left[self._file.write(left) :]
        except OSError as error:
            self._error = error
        if left:
            self._kept.append((self._place, bytes(view)))
        self._place += len(view)
        self._end = max(self._end, self._place)
        return len(view)

    def truncate(self, size: int) -> int:
        """Have the file end at a place."""
        try:
            self._file.truncate(size)
        except OSError as error:
            self._error = self._error or error
        self._end = size
        return size

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""

    def finish(self) -> bytes:
        """Close the file, or raise what the system said of it; return the bytes if it is in memory."""
        data = self._file.getvalue() if self._path is None else b""
        try:
            self._file.close()
        except OSError as error:
            self._error = self._error or error
        self.check()
        return cast("bytes", data)

    def close(self) -> None:
        """Close the file of a value that is given up."""
        with suppress(OSError):
            self._file.close()


def write_netcdf(value: Any, writer: PayloadWriter, *, is_compressed: bool) -> None:
    """Write a dataset or a data array, or raise ``Loss``."""
    import h5netcdf

    parts, indexes = parts_of(value)
    parts = computed(parts, _BLOCK)
    is_small = sum(part.variable.nbytes for part in parts) < _SMALL
    sink = _Sink(None if is_small else writer.path(_FILE))
    shapes: dict[str, list[int]] = {}
    with closing(sink):
        with h5netcdf.File(sink, "w") as file:
            names = _dimensions(parts)

            def write(part: Part, elements: Elements) -> None:
                _check(elements)
                shapes[part.node] = list(part.variable.shape)
                if part.variable.size:  # netCDF has no dimensions of no length
                    _write_part(file, part, elements, names, sink, is_compressed=is_compressed)

            described = describe(value, parts, indexes, write)
            _set_attributes(file.attrs, netcdf_attributes(value.attrs) if described["type"] == "Dataset" else {})
            beside = " ".join(part.node for part in parts if part.is_coordinate and not part.is_indexed and part.node)
            _set_attributes(file.attrs, {"coordinates": beside} if beside else {})
        data = sink.finish()
    if is_small:
        writer.write(_FILE, data)
    schema = {**described, "shapes": shapes}
    writer.write(_SCHEMA, json.dumps(schema, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())


def read_netcdf(reader: PayloadReader) -> Any:
    """Load what ``write_netcdf`` wrote."""
    import h5py
    import xarray as xr

    described = json.loads(reader.read(_SCHEMA))
    source: Any = io.BytesIO(reader.read(_FILE)) if reader.size(_FILE) < _READ else reader.path(_FILE)
    with h5py.File(source, "r") as file:

        def variable(entry: Mapping[str, Any], dims: tuple[Any, ...], attrs: Any, _: int) -> Any:
            elements = Elements.described(entry["kind"], entry["dtype"])
            values = _read(file, entry["node"], tuple(described["shapes"][entry["node"]]), elements)
            made = xr.Variable(dims, values, attrs, fastpath=True)
            return _by_dask(made) if entry["dask"] else made

        return rebuild(described, variable)


def _check(elements: Elements) -> None:
    if elements.dtype.kind == "c" or elements.dtype.str[1:] == "f2":
        raise Loss(f"the dtype {elements.dtype!r}, which netCDF does not have", "zarr")


def _dimensions(parts: Sequence[Part]) -> dict[Any, str]:
    """Name the dimensions of the file: as in the value, where that is a name and no other array has it."""
    taken = {part.node for part in parts if part.variable.dims != (part.node,)}
    names: dict[Any, str] = {}
    for part in parts:
        for dim in part.variable.dims:
            is_own = isinstance(dim, str) and is_plain_name(dim) and dim not in taken
            names.setdefault(dim, dim if is_own else f"dimension-{len(names)}")
    return names


def _write_part(
    file: Any, part: Part, elements: Elements, names: Mapping[Any, str], sink: _Sink, *, is_compressed: bool
) -> None:
    """Write one variable, some blocks at a time where it is lazy."""
    variable = part.variable
    shape = (*variable.shape, *elements.more)
    dims = [*(names[dim] for dim in variable.dims), *(f"{part.node}-bytes" for _ in elements.more)]
    for dim, side in zip(dims, shape, strict=True):
        if dim not in file.dimensions:
            file.dimensions[dim] = side
    settings = {"compression": "gzip", "compression_opts": 4, "shuffle": True} if is_compressed and shape else {}
    target = file.create_variable(part.node, tuple(dims), dtype=_stored(elements), **settings)
    extra = {"dtype": "bool"} if elements.dtype.kind == "b" else {}
    attributes = netcdf_attributes(variable.attrs, variable.dtype)
    fill = netcdf_attributes({}, variable.dtype).get("_FillValue")
    _set_attributes(target.attrs, {**attributes, **extra})
    if fill is not None:
        import numpy as np

        target.attrs["_FillValue"] = np.int64(fill)
    for region in _regions(variable, elements):
        target[(*region, ...)] = _put(elements, values_of(variable[region]))
        sink.check()


def _regions(variable: Any, elements: Elements) -> Any:
    """Cut what is lazy between its blocks; what is in memory is one region."""
    chunks = variable.shape
    if is_dask(variable):
        chunks = block_lengths(variable)
    elif not variable._in_memory:  # noqa: SLF001 - not loaded here
        chunks = (1,) * variable.ndim
    return regions(variable.shape, chunks, elements.dtype.itemsize, _BLOCK)


def _stored(elements: Elements) -> Any:
    import h5py
    import numpy as np

    if elements.stored == STRING:
        return h5py.string_dtype()
    return np.dtype("i1") if elements.dtype.kind == "b" else elements.stored


def _put(elements: Elements, values: Any) -> Any:
    stored = elements.put(values)
    if elements.stored == STRING:
        if any("\0" in text for text in stored.flat):
            raise Loss("a string with a NUL in it, where netCDF's strings end", "zarr")
        return stored
    return stored.view("i1") if elements.dtype.kind == "b" else stored


def _read(file: Any, node: str, shape: tuple[int, ...], elements: Elements) -> Any:
    """Read one array, all of which lies in this file."""
    import h5py
    import numpy as np

    if 0 in shape:
        return np.empty(shape, elements.dtype)
    link: Any
    dataset: Any
    link, dataset = file.get(node, getlink=True), file.get(node) if "/" not in node else None
    is_own = isinstance(link, h5py.HardLink) and isinstance(dataset, h5py.Dataset)
    if not is_own or dataset.external or dataset.is_virtual or dataset.shape != (*shape, *elements.more):
        raise ValueError(f"a stored netCDF file has no array {node!r} of its own with the shape {shape}")
    if elements.stored == STRING:
        return elements.take(np.asarray(dataset.asstr()[...], object))
    values = np.asarray(dataset[...])
    return elements.take(values.view("?") if elements.dtype.kind == "b" else values)


def _set_attributes(target: Any, attributes: Mapping[str, Any]) -> None:
    """Write what netCDF has, for other readers."""
    for name, item in attributes.items():
        if name not in _TAKEN and is_plain_name(name):
            target[name] = item


def _by_dask(variable: Any) -> Any:
    """Give an array of dask for what was one, if dask is there."""
    from importlib.util import find_spec

    return variable if find_spec("dask") is None else variable.chunk()
