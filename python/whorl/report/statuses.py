"""
How stages stand in, the lines of ``whorl status`` and of ``whorl run -n`` out.

    clean    stale    raw/data: 1 of 12 files changed (2024.csv)
    report   waiting  clean
    1 stale, 1 waiting, 0 fresh · run: whorl run pipeline.py:report

Beyond the arrow: pure text.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from whorl.changes import name_shortly
from whorl.report.marks import COLOURS, MARKS, leave_plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from whorl.explain import Status
    from whorl.report.marks import Paint


def draw_statuses(statuses: Sequence[Status], *, target: str = "", paint: Paint = leave_plain) -> Iterator[str]:
    """Draw a line per stage and one that counts; ``target`` is what to run where something is not fresh."""
    names = name_shortly(status.stage for status in statuses)
    width = max(map(len, names.values()), default=0)
    for status in statuses:
        state = paint(f"{status.state:<7}", COLOURS[status.state])
        yield f"{names[status.stage]:<{width}}   {state}  {status.reason}".rstrip()
    counted = Counter(status.state for status in statuses)
    shown = ["stale", "waiting", "fresh", *(["uncached"] if counted["uncached"] else [])]
    line = ", ".join(f"{counted[state]} {state}" for state in shown)
    yield f"{line} · run: whorl run {target}" if target and needs_run(statuses) else line


def needs_run(statuses: Sequence[Status]) -> bool:
    """Whether anything that is kept would have to be computed or checked by computing."""
    return any(status.state in ("stale", "waiting") for status in statuses)


def draw_plan(statuses: Sequence[Status], *, paint: Paint = leave_plain) -> Iterator[str]:
    """Draw what a run would do, and that nothing was done."""
    names = name_shortly(status.stage for status in statuses)
    width = max(map(len, names.values()), default=0)
    for status in statuses:
        colour = COLOURS[status.state]
        head = f"{paint(MARKS[status.state], colour)} {names[status.stage]:<{width}}"
        yield f"{head}   {paint(f'{status.state:<7}', colour)}  {status.reason}".rstrip()
    counted = Counter(status.state for status in statuses)
    words = {"run": "would run", "may run": "may run", "hit": "would be a hit"}
    counts = ", ".join(f"{counted[state]} {words[state]}" for state in words if counted[state])
    yield f"{counts} · nothing was run"
