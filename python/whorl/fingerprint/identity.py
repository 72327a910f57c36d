"""
The nodes of one fingerprint in, out the numbers by which objects that look alike are told apart.

Two functions that do the same are the same, so that a cell of a notebook may be run again.  Two classes, two lists or
two caches that look alike are not: ``except``, ``isinstance``, ``is`` and every change in place tell them apart.  So
what has an identity bears the number of its first visit on a walk from the root, in the order of the edges: the same in
every process, whatever the objects are called.  Values that cannot change have none, for Python may keep one copy of
them or several.  On the arrow: inside *fingerprint*.
"""

from __future__ import annotations

import array
import dis
import functools
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, defaultdict, deque
from contextvars import ContextVar
from types import CodeType, SimpleNamespace
from typing import TYPE_CHECKING

from whorl.fingerprint.boundary import Own, owner
from whorl.fingerprint.kinds import (
    is_class,
    is_function,
    is_module,
    module_name_of,
    order_of,
    qualified_name_of,
    top_of,
)

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping
    from types import CellType

    from whorl.fingerprint.nodes import Key, Node

_CHANGEABLE = (
    *(list, dict, set, bytearray, deque, defaultdict, OrderedDict, Counter, ChainMap, UserDict, UserList),
    *(SimpleNamespace, array.array, ContextVar, type(functools.lru_cache(lambda: None))),
)
# By identity, since a metaclass may refuse to be hashed.
_CHANGEABLE_IDS = frozenset(map(id, _CHANGEABLE))
_LIBRARIES = ("numpy", "pandas", "xarray", "polars")
_VALUES_OF_LIBRARIES = ("ndarray", "DataFrame", "Series", "DataArray", "Dataset")


def number_identities(root: Node, nodes: Mapping[Key, Node], facts: Mapping[Key, Key]) -> dict[Key, tuple[int, ...]]:
    """Give nodes with an identity its number; two nodes of one object have one number."""
    numbers: dict[tuple[str, int], int] = {}
    found: dict[Key, tuple[int, ...]] = {}
    rebound = {id(cell) for node in nodes.values() for cell in _rebound_cells(node.value)}
    for node in _in_order(root, nodes, facts):
        identities = [*_identities(node, rebound)]
        if identities:
            found[node.key] = tuple(numbers.setdefault(identity, len(numbers)) for identity in identities)
    return found


def _in_order(root: Node, nodes: Mapping[Key, Node], facts: Mapping[Key, Key]) -> Iterator[Node]:
    """Visit every node once, in the order of the edges; the facts about a node come last."""
    waiting, seen = [root.key], set()
    while waiting:
        key = waiting.pop()
        if key not in seen:
            seen.add(key)
            node = nodes[key]
            yield node
            if key in facts:
                waiting.append(facts[key])
            waiting.extend(target.key for _, target in reversed(node.edges))


def _identities(node: Node, rebound: Container[int]) -> Iterator[tuple[str, int]]:
    """Tell what of a node can be told from its like: the object, and the cell that closures share."""
    value = node.value
    if node.facts or node.key[0] == "leaf":
        return
    if id(node.place.holder) in rebound:
        yield "cell", id(node.place.holder)
    if is_module(value) or is_function(value):
        return
    if node.kind == "class" if is_class(value) else _is_changeable(type(value)):
        yield "object", id(value)


def _rebound_cells(value: object) -> Iterator[CellType]:
    """Give the cells of a function that its code puts other values in (``nonlocal``)."""
    if is_function(value) and value.__closure__:
        names = _rebound_names(value.__code__)
        yield from (
            cell for name, cell in zip(value.__code__.co_freevars, value.__closure__, strict=True) if name in names
        )


@functools.lru_cache(maxsize=4096)
def _rebound_names(code: CodeType) -> frozenset[str]:
    own = (step.argval for step in dis.get_instructions(code) if step.opname in ("STORE_DEREF", "DELETE_DEREF"))
    nested = (_rebound_names(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return frozenset(own).union(*nested).intersection(code.co_freevars)


def _is_changeable(kind: type) -> bool:
    if kind is object or any(id(base) in _CHANGEABLE_IDS for base in order_of(kind)):
        return True
    if top_of(kind) in _LIBRARIES:
        return qualified_name_of(kind) in _VALUES_OF_LIBRARIES
    return module_name_of(kind) != "builtins" and isinstance(owner(kind), Own)
