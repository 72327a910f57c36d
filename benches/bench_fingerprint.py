"""
A first fingerprint takes at most 2 ms, one of unchanged code at most 20 µs, and those of 1,000 stages at most 1 s.

The peers look at less: joblib and Hamilton read the source text of the one function they are given, and neither its
helpers nor any value that it refers to.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from typing import TYPE_CHECKING

import joblib
import pytest
from board import Standing
from peers import imported
from pipelines import one_by_one, write_pipeline
from targets import Target

from whorl.fingerprint.code import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FunctionType

    from board import Board
    from race import Race

PAGE = "fingerprint.md"
HELPERS, FEW = 20, 3
STAGES = 1000
PROCESSES = 15
JOBLIB, HAMILTON = "joblib, the source of one function", "Hamilton, the source of one function"

pytestmark = pytest.mark.timeout(600)
hamilton = imported("hamilton.graph_types")

NOTHING = "def nothing(x):\n    return x\n\n\n"
OURS = "import whorl\nwhorl.fingerprint(nothing)\n"
OF_JOBLIB = "import joblib, joblib.func_inspect as f\njoblib.hash(f.get_func_code(nothing)[0])\n"
OF_HAMILTON = "from hamilton.graph_types import hash_source_code\nhash_source_code(nothing, strip=True)\n"
FIRST = """
import pathlib, sys, time
sys.path.insert(0, sys.argv[1])
import pipelines
stage = pipelines.write_pipeline(pathlib.Path(sys.argv[2]), helpers={helpers}).fresh()
from whorl.fingerprint.code import fingerprint
start = time.perf_counter()
fingerprint(stage)
print(time.perf_counter() - start)
"""


def digest(stage: FunctionType) -> str:
    return fingerprint(stage).digest.hex()


def of_joblib(stage: FunctionType) -> str:
    return str(joblib.hash(joblib.func_inspect.get_func_code(stage)[0]))


def of_hamilton(stage: FunctionType) -> str:
    return str(hamilton.hash_source_code(stage, strip=True))  # type: ignore[operator]  # as its nodes' versions are made


PEERS: dict[str, Callable[[FunctionType], object]] = {JOBLIB: of_joblib, HAMILTON: of_hamilton}


def test_a_first_fingerprint(race: Race, tmp_path: Path) -> None:
    """A stage with twenty helpers, numpy and pandas: new functions each time, in a process that is warm."""
    rounds = 100
    pipeline = write_pipeline(tmp_path, helpers=HELPERS)
    calls = {name: [pipeline.fresh() for _ in range(rounds + 1)] for name in ("whorl", *PEERS)}
    claim = f"first fingerprint of a stage with {HELPERS} helpers"

    peers = {name: one_by_one(calls[name], use) for name, use in PEERS.items()}
    targets = [Target(1, claim, 0.002, page=PAGE)]
    race.run(claim, one_by_one(calls["whorl"], digest), peers, rounds=rounds, targets=targets)

    assert {digest(stage) for stage in calls["whorl"]} == {digest(pipeline.fresh())}
    assert digest(write_pipeline(tmp_path, helpers=HELPERS, number=11).fresh()) != digest(pipeline.fresh())


def test_the_first_fingerprint_of_a_process(board: Board, tmp_path: Path) -> None:
    """The same stage in processes that have imported everything, but made no fingerprint yet."""
    command = [sys.executable, "-c", FIRST.format(helpers=HELPERS), "benches", str(tmp_path)]
    done = [subprocess.run(command, check=True, capture_output=True, text=True) for _ in range(PROCESSES)]
    seconds = [float(process.stdout) for process in done]

    assert len(seconds) == PROCESSES
    claim = f"first fingerprint of a stage with {HELPERS} helpers"
    board.standings.append(Standing(claim, "whorl, the first one of a process", median(seconds), min(seconds)))


def test_a_fingerprint_of_unchanged_code(race: Race, tmp_path: Path) -> None:
    """The same stage again: everything it was made from is compared."""
    stage = write_pipeline(tmp_path, helpers=HELPERS).fresh()
    claim = "fingerprint when nothing changed"

    peers = {name: (lambda use=use: use(stage)) for name, use in PEERS.items()}  # type: ignore[misc]
    targets = [Target(2, claim, 20e-6, page=PAGE)]
    race.run(claim, lambda: fingerprint(stage), peers, rounds=100, number=20, targets=targets)

    before = digest(stage)
    stage.__globals__["LIMIT"] += 1
    assert digest(stage) != before


def test_a_thousand_stages(race: Race, tmp_path: Path) -> None:
    """Each in a module of its own, with a few helpers."""
    rounds = 5
    pipelines = [write_pipeline(tmp_path, helpers=FEW, number=number) for number in range(STAGES)]
    every = {name: [[item.fresh() for item in pipelines] for _ in range(rounds + 1)] for name in ("whorl", *PEERS)}
    claim = f"fingerprints of {STAGES:,} stages with {FEW} helpers each"

    def all_of(name: str, use: Callable[[FunctionType], object]) -> Callable[[], object]:
        waiting = iter(every[name])
        return lambda: [use(stage) for stage in next(waiting)]

    peers = {name: all_of(name, use) for name, use in PEERS.items()}
    targets = [Target(3, claim, 1.0, page=PAGE)]
    race.run(claim, all_of("whorl", digest), peers, rounds=rounds, targets=targets)

    assert len({digest(item.fresh()) for item in pipelines}) == STAGES


def test_a_process_that_fingerprints_a_function_of_nothing(race: Race, tmp_path: Path) -> None:
    """Whole processes, from start to end: nearly all of it is the import."""
    scripts = {"whorl": OURS, "Python alone": "", JOBLIB: OF_JOBLIB, HAMILTON: OF_HAMILTON}
    calls = {}
    for number, (name, text) in enumerate(scripts.items()):
        script = tmp_path / f"script_{number}.py"
        script.write_text(NOTHING + text, encoding="utf-8")
        command = [sys.executable, "-I", str(script)]
        calls[name] = lambda command=command: subprocess.run(command, check=True, stdin=subprocess.DEVNULL)  # type: ignore[misc]
    claim = "a process that fingerprints a function of nothing"

    race.run(claim, calls.pop("whorl"), calls, rounds=PROCESSES)

    whorl, alone = race.board.standings[-4:-2]
    assert (whorl.name, alone.name) == ("whorl", "Python alone")
