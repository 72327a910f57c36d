"""
Nodes of the graph of everything a function reaches in, one digest per root out.

Each node has named pieces (its own digests) and labelled edges.  The graph may have cycles (recursion, a class and its
methods), so it is taken as an automaton: nodes that behave alike are one, numbered from the root, and the digest
is that of the numbered list.  A node's number is therefore valid within its root only.  On the arrow: *fingerprint*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whorl.digest import Encoder, digest_graph
from whorl.fingerprint.identity import number_identities
from whorl.fingerprint.kinds import has_own_name
from whorl.fingerprint.watches import Watches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whorl.digest import Digest
    from whorl.errors import UndigestableError
    from whorl.fingerprint.values import ValueScan

Key = tuple[object, ...]


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

    @property
    def key(self) -> tuple[int, str]:
        """The identity of the place."""
        return id(self.holder), self.name


@dataclass(frozen=True, slots=True)
class Ignored:
    """The user's word on what is left out: objects, by identity, and dotted names."""

    objects: tuple[object, ...] = ()
    names: frozenset[str] = frozenset()

    @property
    def key(self) -> Key:
        """Two words that leave the same out have the same key."""
        return (self.names, *sorted(id(item) for item in self.objects))


@dataclass(frozen=True, slots=True)
class NotFollowed:
    """
    Something the fingerprint cannot see: ``what`` in words, and ``where`` (``utils.py:12``).

    ``harmless`` is what no result is made from, such as a logger: it is listed, and ``strict`` lets it pass.
    ``error`` says why a value has no digest that may hold something which counts.  An ``OpaqueError`` is warned of, any
    other raised: no result may be kept that was made from data nobody can tell from other data.
    """

    what: str
    where: str = ""
    harmless: bool = False
    error: UndigestableError | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.what} ({self.where})" if self.where else self.what


NOTHING = Ignored()
NOWHERE = Place(None, "")


@dataclass(slots=True, eq=False)
class Node:
    """
    One object that code reaches.

    ``kind`` and ``name`` make the name of its part (``helper/mod.f``); ``name`` and ``where`` are for people and do not
    enter the digest.  ``owner`` is the key of the node under whose part this one is shown, where it does not stand
    alone.  ``annotated`` asks for annotations too: a foreign wrapper may read them.  ``reads`` are the facts about
    functions (``__doc__`` …) that its code reads, ``has_facts`` tells that it has such facts itself, and ``facts`` are
    those that this node is there to tell of another one.  ``scan`` is the value found at a place, ``standing`` the one
    that counted for it.  A described node is shared by all roots that reach it, as long as what it was made from still
    stands; where its edges lead is looked up by ``key``.
    """

    key: Key
    value: object
    place: Place = NOWHERE
    ignored: Ignored = NOTHING
    annotated: bool = False
    added: tuple[object, ...] = ()
    described: bool = False
    kind: str = ""
    name: str = ""
    where: str = ""
    owner: Key | None = None
    pieces: list[Piece] = field(default_factory=list)
    edges: list[tuple[str, Node]] = field(default_factory=list)
    names: dict[str, Key] = field(default_factory=dict)
    watches: Watches = field(default_factory=Watches)
    reads: frozenset[str] = frozenset()
    has_facts: bool = False
    facts: frozenset[str] = frozenset()
    not_followed: list[NotFollowed] = field(default_factory=list)
    scan: ValueScan | None = None
    standing: ValueScan | None = None
    _label: Digest | None = None

    @property
    def is_code(self) -> bool:
        """Whether it has a name of its own, wherever it hangs."""
        return has_own_name(self.value)

    def fresh(self) -> Node:
        """Return a node for the same object that is still to be described."""
        name = "" if self.is_code else self.name
        return Node(
            self.key,
            self.value,
            self.place,
            self.ignored,
            self.annotated,
            self.added,
            facts=self.facts,
            kind=self.kind,
            name=name,
            owner=self.owner,
        )

    def call(self, kind: str, name: str = "") -> None:
        """Name a value after where it hangs; functions, classes and modules have names of their own."""
        if not self.name and not self.is_code:
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
        if self._label is None:
            encoder = Encoder("node").text(self.kind)
            for piece in self.pieces:
                encoder.text(piece.name).digest(piece.digest)
            for name, _ in self.edges:
                encoder.text(name)
            self._label = encoder.finish()
        return self._label


def digest_nodes(root: Key, nodes: Mapping[Key, Node], facts: Mapping[Key, Key]) -> Digest:
    """Digest everything that ``root`` reaches within ``nodes``; ``facts`` leads from nodes to those of their facts."""
    places = {key: place for place, key in enumerate(nodes)}
    successors = [[places[target.key] for _, target in node.edges] for node in nodes.values()]
    for key, target in facts.items():
        successors[places[key]].append(places[target])
    numbers = number_identities(nodes[root], nodes, facts)
    labels = [_label_of(node, numbers.get(key, ())) for key, node in nodes.items()]
    return digest_graph("code graph", labels, successors, places[root])


def _label_of(node: Node, numbers: tuple[int, ...]) -> Digest:
    if not numbers:
        return node.label()
    encoder = Encoder("identity").digest(node.label())
    for number in numbers:
        encoder.integer(number)
    return encoder.finish()
