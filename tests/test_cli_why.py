"""``whorl why``: every difference from the nearest entry, before anything runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import whorl

if TYPE_CHECKING:
    from pipeline_folder import PipelineFolder


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_a_stage_that_never_ran_has_nothing_to_be_compared_with(folder: PipelineFolder) -> None:
    """The headline says all."""
    assert folder.whorl("why", "pipeline.py:clean").stdout == "clean would run: first run\n"


def test_a_fresh_stage_names_the_entry_that_answers(folder: PipelineFolder) -> None:
    """There is no difference to show."""
    folder.whorl("run", "pipeline.py")
    shown = folder.whorl("why", "pipeline.py:clean").stdout

    assert shown.startswith("clean is fresh: entry ")
    assert shown.endswith(" answers\n")
    assert len(shown.splitlines()) == 1


def test_every_difference_is_named_not_the_first(folder: PipelineFolder) -> None:
    """Code by its lines, constants by their values, arguments and upstreams by their names; nothing runs."""
    folder.whorl("run", "pipeline.py")
    folder.edit("units.py", "return number * FACTOR", "return FACTOR * number")
    folder.edit("units.py", "FACTOR = 2", "FACTOR = 3")
    folder.write("raw/numbers.txt", "1 2 3 4 40")
    shown = lines(folder.whorl("why", "pipeline.py:clean").stdout)
    called = lines(folder.whorl("why", "pipeline.py:report", "-a", "top=5").stdout)

    assert shown[0][:10] == ["clean", "would", "run:", "2", "of", "2", "components", "differ", "from", "entry"]
    assert ["code", "helper", "scale", "changed", "(units.py:3)"] in shown
    assert ["global", "units.FACTOR:", "2", "→", "3"] in shown
    assert ["-", "return", "number", "*", "FACTOR"] in shown
    assert ["+", "return", "FACTOR", "*", "number"] in shown
    assert ["upstream/read", "read", "changed"] in shown
    assert ["args/top", "argument", "top", "changed"] in called
    assert "fresh" not in folder.whorl("status", "pipeline.py:clean").stdout.split()[:2]


def test_the_one_file_of_a_folder_that_changed_is_named(folder: PipelineFolder) -> None:
    """With sizes and digests; files that came or went say so."""
    text = (folder.folder / "pipeline.py").read_text()
    folder.write(
        "pipeline.py",
        text.replace('path="raw/numbers.txt"', 'path="raw"').replace("Path(path)", "next(Path(path).iterdir())"),
    )
    for name in "123":
        folder.write(f"raw/{name}", name)
    folder.whorl("run", "pipeline.py:read")
    folder.write("raw/2", "2 2 2")
    (folder.folder / "raw/1").unlink()
    folder.write("raw/4", "4")
    shown = lines(folder.whorl("why", "pipeline.py:read").stdout)

    assert shown[1][:2] == ["raw/path", "1"]
    assert shown[1][2:] == ["gone,", "it", "had", "1", "B"]
    assert shown[2][:6] == ["2", "1", "B", "→", "5", "B"]
    assert shown[3] == ["4", "added,", "1", "B"]
    assert shown[4] == ["same", "1", "component"]


def test_a_file_means_its_stages_that_are_not_fresh(folder: PipelineFolder) -> None:
    """Each with what concerns it; as data, each difference has its fields."""
    folder.whorl("run", "pipeline.py")
    folder.edit("units.py", "FACTOR = 2", "FACTOR = 3")
    shown = folder.whorl("why", "pipeline.py").stdout
    data = json.loads(folder.whorl("why", "pipeline.py", "--json").stdout)

    assert [line.split()[0] for line in shown.splitlines() if "would run" in line] == ["clean", "report"]
    assert [item["stage"] for item in data] == ["pipeline.clean", "pipeline.report"]
    (difference,) = data[0]["changes"][0]["code"]
    assert (difference["part"], difference["old"], difference["new"]) == ("global/units.FACTOR", "2", "3")
    assert not data[0]["fresh"]


def test_an_unknown_target_is_a_misuse(folder: PipelineFolder) -> None:
    """With the nearest name."""
    result = folder.whorl("why", "pipeline.py:cleen")

    assert result.exit_code == 2
    assert "did you mean 'clean'?" in result.stderr


def test_a_window_is_no_component_that_differs(folder: PipelineFolder) -> None:
    """It is said in the headline; beside other differences it is not counted among the components."""
    folder.write(
        "windows.py",
        """
        import pandas as pd
        from whorl import cache, timeseries

        @timeseries(sliceable=True)
        @cache
        def daily(start_time="2020-01-01", end_time="2020-01-10"):
            return pd.DataFrame({"time": pd.date_range(start_time, end_time)})
        """,
    )
    folder.whorl("run", "windows.py:daily")
    wider = ("why", "windows.py:daily", "-a", "end_time=2020-02-01")
    shown = folder.whorl(*wider).stdout
    data = json.loads(folder.whorl(*wider, "--json").stdout)

    assert shown.splitlines() == [shown.strip()]
    assert shown.startswith(
        "daily would run: the window 2020-01-01 … 2020-02-01 is not in 2020-01-01 … 2020-01-10; compared with entry "
    )
    assert "differ" not in shown
    assert [change["component"] for change in data[0]["changes"]] == ["window"]
    assert folder.whorl("why", "windows.py:daily").stdout.startswith("daily is fresh")


@pytest.mark.usefixtures("whorl_store")
def test_a_stage_explains_itself() -> None:
    """As data: no change where an entry answers, every one where none does."""
    factor = [2]

    @whorl.stage(cache=True, name="explained")
    def scaled(number: int) -> int:
        return number * factor[0]

    before = scaled.explain(5)
    scaled(5)
    fresh = scaled.explain(5)
    other = scaled.explain(6)
    factor[0] = 3
    stale = scaled.explain(5)

    assert [change.reason for change in before.changes] == ["first run"]
    assert (fresh.changes, "code" in fresh.same) == ((), True)
    assert [change.component for change in other.changes] == ["args/number"]
    assert [change.component for change in stale.changes] == ["code"]
    assert stale.entry == fresh.entry


@pytest.mark.usefixtures("whorl_store")
def test_a_stage_that_is_not_stored_says_so() -> None:
    """There is nothing to compare with, ever."""

    @whorl.stage
    def plain() -> int:
        return 1

    assert [change.reason for change in plain.explain().changes] == ["not stored"]
