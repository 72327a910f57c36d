"""
Values of globals that stages themselves change: which value stands for them.

A memo dict, a counter, a generator of random numbers: the value at first use counts, until somebody else changes it;
and while a stage runs, the value from when it began.  On the arrow: inside *fingerprint*, before and after *compute*.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import FunctionType
from typing import TYPE_CHECKING

from whorl.fingerprint.memory import Memory
from whorl.fingerprint.writes import may_write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whorl.fingerprint.nodes import Key, Node, Place
    from whorl.fingerprint.values import ValueScan


@dataclass(frozen=True, slots=True)
class Settled:
    """A value that the stage itself changes: ``first`` stands for ``last`` as long as nobody else changes it."""

    place: Place
    name: str
    first: ValueScan
    last: ValueScan


@dataclass(slots=True)
class Held:
    """Values of globals as a computation found them: what lay there, and what stands for it; and what it remembers."""

    found: dict[tuple[int, str], ValueScan]
    standing: dict[tuple[int, str], ValueScan]
    memory: Memory = field(default_factory=Memory)

    def agrees_with(self, nodes: Mapping[Key, Node]) -> bool:
        """Whether nodes described elsewhere saw the values that are held."""
        for node in nodes.values():
            held = self.found.get(node.place.key) if node.scan is not None else None
            if held is not None and node.scan is not None and not _same(held, node.scan):
                return False
        return True


_settled: dict[tuple[int, str], Settled] = {}
_lock = threading.Lock()
_held: ContextVar[Held | None] = ContextVar("whorl held values", default=None)


def held_values() -> Held | None:
    """Give the values held in this context, if a computation with changeable globals runs in it."""
    return _held.get()


@contextmanager
def hold(nodes: Mapping[Key, Node]) -> Iterator[None]:
    """Hold the values seen in a fingerprint's nodes; what an outer computation holds stays held."""
    outer = _held.get()
    found = {node.place.key: node.scan for node in nodes.values() if node.scan is not None}
    standing = {node.place.key: node.standing for node in nodes.values() if node.standing is not None}
    if outer is not None:
        found.update(outer.found)
        standing.update(outer.standing)
    token = _held.set(Held(found, standing) if found else outer)
    try:
        yield
    finally:
        _held.reset(token)


def settled_value(place: Place, scan: ValueScan) -> ValueScan:
    """Give the value that stands for the one found at a place."""
    held = _held.get()
    if held is not None and place.key in held.standing:
        return held.standing[place.key]
    return _outside(place, scan)


def own_changes(before: Mapping[Key, Node], after: Mapping[Key, Node]) -> list[Settled]:
    """
    List the places whose value changed and that the code may have changed itself.

    What counted before goes on to count, also where an upstream has changed the value between.
    """
    earlier = {node.place.key: node for node in before.values() if node.scan is not None}
    codes = [node.value.__code__ for node in before.values() if isinstance(node.value, FunctionType)]
    changed = []
    for node in after.values():
        scan, was = node.scan, earlier.get(node.place.key)
        if scan is None or was is None or was.scan is None or was.standing is None or _same(scan, was.scan):
            continue
        if may_write(codes, _reached_as(node.place)):
            changed.append(Settled(node.place, node.name, was.standing, scan))
    return changed


def _reached_as(place: Place) -> str:
    """Name a place as code reaches it: globals by their name, what hangs at a class or an object as an attribute."""
    return place.name if "/" in place.name or isinstance(place.holder, dict) else f"attribute/{place.name}"


def replace_settled(items: Mapping[tuple[int, str], Settled | None]) -> dict[tuple[int, str], Settled | None]:
    """Put settled values in place of those at the same places; return what stood there."""
    with _lock:
        earlier = {key: _settled.get(key) for key in items}
        for key, item in items.items():
            if item is None:
                _settled.pop(key, None)
            else:
                _settled[key] = item
    return earlier


def _outside(place: Place, scan: ValueScan) -> ValueScan:
    known = _settled.get(place.key)
    return known.first if known is not None and _same(known.last, scan) else scan


def _same(left: ValueScan, right: ValueScan) -> bool:
    return left.digest == right.digest and len(left.refs) == len(right.refs) and all(map(_is, left.refs, right.refs))


def _is(left: object, right: object) -> bool:
    return left is right
