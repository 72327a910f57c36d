"""
Places in code where names are read in; what is done with them out: a call with its constant arguments, or a look-up.

Only asked for names that a rule about what cannot be followed knows, so it may take its time.  On the arrow: inside
*fingerprint*, for ``unfollowed``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from dis import Instruction
    from types import CodeType

    from whorl.fingerprint.references import Load

_SILENT = frozenset(("NOP", "CACHE", "EXTENDED_ARG", "PUSH_NULL", "NOT_TAKEN"))
_ENDS = ("STORE", "RETURN", "POP_TOP", "POP_JUMP", "JUMP")
_LONGEST_CALL = 200


@dataclass(frozen=True, slots=True)
class Named:
    """A global that is handed on under its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Use:
    """
    What happens to a value that was just read, and on which line.

    ``called`` tells a call; ``arguments`` are its arguments, or the key of a look-up: constants as they are, globals as
    ``Named``, everything else as ``Ellipsis``.
    """

    called: bool
    arguments: tuple[object, ...]
    line: int


class Uses:
    """Reads what is done with names; the instructions of one code object are taken apart once."""

    def __init__(self) -> None:
        self._code: CodeType | None = None
        self._instructions: list[Instruction] = []

    def read(self, load: Load) -> Use:
        """Read what is done with the name and chain of a load."""
        instructions = self._instructions_of(load.code)
        start = next(index for index, item in enumerate(instructions) if item.offset >= 2 * load.unit)
        positions = instructions[start].positions
        line = (positions.lineno if positions else None) or 0
        called, arguments = _follow(instructions[start + 1 + len(load.chain) :][:_LONGEST_CALL])
        return Use(called, arguments, line)

    def _instructions_of(self, code: CodeType) -> list[Instruction]:
        if self._code is not code:
            import dis

            self._code = code
            self._instructions = [item for item in dis.get_instructions(code) if item.opname not in _SILENT]
        return self._instructions


def _follow(instructions: Sequence[Instruction]) -> tuple[bool, tuple[object, ...]]:
    """Follow the stack above a value until the value is used; tell whether it is called, and with what."""
    import dis

    stack: list[object] = []
    for instruction in instructions:
        effect = dis.stack_effect(instruction.opcode, instruction.arg, jump=False)
        depth = len(stack) + effect
        if _is_call(instruction, len(stack), depth):
            return True, tuple(stack)
        if instruction.opname == "BINARY_SUBSCR" and depth == 0:
            return False, tuple(stack)
        if depth < 0 or instruction.opname.startswith(_ENDS):
            break
        stack = _after(stack, instruction, effect)
    return False, ()


def _is_call(instruction: Instruction, held: int, depth: int) -> bool:
    if instruction.opname in ("PRECALL", "CALL"):
        return instruction.arg == held
    return instruction.opname in ("CALL_KW", "CALL_FUNCTION_EX") and depth <= 0


def _after(stack: list[object], instruction: Instruction, effect: int) -> list[object]:
    if effect > 0:
        value = instruction.argval if instruction.opname == "LOAD_CONST" else ...
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            value = Named(instruction.argval)
        return [*stack, *[value] * effect]
    depth = len(stack) + effect
    return [*stack[: max(depth - 1, 0)], ...][:depth] if effect or instruction.opname != "KW_NAMES" else stack
