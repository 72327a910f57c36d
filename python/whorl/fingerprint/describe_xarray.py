"""
xarray datasets, arrays and variables in, descriptions out.

Dimensions, coordinates, variables with their order, attributes and indexes count; ``encoding``, which says how a file
was written, does not.  Lazy variables, whether dask's or in a file, count by their values, computed some rows at a
time: a token of the library that made them says nothing about values.  On the arrow: inside *digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.fingerprint.description import Described, Inner, node
from whorl.fingerprint.lazy import describe_rows
from whorl.fingerprint.subclasses import besides, class_name, is_of
from whorl.plans import plan_runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.fingerprint.description import Describer, Description, Parts


def describer_of(kind: type) -> Describer | None:
    """Return what describes a type of xarray's family; None for what is an instance like any other."""
    import xarray as xr

    for base, describer in (
        (xr.Dataset, _describe_dataset),
        (xr.DataArray, _describe_data_array),
        (xr.Variable, _describe_variable),
        (getattr(xr, "NamedArray", ()), _describe_named_array),
        (getattr(xr, "DataTree", ()), _describe_tree),
    ):
        if base and issubclass(kind, base):
            return describer
    return None


def _describe_dataset(dataset: Any) -> Description:
    variables = [(f'["{name}"]', [name, _inside(dataset.variables[name])]) for name in dataset.variables]
    parts: Parts = [(".coords", list(dataset.coords)), (".data_vars", list(dataset.data_vars)), *variables]
    parts += [(".indexes", _indexes(dataset)), (".attrs", dict(dataset.attrs)), *besides(dataset, "xarray")]
    return node(class_name(dataset, "xarray", "Dataset"), parts)


def _describe_data_array(array: Any) -> Description:
    coordinates = [(f'.coords["{name}"]', [name, _inside(array.coords[name].variable)]) for name in array.coords]
    parts: Parts = [(".name", array.name), (".variable", _inside(array.variable)), *coordinates]
    parts += [(".indexes", _indexes(array)), *besides(array, "xarray")]
    return node(class_name(array, "xarray", "DataArray"), parts)


def _describe_variable(variable: Any) -> Description:
    return node(class_name(variable, "xarray", type(variable).__name__), _parts_of_variable(variable))


def _describe_named_array(array: Any) -> Description:
    import xarray as xr

    parts = _held_by_variable(xr.Variable(array.dims, array.data, array.attrs))
    return node(class_name(array, "xarray", "NamedArray"), [*parts, *besides(array, "xarray")])


def _parts_of_variable(variable: Any) -> Parts:
    return [*_held_by_variable(variable), *besides(variable, "xarray")]


def _held_by_variable(variable: Any) -> Parts:
    return [(".dims", tuple(variable.dims)), _values_of(variable), (".attrs", dict(variable.attrs))]


def _inside(variable: Any) -> object:
    """Take a variable that stands in something: that it is an IndexVariable there, the indexes say."""
    kind = type(variable)
    if not (is_of(kind, "xarray") and kind.__name__ == "IndexVariable"):
        return variable
    return Described(node("xarray.Variable", _parts_of_variable(variable)))


def _values_of(variable: Any) -> tuple[str, object]:
    import numpy as np

    held = variable._data  # noqa: SLF001 - the public ways load it
    family = type(held).__module__.partition(".")[0]
    if not isinstance(variable.dtype, np.dtype) or family not in ("numpy", "xarray", "dask"):
        # An array of pandas, with units, sparse, …: more than the numbers in it.
        return ".data", variable.data
    if variable._in_memory:  # noqa: SLF001 - as above
        return ".values", Inner(variable.values)
    if not variable.ndim:
        # One that is a time comes as a scalar of numpy, here as in memory.
        with plan_runs():
            return ".values", Inner(variable.copy(deep=False).values)
    rows = variable.chunks[0] if variable.chunks else _chunks_of(variable)
    return ".values", describe_rows(variable.shape, variable.dtype, rows, _rows_of(variable))


def _chunks_of(variable: Any) -> list[int]:
    """Cut the first axis of a variable that lies in a file as the file is cut."""
    length = variable.shape[0]
    preferred = variable.encoding.get("preferred_chunks", {})
    step = max(1, preferred.get(variable.dims[0], 1)) if length else 1
    return [min(step, length - start) for start in range(0, length, step)]


def _rows_of(variable: Any) -> Callable[[int, int], Any]:
    def load(start: int, stop: int) -> Any:
        # A slice of a variable loads no more than itself, and keeps it from its owner.
        with plan_runs():
            return variable[start:stop].values

    return load


def _describe_tree(tree: Any) -> Description:
    children = [(f'["{name}"]', child) for name, child in tree.children.items()]
    parts = [(".name", tree.name), (".dataset", tree.to_dataset(inherit=False)), *children]
    return node(class_name(tree, "xarray", "DataTree"), [*parts, *besides(tree, "xarray")])


def _indexes(obj: Any) -> list[tuple[object, ...]]:
    """Name the coordinates that have an index, what kind it is, and what it holds besides their values."""
    indexes = sorted(obj.xindexes.items(), key=lambda item: str(item[0]))
    return [(str(name), type(index).__name__, *_held_by(index)) for name, index in indexes]


def _held_by(index: Any) -> list[object]:
    if not (is_of(type(index), "xarray") and type(index).__name__ in ("PandasIndex", "PandasMultiIndex")):
        return [index]
    held = index.index
    # The frequency of periods is part of their dtype.
    regular = held.dtype.kind in "mM" and getattr(held, "freq", None) is not None
    return [held] if regular or not is_of(type(held), "pandas") else []
