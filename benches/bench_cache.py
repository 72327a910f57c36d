"""
What a cached call costs beside nuthatch and joblib: the first call, a hit, a hit in memory, and the import.

Of a dict, and of frames and data sets of 10 and 500 MB.  nuthatch needs Python 3.12: where there is one, ``make bench``
gives it an environment of its own, and everybody races there; elsewhere the tables show it as missing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import cached_values as cached
import pytest
from board import Standing
from race import Lap, Turns, check_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from board import Board

pytestmark = pytest.mark.timeout(3600)
# The interpreter of an environment with nuthatch, as the recipe names it.
NUTHATCH = os.environ.get("WHORL_BENCH_NUTHATCH", "")
PYTHON = NUTHATCH or sys.executable
NOT_RUN = {} if NUTHATCH else {cached.NUTHATCH: "NOT RUN: nuthatch needs Python 3.12, and there is none"}
SCRIPT = Path(__file__).with_name("cache_race.py")
PATHS = [str(Path(__file__).parents[1] / name) for name in ("python", "benches")]


def raced(board: Board, folder: Path, kind: cached.Kind, megabytes: int) -> dict[str, dict[str, Lap]]:
    """Race over one kind of value in a process of its own, and give the medians of each claim."""
    name = next(name for name, known in cached.KINDS.items() if known is kind)
    medians, missing = {}, {}
    # The stores go at once: those of large values are some GB each, and pytest keeps three runs.
    with tempfile.TemporaryDirectory(dir=folder) as place:
        command = [PYTHON, str(SCRIPT), name, str(megabytes), "laps.jsonl"]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(PATHS)}
        subprocess.run(command, cwd=place, env=environment, check=True, stdout=subprocess.DEVNULL)
        lines = Path(place, "laps.jsonl").read_text(encoding="utf-8").splitlines()
    for line in lines:
        outcome = json.loads(line)
        claim = outcome["claim"]
        laps = {name: [Lap(*lap) for lap in laps] for name, laps in outcome["laps"].items()}
        absent = outcome["missing"] | NOT_RUN
        targets = kind.targets(claim, megabytes)
        title = f"{claim}: {kind.named(megabytes)}"
        medians[claim] = board.keep(title, laps, absent, limits={}, targets=targets)
        missing |= outcome["missing"]
    check_whole(kind.named(megabytes), missing)
    return medians


def test_a_dict(board: Board, tmp_path: Path) -> None:
    """A small value; its hit in memory is judged by what is left without the key and a private copy."""
    medians = raced(board, tmp_path, cached.DICT, 0)[cached.MEMORY]
    rest = medians["whorl"].wall - medians[cached.KEY].wall - medians[cached.COPY].wall
    target = cached.memory_target()

    assert rest > 0
    board.judge(target, {"whorl": Lap(rest, rest)})


def test_a_frame(board: Board, tmp_path: Path, cached_megabytes: int) -> None:
    """Numbers, times with gaps and text; whorl keeps it as parquet, and as Arrow besides."""
    assert raced(board, tmp_path, cached.FRAME, cached_megabytes)


def test_a_data_set(board: Board, tmp_path: Path, cached_megabytes: int) -> None:
    """Two variables on a grid, as zarr: opened lazily by whorl and nuthatch, so that loading is a claim of its own."""
    assert raced(board, tmp_path, cached.DATASET, cached_megabytes)


def test_the_import(board: Board) -> None:
    """Whole processes, from start to end; the difference to Python alone is the import."""
    lines = {"whorl": "import whorl", "Python alone": "pass", cached.JOBLIB: "import joblib"}
    lines |= {cached.NUTHATCH: "import nuthatch"} if NUTHATCH else {}
    turns = Turns({name: _start(line) for name, line in lines.items()})
    for _ in range(16):
        turns.others()
        turns.own()
    claim = "a process that imports it"
    medians = board.keep(claim, dict(turns.counted()), turns.missing | NOT_RUN, limits={}, targets=())
    check_whole(claim, turns.missing)
    costs = {name: lap.wall - medians["Python alone"].wall for name, lap in medians.items() if name != "Python alone"}
    board.standings += [
        Standing("import", name, cost, cost, None if name == "whorl" else costs["whorl"] / cost)
        for name, cost in costs.items()
    ]
    target = cached.import_target()
    board.judge(target, {"whorl": Lap(costs["whorl"], costs["whorl"])})


def _start(line: str) -> Callable[[], object]:
    """Start Python with a line, without the settings of this session."""
    command = [PYTHON, "-I", "-c", f"import sys; sys.path.insert(0, {PATHS[0]!r}); {line}"]
    return lambda: subprocess.run(
        command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
