"""
What code reads about functions and classes in; the facts themselves, as nodes of their own, out.

Names, docstrings and annotations do not count, unless reachable code is known to read them (``__doc__``,
``inspect.signature``): then those of everything reachable do.  On the arrow: inside *fingerprint*, beside the
describers of ``walk``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whorl.fingerprint.boundary import canonical_module
from whorl.fingerprint.kinds import full_name, is_class, is_function
from whorl.fingerprint.nodes import Place
from whorl.fingerprint.references import read_code

if TYPE_CHECKING:
    from types import FunctionType

    from whorl.fingerprint.nodes import Node
    from whorl.fingerprint.walk import Walk

_NAMES = frozenset(("__name__", "__qualname__"))
_EVERYTHING = frozenset(("*", "__code__"))


def describe(walk: Walk, node: Node) -> None:
    """Describe the facts of a function or class that ``node.facts`` asks for."""
    wanted, thing = node.facts, node.value
    everything = bool(wanted & _EVERYTHING)
    node.title("facts", "")
    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        if everything or name in wanted:
            value = walk.watches.attribute(thing, name)
            node.mark(name, canonical_module(value) if name == "__module__" and isinstance(value, str) else repr(value))
    if "__subclasses__" in wanted and is_class(thing):
        _link_subclasses(walk, node, thing)
    if is_function(thing):
        _mark_nested(node, thing, names=everything or bool(wanted & _NAMES), docs=everything or "__doc__" in wanted)
        if everything or "__annotations__" in wanted:
            link_annotations(walk, node, thing)


def _link_subclasses(walk: Walk, node: Node, kind: type) -> None:
    """Link the classes that were made of a class, as far as they are loaded: plug-ins are found this way."""
    subclasses: list[type] = type.__subclasses__(kind)
    walk.watches.result(lambda: [*map(id, type.__subclasses__(kind))], [*map(id, subclasses)])
    for subclass in sorted(subclasses, key=full_name):
        walk.link(node, "subclass", subclass)


def link_annotations(walk: Walk, node: Node, function: FunctionType) -> None:
    """Link the annotations of a function; those of a class are in its namespace and always count."""
    value = walk.watches.attribute(function, "__annotations__")
    walk.link(node, "annotations", value, Place(function, "annotations"), within=True)


def _mark_nested(node: Node, function: FunctionType, *, names: bool, docs: bool) -> None:
    notes = read_code(function.__code__).notes[1:]
    if names:
        node.mark("nested names", *(name for _, name in notes))
    if docs:
        node.mark("nested docstrings", *(text for text, _ in notes))
