"""
A function, class or stage in, its ``Fingerprint`` out: the digest of everything it would run.

Layout, comments, docstrings, line numbers, names of files and of the function itself never count; behaviour does,
however far away it stands.  A second fingerprint of unchanged code costs a comparison of identities; a redefined
function, a changed global or a patched attribute is seen at the next call.  On the arrow: *fingerprint*.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whorl.digest import Encoder
from whorl.errors import NotFollowedWarning, UndigestableError, warn
from whorl.fingerprint.boundary import Distribution, Own, canonical_module, owner, seen_through
from whorl.fingerprint.changed import outermost, own_changes
from whorl.fingerprint.describe_instance import OpaqueError
from whorl.fingerprint.memory import Memory, Remembered
from whorl.fingerprint.nodes import NOTHING, Node, NotFollowed, digest_nodes
from whorl.fingerprint.parts import Difference, Part, differences
from whorl.fingerprint.settled import asked_root, decide, held_values, hold, replace_settled
from whorl.fingerprint.tree import build_tree
from whorl.fingerprint.walk import Walk, is_stage, merge_ignored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from whorl.digest import Digest
    from whorl.fingerprint.nodes import Key

__all__ = [
    "Difference", "Fingerprint", "NotFollowed", "Part", "differences", "digest_code", "fingerprint", "holding",
    "settle",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Record:
    """What a fingerprint was made from; stays in this process."""

    root: Key
    nodes: Mapping[Key, Node]
    facts: Mapping[Key, Key]
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
    _classes: list[Mapping[str, type]] = field(default_factory=list, repr=False, compare=False)

    @property
    def parts(self) -> Part:
        """The tree of named components, made when it is asked for."""
        if not self._parts:
            assert self._record is not None
            self._parts.append(build_tree(self._record.root, self._record.nodes, self.digest))
        return self._parts[0]

    @property
    def classes(self) -> Mapping[str, type]:
        """The user's own classes that the code refers to, as ``module:Qualified.Name``; those of this process alone."""
        if not self._classes:
            nodes = {} if self._record is None else self._record.nodes
            self._classes.append(_own_classes(node.value for node in nodes.values()))
        return self._classes[0]

    def __reduce__(self) -> tuple[object, ...]:
        # The record stays in this process, so the tree is made before it travels.
        return _rebuild, (self.digest, self.not_followed, self.distributions, self.parts)


def _rebuild(
    digest: Digest, not_followed: tuple[NotFollowed, ...], distributions: tuple[Distribution, ...], parts: Part
) -> Fingerprint:
    return Fingerprint(digest, not_followed, (), distributions, None, [parts])


_memory = Memory()
# How often a root is walked until it is clear for which places what was first stands; then what lies there now counts.
_MOST_WALKS = 4
_warned: set[NotFollowed] = set()


def fingerprint(
    func: object, *, depends_on: Sequence[object] = (), ignore: Sequence[object] = (), strict: bool = False
) -> Fingerprint:
    """
    Fingerprint a function, class, stage or module as it is now.

    ``depends_on`` adds objects, modules or paths, ``ignore`` leaves objects or dotted names out; both count.  With
    ``strict``, anything that cannot be followed raises ``UndigestableError``; loggers alone do not.  Data that nobody
    can tell from other data, such as a lazy frame in a global, raises it always.
    """
    root, added, left_out = func, tuple(depends_on), tuple(ignore)
    if is_stage(func):
        root = func.__wrapped__  # type: ignore[attr-defined]
        added, left_out = (*func.depends_on, *added), (*func.ignore, *left_out)  # type: ignore[attr-defined]
    found = _fingerprint(root, added, left_out)
    _tell_undigested(found)
    refused = [item for item in found.not_followed if not item.harmless] if strict else []
    if refused:
        listed = ", ".join(map(str, refused))
        raise UndigestableError("the code refers to what cannot be followed", listed, "declare it, or drop strict=True")
    return found


def _tell_undigested(found: Fingerprint) -> None:
    """Raise for data that has no digest, and warn once of each object that shows nothing of what it holds."""
    for item in found.not_followed:
        error = item.error
        if isinstance(error, OpaqueError):
            if item not in _warned:
                _warned.add(item)
                message = f"{item} counts by its type alone, and a change of it is not seen ({error.cause}): make it"
                warn(f"{message} inside the stage, or name it in ignore= if it does not matter", NotFollowedWarning)
        elif error is not None:
            inside = "" if error.message.startswith("value: ") else f"{error.message}: "
            tip = f"{error.tip}; ignore= leaves out what does not matter"
            raise UndigestableError(f"the code refers to {item}, which has no digest", inside + error.cause, tip)


