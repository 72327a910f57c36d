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
# What a terminal obeys: all but tabs, ends of lines and, in the group, colours.
_CONTROL = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]")
_CONTROLS = re.compile(f"(\\x1b\\[[0-9;]*m)|{_CONTROL.pattern}")


def leave_plain(text: str, _colour: str) -> str:
    """Paint nothing."""
    return text


def fit(text: str, encoding: str) -> str:
    """
    Replace what an encoding cannot show: marks by ASCII ones, anything else by a question mark.

    Control characters, which a name in someone else's store may have, are shown as Python writes them; colours pass.
    """
    if _CONTROL.search(text):  # a third of the time that looking for either takes
        text = _CONTROLS.sub(lambda found: found[1] or repr(found[0])[1:-1], text)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        known = re.sub("|".join(_PLAINLY), lambda found: _PLAINLY[found[0]], text)
        return known.encode(encoding, "replace").decode(encoding)
    except LookupError:
        return fit(text, "ascii")
    return text
