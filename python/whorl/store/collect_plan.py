"""
A survey and limits in, what is to go out: which manifests, which payloads, which leftovers, and why.

Pure: no clock but the survey's, no store.  What a plan names is looked at again before it goes.  Beside the arrow: what
*commit* made goes away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whorl.store.names import folder_name
from whorl.store.pins import Held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from whorl.store.collect_survey import Entry, Payload, Survey
    from whorl.store.manifest import Slot
    from whorl.store.objects.base import Listed

_HOUR, _DAY = 3600.0, 86400.0
GRACE = _DAY
# A payload without a manifest may be one whose writer is about to commit.
ORPHAN_AGE = 7 * _DAY


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What may stay.

    ``older_than``: seconds since an entry was stored or last used.  ``max_size``: bytes of all chosen entries.
    ``keep_last``: the newest entries of each stage stay, whatever the first two say; of the generations of a key no
    more than these stay.  ``grace``: seconds between an entry's removal and that of its payload.  ``namespace`` and
    ``stages`` choose the entries that the limits are for; payloads and leftovers go in every chosen namespace.
    """

    older_than: float | None = None
    max_size: int | None = None
    keep_last: int | None = None
    grace: float = GRACE
    namespace: str | None = None
    stages: frozenset[str] | None = None

    @property
    def space(self) -> str | None:
        """The folder of the chosen namespace."""
        return None if self.namespace is None else folder_name(self.namespace)

    def chooses(self, entry: Entry) -> bool:
        """Tell whether the limits are for an entry."""
        return self.stages is None or entry.slot.stage in self.stages


