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
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

from whorl.fingerprint.kinds import has_own_name, is_function
from whorl.fingerprint.memory import Memory
from whorl.fingerprint.nodes import Place
from whorl.fingerprint.watches import MISSING
from whorl.fingerprint.writes import computes, may_write, stored_globals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whorl.fingerprint.nodes import Key, Node
    from whorl.fingerprint.values import ValueScan
    from whorl.fingerprint.watches import Watches


@dataclass(frozen=True, slots=True)
class Settled:
    """
    A value that the stage itself changes: ``first`` stands for ``last`` as long as nobody else changes it.

    ``last`` is None where the stage has put something into it that has no digest, such as a client into a dictionary of
    clients; ``state`` then tells it from others.
    """

    place: Place
    name: str
    first: ValueScan
    last: ValueScan | None
    state: object = None


@dataclass(frozen=True, slots=True)
class Bound:
    """
    A name that the stage itself binds anew: ``first`` stands for ``last``, which has no digest or stood nowhere before.

    ``state`` is what the parts of ``last`` were: where somebody changes them, it stands for itself.
    """

    place: Place
    name: str
    first: object
    last: object
    state: object


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


_settled: dict[tuple[int, str], Settled | Bound] = {}
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
    token = _held.set(Held(found, standing) if standing else outer)
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


def standing_value(place: Place, value: object) -> ValueScan | None:
    """Give the value that stands for one without a digest, which the stage itself has made so; None if it did not."""
    held = _held.get()
    if held is not None and place.key in held.standing:
        return held.standing[place.key]
    known = _settled.get(place.key)
    if type(known) is not Settled or known.last is not None or known.state != state_of(value):
        return None
    return known.first


def bound_value(holder: object, name: str, value: object) -> object:
    """Give what stands for a value that the stage itself has put under a name; MISSING where nothing stood there."""
    known = _settled.get((id(holder), name))
    if type(known) is not Bound or known.last is not value or known.state != state_of(value):
        return value
    return known.first


def counted_value(watches: Watches, holder: object, name: str, value: object) -> object:
    """Give ``bound_value``, and watch what the stage itself has put there: others may change it in place."""
    if type(_settled.get((id(holder), name))) is Bound:
        watches.result(lambda: _bound_state(holder, name), _bound_state(holder, name))
    return bound_value(holder, name, value)


def _bound_state(holder: object, name: str) -> object:
    """Give the state of what the stage itself has put under a name."""
    known = _settled.get((id(holder), name))
    return state_of(known.last) if type(known) is Bound else None


def state_of(value: object) -> object:
    """Give what can be told apart of a value that has no digest, or none that is asked for."""
    from whorl.fingerprint.data import state_of_value

    return id(value.__code__) if is_function(value) else None if has_own_name(value) else state_of_value(value)


def own_changes(before: Mapping[Key, Node], after: Mapping[Key, Node]) -> list[Settled | Bound]:
    """
    List the places whose value changed and that the code may have changed itself.

    What counted before goes on to count, also where an upstream has changed the value between.
    """
    earlier = {node.place.key: node for node in before.values() if node.standing is not None}
    codes = [node.value.__code__ for node in before.values() if isinstance(node.value, FunctionType)]
    changed: list[Settled | Bound] = []
    for node in after.values():
        was = earlier.get(node.place.key)
        if was is None or was.standing is None or not _is_changed(was, node):
            continue
        kinds = {kind for scan in (was.standing, was.scan, node.scan) if scan is not None for kind in scan.types}
        if may_write(codes, _reached_as(node.place), kinds):
            state = state_of(node.value) if node.scan is None else None
            changed.append(Settled(node.place, node.name, was.standing, node.scan, state))
    scanned = {key for key in earlier if any(item.place.key == key for item in changed)}
    bound = [*_rebound(before, codes), *_added(before, after, codes)]
    return [*changed, *(item for item in bound if item.place.key not in scanned)]


def _is_changed(was: Node, now: Node) -> bool:
    """Tell a value that is another one, or one in which something without a digest is new."""
    if now.scan is None:
        return now.standing is None and now.value is was.value
    return was.scan is None or not _same(now.scan, was.scan)


def _rebound(before: Mapping[Key, Node], codes: list[CodeType]) -> Iterator[Bound]:
    """List the globals that code binds anew and that stand for something else now."""
    names = {name for code in codes for name in stored_globals(code)}
    watched = {key: item for node in before.values() for key, item in node.watches.items() if key[1] in names}
    for key, (namespace, name, was) in watched.items():
        now, known = namespace.get(name, MISSING), _settled.get(key)
        first = known.first if type(known) is Bound and known.last is was else was
        if now is not first and now is not MISSING:
            yield Bound(Place(namespace, name), f"global {name}", first, now, state_of(now))


def _added(before: Mapping[Key, Node], after: Mapping[Key, Node], codes: list[CodeType]) -> Iterator[Bound]:
    """List what hangs at objects and classes since the code ran, where it may have put it there."""
    places = {node.place.key for node in before.values()}
    holders = {holder for holder, _ in places}.union(id(node.value) for node in before.values())
    for node in after.values():
        holder, name = node.place.holder, node.place.name
        if id(holder) in holders and "/" not in name and node.place.key not in places and type(holder) is not dict:
            kind = type(holder)
            if computes(kind, name) or may_write(codes, f"attribute/{name}"):
                yield Bound(node.place, node.name, MISSING, node.value, state_of(node.value))


def _reached_as(place: Place) -> str:
    """Name a place as code reaches it: globals by their name, what hangs at a class or an object as an attribute."""
    return place.name if "/" in place.name or isinstance(place.holder, dict) else f"attribute/{place.name}"


def replace_settled(
    items: Mapping[tuple[int, str], Settled | Bound | None],
) -> dict[tuple[int, str], Settled | Bound | None]:
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
    if type(known) is not Settled or known.last is None:
        return scan
    return known.first if _same(known.last, scan) else scan


def _same(left: ValueScan, right: ValueScan) -> bool:
    return left.digest == right.digest and len(left.refs) == len(right.refs) and all(map(_is, left.refs, right.refs))


def _is(left: object, right: object) -> bool:
    return left is right
