"""
Nodes of the graph of everything a function reaches in, one digest per root out.

Each node has named pieces (its own digests) and labelled edges.  The graph may have cycles (recursion, a class and its
methods), so it is taken as an automaton: nodes that behave alike are one, numbered from the root, and the digest
is that of the numbered list.  A node's number is therefore valid within its root only.  On the arrow: *fingerprint*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING

from whorl.digest import Encoder, digest_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from whorl.digest import Digest


@dataclass(frozen=True, slots=True)
class Piece:
    """A named digest of a node: ``text`` shows it, or makes the text when it is asked for; ``where`` it stands."""

    name: str
    digest: Digest
    text: str | Callable[[], str] = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value hangs: the object that holds it, and the name it has there."""

    holder: object
    name: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """The user's word on what is left out: objects, by identity, and dotted names."""

    objects: tuple[object, ...] = ()
    names: frozenset[str] = frozenset()

    def key(self) -> tuple[object, ...]:
        """Two words that leave the same out have the same key."""
        return (self.names, *sorted(id(item) for item in self.objects))


NOTHING = Ignored()
NOWHERE = Place(None, "")


@dataclass(slots=True, eq=False)
class Node:
    """
    One object that code reaches.

    ``kind`` and ``name`` make the name of its part (``helper/mod.f``); ``name`` and ``where`` are for people and do not
    enter the digest.  ``owner`` is the node under whose part this one is shown, where it does not stand alone.
    ``annotated`` asks for annotations too: a foreign wrapper may read them.
    """

    value: object
    place: Place = NOWHERE
    ignored: Ignored = NOTHING
    annotated: bool = False
    kind: str = ""
    name: str = ""
    where: str = ""
    owner: Node | None = None
    pieces: list[Piece] = field(default_factory=list)
    edges: list[tuple[str, Node]] = field(default_factory=list)
    names: dict[str, Node] = field(default_factory=dict)

    def call(self, kind: str, name: str = "") -> None:
        """Name a value after where it hangs; functions, classes and modules have names of their own."""
        if not self.name and not isinstance(self.value, FunctionType | type | ModuleType):
            self.kind, self.name = kind, name

    def title(self, kind: str, name: str, where: str = "") -> None:
        """Name the part of this node, unless the node that reached it has named it already."""
        self.kind, self.name, self.where = kind, self.name or name, self.where or where

    def add(self, name: str, digest: Digest, text: str | Callable[[], str] = "", where: str = "") -> None:
        """Add a named digest of the node's own."""
        self.pieces.append(Piece(name, digest, text, where))

    def mark(self, name: str, *words: str) -> None:
        """Add a piece that is nothing but words."""
        encoder = Encoder("words")
        for word in words:
            encoder.text(word)
        self.add(name, encoder.finish(), " ".join(words))

    def label(self) -> Digest:
        """Digest the node without what its edges lead to."""
        encoder = Encoder("node").text(self.kind)
        for piece in self.pieces:
            encoder.text(piece.name).digest(piece.digest)
        for name, _ in self.edges:
            encoder.text(name)
        return encoder.finish()


def digest_nodes(root: Node, nodes: Sequence[Node]) -> Digest:
    """Digest everything that ``root`` reaches within ``nodes``."""
    numbers = {id(node): number for number, node in enumerate(nodes)}
    successors = [[numbers[id(target)] for _, target in node.edges] for node in nodes]
    return digest_graph("code graph", [node.label() for node in nodes], successors, numbers[id(root)])
