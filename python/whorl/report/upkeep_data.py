"""
What was collected, pinned, restored, verified or counted in, plain data for ``--json`` out.

Names of fields are part of what scripts rely on: fields are added, never renamed.  Beyond the arrow: pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whorl.report.plain_data import entry_data
from whorl.report.upkeep import totals_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from whorl.recheck import Rechecked
    from whorl.store.collect import Collected
    from whorl.store.collect_survey import Survey
    from whorl.store.manifest import Manifest, Slot
    from whorl.store.pins import Held
    from whorl.store.restore import Earlier
    from whorl.store.used import Used
    from whorl.store.verify import Verified


def collected_data(collected: Collected, *, removed: bool) -> dict[str, object]:
    """Give what goes; sizes are in bytes."""
    return {
        "removed": removed,
        "entries": [
            {
                **_slot_data(each.entry.slot),
                "attempt": each.entry.attempt,
                "reason": each.reason,
                "size": each.entry.size + each.entry.record,
                "is_generation": "/g/" in each.entry.name,
            }
            for each in collected.condemned
        ],
        "payloads": collected.payloads,
        "leftovers": collected.leftovers,
        "freed": collected.freed,
        "freed_after_grace": collected.later,
        "stays": collected.stays,
    }


def pins_data(found: Mapping[str, Sequence[Held]]) -> dict[str, object]:
    """Give what each pin holds."""
    return {name: [{**_slot_data(each.slot), "attempt": each.attempt} for each in held] for name, held in found.items()}


def earlier_data(earlier: Earlier) -> dict[str, object]:
    """Give a result that can be restored."""
    return {**entry_data(earlier.manifest), "state": "removed" if earlier.is_removed else "replaced"}


def restored_data(entry: Manifest) -> dict[str, object]:
    """Give a result that is current again."""
    return entry_data(entry)


def verified_data(verified: Verified, again: Sequence[Rechecked]) -> dict[str, object]:
    """Give what is wrong, and what computing again gave: ``agrees`` is null where values have no digest."""
    return {
        "entries": verified.entries,
        "bytes": verified.bytes,
        "findings": [
            {
                "name": finding.name,
                "reason": finding.reason,
                "is_entry": finding.is_entry,
                "repaired": finding.repaired,
            }
            for finding in verified.findings
        ],
        "recomputed": [{"stage": each.stage, "key": each.key.hex(), "agrees": each.agrees} for each in again],
    }


def stats_data(found: Survey, used: Mapping[Slot, Used]) -> dict[str, object]:
    """Give what a store holds, and what it saved on this machine, net of loading."""
    totals = totals_of(found, used)
    return {
        "entries": len(found.entries),
        "generations": len(found.generations),
        "removed": len(found.tombstones),
        "damaged": len(found.quarantined) + len(found.damaged),
        "size": totals.size,
        "hits": totals.hits,
        "seconds_saved": totals.saved,
    }


def _slot_data(slot: Slot) -> dict[str, object]:
    return {"stage": slot.stage, "namespace": slot.namespace, "key": slot.key.hex()}
