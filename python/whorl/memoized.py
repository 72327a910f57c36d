"""
A call in, what memory holds for it out: its entry, and its value as processors left it.

An entry in memory answers as one in a store does: not expired, under the current revisions, with a trace that holds,
and made of classes that are what they were.  On the arrow: the first tier of *look up*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whorl.entry import MISSING

if TYPE_CHECKING:
    from whorl.call import Call
    from whorl.derive import Derived, Snapshot
    from whorl.entry import Judge
    from whorl.store.manifest import Manifest

_entries: dict[tuple[object, ...], Manifest] = {}


def find(judge: Judge, derived: Derived) -> Manifest | None:
    """Find the entry of a call whose value was kept in memory, if it answers."""
    key = _slot(judge, derived)
    found = _entries.get(key)
    if found is None or not judge.is_current(found) or not judge.holds(found):
        return None
    same = judge.snapshot.behaviour(found.behaviour) == found.behaviour
    return found if same else None


def recall(call: Call, snapshot: Snapshot, manifest: Manifest) -> object:
    """Give a private copy of the value that was kept for an entry and the call's processors; else MISSING."""
    from whorl.memory import MEMORY
    from whorl.memory import MISSING as NOTHING

    value = MEMORY.get(_value_key(call, snapshot, manifest))
    return MISSING if value is NOTHING else value


def keep(judge: Judge, derived: Derived, manifest: Manifest, value: object) -> None:
    """Keep the value that a call gives, for calls that ask for the same."""
    from whorl.memory import MEMORY

    if MEMORY.put(_value_key(judge.call, judge.snapshot, manifest), value):
        _entries[_slot(judge, derived)] = manifest


def forget(judge: Judge, derived: Derived) -> None:
    """Forget the entry of a call."""
    _entries.pop(_slot(judge, derived), None)


def forget_all() -> None:
    """Forget everything that is kept in memory."""
    from whorl.memory import MEMORY

    MEMORY.clear()
    _entries.clear()


def _slot(judge: Judge, derived: Derived) -> tuple[object, ...]:
    return (judge.access.root, judge.slot(derived))


def _value_key(call: Call, snapshot: Snapshot, manifest: Manifest) -> tuple[object, ...]:
    return (manifest.attempt, manifest.slot, call.engine, snapshot.work_of(call))
