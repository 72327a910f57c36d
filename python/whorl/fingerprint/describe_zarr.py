"""
Arrays and groups of zarr in, descriptions out.

They are handles: what counts is what lies behind them now, never where that is.  An array counts by its dtype, shape,
names of dimensions, fill value, attributes and elements, which are read some rows at a time; chunks and codecs, which
say how it is kept, do not.  A group counts by its attributes and by all its members, at any depth.  On the arrow:
inside *digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.fingerprint.describe_instance import refuse
from whorl.fingerprint.description import node
from whorl.fingerprint.lazy import describe_rows
from whorl.fingerprint.subclasses import besides, class_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whorl.fingerprint.description import Describer, Description

# What zarr itself keeps in arrays and groups, to ask the store with.
_HANDLES = ("_async_array", "_async_group")


def describer_of(kind: type) -> Describer | None:
    """Return what describes a type of zarr's family; None for what is an instance like any other."""
    import zarr

    for bases, describer in (
        (zarr.Array, _describe_array),
        (zarr.Group, _describe_group),
        ((zarr.AsyncArray, zarr.AsyncGroup), _refuse_async),
    ):
        if issubclass(kind, bases):
            return describer
    return None


def _describe_array(array: Any) -> Description:
    held = [
        (".dimension_names", getattr(array.metadata, "dimension_names", None)),
        (".fill_value", array.fill_value),
        (".attrs", array.attrs.asdict()),
    ]
    rows = describe_rows(array.shape, array.dtype, list(_chunks(array)), _rows_of(array))
    return node(class_name(array, "zarr", "Array"), [("", rows), *held, *besides(array, "zarr", _HANDLES)])


def _describe_group(group: Any) -> Description:
    members = [(f'["{name}"]', each) for name, each in sorted(group.members())]
    held = [(".attrs", group.attrs.asdict()), *members, *besides(group, "zarr", _HANDLES)]
    return node(class_name(group, "zarr", "Group"), held)


def _chunks(array: Any) -> Iterator[int]:
    """Give the lengths of its chunks on the first axis; of shards, where chunks lie in these."""
    length = (array.shards or array.chunks)[0] if array.ndim else 0
    for start in range(0, array.shape[0], length) if length else ():
        yield min(length, array.shape[0] - start)


def _rows_of(array: Any) -> Callable[[int, int], Any]:
    return lambda start, stop: array[start:stop] if array.ndim else array[()]


def _refuse_async(handle: object) -> Description:
    raise refuse(type(handle), "its values can only be awaited", "give the stage a zarr.Array or a zarr.Group")
