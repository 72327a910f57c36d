"""
Callables in, medians and ratios out: whorl and its named peers take turns in one run.

Machines drift and other processes interfere, so figures of two runs cannot be compared; those of turns can.
pytest-benchmark keeps the rounds; the peers run in the setup of each of them, in rotating order.  Values are compared
by the bench itself, outside the timed part.  A peer that cannot run is shown as MISSING and fails the bench.
"""

from __future__ import annotations

import gc
import resource
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from board import Board
    from pytest_benchmark.fixture import BenchmarkFixture
    from targets import Target

OWN = "whorl"


class MissingPeerError(Exception):
    """A peer could not be imported or run, so the comparison is not whole."""


class Lap(NamedTuple):
    """What one call took, in seconds: on the clock, and of processors, with all threads and ended children."""

    wall: float
    cpu: float


@dataclass(slots=True)
class Turns:
    """
    Competitors by name, what their turns took, and why some of them took none.

    The first turn of each warms caches and does not count.
    """

    calls: Mapping[str, Callable[[], object]]
    number: int = 1
    missing: dict[str, str] = field(default_factory=dict)
    _laps: dict[str, list[Lap]] = field(init=False)
    _order: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self._laps = {name: [] for name in self.calls}
        self._order = [name for name in self.calls if name != OWN]

    def own(self) -> None:
        """Let whorl take its turn."""
        self._laps[OWN].append(lap(self.calls[OWN], self.number))

    def others(self) -> None:
        """Let each peer take its turn, another one first each time."""
        for name in list(self._order):
            self._peer(name)
        self._order.append(self._order.pop(0))

    def counted(self) -> Iterator[tuple[str, list[Lap]]]:
        """Give the laps that count, of whorl first."""
        return ((name, self._laps[name][1:]) for name in self.calls if name not in self.missing)

    def _peer(self, name: str) -> None:
        if name in self.missing:
            return
        try:
            self._laps[name].append(lap(self.calls[name], self.number))
        except Exception as error:
            if self._laps[name]:
                raise
            self.missing[name] = f"{type(error).__name__}: {error}"


@dataclass(slots=True)
class Race:
    """Runs whorl against its peers and puts the outcome on the board."""

    benchmark: BenchmarkFixture
    board: Board

    def run(
        self,
        claim: str,
        whorl: Callable[[], object],
        peers: Mapping[str, Callable[[], object]],
        *,
        rounds: int,
        number: int = 1,
        limits: Mapping[str, float] | None = None,
        targets: Iterable[Target] = (),
    ) -> None:
        """
        Time ``whorl`` and ``peers`` in turn, ``rounds`` times, each turn ``number`` calls.

        ``limits`` name, per peer, the largest ratio of whorl's median to the peer's that the design asks for;
        ``targets`` are those of the design, for the table that closes the session.  A peer that raises in its first
        turn is missing: MissingPeerError, after everything else is on the board.
        """
        turns = Turns({OWN: whorl, **peers}, number)
        self.benchmark.pedantic(turns.own, setup=turns.others, rounds=rounds, warmup_rounds=1)
        laps = dict(turns.counted())
        medians = self.board.keep(claim, laps, turns.missing, limits=limits or {}, targets=targets)
        self.benchmark.extra_info.update({f"{claim}: {name}": median.wall for name, median in medians.items()})
        check_whole(claim, turns.missing)


def check_whole(claim: str, missing: Mapping[str, str]) -> None:
    """Raise where a peer was missing."""
    if missing:
        raise MissingPeerError(f"{claim}: " + "; ".join(f"{name}: {reason}" for name, reason in missing.items()))


def lap(call: Callable[[], object], number: int) -> Lap:
    """Time so many calls; a collection of garbage that is due waits until they are done, as in timeit."""
    gc.disable()
    try:
        cpu, start = _cpu(), perf_counter()
        for _ in range(number):
            call()
        wall = perf_counter() - start
        return Lap(wall / number, (_cpu() - cpu) / number)
    finally:
        gc.enable()


def _cpu() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
