"""
A collection of dask's in, the same out, whose parts go through a function when they are computed.

Nothing is computed now, and parts that nobody asks for are left alone, wherever they are: in this process, on a
cluster, or yet to be made.  The new parts have names that no others have, for a cluster takes parts of one name for the
same.  Beside the arrow: this is how private copies of such collections are made.
"""

from __future__ import annotations

import copy
import sys
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# What reads files anew whenever it is asked ...
_READERS = frozenset(("ZarrArrayWrapper", "NetCDF4ArrayWrapper", "H5NetCDFArrayWrapper", "LazyElements"))
# ... and what xarray puts around it that keeps nothing; another keeps what was read once.
_COVERS = frozenset(
    ("ImplicitToExplicitIndexingAdapter", "CopyOnWriteArray", "LazilyIndexedArray", "_ElementwiseFunctionArray")
)


def is_collection(kind: type) -> bool:
    """Whether values of a type are collections of dask's own: arrays, frames, bags, delayed values."""
    base = sys.modules.get("dask.base")
    return base is not None and issubclass(kind, base.DaskMethodsMixin)


def over_parts(collection: Any, function: Callable[[Any], object]) -> Any:
    """Put a function, which gives what it takes, over the parts of a collection."""
    name = f"private-{uuid.uuid4().hex}"
    if not _is_frame(type(collection)):
        return _over_blocks(collection, function, name)
    meta = collection._meta  # noqa: SLF001 - how dask says what a frame is made of
    if not getattr(meta, "ndim", 0):
        return copy.copy(collection)  # one number, which nothing changes
    mapped = collection.map_partitions(function, meta=meta, enforce_metadata=False, token=name)
    mapped.__dict__.update({field: held for field, held in vars(collection).items() if field != "_expr"})
    return mapped


def is_read_anew(collection: Any) -> bool:
    """
    Whether all parts come out of files each time, so that nobody shares them.

    To read a few columns or rows dask must see the readers; nothing may then stand between.
    """
    if _is_frame(type(collection)):
        return all(map(_reads_or_selects, collection.expr.walk()))
    graph = collection.__dask_graph__()
    leaves = [name for name, needed in getattr(graph, "dependencies", {}).items() if not needed]
    return bool(leaves) and all(map(_is_reader, (graph.layers[name] for name in leaves)))


def _is_frame(kind: type) -> bool:
    return hasattr(kind, "map_partitions") and hasattr(kind, "divisions")


def _reads_or_selects(node: Any) -> bool:
    """Whether an expression reads parquet, or is made of such by dask alone: an own function may give what it holds."""
    if any(base.__name__ == "ReadParquet" for base in type(node).__mro__):
        return True
    return bool(node.dependencies()) and not any(map(callable, node.operands))


def _is_reader(layer: Any) -> bool:
    """Whether what a layer hands to others is one array in a file."""
    if len(layer) != 1 or not layer.is_materialized():
        return False
    (held,) = layer.values()
    held = getattr(held, "value", held)  # dask's own cover
    while type(held).__name__ in _COVERS:
        held = held.array
    return type(held).__name__ in _READERS


def _over_blocks(collection: Any, function: Callable[[Any], object], name: str) -> Any:
    """Put a task on each part; for arrays and bags none is written down before it is needed."""
    from dask.base import get_collection_names, replace_name_in_key
    from dask.blockwise import blockwise
    from dask.highlevelgraph import HighLevelGraph, MaterializedLayer

    kind = type(collection)
    (before,) = get_collection_names(collection)
    renamed = {before: name}
    if hasattr(kind, "numblocks") or hasattr(kind, "map_partitions"):
        blocks = collection.numblocks if hasattr(kind, "numblocks") else (collection.npartitions,)
        axes = tuple(range(len(blocks)))
        key: Any = name
        layer: Any = blockwise(function, name, axes, before, axes, numblocks={before: blocks})  # type: ignore[no-untyped-call]
    else:
        key = replace_name_in_key(collection.key, renamed)
        layer = MaterializedLayer({key: (function, collection.key)})
    graph = HighLevelGraph.from_collections(key, layer, dependencies=[collection])
    rebuild, args = collection.__dask_postpersist__()
    return rebuild(graph, *args, rename=renamed)
