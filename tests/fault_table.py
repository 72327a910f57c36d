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

_HEADING = ("fault", "tried", *OUTCOMES, "wanted", "")


def read_counts(path: Path) -> Counter[tuple[str, str]]:
    """Sum up the recorded trials by fault and outcome."""
    counts: Counter[tuple[str, str]] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        fault, _, outcome, times = json.loads(line)
        counts[fault, outcome] += times
    return counts


def judge(row: Row, tried: int, wrong: int) -> str:
    """Word how a row ended, "ok" where it is as it must be."""
    if tried == 0:
        return f"NOT RUN: {row.missing or row.test}"
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
    lines = [
        "  ".join(f"{cell:{'<' if at in (0, 6) else '>'}{width}}" for at, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    return [line.rstrip() for line in lines], is_good


def main() -> int:
    """Print the table of a record."""
    lines, is_good = draw(read_counts(Path(sys.argv[1])))
    print(*lines, sep="\n")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