def digest_code(obj: object) -> Digest:
    """Digest anything that runs: a function, class, module, stage or wrapper."""
    return fingerprint(obj).digest


def settle(func: object, before: Fingerprint) -> Fingerprint:
    """
    Fingerprint ``func`` after it ran, and tell its own changes of global values from those of others.

    A memo dict or a counter that the stage itself fills keeps its first value: ``before`` is returned, with one warning
    that names it.  A change that the stage's code cannot have made, and one made later from outside, is seen.
    """
    record = before._record  # noqa: SLF001 - this module's own field
    if record is None:
        return before
    root = func.__wrapped__ if is_stage(func) else func  # type: ignore[attr-defined]
    after = _fingerprint(root, record.depends_on, record.ignore)
    if after.digest == before.digest or after._record is None:  # noqa: SLF001
        return before if after.digest == before.digest else after
    changed = own_changes(record.nodes, after._record.nodes)  # noqa: SLF001
    earlier = replace_settled({item.place.key: item for item in changed})
    _memory.forget()
    if _fingerprint(root, record.depends_on, record.ignore).digest != before.digest:
        replace_settled(earlier)
        _memory.forget()
        return after
    if new := outermost(changed, [item for item in changed if earlier.get(item.place.key) is None]):
        warn(f"the stage itself changes {', '.join(new)}: the value at first use counts", NotFollowedWarning)
    return before


@contextmanager
def holding(before: Fingerprint) -> Iterator[None]:
    """
    While a stage runs, let the globals that its code reads count as they were when it began.

    A stage that the body calls after it has changed such a global has the same fingerprint as before.
    """
    record = before._record  # noqa: SLF001 - this module's own field
    with hold(record.nodes if record is not None else {}):
        yield


def _fingerprint(root: object, depends_on: tuple[object, ...], ignore: tuple[object, ...]) -> Fingerprint:
    key = (id(root), *map(id, depends_on), 0, *map(id, ignore)) if depends_on or ignore else (id(root),)
    held = held_values()
    token = asked_root.set(root)
    try:
        known = _memory.result(key, root)
        if known is not None and (held is None or held.agrees_with(known.nodes)):
            return known.result
        memory = _memory if held is None else held.memory
        if held is not None:
            known = memory.result(key, root)
        if known is None or held is None:
            known = _make(root, depends_on, ignore, memory)
            memory.keep(key, known)
        return known.result
    finally:
        asked_root.reset(token)


def _make(root: object, depends_on: tuple[object, ...], ignore: tuple[object, ...], memory: Memory) -> Remembered:
    view, nodes = memory.nodes()
    with seen_through(view):
        for walks in range(_MOST_WALKS):
            walk = Walk(nodes)
            node = walk.run(root, depends_on, merge_ignored(NOTHING, ignore))
            if not decide(root, walk.nodes, only_reads=walks >= _MOST_WALKS - 2):
                break
    record = _Record(node.key, walk.nodes, walk.facts, depends_on, ignore)
    return Remembered(root, _conclude(root, record), walk.nodes, view)


def _conclude(root: object, record: _Record) -> Fingerprint:
    nodes = record.nodes.values()
    # Bytecode and the standard library are those of one minor version of Python.
    encoder = Encoder("fingerprint").integer(sys.version_info.minor)
    return Fingerprint(
        encoder.digest(digest_nodes(record.root, record.nodes, record.facts)).finish(),
        tuple(dict.fromkeys(item for node in nodes for item in node.not_followed)),
        tuple(node.value for node in nodes if is_stage(node.value) and _function_of(node.value) is not root),
        tuple(node.value for node in nodes if type(node.value) is Distribution),
        record,
    )


def _own_classes(values: Iterable[object]) -> Mapping[str, type]:
    """Name the user's own classes; two of one name, as a function makes them, are named by neither."""
    found: dict[str, set[type]] = {}
    for value in values:
        if isinstance(value, type) and type(owner(value)) is Own:
            found.setdefault(f"{canonical_module(value.__module__)}:{value.__qualname__}", set()).add(value)
    return {name: kinds.pop() for name, kinds in found.items() if len(kinds) == 1}


def _function_of(stage: object) -> object:
    return getattr(stage, "__wrapped__", None)
