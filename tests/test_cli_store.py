"""``whorl status``, ``ls`` and ``rm``: what is fresh, what is there, and what goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pipeline_folder import PipelineFolder


def test_a_status_says_what_would_run_and_why(folder: PipelineFolder) -> None:
    """With exit status 1 for --check as long as anything is not fresh."""
    before = folder.whorl("status", "pipeline.py", "--check")
    folder.whorl("run", "pipeline.py")
    fresh = folder.whorl("status", "pipeline.py", "--check")
    folder.edit("units.py", "FACTOR = 2", "FACTOR = 3")
    stale = folder.whorl("status", "pipeline.py", "--check")

    assert (before.exit_code, fresh.exit_code, stale.exit_code) == (1, 0, 1)
    assert stale.stdout.splitlines() == [
        "read     fresh",
        "clean    stale    global units.FACTOR: 2 → 3",
        "report   waiting  clean",
        "1 stale, 1 waiting, 1 fresh · run: whorl run pipeline.py",
    ]
    assert folder.whorl("status", "pipeline.py").exit_code == 0


def test_a_status_after_a_run_of_the_file_is_fresh(folder: PipelineFolder) -> None:
    """A stage that is only called, or needs arguments, is no stale one: its calls are part of its callers."""
    text = (folder.folder / "pipeline.py").read_text()
    called = "\n@stage(cache=True)\ndef part(number=0):\n    return number\n"
    outer = "\n@stage(cache=True)\ndef outer():\n    return part(1)\n\n@stage\ndef needs(one): ...\n"
    folder.write("pipeline.py", text + called + outer)
    folder.whorl("run", "pipeline.py")
    result = folder.whorl("status", "pipeline.py", "--check")

    assert result.exit_code == 0
    assert "part     called   by outer\n" in result.stdout
    assert "needs    called   with one\n" in result.stdout


def test_a_status_without_target_is_of_all_that_is_stored(folder: PipelineFolder) -> None:
    """What was stored and is still there."""
    folder.whorl("run", "pipeline.py:clean")
    folder.edit("pipeline.py", "def read(", "def load(")
    folder.edit("pipeline.py", "read=read", "read=load")
    result = folder.whorl("status")

    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()[:-1]] == ["load", "clean"]


def test_a_status_as_data(folder: PipelineFolder) -> None:
    """With every difference that was found."""
    folder.whorl("run", "pipeline.py")
    folder.write("raw/numbers.txt", "1")
    data = json.loads(folder.whorl("status", "pipeline.py:report", "--json").stdout)

    assert [item["status"] for item in data] == ["stale", "waiting", "waiting"]
    assert data[0]["changes"][0]["files"][0]["name"] == "numbers.txt"


def test_entries_are_listed_with_totals(folder: PipelineFolder) -> None:
    """All of them, or those of one stage."""
    folder.whorl("run", "pipeline.py")
    lines = folder.whorl("ls").stdout.splitlines()

    assert lines[0].split() == ["stage", "key", "age", "size", "format", "computed", "in", "namespace"]
    assert [line.split()[0] for line in lines[1:4]] == ["pipeline.clean", "pipeline.read", "pipeline.report"]
    assert lines[4].startswith("3 entries of 3 stages, ")
    assert len(folder.whorl("ls", "clean").stdout.splitlines()) == 3
    assert [entry["stage"] for entry in json.loads(folder.whorl("ls", "--json").stdout)] == [
        "pipeline.clean", "pipeline.read", "pipeline.report",
    ]  # fmt: skip


def test_listing_makes_no_store(folder: PipelineFolder) -> None:
    """Looking leaves nothing behind."""
    assert folder.whorl("ls").exit_code == 0
    assert json.loads(folder.whorl("ls", "--json").stdout) == []
    assert not (folder.folder / ".whorl").exists()


def test_listing_an_unknown_stage_is_a_misuse(folder: PipelineFolder) -> None:
    """With the nearest name."""
    folder.whorl("run", "pipeline.py")
    result = folder.whorl("ls", "claen")

    assert result.exit_code == 2
    assert "did you mean 'clean'?" in result.stderr


@pytest.mark.parametrize("what", ["clean", "pipeline.clean", "pipeline.py:clean", "key"])
def test_removing_needs_a_yes(folder: PipelineFolder, what: str) -> None:
    """By stage, target or key; without --yes it is a list."""
    folder.whorl("run", "pipeline.py")
    if what == "key":
        what = json.loads(folder.whorl("ls", "clean", "--json").stdout)[0]["key"][:12]
    listed = folder.whorl("rm", what)

    assert listed.stdout.splitlines()[-1] == f"nothing was removed · to remove: whorl rm {what} --yes"
    assert len(json.loads(folder.whorl("ls", "--json").stdout)) == 3
    assert folder.whorl("rm", what, "--yes").stdout.startswith("removed 1 entry of 1 stage, ")
    assert "pipeline.clean" not in folder.whorl("ls").stdout


def test_removing_a_file_removes_all_its_stages(folder: PipelineFolder) -> None:
    """And as data tells what went."""
    folder.whorl("run", "pipeline.py")
    data = json.loads(folder.whorl("rm", "pipeline.py", "--yes", "--json").stdout)

    assert data["removed"] is True
    assert len(data["entries"]) == 3
    assert folder.whorl("rm", "pipeline.py").stderr == "nothing is stored for pipeline.py\n"


def test_an_ambiguous_key_removes_nothing(folder: PipelineFolder) -> None:
    """Two keys that begin alike are told apart by more digits."""
    folder.write("many.py", "from whorl import stage\n\n@stage(cache=True)\ndef many(n=0):\n    return n\n")
    for number in range(3):
        folder.whorl("run", "many.py:many", "-a", f"n={number}")
    keys = [entry["key"] for entry in json.loads(folder.whorl("ls", "--json").stdout)]

    assert folder.whorl("rm", keys[0][:6]).exit_code == 0
    assert folder.whorl("rm", "zzzz").exit_code == 2
