"""
The indexes of a dataset or data array come in, their description goes out; with their coordinates' values, and back.

Those of one pandas index or several levels, which is what labels are; others know more than their coordinates say and
are refused.  On the arrow: *encode* and *decode* of zarr.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from whorl.formats.schema.loss import Loss, within
from whorl.formats.schema.payload import check_same
from whorl.formats.schema.plain import pack, unpack
from whorl.formats.schema.regular import frequency_of, index_from
from whorl.formats.schema.scalars import SCALARS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TYPES = {"PandasIndex": "labels", "PandasMultiIndex": "levels"}


def describe_indexes(value: Any) -> list[dict[str, Any]]:
    """Describe each index: its coordinates (of levels the first is made of the others), and a frequency."""
    return [_describe(index, list(variables)) for index, variables in value.xindexes.group_by_index()]


def _describe(index: Any, names: Sequence[Any]) -> dict[str, Any]:
    kind = _TYPES.get(type(index).__name__)
    if kind is None or not type(index).__module__.startswith("xarray."):
        raise Loss(f"an index of type {type(index).__module__}.{type(index).__qualname__} over {names}")
    if kind == "levels":
        names = [index.dim, *(name for name in index.index.names)]
    return {
        "type": kind,
        "names": [pack(name, extra=SCALARS, place="the name of a coordinate") for name in names],
        "dim": pack(index.dim, extra=SCALARS, place="a dimension"),
        "frequency": frequency_of(index.index) if kind == "labels" else None,
    }


def check_indexes(value: Any, described: Sequence[Mapping[str, Any]]) -> None:
    """Make the indexes again from their coordinates, and compare."""
    import xarray as xr

    whole = value.coords.to_dataset().copy(deep=False)
    whole.attrs = {}
    for each in described:
        names = [_unpacked(name) for name in each["names"]]
        variables = {name: xr.Variable(whole[name].dims, whole[name].values, whole[name].attrs) for name in names}
        indexes = rebuild_index(each, variables)
        again = xr.Dataset(coords=xr.Coordinates({name: variables[name] for name in names}, indexes=indexes))
        with within(f"the index over {names}"):
            check_same(whole.drop_vars(set(whole.variables) - set(names))[names], again)


def rebuild_index(described: Mapping[str, Any], variables: dict[Any, Any]) -> dict[Any, Any]:
    """Make an index of its coordinates' values, and put its own variables in place of them."""
    names = [_unpacked(name) for name in described["names"]]
    index = (
        _levels(described, names, variables) if described["type"] == "levels" else _labels(described, names, variables)
    )
    variables.update(index.create_variables({name: variables[name] for name in names}))
    return dict.fromkeys(names, index)


def _labels(described: Mapping[str, Any], names: Sequence[Any], variables: Mapping[Any, Any]) -> Any:
    from xarray.indexes import PandasIndex

    (name,), dim = names, _unpacked(described["dim"])
    values = variables[name].values
    if described["frequency"] is None:
        return PandasIndex.from_variables({name: variables[name].copy(deep=False, data=values)}, options={})
    return PandasIndex(index_from(values, described["frequency"], name), dim)


def _levels(described: Mapping[str, Any], names: Sequence[Any], variables: Mapping[Any, Any]) -> Any:
    import pandas as pd
    from xarray.indexes import PandasMultiIndex

    levels = {name: variables[name].to_numpy() for name in names[1:]}
    index = pd.MultiIndex.from_arrays(list(levels.values()), names=list(levels))
    dtypes = {name: level.dtype for name, level in levels.items()}
    return PandasMultiIndex(index, _unpacked(described["dim"]), level_coords_dtype=cast("Any", dtypes))


def _unpacked(tree: Any) -> Any:
    return unpack(tree, extra=SCALARS)
