"""
What a line begins with, what colour it has, and how it looks where only ASCII can be shown.

Beyond the arrow: what every line of a report is made with.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Paint = Callable[[str, str], str]

MARKS = {"ran": "▶", "hit": "●", "kept": "◌", "failed": "✗", "run": "▶", "may run": "▷", "done": "✓"}
COLOURS = {
    "ran": "green", "hit": "blue", "kept": "cyan", "failed": "red", "run": "yellow", "may run": "cyan",
    "fresh": "green", "stale": "yellow", "waiting": "cyan", "uncached": "bright_black",
    "called": "bright_black", "done": "green",
}  # fmt: skip
_PLAINLY = {
    "▶": ">", "▷": ">", "●": "*", "◌": "=", "✗": "x", "✓": "+", "→": "->", "·": "-", "…": "...", "⟶": "->",
}  # fmt: skip


def leave_plain(text: str, _colour: str) -> str:
    """Paint nothing."""
    return text


def fit(text: str, encoding: str) -> str:
    """Replace what an encoding cannot show: marks by ASCII ones, anything else by a question mark."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        known = re.sub("|".join(_PLAINLY), lambda found: _PLAINLY[found[0]], text)
        return known.encode(encoding, "replace").decode(encoding)
    except LookupError:
        return fit(text, "ascii")
    return text
