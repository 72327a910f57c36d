"""
Callables in, a table of medians and ratios out: whorl and its named peers take turns in one run.

Machines drift and other processes interfere, so figures of two runs cannot be compared; those of turns can.
pytest-benchmark times whorl; the peers run in the setup of each of its rounds, in rotating order.  Values are compared
by the bench itself, outside the timed part.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_benchmark.fixture import BenchmarkFixture

_UNITS = ((1e-6, "ns", 1e9), (1e-3, "µs", 1e6), (1.0, "ms", 1e3))


@dataclass(frozen=True, slots=True)
class Standing:
    """What one competitor needed for a claim: seconds, and how whorl compares with it."""

    claim: str
    name: str
    median: float
    fastest: float
    ratio: float | None = None
    limit: float | None = None

    def row(self) -> tuple[str, str, str, str, str]:
        """Word the line of the table; the verdict compares whorl's median with the limit times the peer's."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        verdict = ""
        if self.limit is not None and self.ratio is not None:
            verdict = f"target ≤ {self.limit:g}: {'reached' if self.ratio <= self.limit else 'missed'}"
        return self.name, in_words(self.median), in_words(self.fastest), ratio, verdict


@dataclass(slots=True)
class Race:
    """Runs whorl against its peers and keeps the standings for the table at the end."""

    benchmark: BenchmarkFixture
    standings: list[Standing]
    _times: dict[str, list[float]] = field(default_factory=dict)

    def run(
        self,
        claim: str,
        whorl: Callable[[], object],
        peers: Mapping[str, Callable[[], object]],
        *,
        rounds: int,
        number: int = 1,
        limits: Mapping[str, float] | None = None,
    ) -> None:
        """
        Time ``whorl`` and ``peers`` in turn, ``rounds`` times, each turn ``number`` calls.

        ``limits`` name, per peer, the largest ratio of whorl's median to the peer's that the design asks for.
        """
        self._times = {name: [] for name in peers}
        turns = list(peers.items())

        def others() -> None:
            for name, call in turns:
                self._times[name].append(_seconds(call, number))
            turns.append(turns.pop(0))

        def own() -> None:
            for _ in range(number):
                whorl()

        self.benchmark.pedantic(own, setup=others, rounds=rounds, warmup_rounds=1)
        self._stand(claim, number, limits or {})

    def _stand(self, claim: str, number: int, limits: Mapping[str, float]) -> None:
        data = [seconds / number for seconds in self.benchmark.stats.stats.data]
        own = statistics.median(data)
        self.standings.append(Standing(claim, "whorl", own, min(data)))
        for name, times in self._times.items():
            counted = times[1:]  # the first turn warmed caches
            median = statistics.median(counted)
            self.benchmark.extra_info[name] = median
            self.standings.append(Standing(claim, name, median, min(counted), own / median, limits.get(name)))


def _seconds(call: Callable[[], object], number: int) -> float:
    start = perf_counter()
    for _ in range(number):
        call()
    return (perf_counter() - start) / number


def in_words(seconds: float) -> str:
    """Word a duration with three digits."""
    for bound, unit, factor in _UNITS:
        if seconds < bound:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.3g} s"


def table(standings: list[Standing]) -> list[str]:
    """Lay the standings out, a block per claim; the ratio is whorl's median over the peer's."""
    head = ("", "median", "fastest", "whorl ÷ peer", "")
    lines: list[str] = []
    for claim in dict.fromkeys(standing.claim for standing in standings):
        rows = [head, *(standing.row() for standing in standings if standing.claim == claim)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        lines += ["", claim]
        lines += ["  " + _laid_out(row, widths) for row in rows]
    return lines


def _laid_out(row: tuple[str, ...], widths: list[int]) -> str:
    name, *numbers, verdict = (
        cell.ljust(width) if column in (0, 4) else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "   ".join((name, *numbers, verdict)).rstrip()
