"""
A function and the name of one of its parameters in, whether the function's value can depend on it out.

Where the code cannot be followed so far, it can: only a plain function that never names the parameter, and never looks
at its variables as a whole, is sure not to.  On the arrow: part of *components*.
"""

from __future__ import annotations

import dis
from types import FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Whoever calls one of these may see every variable of the function.
_REFLECTIVE = frozenset(
    [
        "locals",
        "vars",
        "eval",
        "exec",
        "dir",
        "_getframe",
        "_current_frames",
        "currentframe",
        "stack",
        "trace",
        "f_locals",
    ]
)
_NO_READING = frozenset(("STORE_FAST", "DELETE_FAST"))


def reads_parameter(function: Callable[..., object], name: str) -> bool:
    """Whether a function's code reads a parameter, or may."""
    if not isinstance(function, FunctionType) or hasattr(function, "__wrapped__"):
        return True
    code = function.__code__
    named = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if name not in named or name in code.co_cellvars or not _REFLECTIVE.isdisjoint(code.co_names):
        return True
    return any(_names(step, name) for step in dis.get_instructions(code))


def _names(step: dis.Instruction, name: str) -> bool:
    """Whether an instruction reads a variable; from 3.13 on one instruction may name two."""
    named = step.argval if isinstance(step.argval, tuple) else (step.argval,)
    return step.opname not in _NO_READING and "FAST" in step.opname and name in named
