"""
Outcomes in, the lines of a run out: one per stage as it completes, and one for the whole.

    ▶ clean    ran   helper scale changed (utils.py:12)   17.9 s → 84 MB parquet
    ◌ report   kept  clean gave the same result           saved 0.4 s

Beyond the arrow: pure text.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from whorl.explain import NOT_STORED
from whorl.report.marks import COLOURS, MARKS, leave_plain
from whorl.report.quantities import spell_seconds, spell_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from whorl.outcome import Outcome
    from whorl.report.marks import Paint

_KINDS = ("failed", "ran", "kept", "hit")
REASON_WIDTH = 34  # of "helper scale changed (utils.py:12)", the example that set the look
_LEAST_SAVED = 0.0005


def draw_outcome(
    outcome: Outcome,
    reason: str,
    *,
    names: Mapping[str, str],
    reason_width: int = REASON_WIDTH,
    paint: Paint = leave_plain,
) -> str:
    """Draw one stage's line; ``names`` has what each stage of the run is called, so that columns agree."""
    name = names.get(outcome.stage, outcome.stage)
    width = max(map(len, (*names.values(), name)))
    if outcome.kind == "failed":
        return paint(f"{MARKS['failed']} {name:<{width}}   failed  {reason}   {spell_seconds(outcome.seconds)}", "red")
    colour = COLOURS[outcome.kind]
    head = f"{paint(MARKS[outcome.kind], colour)} {name:<{width}}   {paint(f'{outcome.kind:<4}', colour)}"
    return f"{head}  {reason:<{reason_width}}   {_tail(outcome, reason)}".rstrip()


def draw_summary(
    outcomes: Iterable[Outcome],
    *,
    seconds: float,
    inside: float,
    store: str,
    paint: Paint = leave_plain,
) -> str:
    """Draw the line under a run; ``inside`` are the seconds that were whorl's own."""
    counted = Counter(outcome.kind for outcome in outcomes)
    counts = ", ".join(f"{counted[kind]} {kind}" for kind in _KINDS if counted[kind]) or "nothing to run"
    mark, colour = (MARKS["failed"], "red") if counted["failed"] else (MARKS["done"], "green")
    took = f"{spell_seconds(seconds)}, {spell_seconds(inside)} of it in whorl"
    return " · ".join((f"{paint(mark, colour)} {counts}", took, f"store {store}"))


def _tail(outcome: Outcome, reason: str) -> str:
    """Word what a call cost or saved, and what it left."""
    if outcome.kind != "ran":
        return f"saved {spell_seconds(outcome.saved)}" if outcome.saved >= _LEAST_SAVED else ""
    took = f"{spell_seconds(outcome.seconds):>6}"
    if outcome.manifest is None:
        return took if reason == NOT_STORED else f"{took}, {NOT_STORED}"
    return f"{took} → {spell_size(outcome.manifest.size)} {outcome.manifest.format}"
