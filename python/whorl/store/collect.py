"""
Limits in, a smaller store out: manifests go behind tombstones, and payloads after a grace.

Order: tombstone, manifest, and after the grace the payload that no manifest, generation, live tombstone or marker
names.  Each step happens under its lock and looks again there.  Killed anywhere, a collection leaves payloads without a
manifest, never a manifest without its payload, and the next one goes on.  Every date is the store's.  The ledger stays.
Beside the arrow: what *commit* made goes away.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whorl.errors import CorruptEntryError
from whorl.store.codec import RECORD_LIMIT
from whorl.store.collect_plan import ORPHAN_AGE, Limits, Plan, is_over, make_plan
from whorl.store.collect_survey import is_marker, survey
from whorl.store.collectable import PLACES, current_and_earlier, read_record
from whorl.store.notes import NOTE_LIMIT, decode_slot
from whorl.store.pins import Held, pinned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whorl.store.collect_plan import Condemned
    from whorl.store.collect_survey import Entry, Payload, Survey
    from whorl.store.collectable import Collectable
    from whorl.store.manifest import Slot

_UNFINISHED_AGE = ORPHAN_AGE


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection did, or would do: manifests, payload bytes freed now and after the grace, other objects."""

    condemned: tuple[Condemned, ...]
    payloads: int
    freed: int
    later: int
    stays: int
    leftovers: int


def plan_collection(store: Collectable, limits: Limits, ages: Mapping[Slot, float]) -> Collected:
    """Say what a collection would do; nothing changes."""
    found = survey(store.objects, limits.space)
    return _planned(make_plan(found, limits, pinned(store.objects, limits.space), ages))


def collect(store: Collectable, limits: Limits, ages: Mapping[Slot, float]) -> Collected:
    """
    Collect; return what really went.

    What is used, pinned or replaced meanwhile stays.
    """
    found = survey(store.objects, limits.space)
    plan = make_plan(found, limits, pinned(store.objects, limits.space), ages)
    gone = tuple(each for each in plan.condemned if _condemn(store, each.entry))
    if gone and limits.grace <= 0:  # their grace is over as well
        found = survey(store.objects, limits.space)
        nothing_more = replace(limits, older_than=None, max_size=None, keep_last=None)
        plan = replace(make_plan(found, nothing_more, pinned(store.objects, limits.space), ages), later=0)
    freed = [payload for payload in plan.payloads if _free(store, payload, found, limits)]
    store.objects.remove([listed.name for listed in plan.leftovers])
    tidied = store.tidy(found.locks, found.now) + store.objects.abort_unfinished(found.now - _UNFINISHED_AGE)
    # A tombstone is needed for as long as its payload waits for nothing but this collector.
    waiting = {_place(payload) for payload in plan.payloads} - {_place(payload) for payload in freed}
    over = [entry.name for entry in found.tombstones if is_over(entry, found, limits) and entry.place not in waiting]
    store.objects.remove(over)
    size = sum(payload.size for payload in freed) + sum(listed.size for listed in plan.leftovers)
    return Collected(gone, len(freed), size, plan.later, plan.stays, len(plan.leftovers) + tidied + len(over))


def bury(store: Collectable, slot: Slot) -> int:
    """Put tombstones for all manifests of a slot, then remove them; return how many. Payloads stay for the grace."""
    objects = store.objects
    with store.locked(PLACES.writing(slot.namespace, slot.key.hex())):
        found = current_and_earlier(objects, slot)
        for name, _ in found:
            _entomb(store, name)
        left = [listed.name for listed in objects.below(PLACES.generations(slot))]
        objects.remove([*left, *(listed.name for listed in objects.below(PLACES.quarantine(slot)))])
        # The current one last: where this is cut short, the key still has it, or has nothing.
        current = PLACES.manifest(slot)
        while (content := objects.read(current, RECORD_LIMIT)) is not None:
            if store.take_away(current, content.data):
                break
            _entomb(store, current)
    return len(found)


def tombstone_name(now: float, namespace: str, attempt: str) -> str:
    """Name the tombstone of a manifest that goes today."""
    return PLACES.tombstone(namespace, time.strftime("%Y-%m-%d", time.gmtime(now)), attempt)


def _planned(plan: Plan) -> Collected:
    size = sum(payload.size for payload in plan.payloads) + sum(listed.size for listed in plan.leftovers)
    return Collected(plan.condemned, len(plan.payloads), size, plan.later, plan.stays, len(plan.leftovers))


def _condemn(store: Collectable, entry: Entry) -> bool:
    """Entomb and remove one manifest, if it is still the same and nobody pinned it."""
    slot = entry.slot
    with store.locked(PLACES.writing(slot.namespace, slot.key.hex())):
        try:
            found = read_record(store.objects, entry.name)
        except CorruptEntryError:
            return False
        if found is None or found[1].attempt != entry.attempt:
            return False
        if Held(slot, entry.attempt) in pinned(store.objects, entry.space):
            return False
        _entomb(store, entry.name)
        return store.take_away(entry.name, found[0])


def _entomb(store: Collectable, name: str) -> None:
    """Copy a manifest to its tombstone, dated now: what is restored, and what says whose payload it is."""
    try:
        found = read_record(store.objects, name)
    except CorruptEntryError:  # nothing to restore
        return
    if found is not None:
        data, manifest = found
        store.objects.put(tombstone_name(store.objects.now(), manifest.slot.namespace, manifest.attempt), data)


def _free(store: Collectable, payload: Payload, found: Survey, limits: Limits) -> bool:
    """Remove a payload unless someone names it by now."""
    slots = {entry.slot for entry in found.manifests + found.tombstones if entry.place == _place(payload)}
    is_orphan = not slots
    with store.locked(f"{PLACES.entries}/{payload.space}/l/{payload.attempt}.w"):
        for listed in store.objects.below(payload.folder):
            is_young = listed.modified + (ORPHAN_AGE if is_orphan else limits.grace) > found.now
            if is_young and (is_orphan or is_marker(listed.name)):
                return False
            if is_marker(listed.name):
                slots.update(_users(store, listed.name))
        if any(_names(store, slot, payload.attempt) for slot in slots):
            return False
        store.discard(payload.folder)
    return True


def _place(payload: Payload) -> tuple[str, str]:
    return payload.space, payload.attempt


def _users(store: Collectable, name: str) -> Iterator[Slot]:
    """Yield the slot that a marker names."""
    content = store.objects.read(name, NOTE_LIMIT)
    user = None if content is None else decode_slot(content.data)
    if user is not None:
        yield user


def _names(store: Collectable, slot: Slot, payload: str) -> bool:
    return any(manifest.payload == payload for _, manifest in current_and_earlier(store.objects, slot))
