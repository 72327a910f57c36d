"""Digesting large values goes at the speed of BLAKE3, many times that of joblib (hashing.md, target 3)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import large_values
import pytest
from race import Lap, check_whole

if TYPE_CHECKING:
    from board import Board

pytestmark = pytest.mark.timeout(3600)
SCRIPT = Path(__file__).with_name("on_cpus.py")
ROUNDS = 5


def races(cpus: int, megabytes: int) -> list[dict]:
    """Let whorl and its peers take turns in a process that may use so many processors."""
    command = [sys.executable, SCRIPT, str(cpus), str(megabytes), str(ROUNDS)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_hash_value_of_large_values(board: Board, request: pytest.FixtureRequest) -> None:
    """On one thread and on two: the digests are the same."""
    megabytes = request.config.getoption("--value-size")
    outcomes = {cpus: races(cpus, megabytes) for cpus in (1, 2)}
    missing = {}
    for position, kind in enumerate(large_values.KINDS):
        for cpus in outcomes:
            outcome = outcomes[cpus][position]
            laps = {name: [Lap(*lap) for lap in laps] for name, laps in outcome["laps"].items()}
            claim = f"hash_value, {megabytes} MB: {kind.name}, {cpus} CPU"
            board.keep(claim, laps, outcome["missing"], limits={}, targets=kind.targets(cpus))
            missing |= outcome["missing"]
    check_whole("large values", missing)

    for alone, together in zip(outcomes[1], outcomes[2], strict=True):
        assert alone["digest"] == together["digest"], alone["kind"]
