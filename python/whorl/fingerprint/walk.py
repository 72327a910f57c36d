"""
A function in, the graph of everything it reaches out.

Code is followed through globals, closures, defaults, classes and values, with an explicit stack, as far as the boundary
allows; each kind of object is described in the module of its name.  What was described for one root serves the others
while it still stands.  On the arrow: *fingerprint*; ``nodes`` makes the digest of the graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whorl.fingerprint import classes, data, facts, functions, imports, modules, wrappers
from whorl.fingerprint.boundary import canonical_module
from whorl.fingerprint.kinds import (
    class_attribute,
    full_name,
    has_own_name,
    is_bound_stage,
    is_class,
    is_function,
    is_module,
)
from whorl.fingerprint.nodes import NOTHING, NOWHERE, Ignored, Key, Node, NotFollowed, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from whorl.fingerprint.references import Read
    from whorl.fingerprint.watches import Watches


class Walk:
    """
    One walk from one root.

    ``nodes`` are those met, in the order they were met; ``facts`` leads from functions and classes to the nodes that
    tell what reachable code reads about them.  ``known`` are nodes of earlier walks.  ``harmless`` are names that bring
    no doubt, by namespace; ``patched`` is where names that code reads stand in classes that others extend.
    """

    def __init__(self, known: Mapping[Key, Node]) -> None:
        self.nodes: dict[Key, Node] = {}
        self.facts: dict[Key, Key] = {}
        self._known = known
        self.harmless: dict[int, set[Read]] = {}
        self.patched: dict[str, list[tuple[type, Mapping[str, object], object]]] = {}
        self._told: dict[Key, Node] = {}
        self._pending: list[Node] = []
        self._current: Node | None = None

    @property
    def watches(self) -> Watches:
        """Where the node that is being described notes what it was made from."""
        assert self._current is not None
        return self._current.watches

    def run(self, root: object, depends_on: Iterable[object], ignored: Ignored) -> Node:
        """Walk everything reachable from ``root`` and from what the user adds; return the root's node."""
        added = tuple(depends_on)
        key = _key(root, NOWHERE, ignored, annotated=False, added=added)
        node = self._enter(Node(key, root, NOWHERE, ignored, added=added))
        self._follow()
        reads: frozenset[str] = frozenset()
        while (found := self._reads()) > reads:
            reads = found
            self._add_facts(reads)
            self._follow()
        return node

    def _follow(self) -> None:
        """Describe everything that was met, and what is met by that."""
        while self._pending:
            current = self._pending.pop()
            if current.described:
                for _, target in current.edges:
                    self._meet(target)
            else:
                self._current = current
                _describer(current)(self, current)
                link_added(self, current, current.added)
                current.described = True

    def _reads(self) -> frozenset[str]:
        return frozenset().union(*(node.reads for node in self.nodes.values()))

    def _add_facts(self, reads: frozenset[str]) -> None:
        """Let functions and classes have their facts beside them; what annotations lead to may read further facts."""
        for key in self.facts.values():
            self.nodes.pop(key, None)
        for node in list(self.nodes.values()):
            if node.has_facts:
                told = self._meet(Node(("facts", id(node.value), reads), node.value, facts=reads, owner=node.key))
                self.facts[node.key] = told.key

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
            return self.leaf(source, label, "ignored", dotted or _own_name(value))
        key = _key(value, place, source.ignored, annotated=annotated)
        target = self.nodes.get(key)
        if target is None:
            target = self._enter(Node(key, value, place, source.ignored, annotated))
        if within and not target.is_code:
            target.owner = source.key
            target.call(*label.split("/", 1))
        source.edges.append((label, target))
        return target

    def link_once(
        self, source: Node, label: str, tell: Callable[..., None], subject: Hashable, namespace: dict[str, object]
    ) -> None:
        """
        Add the edges that ``tell`` gives a node, with all it notes there; told once per walk, subject and namespace.

        What a name of a module leads to is the same for every function that reads it.
        """
        key = (id(namespace), subject, id(source.ignored), source.annotated)
        told = self._told.get(key)
        if told is None:
            told = self._told[key] = Node(key, source.value, ignored=source.ignored, annotated=source.annotated)
            self._current = told
            tell(self, told, "", subject, namespace)
            self._current = source
        source.edges += [(label + suffix, target) for suffix, target in told.edges]
        source.watches.take(told.watches)
        source.names = told.names | source.names
        if told.not_followed:
            source.not_followed += told.not_followed

    def leaf(self, source: Node, label: str, kind: str, name: str, value: object = None) -> Node:
        """Add an edge to a node that is nothing but its name, and the value that goes with the name."""
        key = ("leaf", kind, name, value)
        target = self.nodes.get(key)
        if target is None:
            target = self._enter(Node(key, value, kind=kind, name=name))
            if not target.pieces:
                target.mark("name", name)
                target.described = True
        source.edges.append((label, target))
        return target

    def doubt(self, found: NotFollowed) -> None:
        """List something that is not followed."""
        assert self._current is not None
        self._current.not_followed.append(found)

    def _meet(self, wanted: Node) -> Node:
        """Return this walk's node for the key of another one."""
        node = self.nodes.get(wanted.key)
        return self._enter(wanted) if node is None else node

    def _enter(self, wanted: Node) -> Node:
        """Take a node of an earlier walk that still stands, or the one wanted, to be described."""
        node = self._known.get(wanted.key)
        if node is None or not node.watches.hold():
            node = wanted.fresh() if wanted.described else wanted
        self.nodes[wanted.key] = node
        self._pending.append(node)
        return node


