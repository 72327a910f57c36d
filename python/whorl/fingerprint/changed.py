"""
Nodes before and after a run in, the places that the code may have changed itself out.

A change that the code cannot have made is not among them.  On the arrow: inside *fingerprint*, after *compute*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whorl.fingerprint.nodes import Place
from whorl.fingerprint.settled import Bound, Settled, Writing, chain_of, change_at, codes_in, is_same, state_of, ways_to
from whorl.fingerprint.watches import MISSING
from whorl.fingerprint.writes import acts_on, computes, may_write, stored_globals, uses_of_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import CodeType

    from whorl.fingerprint.nodes import Key, Node


def own_changes(before: Mapping[Key, Node], after: Mapping[Key, Node]) -> list[Settled | Bound]:
    """
    List the places whose value changed and that the code may have changed itself.

    What counted before goes on to count, also where an upstream has changed the value between.
    """
    codes = codes_in(before)
    changed = list(_changed(before, after, codes))
    known = {item.place.key for item in changed}
    bound = [*_rebound(before, codes), *_added(before, after, codes)]
    return [*changed, *(item for item in bound if item.place.key not in known)]


def outermost(changed: Iterable[Settled | Bound], new: Iterable[Settled | Bound]) -> list[str]:
    """Name what is new among the changes of a stage; what lies in another one of them is named with that."""
    outer = tuple(f"{item.name}{joint}" for item in changed for joint in ("[", "."))
    return sorted(item.name for item in new if not item.name.startswith(outer))


def _changed(before: Mapping[Key, Node], after: Mapping[Key, Node], codes: list[CodeType]) -> Iterator[Settled | Bound]:
    """List the values that are others than before, or hold something without a digest now."""
    earlier = {node.place.key: node for node in before.values() if node.standing is not None}
    for node in after.values():
        was = earlier.get(node.place.key)
        if was is None or was.standing is None or not _is_changed(was, node):
            continue
        kinds = {kind for scan in (was.standing, was.scan, node.scan) if scan is not None for kind in scan.types}
        ways = ways_to(node, after)
        by = _writing(codes, ways, node.place, kinds)
        if by is None:
            continue
        name, state = _full_name(node, after), state_of(node.value) if node.scan is None else None
        if node.scan is None and node.value is not was.value:
            yield Bound(place=node.place, name=name, by=by, first=was.value, last=node.value, state=state)
        else:
            yield Settled(place=node.place, name=name, by=by, first=was.standing, last=node.scan, state=state)


def _full_name(node: Node, nodes: Mapping[Key, Node]) -> str:
    """Name a place as people find it: ``pipeline.STATE['connection']``, ``pipeline.SERVICE.connection``."""
    outermost, *inner = reversed(chain_of(node, nodes))
    return outermost.name + "".join(f".{each.name}" if each.name.isidentifier() else f"[{each.name}]" for each in inner)


def _is_changed(was: Node, now: Node) -> bool:
    """Tell a value that is another one, or one in which something without a digest is new."""
    if now.scan is None:
        return now.standing is None
    return was.scan is None or not is_same(now.scan, was.scan)


def _writing(codes: list[CodeType], ways: tuple[str, ...], place: Place, kinds: Iterable[type] = ()) -> Writing | None:
    """Say which code may have changed a place, with what was seen to change it earlier; None where none may."""
    classes = tuple(kinds)
    found = [code for code in codes if any(acts_on([code], way, classes) for way in ways)]
    uses: frozenset[tuple[str, ...]] = frozenset()
    if not found:  # then it was done by using a part of it
        found = [code for code in codes if any(may_write([code], way, classes) for way in ways)]
        uses = uses.union(*(uses_of_parts(found, way, classes) for way in ways))
    if not found:
        return None
    known = change_at(place)
    earlier = known.by if known is not None else Writing(())
    writers = {id(code): code for code in (*found, *(earlier.writers or ()))}
    return Writing(ways, tuple(writers.values()), classes, uses | earlier.uses)


def _rebound(before: Mapping[Key, Node], codes: list[CodeType]) -> Iterator[Bound]:
    """List the globals that code binds anew and that stand for something else now."""
    writers: dict[str, list[CodeType]] = {}
    for code in codes:
        for name in stored_globals(code):
            writers.setdefault(name, []).append(code)
    watched = {key: item for node in before.values() for key, item in node.watches.items() if key[1] in writers}
    for namespace, name, was in watched.values():
        place = Place(namespace, name)
        now, known = namespace.get(name, MISSING), change_at(place)
        first = known.first if type(known) is Bound and known.last is was else was
        if now is not first and now is not MISSING:
            by = Writing((name,), tuple(writers[name]))
            yield Bound(place=place, name=f"global {name}", by=by, first=first, last=now, state=state_of(now))


def _added(before: Mapping[Key, Node], after: Mapping[Key, Node], codes: list[CodeType]) -> Iterator[Bound]:
    """List what hangs at objects, classes and in containers since the code ran, where it may have put it there."""
    places = {node.place.key for node in before.values()}
    values = {id(node.value) for node in before.values()}
    holders = values.union(holder for holder, _ in places)
    for node in after.values():
        holder, name = node.place.holder, node.place.name
        if id(holder) not in holders or "/" in name or node.place.key in places:
            continue
        if type(holder) is dict and id(holder) not in values:  # the names of a module
            continue
        ways = ways_to(node, after)
        is_computed = name.isidentifier() and computes(type(holder), name)
        by = Writing(ways, None) if is_computed else _writing(codes, ways, node.place)
        if by is not None:
            title, state = _full_name(node, after), state_of(node.value)
            yield Bound(place=node.place, name=title, by=by, first=MISSING, last=node.value, state=state)
