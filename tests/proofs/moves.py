"""
A place in a code object in; out, what the moves from there on come to, and where they end.

A move takes a value from the stack to a variable or away, copies or exchanges values on the stack, or puts a constant
there.  It cannot fail, calls nothing (but for what the release of a value calls) and does not care for handlers.  So a
run of moves is what it leaves behind: how many values it takes off the stack, what stands there in their stead, and
what variables hold then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proofs.steps import Step

_MOVES = frozenset(("COPY", "SWAP", "POP_TOP", "STORE_FAST", "LOAD_CONST"))


def what_moves(steps: tuple[Step, ...], place: int) -> tuple[tuple[object, ...], int]:
    """Follow the moves from a place on; values are constants, or named by how deep they were in the stack before."""
    stack: list[object] = []
    held: dict[object, object] = {}
    taken, seen = 0, set[int]()
    while place not in seen and (not steps[place].name or steps[place].name in _MOVES):
        seen.add(place)
        step = steps[place]
        (place,) = step.exits
        while len(stack) < _needs(step):
            stack.insert(0, ("before", taken))
            taken += 1
        _move(step, stack, held)
    while stack and stack[0] == ("before", taken - 1):
        stack.pop(0)
        taken -= 1
    return (taken, tuple(stack), tuple(sorted(held.items()))), place


def _needs(step: Step) -> int:
    """Count the values of the stack that a move looks at."""
    if step.name in ("COPY", "SWAP"):
        assert isinstance(step.argument, int)
        return step.argument
    return int(step.name in ("POP_TOP", "STORE_FAST"))


def _move(step: Step, stack: list[object], held: dict[object, object]) -> None:
    depth = _needs(step)
    if step.name == "COPY":
        stack.append(stack[-depth])
    elif step.name == "SWAP":
        stack[-1], stack[-depth] = stack[-depth], stack[-1]
    elif step.name == "POP_TOP":
        stack.pop()
    elif step.name == "STORE_FAST":
        held[step.argument] = stack.pop()
    elif step.name == "LOAD_CONST":
        stack.append(("constant", step.argument))
