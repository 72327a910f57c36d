"""
An explanation in, the lines of ``whorl why`` out: every difference, with files, sizes and the lines of code.

    clean would run: 2 of 7 components differ from entry 7f3a01c2… (2 h ago)
      raw/data   2024.csv   12 → 13 MB   91c0… → be27…
      code       helper scale changed (utils.py:12)
                 -     return v / v.max()
                 +     return v / v.std()
      same       5 components

Beyond the arrow: pure text.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from whorl.changes import shorten, telling, word_difference
from whorl.report.marks import leave_plain
from whorl.report.quantities import count, spell_age, spell_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from whorl.changes import Change, FileChange
    from whorl.explain import Explanation
    from whorl.fingerprint.parts import Difference
    from whorl.report.marks import Paint
    from whorl.store.manifest import Manifest, RawFile

_DIGITS, _KEY_DIGITS = 4, 8
_MOST_FILES = 20
_OUTSIDE_KEY = ("entry", "expiry", "revision", "trace", "mode", "window")


def draw_why(explanation: Explanation, *, now: float, paint: Paint = leave_plain) -> Iterator[str]:
    """Draw one explanation; ``now`` is in seconds since 1970, for the age of the entry."""
    yield _headline(explanation, now)
    changes = explanation.changes
    # One reason that is no component stands in the headline.
    shown = () if len(changes) == 1 and changes[0].component in _OUTSIDE_KEY else changes
    rows = [row for change in shown for row in _change_rows(change, paint)]
    if explanation.entry is not None and shown and explanation.same:
        rows.append(("same", count(len(explanation.same), "component")))
    rows += [("not followed" if not index else "", item) for index, item in enumerate(explanation.not_followed)]
    width = max((len(label) for label, _ in rows), default=0)
    for label, text in rows:
        yield f"  {label:<{width}}   {text}".rstrip()


def _headline(explanation: Explanation, now: float) -> str:
    name, entry, changes = shorten(explanation.stage), explanation.entry, explanation.changes
    against = "" if entry is None else f"entry {entry.slot.key.hex()[:_KEY_DIGITS]}… ({_word_making(entry, now)})"
    if not changes:
        return f"{name} is fresh: {against} answers" if against else f"{name} is fresh"
    differing = {change.component for change in changes if change.component not in _OUTSIDE_KEY}
    if entry is None or not differing:
        return f"{name} would run: {changes[0].reason}" + (f"; compared with {against}" if against else "")
    total = len(differing) + len(explanation.same)
    verb = "differs" if len(differing) == 1 else "differ"
    return f"{name} would run: {len(differing)} of {count(total, 'component')} {verb} from {against}"


def _word_making(entry: Manifest, now: float) -> str:
    """Word when an entry was computed, and by which other tool, if it was adopted."""
    return _age(now - entry.computed) + (f", adopted from {entry.adopted_from}" if entry.adopted_from else "")


def _age(seconds: float) -> str:
    age = spell_age(seconds)
    return age if age == "now" else f"{age} ago"


def _change_rows(change: Change, paint: Paint) -> Iterator[tuple[str, str]]:
    """Give a change as rows of a label and a text; only the first has the label."""
    lines = list(_change_lines(change, paint))
    yield from ((change.component if not index else "", line) for index, line in enumerate(lines))


def _change_lines(change: Change, paint: Paint) -> Iterator[str]:
    if change.files:
        yield from _file_lines(change.files)
    elif change.code:
        for difference in telling(change.code):
            yield word_difference(difference)
            yield from _diff_lines(difference, paint)
    else:
        yield change.reason


def _file_lines(files: Sequence[FileChange]) -> Iterator[str]:
    shown = files[:_MOST_FILES]
    width = max(len(file.name) for file in shown)
    for file in shown:
        yield f"{file.name:<{width}}   {_word_sizes(file.old, file.new)}"
    if len(files) > len(shown):
        yield f"… and {count(len(files) - len(shown), 'file')} more"


def _word_sizes(old: RawFile | None, new: RawFile | None) -> str:
    if old is None:
        return f"added, {spell_size(new.size)}" if new else ""
    if new is None:
        return f"gone, it had {spell_size(old.size)}"
    before, after = spell_size(old.size), spell_size(new.size)
    sizes = before if before == after else f"{before} → {after}"
    return f"{sizes}   {old.digest.hex()[:_DIGITS]}… → {new.digest.hex()[:_DIGITS]}…"


def _diff_lines(difference: Difference, paint: Paint) -> Iterator[str]:
    """Give the lines of source that went and came; a change of one value is in the words already."""
    old, new = difference.old.splitlines(), difference.new.splitlines()
    if not (old and new) or (len(old) == len(new) == 1 and "→" in difference.change):
        return
    for line in difflib.unified_diff(old, new, lineterm="", n=0):
        if line.startswith(("---", "+++", "@@")):
            continue
        yield paint(line, "red" if line.startswith("-") else "green")