@dataclass(frozen=True, slots=True)
class Condemned:
    """A manifest that is to go, and why in words."""

    entry: Entry
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What is to go: manifests now, ``payloads`` and ``leftovers`` now as well.

    ``later`` is how many bytes go when the grace of the condemned is over, ``stays`` how many the chosen entries have
    that stay.
    """

    condemned: tuple[Condemned, ...]
    payloads: tuple[Payload, ...]
    leftovers: tuple[Listed, ...]
    later: int
    stays: int


def make_plan(survey: Survey, limits: Limits, pinned: frozenset[Held], ages: Mapping[Slot, float]) -> Plan:
    """Plan what goes; ``ages`` has the seconds since slots were last used, as far as known on this machine."""
    choice = _Choice(survey, limits, pinned, ages)
    choice.condemn_expired()
    choice.condemn_generations()
    choice.condemn_old()
    stays = choice.condemn_to_size()
    condemned = tuple(sorted(choice.condemned.values(), key=lambda each: each.entry.name))
    gone = {each.entry.name for each in condemned}
    left = [entry for entry in survey.manifests if entry.name not in gone]
    payloads = _dead_payloads(survey, limits, condemned)
    dead = {(payload.space, payload.attempt) for payload in payloads}
    used = {entry.place for entry in left} | dead
    later = sum(survey.payloads[place].size for place in _places(condemned) - used if place in survey.payloads)
    return Plan(condemned, payloads, tuple(_leftovers(survey, limits, left, dead)), later, stays)


def _places(condemned: Iterable[Condemned]) -> set[tuple[str, str]]:
    return {each.entry.place for each in condemned}


@dataclass(slots=True)
class _Choice:
    """The manifests that go, chosen limit by limit."""

    survey: Survey
    limits: Limits
    pinned: frozenset[Held]
    ages: Mapping[Slot, float]
    condemned: dict[str, Condemned] = field(default_factory=dict)
    _earlier: dict[Slot, list[Entry]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry in sorted(self.survey.generations, key=lambda entry: -entry.modified):
            self._earlier.setdefault(entry.slot, []).append(entry)

    def condemn_expired(self) -> None:
        """Condemn entries that answer no more, after the grace: someone may look at one that expired just now."""
        for entry in self._entries():
            if entry.expires is not None and entry.expires + self.limits.grace <= self.survey.now:
                self._condemn_slot(entry, "expired")

    def condemn_generations(self) -> None:
        """Condemn generations beyond those that are kept of their key."""
        if self.limits.keep_last is None:
            return
        current = {entry.slot: entry.attempt for entry in self.survey.entries}
        for slot, entries in self._earlier.items():
            # A writer that was killed between two renames leaves the current one here as well.
            real = [entry for entry in entries if entry.attempt != current.get(slot)]
            for entry in real[self.limits.keep_last :]:
                self._condemn(entry, "an earlier generation")

    def condemn_old(self) -> None:
        """Condemn what was neither stored nor used for too long."""
        oldest = self.limits.older_than
        if oldest is None:
            return
        kept = self._last_of_stages()
        for entry in self._entries():
            if entry.name not in kept and self._age(entry) >= oldest:
                self._condemn_slot(entry, "not used for too long")
        for entry in self.survey.generations:
            if self.survey.now - entry.modified >= oldest:
                self._condemn(entry, "an old generation")

    def condemn_to_size(self) -> int:
        """Condemn what saves least for its size until the rest fits; return the bytes of what stays."""
        users: dict[tuple[str, str], set[str]] = {}
        for entry in self._left():
            users.setdefault(entry.place, set()).add(entry.name)
        sizes = {place: self._payload_size(place) for place in users}
        total = sum(sizes.values()) + sum(entry.record for entry in self._left())
        limit = self.limits.max_size
        if limit is None or total <= limit:
            return total
        kept = self._last_of_stages()
        worth: Callable[[Entry], float] = lambda entry: self._worth(entry, sizes[entry.place], users[entry.place])  # noqa: E731
        for entry in sorted((entry for entry in self._left() if entry.name not in kept), key=worth):
            if total <= limit:
                break
            for gone in self._condemn_slot(entry, "the store is too large"):
                users[gone.place].discard(gone.name)
                total -= gone.record + (0 if users[gone.place] else sizes[gone.place])
        return total

    def _entries(self) -> list[Entry]:
        """List the current entries that the limits are for, those left out that go already."""
        return [
            entry for entry in self.survey.entries if self.limits.chooses(entry) and entry.name not in self.condemned
        ]

    def _left(self) -> list[Entry]:
        chosen = (entry for entry in self.survey.manifests if self.limits.chooses(entry))
        return [entry for entry in chosen if entry.name not in self.condemned]

    def _last_of_stages(self) -> set[str]:
        """Name the newest entries of each stage, of those that stay so far."""
        stages: dict[tuple[str, str], list[Entry]] = {}
        for entry in self._entries():
            stages.setdefault((entry.slot.namespace, entry.slot.stage), []).append(entry)
        number = self.limits.keep_last or 0
        newest = (sorted(entries, key=lambda entry: -entry.modified)[:number] for entries in stages.values())
        return {entry.name for entries in newest for entry in entries}

    def _age(self, entry: Entry) -> float:
        """Seconds since an entry was stored or used."""
        stored = self.survey.now - entry.modified
        return max(0.0, min(stored, self.ages.get(entry.slot, stored)))

    def _worth(self, entry: Entry, size: int, users: set[str]) -> float:
        """Seconds that an entry saves, for each byte that only it needs, less and less the longer it is unused."""
        own = entry.record + size / max(1, len(users))
        return entry.seconds / max(1.0, own) / (1.0 + self._age(entry) / _HOUR)

    def _payload_size(self, place: tuple[str, str]) -> int:
        payload = self.survey.payloads.get(place)
        return payload.size if payload else 0

    def _condemn_slot(self, entry: Entry, reason: str) -> Iterator[Entry]:
        """Condemn an entry; a current one takes its generations along, for without it they answer nobody."""
        together = [entry]
        if entry.name.split("/")[2] == "m":
            together += self._earlier.get(entry.slot, [])
        gone = [each for each in together if self._condemn(each, reason)]
        return iter(gone)

    def _condemn(self, entry: Entry, reason: str) -> bool:
        if (
            entry.name in self.condemned
            or not self.limits.chooses(entry)
            or Held(entry.slot, entry.attempt) in self.pinned
        ):
            return False
        self.condemned[entry.name] = Condemned(entry, reason)
        return True


def _dead_payloads(survey: Survey, limits: Limits, condemned: tuple[Condemned, ...]) -> tuple[Payload, ...]:
    """Choose payloads that nothing names and whose grace is over."""
    over = limits.grace <= 0
    gone = {each.entry.name for each in condemned} if over else set()
    named = {entry.place for entry in survey.manifests if entry.name not in gone}
    live = {entry.place for entry in survey.tombstones if not is_over(entry, survey, limits)}
    entombed = {entry.place for entry in survey.tombstones} - live
    if over:
        entombed |= _places(condemned)
    return tuple(
        payload
        for place, payload in survey.payloads.items()
        if place not in named | live and (place in entombed or payload.newest + ORPHAN_AGE <= survey.now)
    )


def is_over(tombstone: Entry, survey: Survey, limits: Limits) -> bool:
    """Tell whether the grace of a tombstone is over, by the store's clock."""
    return tombstone.modified + limits.grace <= survey.now


def _leftovers(survey: Survey, limits: Limits, left: list[Entry], dead: set[tuple[str, str]]) -> Iterator[Listed]:
    """Yield pointers, trees, side files and damaged things that serve nothing any more, and are not new."""

    def is_old(listed: Listed, age: float = limits.grace) -> bool:
        return listed.modified + age <= survey.now

    mourned = [entry for entry in survey.tombstones if not is_over(entry, survey, limits)]
    contents = {(entry.space, entry.content_key.hex()) for entry in left if entry.name.split("/")[2] == "m"}
    codes = {(entry.space, entry.code.hex()) for entry in left + mourned}
    attempts = {(entry.space, entry.attempt) for entry in left + mourned}
    yield from (each for each in survey.pointers if _tag(each) not in contents and is_old(each))
    yield from (each for each in survey.trees if _tag(each) not in codes and is_old(each))
    yield from (each for each in survey.quarantined if is_old(each))
    yield from (each for each in survey.damaged if "/t/" in each.name and is_old(each))
    for place, payload in survey.payloads.items():
        for side in payload.sides if place not in dead else ():
            attempt = side.name.rpartition("/")[2].split(".")[0]
            if (payload.space, attempt) not in attempts and is_old(side, ORPHAN_AGE):
                yield side


def _tag(listed: Listed) -> tuple[str, str]:
    parts = listed.name.split("/")
    return parts[1], parts[-1]
