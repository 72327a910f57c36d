"""
A function, class or stage in, its ``Fingerprint`` out: the digest of everything it would run.

Layout, comments, docstrings, line numbers, names of files and of the function itself never count; behaviour does,
however far away it stands.  A second fingerprint of unchanged code costs a comparison of identities; a redefined
function, a changed global or a patched attribute is seen at the next call.  On the arrow: *fingerprint*.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whorl.errors import NotFollowedWarning, UndigestableError, warn
from whorl.fingerprint.boundary import one_view
from whorl.fingerprint.nodes import NOTHING, Node, Place, digest_nodes
from whorl.fingerprint.parts import Difference, Part, differences
from whorl.fingerprint.tree import build_tree
from whorl.fingerprint.walk import NotFollowed, Walk, is_stage, merge_ignored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whorl.digest import Digest
    from whorl.fingerprint.boundary import Distribution, View
    from whorl.fingerprint.values import ValueScan

__all__ = ["Difference", "Fingerprint", "NotFollowed", "Part", "differences", "digest_code", "fingerprint", "settle"]

_MAX_MEMORY = 8_192


@dataclass(frozen=True, slots=True)
class _Record:
    """What a fingerprint was made from; stays in this process."""

    root: Node
    walk: Walk
    view: View
    depends_on: tuple[object, ...]
    ignore: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """
    Everything a function would run, as one digest.

    ``not_followed`` lists what could not be seen, ``stages`` the stages that the code refers to at any depth, in the
    order they were met, ``distributions`` the installed distributions that count, with their exact versions.
    """

    digest: Digest
    not_followed: tuple[NotFollowed, ...]
    stages: tuple[object, ...]
    distributions: tuple[Distribution, ...]
    _record: _Record | None = field(default=None, repr=False, compare=False)
    _parts: list[Part] = field(default_factory=list, repr=False, compare=False)

    @property
    def parts(self) -> Part:
        """The tree of named components, made when it is asked for."""
        if not self._parts:
            assert self._record is not None
            self._parts.append(build_tree(self._record.root, self._record.walk.nodes, self.digest))
        return self._parts[0]

    def __reduce__(self) -> tuple[object, ...]:
        self.parts  # noqa: B018 - the record stays here, so the tree is made before it travels
        return _rebuild, (self.digest, self.not_followed, self.distributions, self._parts[0])


def _rebuild(
    digest: Digest, not_followed: tuple[NotFollowed, ...], distributions: tuple[Distribution, ...], parts: Part
) -> Fingerprint:
    return Fingerprint(digest, not_followed, (), distributions, None, [parts])


@dataclass(frozen=True, slots=True)
class _Settled:
    """A value that the stage itself changes: ``first`` stands for ``last`` as long as nobody else changes it."""

    place: Place
    first: ValueScan
    last: ValueScan


_memory: OrderedDict[tuple[int, ...], tuple[object, Fingerprint]] = OrderedDict()
_settled: dict[tuple[int, str], _Settled] = {}
_lock = threading.Lock()


def fingerprint(
    func: object, *, depends_on: Sequence[object] = (), ignore: Sequence[object] = (), strict: bool = False
) -> Fingerprint:
    """
    Fingerprint a function, class, stage or module as it is now.

    ``depends_on`` adds objects, modules or paths, ``ignore`` leaves objects or dotted names out; both count.  With
    ``strict``, anything that cannot be followed raises ``UndigestableError``.
    """
    root, added, left_out = func, tuple(depends_on), tuple(ignore)
    if is_stage(func):
        root = func.__wrapped__  # type: ignore[attr-defined]
        added, left_out = (*func.depends_on, *added), (*func.ignore, *left_out)  # type: ignore[attr-defined]
    found = _remembered(root, added, left_out) or _remember(root, added, left_out)
    if strict and found.not_followed:
        listed = ", ".join(map(str, found.not_followed))
        raise UndigestableError("the code refers to what cannot be followed", listed, "declare it, or drop strict=True")
    return found


def digest_code(obj: object) -> Digest:
    """Digest anything that runs: a function, class, module, stage or wrapper."""
    return fingerprint(obj).digest


def settle(func: object, before: Fingerprint) -> Fingerprint:
    """
    Fingerprint ``func`` after it ran, and tell its own changes of global values from those of others.

    A memo dict or a counter that the stage itself fills keeps its first value: ``before`` is returned, with one warning
    that names it.  A change that the stage did not make is seen by the next fingerprint.
    """
    record = before._record  # noqa: SLF001 - this module's own field
    if record is None:
        return before
    root = func.__wrapped__ if is_stage(func) else func  # type: ignore[attr-defined]
    after = fingerprint(root, depends_on=record.depends_on, ignore=record.ignore)
    if after.digest == before.digest or after._record is None:  # noqa: SLF001
        return before if after.digest == before.digest else after
    changed = _changed_values(record.walk, after._record.walk)  # noqa: SLF001
    known = dict(_settled)
    with _lock:
        _settled.update({(id(item.place.holder), item.place.name): item for item in changed})
    again = _make(root, record.depends_on, record.ignore)
    if again.digest != before.digest:
        with _lock:
            _settled.clear()
            _settled.update(known)
        return after
    with _lock:
        _memory.clear()  # what was fingerprinted since the run still has the last values, not the first ones
    _warn_of(changed, known, record.walk)
    return before


def _changed_values(before: Walk, after: Walk) -> list[_Settled]:
    changed = []
    for key, (place, _, scan) in after.scans.items():
        earlier = before.scans.get(key)
        if earlier is not None and (earlier[2].digest, earlier[2].refs) != (scan.digest, scan.refs):
            known = _settled.get(key)
            first = known.first if known is not None and known.last.digest == earlier[2].digest else earlier[2]
            changed.append(_Settled(place, first, scan))
    return changed


def _warn_of(changed: list[_Settled], known: dict[tuple[int, str], _Settled], walk: Walk) -> None:
    new = [item for item in changed if (id(item.place.holder), item.place.name) not in known]
    if new:
        names = ", ".join(walk.scans[id(item.place.holder), item.place.name][1].name for item in new)
        message = f"the stage itself changes {names}: the value at first use counts"
        warn(message, NotFollowedWarning)


def _settle_value(place: Place, scan: ValueScan) -> ValueScan:
    known = _settled.get((id(place.holder), place.name))
    if known is None or (known.last.digest, known.last.refs) != (scan.digest, scan.refs):
        return scan
    return known.first


def _key(root: object, depends_on: tuple[object, ...], ignore: tuple[object, ...]) -> tuple[int, ...]:
    if not depends_on and not ignore:
        return (id(root),)
    return (id(root), *map(id, depends_on), 0, *map(id, ignore))


def _remembered(root: object, depends_on: tuple[object, ...], ignore: tuple[object, ...]) -> Fingerprint | None:
    known = _memory.get(_key(root, depends_on, ignore))
    if known is None or known[0] is not root:
        return None
    record = known[1]._record  # noqa: SLF001
    return known[1] if record is not None and record.view.is_current() and record.walk.watches.hold() else None


def _remember(root: object, depends_on: tuple[object, ...], ignore: tuple[object, ...]) -> Fingerprint:
    found = _make(root, depends_on, ignore)
    with _lock:
        _memory[_key(root, depends_on, ignore)] = (root, found)
        while len(_memory) > _MAX_MEMORY:
            _memory.popitem(last=False)
    return found


def _make(root: object, depends_on: tuple[object, ...], ignore: tuple[object, ...]) -> Fingerprint:
    """Walk until no further fact about functions turns out to be read."""
    reads: frozenset[str] = frozenset()
    with one_view() as view:
        while True:
            walk = Walk(reads, _settle_value)
            node = walk.run(root, depends_on, merge_ignored(NOTHING, ignore))
            if walk.reads_found <= reads:
                break
            reads |= walk.reads_found
    return Fingerprint(
        digest_nodes(node, walk.nodes),
        tuple(walk.not_followed),
        tuple(stage for stage in walk.stages if getattr(stage, "__wrapped__", None) is not root),
        tuple(walk.distributions.values()),
        _Record(node, walk, view, depends_on, ignore),
    )
