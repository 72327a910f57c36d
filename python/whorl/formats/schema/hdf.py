"""
A dataset or data array comes in, a netCDF file, which is one of HDF5, and its schema go out, and back.

Reading takes nothing from the file but arrays that lie in it: HDF5 could have them lie in other files of the machine.
On the arrow: *encode* and *decode* of netcdf.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from whorl.formats.schema.chunks import is_dask
from whorl.formats.schema.described import attributes_of, describe, is_plain_name, parts_of, plain_attributes, rebuild
from whorl.formats.schema.detour import regions
from whorl.formats.schema.elements import STRING, Elements
from whorl.formats.schema.loss import Loss

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from whorl.formats.base import PayloadReader, PayloadWriter
    from whorl.formats.schema.described import Part

_FILE, _SCHEMA = "data.nc", "schema.json"
# Below this everything is written in memory: it may stand inline in a manifest.
_SMALL = 1 << 20
# What is computed at a time of what is lazy, and what is read at once rather than from a path.
_BLOCK, _READ = 128 << 20, 16 << 20
_LIMIT = 1 << 63
# HDF5's and netCDF's own.
_TAKEN = frozenset(("CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "_FillValue", "_NCProperties"))


def write_netcdf(value: Any, writer: PayloadWriter, *, is_compressed: bool) -> None:
    """Write a dataset or a data array, or raise ``Loss``."""
    import h5netcdf

    parts, indexes = parts_of(value)
    is_small = sum(part.variable.nbytes for part in parts) < _SMALL
    buffer = io.BytesIO()
    shapes: dict[str, list[int]] = {}
    with h5netcdf.File(buffer if is_small else writer.path(_FILE), "w") as file:
        names = _dimensions(parts)

        def write(part: Part, elements: Elements) -> None:
            _check(elements)
            shapes[part.node] = list(part.variable.shape)
            if part.variable.size:  # netCDF has no dimensions of no length
                _write_part(file, part, elements, names, is_compressed=is_compressed)

        described = describe(value, parts, indexes, write)
        _set_attributes(file.attrs, plain_attributes(value.attrs, {}) if described["type"] == "Dataset" else {})
        beside = " ".join(part.node for part in parts if part.is_coordinate and not part.is_indexed and part.node)
        _set_attributes(file.attrs, {"coordinates": beside} if beside else {})
    if is_small:
        writer.write(_FILE, buffer.getvalue())
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


def _write_part(file: Any, part: Part, elements: Elements, names: Mapping[Any, str], *, is_compressed: bool) -> None:
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
    attributes = attributes_of(part)
    fill = attributes.get("_FillValue") if elements.kind == "count" else None
    _set_attributes(target.attrs, {**attributes, **extra})
    if fill is not None:
        import numpy as np

        target.attrs["_FillValue"] = np.int64(fill)
    for region in _regions(variable, elements):
        target[(*region, ...)] = _put(elements, variable[region].values)


def _regions(variable: Any, elements: Elements) -> Any:
    """Cut what is lazy between its blocks; what is in memory is one region."""
    chunks = variable.shape
    if is_dask(variable):
        chunks = [max(lengths) for lengths in variable.data.chunks]
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
        if name not in _TAKEN and is_plain_name(name) and _is_attribute(item):
            target[name] = item


def _is_attribute(item: object) -> bool:
    if type(item) is str:
        return "\0" not in item and item.isprintable() and bool(item)
    if type(item) is int:
        return -_LIMIT <= item < _LIMIT
    return type(item) is float


def _by_dask(variable: Any) -> Any:
    """Give an array of dask for what was one, if dask is there."""
    from importlib.util import find_spec

    return variable if find_spec("dask") is None else variable.chunk()
