"""
The fingerprint of code: made the first time, made of a thousand stages, and checked again (fingerprint.md, "Speed").

The peers hash the source text of one function and see no helper, no global and no version; whorl follows them all.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import subprocess
import sys
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import peers
import pytest
from board import Standing
from targets import Target

import whorl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

    from board import Board
    from race import Race

joblib = peers.imported("joblib")
func_inspect = peers.imported("joblib.func_inspect")
graph_types = peers.imported("hamilton.graph_types")

pytestmark = pytest.mark.timeout(600)
# The targets of hashing.md are 1 to 4; these are those of fingerprint.md.
NUMBER = 5
HELPERS, STAGES = 20, 1000
HELPER = """
def helper_{0}(frame, low={0}):
    "Scale one column."
    if low > LIMIT:
        raise ValueError(f"{{low}} is too much")
    return np.clip(frame["value"] * FACTORS[{0} % 3], low, {0} + 1).rolling(3).mean()
"""
STAGE = """
def stage(frame):
    parts = [{calls}]
    return pd.concat(parts, axis=1).assign(total=lambda x: x.sum(axis=1))
"""
SMALL_STAGE = """
def scale_{0}(value):
    return value * {0} + LIMIT

def stage_{0}(frame):
    return np.sqrt(scale_{0}(frame["value"])) if len(frame) > {0} else pd.Series(FACTORS)
