"""
What was collected, pinned, restored, verified or counted in, the lines of those commands out.

Beyond the arrow: pure text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.report.quantities import count, spell_age, spell_seconds, spell_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from whorl.recheck import Rechecked
    from whorl.report.marks import Paint
    from whorl.store.collect import Collected
    from whorl.store.collect_plan import Condemned
    from whorl.store.collect_survey import Survey
    from whorl.store.manifest import Manifest, Slot
    from whorl.store.pins import Held
    from whorl.store.restore import Earlier
    from whorl.store.used import Used
    from whorl.store.verify import Verified


@dataclass(frozen=True, slots=True)
class Totals:
    """The bytes of a store, and what its entries saved on this machine."""

    size: int
    hits: int
    saved: float


def draw_collected(collected: Collected, *, removed: bool, grace: float, paint: Paint) -> Iterator[str]:
    """Draw what goes by stage and reason, and the bytes that are freed."""
    groups: dict[tuple[str, str], list[Condemned]] = {}
    for each in collected.condemned:
        groups.setdefault((each.entry.slot.stage, each.reason), []).append(each)
    rows = [
        (stage, reason, str(len(found)), spell_size(sum(each.entry.size + each.entry.record for each in found)))
        for (stage, reason), found in sorted(groups.items())
    ]
    if rows:
        yield from _table(("stage", "why", "entries", "size"), rows, right=(2, 3), paint=paint)
    leftovers = [count(collected.payloads, "payload")] if collected.payloads else []
    leftovers += [count(collected.leftovers, "leftover")] if collected.leftovers else []
    freed = f"{spell_size(collected.freed)} now" + (f" ({', '.join(leftovers)})" if leftovers else "")
    later = f" and {spell_size(collected.later)} after {spell_seconds(grace)}" if collected.later else ""
    verbs = "removed {}, freed {}" if removed else "would remove {}, and free {}"
    entries = count(len(collected.condemned), "entry")
    yield f"{verbs.format(entries, freed)}{later}; {spell_size(collected.stays)} stay"
    if not removed:
        yield "nothing was removed · to remove: the same with --yes"


def draw_pins(found: Mapping[str, Sequence[Held]], *, paint: Paint) -> Iterator[str]:
    """Draw the pins with what they hold."""
    rows = [
        (name, each.slot.stage, each.slot.key.short, each.attempt[:12], each.slot.namespace)
        for name, held in sorted(found.items())
        for each in sorted(held, key=lambda each: (each.slot.stage, each.slot.key.hex()))
    ]
    if rows:
        yield from _table(("pin", "stage", "key", "attempt", "namespace"), rows, paint=paint)
    yield count(len(found), "pin")


def draw_earlier(found: Sequence[Earlier], *, now: float, paint: Paint) -> Iterator[str]:
    """Draw the results that can be restored."""
    rows = [
        (
            each.manifest.slot.stage,
            each.manifest.slot.key.short,
            each.manifest.attempt[:12],
            spell_age(now - each.manifest.created),
            spell_size(each.manifest.size),
            "removed" if each.is_removed else "replaced",
        )
        for each in found
    ]
    if rows:
        yield from _table(("stage", "key", "attempt", "age", "size", "state"), rows, right=(3, 4), paint=paint)
    yield f"{count(len(found), 'result')} can be restored"


def word_restored(entry: Manifest, *, now: float) -> str:
    """Word that a result is current again, and whether it may answer."""
    slot = entry.slot
    text = f"restored {slot.stage} ({slot.key.short}), computed {spell_age(now - entry.computed)} ago"
    return f"{text}; it has expired and answers no call" if entry.expires is not None and entry.expires <= now else text


def draw_verified(verified: Verified, *, paint: Paint) -> Iterator[str]:
    """Draw what is wrong, and how much was read."""
    for finding in verified.findings:
        mark = "repaired" if finding.repaired else "damaged " if finding.is_entry else "wrong   "
        yield f"{paint(mark, 'green' if finding.repaired else 'red')}  {finding.name}: {finding.reason}"
    read = f"{count(verified.entries, 'entry')} with {spell_size(verified.bytes)}"
    yield f"{read} as stored, {count(len(verified.findings), 'thing')} wrong"
    if any(finding.is_entry and not finding.repaired for finding in verified.findings):
        yield "to move what is damaged aside: whorl verify --repair"


def draw_rechecked(again: Sequence[Rechecked], *, paint: Paint) -> Iterator[str]:
    """Draw what computing again gave."""
    words = {True: ("same    ", "green"), False: ("another ", "red"), None: ("unknown ", "yellow")}
    for each in again:
        word, colour = words[each.agrees]
        meaning = {True: "", False: ": computed again, its value differs", None: ": its values have no digest"}
        yield f"{paint(word, colour)}  {each.stage} ({each.key.short}){meaning[each.agrees]}"
    yield f"{count(len(again), 'call')} computed again, {sum(each.agrees is False for each in again)} differ"


def draw_stats(found: Survey, used: Mapping[Slot, Used], *, paint: Paint) -> Iterator[str]:
    """Draw a line for each stage, and the totals."""
    stages = sorted({entry.slot.stage for entry in found.entries} | {slot.stage for slot in used})
    rows = []
    for stage in stages:
        entries = [entry for entry in found.entries if entry.slot.stage == stage]
        uses = [each for slot, each in used.items() if slot.stage == stage]
        size = sum({entry.place: entry.size for entry in entries}.values()) + sum(entry.record for entry in entries)
        hits, saved = sum(each.hits for each in uses), sum(each.saved for each in uses)
        rows.append((stage, str(len(entries)), spell_size(size), str(hits), spell_seconds(saved)))
    if rows:
        yield from _table(("stage", "entries", "size", "hits", "saved"), rows, right=(1, 2, 3, 4), paint=paint)
    totals = totals_of(found, used)
    yield (
        f"{count(len(found.entries), 'entry')}, {count(len(found.generations), 'generation')}, "
        f"{spell_size(totals.size)}; {count(totals.hits, 'hit')} saved {spell_seconds(totals.saved)} on this machine"
    )
    if found.tombstones:
        yield f"{count(len(found.tombstones), 'removed entry')} can still be restored"
    if found.quarantined or found.damaged:
        yield paint(f"{count(len(found.quarantined) + len(found.damaged), 'damaged entry')} found", "red")


def totals_of(found: Survey, used: Mapping[Slot, Used]) -> Totals:
    """Add up a store: a payload that several entries share counts once."""
    records = sum(entry.record for entry in found.manifests + found.tombstones)
    size = records + sum(payload.size for payload in found.payloads.values())
    return Totals(size, sum(each.hits for each in used.values()), sum(each.saved for each in used.values()))


def _table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), paint: Paint
) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]

    def align(row: Sequence[str]) -> str:
        cells = (
            f"{cell:>{width}}" if index in right else f"{cell:<{width}}"
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "   ".join(cells).rstrip()

    yield paint(align(columns), "bright_black")
    for row in rows:
        yield align(row)
