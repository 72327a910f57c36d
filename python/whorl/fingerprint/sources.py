"""
A code object in, text for people out: its source if that is still the code that runs, else its instructions.

Never in a digest.  On the arrow: beside *fingerprint*, for the diff that *explain* shows.
"""

from __future__ import annotations

import linecache
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import CodeType

_LONGEST_TEXT = 8_000


def code_text(code: CodeType) -> str:
    """Return the source lines of a code object, its margin removed; empty where there is no source."""
    lines = linecache.getlines(code.co_filename)
    chosen = lines[code.co_firstlineno - 1 : _last_line(code)]
    return textwrap.dedent("".join(chosen))[:_LONGEST_TEXT]


def _last_line(code: CodeType) -> int:
    last = max((line for _, _, line in code.co_lines() if line is not None), default=code.co_firstlineno)
    nested = [_last_line(constant) for constant in code.co_consts if type(constant) is type(code)]
    return max([last, *nested])
