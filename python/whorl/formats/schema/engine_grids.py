"""
A dataset of xarray comes in, a frame of pandas goes out, and back: exactly, or not at all.

=====================  ===========================================================================================
a dimension            a level of the index by its name; one without labels counts from 0
a variable             a column; all are over all dimensions
attributes             those of the dataset are the frame's ``attrs``, and those of an array a series'
text                   of a fixed width becomes text of any
an index               a dimension by its name; one without a name is called ``index``
refused                attributes of variables, coordinates that are no labels, rows that are not all combinations
=====================  ===========================================================================================

Each way is gone back, and compared.  On the arrow: the end of *decode*, where a caller asked for an ``engine``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.formats.schema.engine_refusal import unreadable_as
from whorl.formats.schema.loss import Loss
from whorl.formats.schema.payload import check_same

if TYPE_CHECKING:
    from collections.abc import Iterable

_INDEX = "index"


def frame_of_dataset(dataset: Any) -> Any:
    """Make the frame of a dataset."""
    wanted = "pandas.DataFrame"
    if odd := _check_variables(dataset):
        raise unreadable_as("xarray.Dataset", wanted, odd)
    loaded = dataset.compute()
    frame = loaded.to_dataframe()
    frame.attrs = dict(dataset.attrs)
    _compare(_labelled(loaded), _in_order(_dataset(frame)), "xarray.Dataset", wanted)
    return frame


def dataset_of_frame(frame: Any) -> Any:
    """Make the dataset of a frame."""
    _check_labels(frame, "xarray.Dataset")
    dataset = _dataset(frame)
    back = dataset.to_dataframe()
    back.attrs = dict(dataset.attrs)
    _compare(_named(frame), back[list(frame.columns)], "pandas.DataFrame", "xarray.Dataset")
    return dataset


def array_of_series(series: Any) -> Any:
    """Make the data array of a series."""
    _check_labels(series, "xarray.DataArray")
    array = series.to_xarray()
    array.attrs = dict(series.attrs)
    back = array.to_series()
    back.attrs = dict(array.attrs)
    _compare(_named(series), back, "pandas.Series", "xarray.DataArray")
    return array


def series_of_array(array: Any) -> Any:
    """Make the series of a data array."""
    dataset = array.to_dataset(name="values")
    dataset["values"].attrs = {}
    if not array.ndim or (odd := _check_variables(dataset)):
        raise unreadable_as("xarray.DataArray", "pandas.Series", odd if array.ndim else "it has no dimension")
    loaded = array.compute()
    series = loaded.to_series()
    series.attrs = dict(array.attrs)
    back = series.to_xarray().rename(array.name)
    back.attrs = dict(series.attrs)
    _compare(_labelled(loaded), back, "xarray.DataArray", "pandas.Series")
    return series


def _check_variables(dataset: Any) -> str:
    """Say what of a dataset a frame has no place for; nothing where that is nothing."""
    dims = set(dataset.sizes)
    if not dims or not dataset.data_vars:
        return "it has no dimension or no variable"
    if odd := [name for name, each in dataset.data_vars.items() if set(each.dims) != dims]:
        return f"{_listed(odd)} are not over all of its dimensions"
    if odd := [name for name in dataset.coords if name not in dims]:
        return f"{_listed(odd)} are coordinates, and no labels of a dimension"
    if odd := [name for name, each in dataset.variables.items() if each.attrs]:
        return f"{_listed(odd)} have attributes (drop_attrs() leaves them out)"
    return ""


def _check_labels(value: Any, wanted: str) -> None:
    """Refuse rows that are not told apart, or not all combinations of the levels."""
    has = "pandas.Series" if value.ndim == 1 else "pandas.DataFrame"
    index = value.index
    if not index.is_unique:
        raise unreadable_as(has, wanted, "two rows have one label")
    if index.nlevels > 1:
        if None in index.names:
            raise unreadable_as(has, wanted, "a level of its index has no name")
        combinations = 1
        for level in range(index.nlevels):
            combinations *= index.get_level_values(level).nunique(dropna=False)
        if combinations != len(index):
            raise unreadable_as(has, wanted, "its rows are not all combinations of the levels of its index")


def _dataset(frame: Any) -> Any:
    dataset = frame.to_xarray()
    dataset.attrs = dict(frame.attrs)
    return dataset


def _named(value: Any) -> Any:
    """Name the index as xarray names a dimension that has no name."""
    return value.rename_axis(_INDEX) if value.index.nlevels == 1 and value.index.name is None else value


def _in_order(dataset: Any) -> Any:
    """List labels before variables: in which order a dataset has them is more than a frame can say."""
    return dataset[[*dataset.sizes, *dataset.data_vars]]


def _labelled(value: Any) -> Any:
    """Give each dimension the labels that a frame has for it; text is of any width there."""
    import numpy as np

    labels = {dim: np.arange(size) for dim, size in value.sizes.items() if dim not in value.coords}
    labels |= {name: each.astype(object) for name, each in value.coords.items() if each.dtype.kind == "U"}
    named = value.assign_coords(labels)
    if hasattr(named, "data_vars"):
        texts = {name: each.astype(object) for name, each in named.data_vars.items() if each.dtype.kind == "U"}
        return _in_order(named.assign(texts))
    return named.astype(object) if named.dtype.kind == "U" else named


def _compare(value: Any, back: Any, has: str, wanted: str) -> None:
    try:
        check_same(value, back)
    except Loss as loss:
        raise unreadable_as(has, wanted, "what was made of it is another value when it is made back") from loss


def _listed(names: Iterable[object]) -> str:
    return ", ".join(f"`{name}`" for name in names)
