"""
Mutants in; out, how many a fingerprint told from the original, and by which rule the others are no change.

A mutant that has the fingerprint of its original must do the same: by ``flows`` both run through the same steps, or it
stands as unexplained.  The other way round, a mutant of the same steps with another fingerprint is a needless miss.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proofs.flows import same_flow
from proofs.mutants import stage_of
from whorl.fingerprint.code import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from proofs.mutants import Mutant


@dataclass(slots=True)
class Tally:
    """What the mutants showed; ``changes`` counts them by what was changed."""

    changes: Counter[str] = field(default_factory=Counter)
    detected: int = 0
    explained: Counter[str] = field(default_factory=Counter)
    unexplained: list[Mutant] = field(default_factory=list)
    missed: list[Mutant] = field(default_factory=list)


def judge(found: Iterable[Mutant]) -> Tally:
    """Compare each mutant with its original, by fingerprint and by flow."""
    tally = Tally()
    for mutant in found:
        tally.changes[mutant.change] += 1
        before, after = stage_of(mutant.original), stage_of(mutant.mutated)
        same = same_flow(before.__code__, after.__code__)
        if fingerprint(before).digest != fingerprint(after).digest:
            tally.detected += 1
            if same:
                tally.missed.append(mutant)
        elif same:
            tally.explained["the same steps"] += 1
        elif same_flow(before.__code__, after.__code__, moves=True):
            tally.explained["the same moves"] += 1
        else:
            tally.unexplained.append(mutant)
    return tally
