"""
A call in, what memory holds for it out: its entry, and its value as processors left it.

An entry in memory answers as one in a store does: not expired, under the current revisions, with a trace that holds,
and made of classes that are what they were.  On the arrow: the first tier of *look up*.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from whorl.entry import MISSING, Resolution, build_manifest
from whorl.errors import UndigestableError
from whorl.settings import parse_bytes

if TYPE_CHECKING:
    from whorl.call import Call
    from whorl.derive import Derived, Snapshot
    from whorl.digest import Digest
    from whorl.entry import Judge
    from whorl.store.manifest import Manifest

# Entries whose values have gone are dropped when there are more than these.
_MOST_ENTRIES = 256
# The format whose values are paths of payloads, which may go.
_PATHS = "file"
_entries: dict[tuple[object, ...], tuple[Manifest, tuple[object, ...]]] = {}


def find(judge: Judge, derived: Derived) -> Manifest | None:
    """Find the entry of a call whose value was kept in memory, if it answers."""
    held = _entries.get(_slot(judge, derived))
    if held is None:
        return None
    found = held[0]
    # One that is to be warned of, or is no longer admitted, is for the store to judge.
    is_of_other_code = judge.call.definition.track_code == "warn" and found.code != derived.fingerprint.digest
    is_refused = judge.call.stored and not judge.access.may_serve(found)
    if is_of_other_code or is_refused or not judge.is_current(found) or not judge.holds(found):
        return None
    same = judge.snapshot.behaviour(found.behaviour) == found.behaviour
    return found if same else None


def recall(call: Call, snapshot: Snapshot, manifest: Manifest) -> object:
    """Give a private copy of the value that was kept for an entry and the call's processors; else MISSING."""
    from whorl.memory import MEMORY
    from whorl.memory import MISSING as NOTHING

    key = _value_key(call, snapshot, manifest)
    value = NOTHING if key is None else MEMORY.get(key)
    return MISSING if value is NOTHING else value


def resolve(judge: Judge, found: Manifest) -> Resolution | None:
    """Settle a call that is not stored by the value that memory holds for its entry, if it still does."""
    value = recall(judge.call, judge.snapshot, found)
    if value is MISSING:
        return None
    return replace(Resolution.of_entry("hit", found), manifest=None, value=value, digested=True)


def keep_unstored(judge: Judge, derived: Derived, result: Resolution, content: Digest) -> None:
    """Keep the value of a call that is not stored, with an entry that is in memory alone."""
    manifest = build_manifest(
        judge, derived, result, content, revisions=(), format="", format_options={}, seconds_computing=result.seconds,
        seconds_encoding=0.0,
    )  # fmt: skip
    keep(judge, derived, replace(manifest, attempt=result.attempt), result.value)


def keep(judge: Judge, derived: Derived, manifest: Manifest, value: object) -> None:
    """Keep the value that a call gives, for calls that ask for the same."""
    from whorl.memory import MEMORY

    settings = judge.settings
    MEMORY.limit(parse_bytes(settings.local_cache_size), parse_bytes(settings.remote_cache_size))
    key = _value_key(judge.call, judge.snapshot, manifest)
    if key is not None and MEMORY.put(key, value):
        _entries[_slot(judge, derived)] = manifest, key
        if len(_entries) > _MOST_ENTRIES:
            for slot, (_, kept) in list(_entries.items()):
                if not MEMORY.holds(kept):
                    _entries.pop(slot, None)


def forget(judge: Judge, derived: Derived) -> None:
    """Forget the entry of a call."""
    _entries.pop(_slot(judge, derived), None)


def clear_memoizer() -> None:
    """Forget everything that is kept in memory, in this process."""
    from whorl.memory import MEMORY

    MEMORY.clear()
    _entries.clear()


def _slot(judge: Judge, derived: Derived) -> tuple[object, ...]:
    slot = judge.slot(derived)
    return (judge.access.root, slot.namespace, slot.stage, slot.key, judge.call.stored)


def _value_key(call: Call, snapshot: Snapshot, manifest: Manifest) -> tuple[object, ...] | None:
    """Tell values apart; None for one that memory must not hold: a path, or one by arguments without a digest."""
    if manifest.format == _PATHS:
        return None
    try:
        slot = manifest.slot
        return (manifest.attempt, slot.namespace, slot.stage, slot.key, call.engine, snapshot.work_of(call))
    except UndigestableError:
        return None