def _key(value: object, place: Place, ignored: Ignored, *, annotated: bool, added: tuple[object, ...] = ()) -> Key:
    """Tell nodes apart: data and wrappers count by the place they hang at, code by itself."""
    at = () if place is NOWHERE or has_own_name(value) else place.key
    left_out = () if ignored is NOTHING else ignored.key
    return id(value), at, annotated, left_out, tuple(map(id, added))


def is_stage(value: object) -> bool:
    """Tell a stage by the mark on its class; one that is bound is a method to this layer."""
    return class_attribute(type(value), "__whorl_stage__") is True and not is_bound_stage(type(value))


def describe_stage(walk: Walk, node: Node) -> None:
    """Follow a stage: its function, with what the user adds and leaves out there."""
    stage = node.value
    node.title("stage", _own_name(stage.__wrapped__))  # type: ignore[attr-defined]
    node.ignored = merge_ignored(node.ignored, stage.ignore)  # type: ignore[attr-defined]
    walk.link(node, "function", walk.watches.attribute(stage, "__wrapped__"))
    link_added(walk, node, stage.depends_on)  # type: ignore[attr-defined]


def link_added(walk: Walk, node: Node, added: Iterable[object]) -> None:
    """Link what the user adds to a node."""
    for index, thing in enumerate(added):
        walk.link(node, f"depends_on/{index}", imports.named_dependency(walk, thing))


def merge_ignored(outer: Ignored, words: Iterable[object]) -> Ignored:
    """Add the user's words on what is left out to those that hold already."""
    listed = list(words)
    if not listed:
        return outer
    names = outer.names | {word for word in listed if isinstance(word, str)}
    return Ignored((*outer.objects, *(word for word in listed if not isinstance(word, str))), names)


def _describer(node: Node) -> Callable[[Walk, Node], None]:
    value = node.value
    if node.facts:
        return facts.describe
    if is_function(value):
        return functions.describe
    if is_class(value):
        return classes.describe
    if is_module(value):
        return modules.describe
    if is_stage(value):
        return describe_stage
    return wrappers.describer_of(value) or data.describe


def _is_ignored(ignored: Ignored, value: object, dotted: str) -> bool:
    if dotted in ignored.names or any(value is item for item in ignored.objects):
        return True
    return bool(ignored.names) and _own_name(value) in ignored.names


def _own_name(value: object) -> str:
    """Name a thing as the user would write it: a script's functions by the module that it would be imported as."""
    module, dot, rest = full_name(value).partition(".")
    return canonical_module(module) + dot + rest
