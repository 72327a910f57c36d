"""
The record of a run in, the table of the fault matrix out; the exit status is 1 where a row is wrong, short or missing.

    python tests/fault_table.py RECORD
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from fault_recorder import OUTCOMES
from fault_rows import ROWS, Row

_SHOWN = 20  # wrong trials that are described
_HEADING = ("fault", "tried", *OUTCOMES, "wanted", "")


def read_record(path: Path) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Sum up the recorded trials by fault and outcome; give the descriptions of the wrong ones, too."""
    counts: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        match json.loads(line):
            case [detail]:
                wrong.append(detail)
            case [fault, _, outcome, times]:
                counts[fault, outcome] += times
    return counts, wrong


def judge(row: Row, tried: int, wrong: int) -> str:
    """Word how a row ended, "ok" where it is as it must be."""
    if tried == 0:
        return f"NOT RUN: {row.test}"
    if wrong:
        return "WRONG"
    return "ok" if tried >= row.wanted else "TOO FEW"


def draw(counts: Counter[tuple[str, str]]) -> tuple[list[str], bool]:
    """Draw the table; also tell whether every row is as it must be."""
    rows, is_good = [_HEADING], True
    for row in ROWS:
        found = [counts[row.fault, outcome] for outcome in OUTCOMES]
        verdict = judge(row, sum(found), found[-1])
        is_good = is_good and verdict == "ok"
        rows.append((row.fault, *(f"{each:,}" for each in (sum(found), *found, row.wanted)), verdict))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [_align(row, widths) for row in rows], is_good


def _align(row: tuple[str, ...], widths: list[int]) -> str:
    name, *numbers, verdict = row
    cells = (f"{cell:>{width}}" for cell, width in zip(numbers, widths[1:], strict=False))
    return "  ".join((f"{name:<{widths[0]}}", *cells, verdict)).rstrip()


def main() -> int:
    """Print the table of a record."""
    counts, wrong = read_record(Path(sys.argv[1]))
    lines, is_good = draw(counts)
    sys.stdout.write("\n".join((*wrong[:_SHOWN], *lines, "")))
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
