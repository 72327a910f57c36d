"""
A code object in, its instructions as plain words out: what it loads, stores, imports, calls, and where.

On the arrow: inside *fingerprint*, below ``references``, which reads sense into the words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whorl.digest import Encoder

if TYPE_CHECKING:
    from types import CodeType

    from whorl.digest import Digest

_WORDS = {
    "LOAD_GLOBAL": "global",
    "LOAD_NAME": "global",
    "LOAD_FROM_DICT_OR_GLOBALS": "global",
    "LOAD_ATTR": "attribute",
    "LOAD_METHOD": "attribute",
    "LOAD_CONST": "constant",
    "RETURN_CONST": "constant",
    "IMPORT_NAME": "import",
    "IMPORT_FROM": "import from",
    "LOAD_FAST": "load",
    "LOAD_FAST_CHECK": "load",
    "LOAD_DEREF": "load",
    "LOAD_CLASSDEREF": "load",
    "LOAD_FROM_DICT_OR_DEREF": "load",
    "STORE_FAST": "store",
    "STORE_DEREF": "store",
    "STORE_NAME": "store",
    "STORE_GLOBAL": "store global",
    "DELETE_GLOBAL": "store global",
}
_SILENT = frozenset(("NOP", "CACHE", "EXTENDED_ARG", "RESUME", "PRECALL", "PUSH_NULL"))


@dataclass(frozen=True, slots=True)
class Mention:
    """One instruction: a word of the table above or the instruction's own name, its argument, its line, its effect on the stack."""

    word: str
    value: object
    line: int
    effect: int


def read_mentions(code: CodeType) -> tuple[Mention, ...]:
    """Return the instructions of a code object in order, superinstructions taken apart."""
    import dis

    found: list[Mention] = []
    line = code.co_firstlineno
    for instruction in dis.get_instructions(code):
        line = (instruction.positions.lineno if instruction.positions else None) or line
        effect = dis.stack_effect(instruction.opcode, instruction.arg, jump=False)
        if instruction.opname not in _SILENT:
            words = _split(instruction)
            found += [Mention(_WORDS.get(name, name), value, line, effect // len(words)) for name, value in words]
        elif found and effect:
            found[-1] = replace(found[-1], effect=found[-1].effect + effect)
    return tuple(found)


def digest_instructions(code: CodeType, digest_constant: object) -> Digest:
    """Digest the instructions, arguments resolved, and the table of exception handlers."""
    import dis

    encoder = Encoder("instructions")
    for instruction in dis.get_instructions(code):
        if instruction.opname in _SILENT:
            continue
        encoder.text(instruction.opname)
        if instruction.opcode in dis.hasconst:
            encoder.digest(digest_constant(instruction.argval))  # type: ignore[operator]
        elif isinstance(instruction.argval, tuple | str):
            encoder.text(repr(instruction.argval)).integer((instruction.arg or 0) & 1)
        else:
            encoder.integer(-1 if instruction.arg is None else int(instruction.arg))
    return encoder.bytes(code.co_exceptiontable).finish()


def _split(instruction: object) -> list[tuple[str, object]]:
    name, value = instruction.opname, instruction.argval  # type: ignore[attr-defined]
    if isinstance(value, tuple) and "_FAST_" in name and len(value) == 2:  # noqa: PLR2004 - a pair of locals
        first, second = name.split("_FAST_")[0], name.split("_")[2]
        return [(f"{first}_FAST", value[0]), (f"{second}_FAST", value[1])]
    return [(name, value)]
