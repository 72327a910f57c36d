"""
A code object in, text for people out: its source if that is still the code that runs, else its instructions.

A file may have been edited since it was imported; its text is shown only if compiling it gives the very same code.
Never in a digest.  On the arrow: beside *fingerprint*, for the diff that *explain* shows.
"""

from __future__ import annotations

import linecache
import textwrap
from functools import lru_cache
from types import CodeType

_LONGEST_TEXT = 8_000
# Notebooks may await in a cell; this flag of compile() allows it (ast.PyCF_ALLOW_TOP_LEVEL_AWAIT).
_TOP_LEVEL_AWAIT = 0x2000


def code_text(code: CodeType) -> str:
    """Return the source of a code object without its margin, or its instructions where the source is gone."""
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename)
    if code not in _codes_of("".join(lines)):
        return _instructions(code)[:_LONGEST_TEXT]
    return textwrap.dedent("".join(lines[code.co_firstlineno - 1 : _last_line(code)]))[:_LONGEST_TEXT]


@lru_cache(maxsize=64)
def _codes_of(source: str) -> frozenset[CodeType]:
    """Compile a file's text; all code objects in it."""
    try:
        pending = [compile(source, "", "exec", flags=_TOP_LEVEL_AWAIT, dont_inherit=True)]
    except (SyntaxError, ValueError):
        return frozenset()
    found = set()
    while pending:
        code = pending.pop()
        found.add(code)
        pending.extend(constant for constant in code.co_consts if isinstance(constant, CodeType))
    return frozenset(found)


def _last_line(code: CodeType) -> int:
    last = max((line for _, _, line in code.co_lines() if line is not None), default=code.co_firstlineno)
    nested = [_last_line(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return max([last, *nested])


def _instructions(code: CodeType) -> str:
    import dis

    return "".join(f"{item.opname} {item.argrepr}".rstrip() + "\n" for item in dis.get_instructions(code))
