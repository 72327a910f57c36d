"""
A function in, the graph of everything it reaches out.

Code is followed through globals, closures, defaults, classes and values, with an explicit stack, as far as the boundary
allows; each kind of object is described in the module of its name.  What is not followed is listed with its place.  On
the arrow: *fingerprint*; ``nodes`` makes the digest of the graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING

from whorl.fingerprint import classes, data, functions, imports, modules, wrappers
from whorl.fingerprint.boundary import canonical_module
from whorl.fingerprint.nodes import NOTHING, NOWHERE, Ignored, Node, Place
from whorl.fingerprint.watches import Watches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whorl.fingerprint.boundary import Distribution
    from whorl.fingerprint.values import ValueScan


@dataclass(frozen=True, slots=True)
class NotFollowed:
    """Something the fingerprint cannot see: ``what`` in words, and ``where`` (``utils.py:12``)."""

    what: str
    where: str

    def __str__(self) -> str:
        return f"{self.what} ({self.where})" if self.where else self.what


class Walk:
    """
    One walk from one root: the nodes met, what must hold for the result to stay true, what was not followed.

    ``reads`` are the facts about functions (``__doc__``, ``__name__`` …) that reachable code is known to read: they
    count.  ``settle`` gives the value that stands for a place which the stage itself has changed.
    """

    def __init__(self, reads: frozenset[str], settle: Callable[[Place, ValueScan], ValueScan]) -> None:
        self.reads = reads
        self.reads_found: set[str] = set()
        self.settle = settle
        self.watches = Watches()
        self.nodes: list[Node] = []
        self.stages: list[object] = []
        self.scans: dict[tuple[int, str], tuple[Place, Node, ValueScan]] = {}
        self.distributions: dict[str, Distribution] = {}
        self.not_followed: dict[NotFollowed, None] = {}
        self._known: dict[tuple[object, ...], Node] = {}
        self._pending: list[Node] = []

    def run(self, root: object, depends_on: Iterable[object], ignored: Ignored) -> Node:
        """Walk everything reachable from ``root`` and from what the user adds; return the root's node."""
        node = self._node(root, NOWHERE, ignored, annotated=False)
        for index, thing in enumerate(depends_on):
            self.link(node, f"depends_on/{index}", imports.named_dependency(thing))
        while self._pending:
            current = self._pending.pop()
            _describer(current.value)(self, current)
        return node

    def link(
        self,
        source: Node,
        label: str,
        value: object,
        place: Place = NOWHERE,
        *,
        dotted: str = "",
        annotated: bool = False,
        within: bool = False,
    ) -> Node:
        """
        Add an edge from a node to what a value is.

        ``dotted`` is the full name it was found under, ``within`` shows it under the part of the source.
        """
        if source.ignored is not NOTHING and _is_ignored(source.ignored, value, dotted):
            target = self._leaf(source, "ignored", dotted or _own_name(value))
        else:
            target = self._node(value, place, source.ignored, annotated=annotated)
            if within and target.owner is None:
                target.owner = source
                target.call(*label.split("/", 1))
        source.edges.append((label, target))
        return target

    def leaf(self, source: Node, label: str, kind: str, name: str) -> Node:
        """Add an edge to a node that is nothing but its name."""
        target = self._leaf(source, kind, name)
        source.edges.append((label, target))
        return target

    def doubt(self, what: str, where: str = "") -> None:
        """List something that is not followed."""
        self.not_followed.setdefault(NotFollowed(what, where))

    def _leaf(self, source: Node, kind: str, name: str) -> Node:
        key = (kind, name)
        node = self._known.get(key)
        if node is None:
            node = self._known[key] = Node(None, ignored=source.ignored, kind=kind, name=name)
            node.mark("name", name)
            self.nodes.append(node)
        return node

    def _node(self, value: object, place: Place, ignored: Ignored, *, annotated: bool) -> Node:
        where = (id(place.holder), place.name) if place is not NOWHERE and is_data(value) else ()
        key = (id(value), where, annotated, *(ignored.key() if ignored is not NOTHING else ()))
        node = self._known.get(key)
        if node is None:
            node = self._known[key] = Node(value, place, ignored, annotated)
            self.nodes.append(node)
            self._pending.append(node)
        return node


def is_data(value: object) -> bool:
    """Tell whether a value counts by what it holds, not by what it runs."""
    return _describer(value) is data.describe


def is_stage(value: object) -> bool:
    """Tell a stage by the mark on its class; this layer knows nothing else of it."""
    return getattr(type(value), "__whorl_stage__", False) is True


def describe_stage(walk: Walk, node: Node) -> None:
    """Follow a stage: its function, with what the user adds and leaves out there."""
    stage = node.value
    if not any(stage is known for known in walk.stages):
        walk.stages.append(stage)
    function = stage.__wrapped__  # type: ignore[attr-defined]
    node.title("stage", _own_name(function))
    node.ignored = merge_ignored(node.ignored, stage.ignore)  # type: ignore[attr-defined]
    walk.link(node, "function", walk.watches.attribute(stage, "__wrapped__"))
    for index, thing in enumerate(stage.depends_on):  # type: ignore[attr-defined]
        walk.link(node, f"depends_on/{index}", imports.named_dependency(thing))


def merge_ignored(outer: Ignored, words: Iterable[object]) -> Ignored:
    """Add the user's words on what is left out to those that hold already."""
    listed = list(words)
    if not listed:
        return outer
    names = outer.names | {word for word in listed if isinstance(word, str)}
    return Ignored((*outer.objects, *(word for word in listed if not isinstance(word, str))), names)


def _describer(value: object) -> Callable[[Walk, Node], None]:
    if isinstance(value, FunctionType):
        return functions.describe
    if isinstance(value, type):
        return classes.describe
    if isinstance(value, ModuleType):
        return modules.describe
    if is_stage(value):
        return describe_stage
    return wrappers.describer_of(value) or data.describe


def _is_ignored(ignored: Ignored, value: object, dotted: str) -> bool:
    if dotted in ignored.names or any(value is item for item in ignored.objects):
        return True
    return bool(ignored.names) and _own_name(value) in ignored.names


def _own_name(value: object) -> str:
    if isinstance(value, ModuleType):
        return value.__name__
    name, module = getattr(value, "__qualname__", None), getattr(value, "__module__", None)
    return f"{canonical_module(module)}.{name}" if isinstance(name, str) and isinstance(module, str) else ""