"""
PROCESSES = 15
FIRST = """
import sys, time
import pandas
sys.path.insert(0, sys.argv[1])
import with_helpers
from whorl.fingerprint.code import fingerprint
start = time.perf_counter()
fingerprint(with_helpers.stage)
print(time.perf_counter() - start)
"""
NOTHING = "def nothing(x):\n    return x\n\n\n"
ALONE = {
    "whorl": "import whorl\nwhorl.fingerprint(nothing)\n",
    "Python alone": "",
    "joblib: get_func_code, hash": "import joblib.func_inspect as f\njoblib = f.get_func_code(nothing)[0]\n",
    "hamilton: hash_source_code": "import hamilton.graph_types as g\ng.hash_source_code(nothing)\n",
}
HEAD = "import numpy as np\nimport pandas as pd\n\nLIMIT = 10_000\nFACTORS = (0.5, 1.5, 2.5)\n"
_numbers = itertools.count()


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Callable[[str], ModuleType]]:
    """Give what makes a module of a text, each with code objects that nothing has met yet."""
    made: list[str] = []

    def make(text: str) -> ModuleType:
        name = f"bench_module_{os.getpid()}_{next(_numbers)}"
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        made.append(name)
        spec.loader.exec_module(module)
        return module

    yield make
    for name in made:
        del sys.modules[name]


def with_helpers() -> str:
    """Write a module with a stage of twenty helpers, which use numpy and pandas."""
    calls = ", ".join(f"helper_{number}(frame)" for number in range(HELPERS))
    return HEAD + "".join(HELPER.format(number) for number in range(HELPERS)) + STAGE.format(calls=calls)


def text_hashes(stages: Callable[[], object]) -> dict[str, Callable[[], object]]:
    """Give what the peers do with one function; ``stages`` says which."""
    return {
        "joblib: get_func_code, hash": lambda: joblib.hash(func_inspect.get_func_code(stages())[0]),
        "hamilton: hash_source_code": lambda: graph_types.hash_source_code(stages()),
    }


def test_the_first_fingerprint(race: Race, load: Callable[[str], ModuleType]) -> None:
    """Functions that this process has never met, in a process that has met others."""
    rounds = 40
    modules = [load(with_helpers()) for _ in range(3 * (rounds + 2))]
    whorl.fingerprint(modules[0].stage)
    own, theirs = iter(modules[1:]), itertools.cycle(modules)
    claim = f"first fingerprint of a stage with {HELPERS} helpers"
    targets = [Target(NUMBER, claim, 2e-3)]
    race.run(
        claim,
        lambda: whorl.fingerprint(next(own).stage).digest,
        text_hashes(lambda: next(theirs).stage),
        rounds=rounds,
        targets=targets,
    )
    names = {part.name for part in whorl.fingerprint(modules[-1].stage).parts.children}

    assert len({name for name in names if name.startswith("helper/")}) >= HELPERS
    assert {"distribution/numpy", "distribution/pandas"} <= names


def test_the_first_fingerprint_of_a_process(board: Board, tmp_path: Path) -> None:
    """The same stage in processes that have imported everything, but made no fingerprint yet."""
    (tmp_path / "with_helpers.py").write_text(with_helpers())
    command = [sys.executable, "-c", FIRST, str(tmp_path)]
    done = [subprocess.run(command, check=True, capture_output=True, text=True) for _ in range(PROCESSES)]
    seconds = [float(process.stdout) for process in done]

    assert len(seconds) == PROCESSES
    claim = f"first fingerprint of a stage with {HELPERS} helpers"
    board.standings.append(Standing(claim, "whorl, the first one of a process", median(seconds), min(seconds)))


def test_a_process_that_fingerprints_a_function_of_nothing(race: Race, tmp_path: Path) -> None:
    """Whole processes, from start to end: nearly all of it is what they import."""
    calls = {}
    for number, (name, text) in enumerate(ALONE.items()):
        script = tmp_path / f"script_{number}.py"
        script.write_text(NOTHING + text)
        command = [sys.executable, "-I", str(script)]
        calls[name] = partial(subprocess.run, command, check=True, stdin=subprocess.DEVNULL)
    race.run("a process that fingerprints a function of nothing", calls.pop("whorl"), calls, rounds=PROCESSES)

    assert race.board.standings[-4].name == "whorl"


def test_the_check_of_a_known_fingerprint(race: Race, load: Callable[[str], ModuleType]) -> None:
    """Nothing has changed, which every call has to find out."""
    module = load(with_helpers())
    before = whorl.fingerprint(module.stage).digest
    claim = "fingerprint checked again"
    race.run(
        claim,
        lambda: whorl.fingerprint(module.stage),
        text_hashes(lambda: module.stage),
        rounds=40,
        number=20,
        targets=[Target(NUMBER, claim, 20e-6)],
    )

    assert whorl.fingerprint(module.stage).digest == before
    module.LIMIT = 3
    assert whorl.fingerprint(module.stage).digest != before


def test_a_thousand_stages(race: Race, load: Callable[[str], ModuleType]) -> None:
    """Each with a helper of its own, none met before."""
    rounds = 3
    modules = [load(HEAD + "".join(SMALL_STAGE.format(at) for at in range(STAGES))) for _ in range(rounds + 2)]
    own = iter(modules)
    claim = f"fingerprints of {STAGES:,} stages"

    def stages(module: ModuleType) -> list[object]:
        return [getattr(module, f"stage_{at}") for at in range(STAGES)]

    peer = {
        "joblib: get_func_code, hash": lambda: [
            joblib.hash(func_inspect.get_func_code(stage)[0]) for stage in stages(modules[0])
        ],
        "hamilton: hash_source_code": lambda: [graph_types.hash_source_code(stage) for stage in stages(modules[0])],
    }
    race.run(
        claim,
        lambda: [whorl.fingerprint(stage).digest for stage in stages(next(own))],
        peer,
        rounds=rounds,
        targets=[Target(NUMBER, claim, 1.0)],
    )
    found = {whorl.fingerprint(stage).digest for stage in stages(modules[0])}

    assert len(found) == STAGES


def test_the_peers_see_one_function(load: Callable[[str], ModuleType]) -> None:
    """What makes their times short: a changed helper is no change to them."""
    before, after = load(with_helpers()), load(with_helpers().replace("rolling(3)", "rolling(4)"))
    hashed = [graph_types.hash_source_code(module.stage) for module in (before, after)]

    assert hashed[0] == hashed[1]
    assert whorl.fingerprint(before.stage).digest != whorl.fingerprint(after.stage).digest
