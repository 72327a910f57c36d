"""
Two code objects in, whether they do the same out; the steps are those of ``dis``, nothing is of the normalizer.

Two rules, to be checked by hand.  *The same steps*: from the two entries on, steps are paired; each pair has the same
operation, the same argument and handlers that find the same, and what they lead to is paired in turn.  Where no pair
disagrees, any run of one is a run of the other.  Constants are the same with type and bits, nested code by this rule.
*The same moves*: besides, what only moves values between stack and variables may differ where it comes to the same.
"""

from __future__ import annotations

import struct
from types import CodeType
from typing import TYPE_CHECKING

from proofs.moves import what_moves
from proofs.steps import steps_of

if TYPE_CHECKING:
    from proofs.steps import Step

    Steps = tuple[Step, ...]

# Arguments, generators, coroutines: how a call begins and what it gives.
_BEHAVIOUR = 0x04 | 0x08 | 0x20 | 0x80 | 0x100 | 0x200


def same_flow(left: CodeType, right: CodeType, *, moves: bool = False) -> bool:
    """Tell whether two code objects do the same; with ``moves``, runs of moves are taken by what they come to."""
    if left is right:
        return True
    if _signature(left) != _signature(right):
        return False
    ours, theirs = steps_of(left), steps_of(right)
    pending, paired = [(0, 0)], set[tuple[int | None, int | None]]()
    while pending:
        here, there = pending.pop()
        if moves:
            first, here = what_moves(ours, here)
            second, there = what_moves(theirs, there)
            if not same_constant(first, second, moves=True):
                return False
        pair = _act(ours, here), _act(theirs, there)
        if pair in paired:
            continue
        paired.add(pair)
        found = _pair(ours, theirs, pair, moves=moves)
        if found is None:
            return False
        pending += found
    return True


def _pair(
    ours: Steps, theirs: Steps, pair: tuple[int | None, int | None], *, moves: bool
) -> list[tuple[int, int]] | None:
    """Give the places that two steps lead to, where they agree; a round that does nothing agrees with another."""
    here, there = pair
    if here is None or there is None:
        return [] if here is there else None
    one, other = ours[here], theirs[there]
    if not _same_step(one, other, moves=moves):
        return None
    handlers = [(one.handler[0], other.handler[0])] if one.handler and other.handler else []
    return [*zip(one.exits, other.exits, strict=True), *handlers]


def _signature(code: CodeType) -> tuple[object, ...]:
    parameters = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    counts = code.co_posonlyargcount, code.co_argcount, code.co_kwonlyargcount
    return counts, code.co_flags & _BEHAVIOUR, code.co_varnames[:parameters]


def _act(steps: Steps, place: int) -> int | None:
    """Go past steps that do nothing; None for a round of nothing else."""
    seen = set()
    while not steps[place].name:
        if place in seen:
            return None
        seen.add(place)
        (place,) = steps[place].exits
    return place


def _same_step(one: Step, other: Step, *, moves: bool) -> bool:
    alike = one.name == other.name and one.flags == other.flags and len(one.exits) == len(other.exits)
    return alike and one.around == other.around and same_constant(one.argument, other.argument, moves=moves)


def same_constant(one: object, other: object, *, moves: bool = False) -> bool:
    """Compare two constants with type and bits."""
    if type(one) is not type(other):
        return False
    if isinstance(one, CodeType) and isinstance(other, CodeType):
        return same_flow(one, other, moves=moves)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(same_constant(a, b, moves=moves) for a, b in zip(one, other, strict=True))
    return _bits(one) == _bits(other)


def _bits(value: object) -> object:
    if isinstance(value, float):
        return struct.pack("d", value)
    if isinstance(value, complex):
        return struct.pack("dd", value.real, value.imag)
    if isinstance(value, tuple):
        return (tuple, *map(_bits, value))
    return frozenset((type(item), _bits(item)) for item in value) if isinstance(value, frozenset) else value
