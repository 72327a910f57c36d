"""
xarray datasets, arrays and variables in, descriptions out.

Dimensions, coordinates, variables with their order, attributes and indexes count; ``encoding``, which says how a file
was written, does not.  Lazy variables are computed: a token of the library that made them says nothing about values.
On the arrow: inside *digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.fingerprint.description import Inner, attributes, node

if TYPE_CHECKING:
    from whorl.fingerprint.description import Describer, Description, Parts


def describer_of(kind: type) -> Describer | None:
    """Return what describes a type of xarray's family; None for what is an instance like any other."""
    import xarray as xr

    for base, describer in (
        (xr.Dataset, _describe_dataset),
        (xr.DataArray, _describe_data_array),
        (xr.Variable, _describe_variable),
        (getattr(xr, "DataTree", ()), _describe_tree),
    ):
        if base and issubclass(kind, base):
            return describer
    return None


def _describe_dataset(dataset: Any) -> Description:
    variables = [(f'["{name}"]', [name, dataset.variables[name]]) for name in dataset.variables]
    parts: Parts = [(".coords", list(dataset.coords)), (".data_vars", list(dataset.data_vars)), *variables]
    return node("xarray.Dataset", [*parts, (".indexes", _indexes(dataset)), (".attrs", dict(dataset.attrs))])


def _describe_data_array(array: Any) -> Description:
    coordinates = [(f'.coords["{name}"]', [name, array.coords[name].variable]) for name in array.coords]
    return node(
        "xarray.DataArray", [*attributes(array, "name", "variable"), *coordinates, (".indexes", _indexes(array))]
    )


def _describe_variable(variable: Any) -> Description:
    parts = [(".dims", tuple(variable.dims)), (".values", Inner(variable.values)), (".attrs", dict(variable.attrs))]
    return node("xarray.Variable", parts)


def _describe_tree(tree: Any) -> Description:
    children = [(f'["{name}"]', child) for name, child in tree.children.items()]
    return node("xarray.DataTree", [(".name", tree.name), (".dataset", tree.to_dataset(inherit=False)), *children])


def _indexes(obj: Any) -> list[tuple[str, str]]:
    """Name the coordinates that have an index, and what kind it is."""
    return sorted((str(name), type(index).__name__) for name, index in obj.xindexes.items())
