"""
Trials of faults in, lines of a file out: what was tried, and whether the entry was then absent, correct or wrong.

``make faults`` names the file and prints the table from it (``fault_table.py``); elsewhere nothing is written.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fault_rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

OUTCOMES = ("absent", "correct", "wrong")
# `make faults` tries the numbers of the matrix, `make test` a part of them.
IS_FULL = os.environ.get("WHORL_FAULTS") == "full"


def number(full: int, small: int) -> int:
    """Choose how often something is tried."""
    return full if IS_FULL else small


class Recorder:
    """The trials of one test; ``wrong`` describes those that must not have happened."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.wrong: list[str] = []

    def note(self, fault: str, kind: str, outcome: str, detail: object = "", *, times: int = 1) -> None:
        """Note one trial of a row, or several with one outcome."""
        assert any(row.fault == fault for row in ROWS), f"{fault} is no row of fault_rows.py"
        assert outcome in OUTCOMES, outcome
        self.counts[fault, kind, outcome] += times
        if outcome == "wrong":
            self.wrong.append(f"{fault}, {kind}: {detail}")

    @contextmanager
    def trial(self, fault: str, kind: str) -> Iterator[None]:
        """Note a trial as wrong where an assertion about it fails; the test ends there."""
        try:
            yield
        except AssertionError as error:
            self.note(fault, kind, "wrong", error)
            raise

    def tried(self, fault: str) -> int:
        """Count the trials of a row."""
        return sum(times for (name, _, _), times in self.counts.items() if name == fault)

    def write(self) -> None:
        """Append what was noted to the file that the environment names."""
        path = os.environ.get("WHORL_FAULTS_RECORD")
        if path is None:
            return
        lines = [json.dumps([*what, times]) + "\n" for what, times in self.counts.items()]
        lines += [json.dumps([detail]) + "\n" for detail in self.wrong]
        with open(path, "ab", buffering=0) as file:  # appended at once: several workers write
            file.write("".join(lines).encode())
