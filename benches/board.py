"""Laps in, the tables at the end of a session out: the standings of each claim, and the targets of the design."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from race import OWN, Lap
from targets import HEAD, LEFT, Judged, judged
from words import in_words, laid_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from targets import Target


@dataclass(frozen=True, slots=True)
class Standing:
    """What one competitor needed for a claim: seconds, and how whorl compares with it."""

    claim: str
    name: str
    median: float
    fastest: float
    ratio: float | None = None
    limit: float | None = None
    cpu: float | None = None

    def row(self) -> tuple[str, ...]:
        """Word the line of the table; the verdict compares whorl's median with the limit times the peer's."""
        cpu = "" if self.cpu is None else in_words(self.cpu)
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        verdict = ""
        if self.limit is not None and self.ratio is not None:
            verdict = f"target ≤ {self.limit:g}: {'reached' if self.ratio <= self.limit else 'missed'}"
        return self.name, in_words(self.median), in_words(self.fastest), cpu, ratio, verdict


@dataclass(frozen=True, slots=True)
class Missing:
    """A peer that took no part in a claim, and why."""

    claim: str
    name: str
    reason: str

    def row(self) -> tuple[str, ...]:
        """Word the line of the table."""
        return self.name, "MISSING", "", "", "", self.reason


@dataclass(slots=True)
class Board:
    """What a session found out."""

    standings: list[Standing | Missing] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)

    def keep(
        self,
        claim: str,
        laps: Mapping[str, Sequence[Lap]],
        missing: Mapping[str, str],
        *,
        limits: Mapping[str, float],
        targets: Iterable[Target],
    ) -> dict[str, Lap]:
        """Add the standings of a claim and the verdicts on its targets, and return the medians."""
        medians = {name: _median(counted) for name, counted in laps.items()}
        self.standings += [_standing(claim, name, laps[name], medians, limits) for name in medians]
        self.standings += [Missing(claim, name, reason) for name, reason in missing.items()]
        for target in targets:
            self.judge(target, medians, missing)
        return medians

    def judge(self, target: Target, medians: Mapping[str, Lap], missing: Mapping[str, str] | None = None) -> None:
        """Add the verdict on one target."""
        self.judged.append(judged(target, medians, missing or {}))

    def standings_table(self) -> list[str]:
        """Lay the standings out, a block per claim."""
        head = ("", "median", "fastest", "CPU", "whorl ÷ peer", "")
        lines: list[str] = []
        for claim in dict.fromkeys(standing.claim for standing in self.standings):
            rows = [head, *(standing.row() for standing in self.standings if standing.claim == claim)]
            lines += ["", claim, *(f"  {line}" for line in laid_out(rows, frozenset({0, 5})))]
        return lines

    def targets_table(self) -> list[str]:
        """Lay the targets out, in the order of their numbers."""
        return laid_out([HEAD, *sorted(self.judged, key=lambda row: row.number)], LEFT)


def _standing(
    claim: str, name: str, laps: Sequence[Lap], medians: Mapping[str, Lap], limits: Mapping[str, float]
) -> Standing:
    median, fastest = medians[name], min(lap.wall for lap in laps)
    ratio = None if name == OWN else medians[OWN].wall / median.wall
    return Standing(claim, name, median.wall, fastest, ratio, limits.get(name), median.cpu)


def _median(laps: Sequence[Lap]) -> Lap:
    walls, cpus = zip(*laps, strict=True)
    return Lap(statistics.median(walls), statistics.median(cpus))
