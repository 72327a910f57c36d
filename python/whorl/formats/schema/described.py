"""
A dataset or data array comes in, its description and its variables one by one go out; and back.

The description is what files of arrays cannot say exactly: the order of variables, types of names and attributes,
dtypes, indexes.  Formats write it beside the arrays, as JSON.  On the arrow: *encode* and *decode* of zarr and netcdf.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from whorl.formats.schema.chunks import check_array, is_dask
from whorl.formats.schema.conventions import json_attributes
from whorl.formats.schema.elements import Elements
from whorl.formats.schema.indexes import check_indexes, describe_indexes, rebuild_index
from whorl.formats.schema.loss import passing, require, within
from whorl.formats.schema.plain import pack, unpack
from whorl.formats.schema.scalars import ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# What may name a folder on any file system, and is no name of zarr's or the store's.
_PLAIN = re.compile(r"(?!__|refs$|side$|zarr\.json$|variable-)[a-z0-9_][A-Za-z0-9._-]{0,99}", re.IGNORECASE)
KEY = "whorl"


@dataclass(frozen=True, slots=True)
class Part:
    """One variable of a value: its name, whether it is a coordinate, and the array of the zarr that holds it."""

    name: Any
    variable: Any
    is_coordinate: bool
    is_indexed: bool
    is_lazy: bool
    node: str


def computed(parts: list[Part], below: int) -> list[Part]:
    """Compute what is dask's if all has fewer bytes, and together: a task that several variables come of runs once."""
    lazy = [part.variable for part in parts if part.is_lazy]
    if not lazy or sum(part.variable.nbytes for part in parts) >= below:
        return parts
    dask = require("dask")
    with passing():
        found = iter(dask.compute(*lazy))
    return [replace(part, variable=next(found)) if part.is_lazy else part for part in parts]


class _Data:
    """Stands for the name of a data array's own variable: that may be None, or the name of a coordinate."""


def parts_of(value: Any) -> tuple[list[Part], list[dict[str, Any]]]:
    """List the variables of a value and describe its indexes, or raise ``Loss``."""
    indexes = describe_indexes(value)
    derived = {unpacked(index["dim"]) for index in indexes if index["type"] == "levels"}
    parts = _parts_of(value, derived, set(value.xindexes))
    for part in parts:
        check_array(part.variable, part.name)
    check_indexes(value, indexes)
    return parts, indexes


def describe(
    value: Any, parts: Sequence[Part], indexes: Sequence[Mapping[str, Any]], write: Callable[[Part, Elements], object]
) -> dict[str, Any]:
    """Have each variable written, and say of all of them what an array cannot."""
    variables = []
    for part in parts:
        with within(f"variable `{part.name}`"):
            variables.append(_describe_part(part, write))
    head = {"version": 1, "type": type(value).__qualname__, "name": packed(getattr(value, "name", None), "the name")}
    if head["type"] == "Dataset":
        head["attrs"] = packed(value.attrs, "attrs")
    return {**head, "variables": variables, "indexes": list(indexes)}


def rebuild(described: Any, variable_of: Callable[[Mapping[str, Any], tuple[Any, ...], Any, int], Any]) -> Any:
    """Make the value of a description; ``variable_of`` makes a variable of its entry, dimensions and attributes."""
    import xarray as xr

    if described["version"] != 1:
        raise ValueError(f"a stored dataset is of version {described['version']}, and this whorl reads 1")
    variables: dict[Any, Any] = {}
    coordinates, is_dataset = [], described["type"] == "Dataset"
    for number, entry in enumerate(described["variables"]):
        name = unpacked(entry["name"]) if entry["coordinate"] or is_dataset else _Data
        dims, attrs = tuple(unpacked(dim) for dim in entry["dims"]), unpacked(entry["attrs"])
        # One that an index makes anew has its attributes alone.
        variables[name] = variable_of(entry, dims, attrs, number) if entry["node"] else xr.Variable((), 0, attrs)
        if entry["coordinate"]:
            coordinates.append(name)
    indexes = {}
    for index in described["indexes"]:
        indexes.update(rebuild_index(index, variables))
    return _assembled(described, variables, coordinates, indexes)


def is_plain_name(name: str) -> bool:
    """Say whether a name stands for itself in a file of arrays."""
    return bool(_PLAIN.fullmatch(name))


def attributes_of(part: Part) -> dict[str, Any]:
    """Say of one variable what other readers of a zarr understand."""
    return json_attributes(part.variable.attrs, part.variable.dtype)


def root_attributes(value: Any, parts: Sequence[Part], described: Mapping[str, Any]) -> dict[str, Any]:
    """Give the description, and what other readers understand of the whole."""
    held = {KEY: described, "coordinates": " ".join(part.node for part in parts if part.is_coordinate and part.node)}
    return {**held, **json_attributes(value.attrs), **held} if described["type"] == "Dataset" else held


def _describe_part(part: Part, write: Callable[[Part, Elements], object]) -> dict[str, object]:
    variable = part.variable
    entry = {
        "name": packed(part.name, "its name"),
        "coordinate": part.is_coordinate,
        "dims": [packed(name, "a dimension") for name in variable.dims],
        "attrs": packed(variable.attrs, "attrs"),
        "node": part.node,
    }
    if not part.node:
        return entry
    is_here = not is_dask(variable) and variable._in_memory  # noqa: SLF001 - not loaded here
    elements = Elements.of(variable.dtype, variable.values if is_here else None)
    write(part, elements)
    return {**entry, "kind": elements.kind, "dtype": variable.dtype.str, "dask": part.is_lazy}


def _parts_of(value: Any, derived: set[Any], indexed: set[Any]) -> list[Part]:
    """List the variables in their order; the data of a data array last, for which the name is that of the array."""
    taken: set[str] = set()

    def part(name: object, variable: Any, *, is_coordinate: bool) -> Part:
        node = "" if is_coordinate and name in derived else _node(name, taken)
        return Part(name, variable, is_coordinate, is_coordinate and name in indexed, is_dask(variable), node)

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


def _assembled(described: Any, variables: dict[Any, Any], coordinates: list[Any], indexes: dict[Any, Any]) -> Any:
    """Put variables together in the order they had."""
    import xarray as xr

    held = xr.Coordinates({name: variables[name] for name in coordinates}, indexes=indexes)
    if described["type"] == "DataArray":
        return xr.DataArray(variables[_Data], coords=held, name=unpacked(described["name"]))
    data = {name: each for name, each in variables.items() if name not in held}
    return xr.Dataset(data, coords=held, attrs=unpacked(described["attrs"]))[list(variables)]


def packed(value: object, place: str) -> Any:
    """Make a tree for JSON of a name, which never is an array, or attributes."""
    return pack(value, extra=ATTRIBUTES, place=place)


def unpacked(tree: Any) -> Any:
    """Make what a tree was made of."""
    return unpack(tree, extra=ATTRIBUTES)
