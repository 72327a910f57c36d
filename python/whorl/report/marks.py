"""
What a line begins with, what colour it has, and how it looks where only ASCII can be shown.

Beyond the arrow: what every line of a report is made with.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whorl.explain import shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Paint = Callable[[str, str], str]

MARKS = {"ran": "▶", "hit": "●", "kept": "◌", "failed": "✗", "run": "▶", "may run": "▷", "done": "✓"}
COLOURS = {
    "ran": "green", "hit": "blue", "kept": "cyan", "failed": "red", "run": "yellow", "may run": "cyan",
    "fresh": "green", "stale": "yellow", "waiting": "cyan", "uncached": "bright_black", "done": "green",
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


def name_shortly(names: Iterable[str]) -> dict[str, str]:
    """Give each stage the last part of its name, or the whole where two would look the same."""
    short = {name: shorten(name) for name in names}
    taken = list(short.values())
    return {name: shown if taken.count(shown) == 1 else name for name, shown in short.items()}
