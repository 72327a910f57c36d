"""
A target of the design and the medians of a race in, a line with the verdict out.

Those of hashing.md have its numbers, 1 to 4; those of fingerprint.md have 5, those of store.md 6.

Targets are reported and never bent: one that is missed says by how much, and fails nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from words import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from race import Lap

HEAD = ("", "target", "whorl", "peer", "its figure", "ratio", "wanted", "")
LEFT = frozenset({1, 3, 6, 7})


@dataclass(frozen=True, slots=True)
class Target:
    """
    What the design asks of whorl in a race, under its number.

    With a peer: at most ``bound`` times its time or, if ``faster``, at least ``bound`` times its speed.  Without one:
    at most ``bound`` seconds.  ``own`` names the competitor that is whorl's.
    """

    number: int
    text: str
    bound: float
    peer: str = ""
    faster: bool = False
    cpu: bool = False
    own: str = "whorl"


class Judged(NamedTuple):
    """A line of the table."""

    number: str
    text: str
    own: str
    peer: str
    other: str
    ratio: str
    wanted: str
    verdict: str


def judged(target: Target, medians: Mapping[str, Lap], missing: Mapping[str, str]) -> Judged:
    """Hold medians against a target; whoever is missing makes the verdict MISSING."""
    number = str(target.number)
    if target.own in missing or target.peer in missing:
        own, other = (
            "MISSING" if name in missing else _figure(target, medians[name]) for name in (target.own, target.peer)
        )
        return Judged(number, target.text, own, target.peer, other, "", _wanted(target), "MISSING")
    if not target.peer:
        return judged_figure(target.number, target.text, medians[target.own].wall, target.bound, in_words)
    mine, other = medians[target.own], medians[target.peer]
    ratio = _ratio(target, mine, other)
    verdict = _verdict(ratio / target.bound, at_least=target.faster)
    figures = _figure(target, mine), target.peer, _figure(target, other)
    return Judged(number, target.text, *figures, f"{ratio:.2f}", _wanted(target), verdict)


def judged_figure(number: int, text: str, own: float, bound: float, words: Callable[[float], str]) -> Judged:
    """Hold a figure of whorl's against what it may be at most."""
    verdict = _verdict(own / bound, at_least=False)
    return Judged(str(number), text, words(own), "", "", "", f"≤ {words(bound)}", verdict)


def _ratio(target: Target, own: Lap, other: Lap) -> float:
    mine, theirs = (own.cpu, other.cpu) if target.cpu else (own.wall, other.wall)
    return theirs / mine if target.faster else mine / theirs


def _figure(target: Target, median: Lap) -> str:
    return in_words(median.cpu if target.cpu else median.wall)


def _wanted(target: Target) -> str:
    return f"≥ {target.bound:g} times its speed" if target.faster else f"≤ {target.bound:g} times its time"


def _verdict(part: float, *, at_least: bool) -> str:
    if part >= 1 if at_least else part <= 1:
        return "reached"
    return f"MISSED by {abs(part - 1):.0%}"
