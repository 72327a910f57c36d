"""
Values of globals that stages themselves change: which value stands for them.

A memo dict, a counter, a generator of random numbers: the value at first use counts, until somebody else changes it;
and while a stage runs, the value from when it began.  That holds for those who change it: for whoever only reads, what
lies there now counts.  On the arrow: inside *fingerprint*, before and after *compute*.
"""

from __future__ import annotations

import threading
import weakref
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from whorl.fingerprint.kinds import has_own_name, is_function
from whorl.fingerprint.memory import Memory
from whorl.fingerprint.writes import acts_on, uses_of_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import CodeType

    from whorl.fingerprint.nodes import Key, Node, Place
    from whorl.fingerprint.values import ValueScan
    from whorl.fingerprint.watches import Watches


# What counted for a value, and the ways to its place, which are seldom asked for.
Standing: TypeAlias = "tuple[ValueScan, Callable[[], tuple[str, ...]]]"


@dataclass(frozen=True, slots=True)
class Writing:
    """
    How a place is changed.

    ``ways`` are the names by which code reaches it (``MEMO``, ``attribute/kept``), ``kinds`` the classes met there.
    ``writers`` is the code that was seen to change it, None where it changes by being looked at; ``uses`` how that
    code uses parts of it, where it does nothing else.
    """

    ways: tuple[str, ...]
    writers: tuple[CodeType, ...] | None = ()
    kinds: tuple[type, ...] = ()
    uses: frozenset[tuple[str, ...]] = frozenset()

    def is_done_by(self, codes: list[CodeType]) -> bool:
        """Whether code is among the writers, or may change the place as they do."""
        reached = set(map(id, codes))
        return any(id(code) in reached for code in self.writers or ()) or any(
            acts_on(codes, way, self.kinds) or not self.uses.isdisjoint(uses_of_parts(codes, way, self.kinds))
            for way in self.ways
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A place that a stage itself changes, and for which roots what was first stands there."""

    place: Place
    name: str
    by: Writing
    decisions: dict[int, tuple[Callable[[], object], bool]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def stands(self) -> bool:
        """Whether what was first stands here for the root that a fingerprint is asked of."""
        if self.by.writers is None:
            return True
        root = asked_root.get()
        known = self.decisions.get(id(root))
        return known is not None and known[0]() is root and known[1]

    def decide(self, root: object, codes: list[CodeType]) -> bool:
        """Decide that for a root that reaches some code; tell whether the decision is another than before."""
        if self.by.writers is None or self.stands == (wanted := self.by.is_done_by(codes)):
            return False
        self.decisions[id(root)] = (self._reference(root), wanted)
        return True

    def _reference(self, root: object) -> Callable[[], object]:
        """Refer to a root weakly where that can be done: stages that are made in a loop go, and their decisions too."""
        key, decisions = id(root), self.decisions
        try:
            return weakref.ref(root, lambda _: decisions.pop(key, None))
        except TypeError:
            return lambda: root


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(Change):
    """
    A value that the stage itself changes: ``first`` stands for ``last`` as long as nobody else changes it.

    ``last`` is None where the stage has put something into it that has no digest, such as a client into a dictionary of
    clients; ``state`` then tells it from others.
    """

    first: ValueScan
    last: ValueScan | None
    state: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound(Change):
    """
    A name that the stage itself binds anew: ``first`` stands for ``last``, which has no digest or stood nowhere before.

    ``state`` is what the parts of ``last`` were: where somebody changes them, it stands for itself.
    """

    first: object
    last: object
    state: object


@dataclass(slots=True)
class Held:
    """Values of globals as a computation found them: what lay there, and what stands for it; and what it remembers."""

    found: dict[tuple[int, str], ValueScan]
    standing: dict[tuple[int, str], Standing]
    memory: Memory = field(default_factory=Memory)
    changes: dict[tuple[int, str], Change] = field(default_factory=dict)

    def agrees_with(self, nodes: Mapping[Key, Node]) -> bool:
        """Whether nodes described elsewhere saw the values that are held."""
        for node in nodes.values():
            held = self.found.get(node.place.key) if node.scan is not None else None
            if held is not None and node.scan is not None and not is_same(held, node.scan):
                return False
        return True

    def change_at(self, place: Place) -> Change:
        """Give the change of a place whose value is held: what was first stands for stages that may change it."""
        if place.key not in self.changes:
            first, ways = self.standing[place.key]
            self.changes[place.key] = Change(place=place, name="", by=Writing(ways(), (), first.types))
        return self.changes[place.key]


_settled: dict[tuple[int, str], Settled | Bound] = {}
_lock = threading.Lock()
_held: ContextVar[Held | None] = ContextVar("whorl held values", default=None)
# The root that a fingerprint is asked of: what stands at a changed place depends on it.
asked_root: ContextVar[object] = ContextVar("whorl root of a fingerprint", default=None)


def decide(root: object, nodes: Mapping[Key, Node], *, only_reads: bool) -> bool:
    """
    Decide for which changed places what was first stands for a root; tell whether it has to be walked again.

    With ``only_reads`` it stands nowhere any more: what it led to has led elsewhere each time.
    """
    held = _held.get()
    changes: list[Change] = list(_settled.values())
    changes += held.changes.values() if held is not None else ()
    if not changes:
        return False
    codes = [] if only_reads else codes_in(nodes)
    return bool([change for change in changes if change.decide(root, codes)])


def codes_in(nodes: Mapping[Key, Node]) -> list[CodeType]:
    """List the code of the functions among nodes."""
    return [node.value.__code__ for node in nodes.values() if is_function(node.value)]


def held_values() -> Held | None:
    """Give the values held in this context, if a computation with changeable globals runs in it."""
    return _held.get()


@contextmanager
def hold(nodes: Mapping[Key, Node]) -> Iterator[None]:
    """Hold the values seen in a fingerprint's nodes; what an outer computation holds stays held."""
    outer = _held.get()
    found = {node.place.key: node.scan for node in nodes.values() if node.scan is not None}
    standing: dict[tuple[int, str], Standing] = {
        node.place.key: (node.standing, partial(ways_to, node, nodes))
        for node in nodes.values()
        if node.standing is not None
    }
    if outer is not None:
        found.update(outer.found)
        standing.update(outer.standing)
    token = _held.set(Held(found, standing) if standing else outer)
    try:
        yield
    finally:
        _held.reset(token)


def ways_to(node: Node, nodes: Mapping[Key, Node]) -> tuple[str, ...]:
    """Name the ways by which code reaches what lies at a place: the name of a global, an attribute, a default."""
    ways: list[str] = []
    for each in (chain := chain_of(node, nodes)):
        name = each.place.name
        if "/" in name:  # of a function, whose name is used to call it
            return (*ways, name)
        if not isinstance(each.place.holder, dict):
            ways.append(f"attribute/{name}")
        elif each is chain[-1]:
            ways.append(name)
    return tuple(ways)


def chain_of(node: Node, nodes: Mapping[Key, Node]) -> list[Node]:
    """List a node and those of the values that it hangs in, from the inside out."""
    chain = {node.key: node}  # values may hold each other
    while node.owner is not None and node.owner not in chain:
        outer = nodes.get(node.owner)
        if outer is None or outer.value is not node.place.holder:
            break
        node = chain[outer.key] = outer
    return list(chain.values())


def settled_value(watches: Watches, place: Place, scan: ValueScan) -> ValueScan:
    """Give the value that stands for the one found at a place."""
    held = _held.get()
    if held is not None and place.key in held.standing:
        first = held.standing[place.key][0]
        return first if is_same(first, scan) or _stands(watches, held.change_at(place)) else scan
    known = _settled.get(place.key)
    if type(known) is not Settled or known.last is None or not is_same(known.last, scan):
        return scan
    return known.first if _stands(watches, known) else scan


def standing_value(watches: Watches, place: Place, value: object) -> ValueScan | None:
    """Give the value that stands for one without a digest, which the stage itself has made so; None if it did not."""
    held = _held.get()
    if held is not None and place.key in held.standing:
        return held.standing[place.key][0] if _stands(watches, held.change_at(place)) else None
    known = _settled.get(place.key)
    if type(known) is not Settled or known.last is not None:
        return None
    state = state_of(value)
    watches.result(lambda: state_of(value), state)
    return known.first if known.state == state and _stands(watches, known) else None


def _stands(watches: Watches, change: Change) -> bool:
    """Say whether what was first stands, and watch it: for another root it may not."""
    stands = change.stands
    watches.result(lambda: change.stands, stands)
    return stands


def counted_value(watches: Watches, holder: object, name: str, value: object) -> object:
    """
    Give what counts for a value that stands under a name; MISSING where nothing stood there at first.

    What the stage itself has put there is watched: others may change it in place.
    """
    known = _settled.get((id(holder), name))
    if type(known) is not Bound or known.last is not value:
        return value
    state = state_of(value)
    watches.result(lambda: state_of(value), state)
    return known.first if known.state == state and _stands(watches, known) else value


def state_of(value: object) -> object:
    """Give what can be told apart of a value that has no digest, or none that is asked for."""
    from whorl.fingerprint.data import state_of_value

    return id(value.__code__) if is_function(value) else None if has_own_name(value) else state_of_value(value)


def change_at(place: Place) -> Settled | Bound | None:
    """Give what is known of the changes that stages have made at a place."""
    return _settled.get(place.key)


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


def is_same(left: ValueScan, right: ValueScan) -> bool:
    """Tell equal values with the very same code in them."""
    return left.digest == right.digest and len(left.refs) == len(right.refs) and all(map(_is, left.refs, right.refs))


def _is(left: object, right: object) -> bool:
    return left is right
