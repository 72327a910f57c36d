"""
An xarray dataset or array comes in, one netCDF file and a schema beside it go out, and back, exactly.

=================================  ========================================================================
bool, int, float                   kept to the last bit: NaN, -0.0; booleans as bytes
datetime64, timedelta64            kept with their unit, as numbers with CF's units and calendar
strings                            kept as netCDF strings; as objects where they were objects
coordinates, names, attributes     kept with their types and order; netCDF has those that it has types for
DataArray                          comes back as one, with its name
dask arrays                        computed and written block by block, texts at once; they come back in memory
refused                            complex numbers, other objects, MultiIndex, names that are no text or have slashes
=================================  ========================================================================

The file is of version 4, written by h5netcdf.  What was written is read again and compared.  There are no options.  On
the arrow: *encode* and *decode*.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from whorl.formats.base import check_options
from whorl.formats.schema.chunks import is_dask
from whorl.formats.schema.datasets import conventional, pack_tree, plain_attributes, unpack_tree
from whorl.formats.schema.indexes import describe_indexes, rebuild_index
from whorl.formats.schema.loss import Loss, refusing, require, within
from whorl.formats.schema.payload import check_same

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from whorl.formats.base import Format, PayloadReader, PayloadWriter

_FILE, _SCHEMA = "data.nc", "schema.json"
_TYPES = (("xarray", "Dataset"), ("xarray", "DataArray"))
# What stands for the data of an array without a name; those of a dataset are called as they are.
_DATA = "data"
_KEPT = "iufU"


class Netcdf:
    """The format ``netcdf``."""

    name = "netcdf"
    suffix = ".nc"
    exact = True
    runs_code = False

    def accepts(self, value: object) -> bool:
        """Take datasets and data arrays, not those of subclasses."""
        kind = type(value)
        return (kind.__module__.partition(".")[0], kind.__qualname__) in _TYPES

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        """Write one file and the schema."""
        check_options(self, options, ())
        with refusing(self.name, value):
            require("h5netcdf")
            require("h5py")
            if not self.accepts(value):
                raise Loss("it is not a Dataset or DataArray, or of a subclass", "")
            path = writer.path(_FILE)
            schema = _write(value, path)
            writer.write(_SCHEMA, json.dumps(schema, ensure_ascii=False, indent=1).encode())
            check_same(value, _read(path, schema))

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:  # noqa: ARG002 - it has none
        """Read the file into memory."""
        return _read(reader.path(_FILE), json.loads(reader.read(_SCHEMA)))


def _write(value: Any, path: Path) -> dict[str, Any]:
    """Write plain variables; give what makes them what they were."""
    import xarray as xr

    is_dataset = type(value).__qualname__ == "Dataset"
    variables = dict(value.variables) if is_dataset else {name: each.variable for name, each in value.coords.items()}
    if not is_dataset:
        variables[value.name if isinstance(value.name, str) else _DATA] = value.variable
        if len(variables) == len(value.coords):
            raise Loss("an array that is called as one of its coordinates", "zarr")
    plain, described = {}, []
    for name, variable in variables.items():
        with within(f"variable `{name}`"):
            if not all(isinstance(text, str) and "/" not in text for text in (name, *variable.dims)):
                raise Loss("names that are no text or have slashes", "zarr")
            if len(set(variable.dims)) < len(variable.dims):
                raise Loss("a dimension that is there twice", "")
            plain[name] = _plain(variable)
            attrs = pack_tree(variable.attrs, "attrs")
            described.append({"name": name, "dims": list(variable.dims), "dtype": _dtype(variable), "attrs": attrs})
    attrs = pack_tree(value.attrs if is_dataset else {}, "attrs")
    file = xr.Dataset(plain, attrs=plain_attributes(value.attrs if is_dataset else {}, {}))
    indexes = describe_indexes(value)
    if any(index["type"] == "levels" for index in indexes):
        raise Loss("an index of several levels", "zarr")
    coordinates = [name for name in variables if name in value.coords]
    file.set_coords(coordinates).to_netcdf(
        path, engine="h5netcdf", format="NETCDF4", encoding={name: {"_FillValue": None} for name in plain}
    )
    name = pack_tree(None if is_dataset else value.name, "name")
    head = {"dataset": is_dataset, "name": name, "attrs": attrs, "coordinates": coordinates}
    return {**head, "variables": described, "indexes": indexes}


def _dtype(variable: Any) -> str:
    return "object" if variable.dtype.kind == "O" else str(variable.dtype.str)


def _plain(variable: Any) -> Any:
    """Make a variable of numbers or texts, with the words of CF for what numbers of times mean."""
    import xarray as xr

    kind = variable.dtype.kind
    attrs = {**plain_attributes(variable.attrs, {}), **conventional(variable.dtype)}
    if kind in "mM":
        return xr.Variable(variable.dims, variable.data.astype("i8"), attrs)
    if kind == "b":
        return xr.Variable(variable.dims, variable.data.astype("i1"), attrs)
    if kind == "O" and is_dask(variable):
        raise Loss("objects that dask computes", "zarr")
    if kind == "O" and not all(type(item) is str for item in variable.values.ravel().tolist()):
        raise Loss("objects that are not all text", "zarr")
    if kind not in f"{_KEPT}O" or variable.dtype.str[0] == ">":
        raise Loss(f"values of type {variable.dtype}", "zarr")
    return xr.Variable(variable.dims, variable.values.astype(object) if kind == "U" else variable.data, attrs)


def _read(path: Path, schema: Mapping[str, Any]) -> Any:
    import xarray as xr

    with xr.open_dataset(path, engine="h5netcdf", decode_cf=False) as file:
        variables = {each["name"]: _variable(file.variables[each["name"]], each) for each in schema["variables"]}
    held = {name: variables[name] for name in schema["coordinates"]}
    indexes: dict[Any, Any] = {}
    for index in schema["indexes"]:
        indexes.update(rebuild_index(index, held))
    coordinates = xr.Coordinates(held, indexes=indexes)
    if schema["dataset"]:
        data = {name: each for name, each in variables.items() if name not in held}
        return xr.Dataset(data, coords=coordinates, attrs=unpack_tree(schema["attrs"]))[list(variables)]
    (last,) = (each for name, each in variables.items() if name not in held)
    return xr.DataArray(last, coords=coordinates, name=unpack_tree(schema["name"]))


def _variable(found: Any, described: Mapping[str, Any]) -> Any:
    import numpy as np
    import xarray as xr

    dtype, values = np.dtype(described["dtype"]), np.asarray(found.values)
    if dtype.kind in "mM":
        values = values.astype("i8").view(dtype)
    return xr.Variable(described["dims"], values.astype(dtype), unpack_tree(described["attrs"]))


FORMAT: Format = Netcdf()
