"""
A code object in, the steps that it takes out; by ``dis`` alone, with nothing of the normalizer.

A step is an instruction with its argument resolved and the handler around it.  An instruction that stands for several
(``LOAD_FAST_LOAD_FAST``, ``RETURN_CONST``, ``JUMP_IF_TRUE_OR_POP``) is taken as those.  NOP, RESUME, caches and jumps
that are always taken do nothing; nor does what a class body notes of itself, as its qualified name and first line.
"""

from __future__ import annotations

import dis
import sys
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

_SILENT = frozenset(("NOP", "RESUME", "CACHE", "EXTENDED_ARG", "PRECALL"))
_STOPS = frozenset(("RETURN_VALUE", "RAISE_VARARGS", "RERAISE"))
_JUMPS = frozenset(("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"))
_TAKES_PART = frozenset(("FOR_ITER", "SEND"))
_FLAGS = {"LOAD_GLOBAL": 1, "LOAD_ATTR": 1 if sys.version_info >= (3, 12) else 0, "LOAD_SUPER_ATTR": 3}
_FUNCTION = 0x01
# What a class body notes of itself, lines and docstrings among it; the digest of a class leaves these names out.
_NOTES = frozenset(("__doc__", "__qualname__", "__firstlineno__", "__static_attributes__"))


@dataclass(frozen=True, slots=True)
class Step:
    """What is done, with what, where that leads, and where an exception leads; places are indices of steps."""

    name: str
    argument: object
    flags: int
    exits: tuple[int, ...]
    handler: tuple[int, int, bool] | None

    @property
    def around(self) -> tuple[int, bool] | None:
        """What a handler finds on the stack."""
        return self.handler and self.handler[1:]


@lru_cache(maxsize=64)
def steps_of(code: CodeType) -> tuple[Step, ...]:
    """Take a code object apart."""
    bytecode = dis.Bytecode(code)
    parts = [(part, found) for found in bytecode for part in _parts(found, code)]
    first: dict[int, int] = {}
    for index, (_, found) in enumerate(parts):
        first.setdefault(found.offset, index)
    handlers: dict[int, tuple[int, int, bool]] = {}
    for entry in bytecode.exception_entries:
        for offset in range(entry.start, entry.end, 2):
            handlers.setdefault(offset, (first[entry.target], entry.depth, entry.lasti))
    steps = tuple(
        Step(name, argument, flags, tuple(index + 1 if to is None else first[to] for to in exits), handlers.get(at))
        for index, ((name, argument, flags, exits), at) in enumerate((part, found.offset) for part, found in parts)
    )
    return steps if code.co_flags & _FUNCTION else tuple(_without_notes(steps))


_Part = tuple[str, object, int, tuple[int | None, ...]]


def _parts(found: dis.Instruction, code: CodeType) -> Iterator[_Part]:
    """Say what an instruction does: operation, argument, flags, and the offsets it leads to; None is the next step."""
    name, argument = found.opname, found.argval
    if name in _SILENT:
        yield "", None, 0, (None,)
    elif name in _JUMPS:
        yield "", None, 0, (argument,)
    elif name in _TAKES_PART:
        yield name, None, 0, (None, argument)
    elif "JUMP" in name:
        yield from _branch(name, argument)
    elif name == "RETURN_CONST":
        yield "LOAD_CONST", argument, 0, (None,)
        yield "RETURN_VALUE", None, 0, ()
    elif isinstance(argument, tuple) and name.count("_FAST") == 2:
        first, second = name.replace("FAST_", "FAST ").split()
        yield first, argument[0], 0, (None,)
        yield second, argument[1], 0, (None,)
    elif name == "KW_NAMES":  # dis gives the index
        yield name, code.co_consts[found.arg or 0], 0, (None,)
    else:
        yield _spelled(name), argument, _flags(found), () if name in _STOPS else (None,)


def _branch(name: str, target: int) -> Iterator[_Part]:
    """Say what a conditional jump does; where the tested fact holds comes first."""
    fact = "NONE" if name.endswith("NONE") else "TRUTH"
    jumps_where_it_holds = not name.endswith("NOT_NONE") and "FALSE" not in name
    exits = (target, None) if jumps_where_it_holds else (None, target)
    if name.endswith("_OR_POP"):
        yield "COPY", 1, 0, (None,)
        yield fact, None, 0, exits
        yield "POP_TOP", None, 0, (None,)
    else:
        yield fact, None, 0, exits


def _spelled(name: str) -> str:
    """Name an operation; the compiler leaves out the check of a variable where it knows that it is bound."""
    return "LOAD_FAST" if name == "LOAD_FAST_CHECK" else name


def _flags(found: dis.Instruction) -> int:
    return (found.arg or 0) & _FLAGS.get(found.opname, 0)


def _without_notes(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Leave out the constants that a class body notes of itself."""
    noted = {
        place
        for index, step in enumerate(steps)
        if step.name == "LOAD_CONST" and (target := steps[step.exits[0]]).name == "STORE_NAME"
        if target.argument in _NOTES
        for place in (index, step.exits[0])
    }
    for index, step in enumerate(steps):
        yield replace(step, name="", argument=None) if index in noted else step
