"""
A walked graph in, its tree of named parts out.

Every node stands once, under the root or under the function or class that holds it; a distribution is one line.  On
the arrow: between *fingerprint* and *explain*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whorl.digest import Encoder
from whorl.fingerprint.parts import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from whorl.digest import Digest
    from whorl.fingerprint.nodes import Node, Piece

_SINGLE = ("value", "name", "of type")
_UNNAMED = ("builtin", "distribution", "foreign", "default", "undefined")
_LONGEST_TEXT = 2_000


def build_tree(root: Node, nodes: Sequence[Node], digest: Digest) -> Part:
    """Build the tree of a fingerprint; ``digest`` is that of the whole."""
    titles = _titles(root, nodes)
    owned: dict[int, list[Node]] = {}
    for node in nodes:
        if node is not root:
            holder = node.owner or root
            owned.setdefault(id(holder), []).append(node)
    return Part(root.name, digest, root.where, "", tuple(_children(root, owned, titles)))


def _children(root: Node, owned: dict[int, list[Node]], titles: dict[int, str]) -> Iterable[Part]:
    yield from (_piece_part(piece) for piece in root.pieces)
    yield from _names_part(root, titles)
    for node in owned.get(id(root), ()):
        yield _node_part(node, owned, titles)


def _node_part(node: Node, owned: dict[int, list[Node]], titles: dict[int, str]) -> Part:
    children = [_node_part(child, owned, titles) for child in owned.get(id(node), ())]
    names = list(_names_part(node, titles))
    if not children and not names and node.pieces and node.pieces[-1].name in (*_SINGLE, "version"):
        return Part(titles[id(node)], node.label(), node.where, _text(node.pieces[-1]))
    pieces = [_piece_part(piece) for piece in node.pieces]
    return Part(titles[id(node)], node.label(), node.where, "", (*pieces, *names, *children))


def _names_part(node: Node, titles: dict[int, str]) -> Iterable[Part]:
    """Tell what each name in a node means and what it holds in which order, for the case that only this changes."""
    called = {id(target): name for name, target in node.names.items()}
    lines = [
        f"{called.get(id(target), label)} = {titles[id(target)]}"
        for label, target in node.edges
        if target.kind not in _UNNAMED
    ]
    if lines:
        yield Part("names", Encoder("names").text("\n".join(lines)).finish(), "", "\n".join(lines)[:_LONGEST_TEXT])


def _piece_part(piece: Piece) -> Part:
    return Part(piece.name, piece.digest, piece.where, _text(piece))


def _text(piece: Piece) -> str:
    return piece.text if isinstance(piece.text, str) else piece.text()


def _titles(root: Node, nodes: Sequence[Node]) -> dict[int, str]:
    """Give every node a name of its own, the same in every process."""
    seen: dict[str, int] = {}
    titles: dict[int, str] = {id(root): root.name}
    for node in nodes:
        if node is root:
            continue
        title = f"{node.kind}/{node.name}".removesuffix("/")
        seen[title] = seen.get(title, 0) + 1
        titles[id(node)] = title if seen[title] == 1 else f"{title}#{seen[title]}"
    return titles
