"""
A walked graph in, its tree of named parts out.

Every node stands once, under the root or under the function or class that holds it; a distribution is one line.  On
the arrow: between *fingerprint* and *explain*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whorl.digest import Encoder
from whorl.fingerprint.parts import Part
from whorl.fingerprint.urls import HIDDEN, hide_literals, hide_secrets, is_secret_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from whorl.digest import Digest
    from whorl.fingerprint.nodes import Key, Node, Piece

_SINGLE = ("value", "name", "of type", "version")
_UNNAMED = ("builtin", "distribution", "foreign", "default", "undefined")
_LONGEST_TEXT = 2_000


def build_tree(root: Key, nodes: Mapping[Key, Node], digest: Digest) -> Part:
    """Build the tree of a fingerprint; ``digest`` is that of the whole."""
    titles = _titles(root, nodes)
    owned: dict[Key, list[Node]] = {}
    for key, node in nodes.items():
        if key != root:
            holder = node.owner if node.owner in nodes else root
            owned.setdefault(holder or root, []).append(node)
    top = nodes[root]
    return Part(top.name, digest, top.where, "", tuple(_children(top, owned, titles)))


def _children(root: Node, owned: dict[Key, list[Node]], titles: dict[Key, str]) -> Iterable[Part]:
    yield from (_piece_part(piece) for piece in root.pieces)
    yield from _names_part(root, titles)
    for node in owned.get(root.key, ()):
        yield _node_part(node, owned, titles)


def _node_part(node: Node, owned: dict[Key, list[Node]], titles: dict[Key, str]) -> Part:
    children = [_node_part(child, owned, titles) for child in owned.get(node.key, ())]
    names = list(_names_part(node, titles))
    title = titles[node.key]
    if not children and not names and node.pieces and node.pieces[-1].name in _SINGLE:
        return Part(title, node.label(), node.where, _text(node.pieces[-1], node.name))
    pieces = [_piece_part(piece) for piece in node.pieces]
    return Part(title, node.label(), node.where, "", (*pieces, *names, *children))


def _names_part(node: Node, titles: dict[Key, str]) -> Iterable[Part]:
    """Tell what each name in a node means and what it holds in which order, for the case that only this changes."""
    called = {key: name for name, key in node.names.items()}
    lines = [
        f"{called.get(target.key, label)} = {titles[target.key]}"
        for label, target in node.edges
        if target.kind not in _UNNAMED
    ]
    if lines:
        yield Part("names", Encoder("names").text("\n".join(lines)).finish(), "", "\n".join(lines)[:_LONGEST_TEXT])


def _piece_part(piece: Piece) -> Part:
    return Part(piece.name, piece.digest, piece.where, _text(piece, piece.name))


def _text(piece: Piece, name: str) -> str:
    """Give the text of a piece without secrets: trees are stored, and shown to others."""
    text = piece.text if isinstance(piece.text, str) else piece.text()
    return HIDDEN if text and is_secret_name(name) else hide_literals(hide_secrets(text))


def _titles(root: Key, nodes: Mapping[Key, Node]) -> dict[Key, str]:
    """Give every node a name of its own below the one that holds it, the same in every process."""
    seen: dict[tuple[Key, str], int] = {}
    titles = {root: nodes[root].name}
    for key, node in nodes.items():
        if key == root:
            continue
        title = f"{node.kind}/{node.name}".removesuffix("/")
        holder = node.owner if node.owner in nodes else root
        place = (holder or root, title)
        seen[place] = seen.get(place, 0) + 1
        titles[key] = title if seen[place] == 1 else f"{title}#{seen[place]}"
    return titles
