"""Why a call ran, or would run: every difference from the entry most like it has a name."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from store_examples import digest
from whorl import config, stage
from whorl.asked import CallOptions
from whorl.call import Binder
from whorl.changes import compare_files, name_shortly, shorten
from whorl.engine import open_session
from whorl.explain import Explanation, explain_call, plan, survey
from whorl.fingerprint.parts import Difference
from whorl.store.manifest import RawFile

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline_folder import PipelineFolder


def explanation(folder: PipelineFolder, stage: str, **arguments: object) -> Explanation:
    """Explain a call of a stage without making it."""
    found = getattr(folder.load(), stage)
    call = Binder(CallOptions()).bind(found.definition, (), arguments)
    return explain_call(open_session(call), call)


def test_a_first_run_says_so(folder: PipelineFolder) -> None:
    """There is nothing to compare with."""
    assert folder.reasons() == {"read": "ran first run", "clean": "ran first run", "report": "ran first run"}
    assert folder.reasons() == {"report": "hit"}


def test_a_changed_helper_is_named_with_its_place(folder: PipelineFolder) -> None:
    """Code in another module, by its name there and its line; what follows is led by it."""
    folder.reasons()
    folder.edit("units.py", "number * FACTOR", "number + number * FACTOR")

    assert folder.reasons() == {
        "read": "hit",
        "clean": "ran helper scale changed (units.py:3)",
        "report": "ran clean changed",
    }


def test_a_changed_constant_is_named_with_both_values(folder: PipelineFolder) -> None:
    """A data global stands where it is defined, so its module is named."""
    folder.reasons()
    folder.edit("units.py", "FACTOR = 2", "FACTOR = 3")

    assert folder.reasons()["clean"] == "ran global units.FACTOR: 2 → 3"


def test_a_result_that_stays_the_same_keeps_what_follows(folder: PipelineFolder) -> None:
    """The reason of what is kept is the stage that ran."""
    folder.reasons()
    folder.edit("pipeline.py", "LIMIT = 10", "LIMIT = 11")

    assert folder.reasons() == {
        "read": "hit",
        "clean": "ran global pipeline.LIMIT: 10 → 11",
        "report": "kept clean gave the same result",
    }


def test_own_code_comes_before_what_others_did(folder: PipelineFolder) -> None:
    """Several reasons are counted, the nearest one is told."""
    folder.reasons()
    folder.edit("units.py", "FACTOR = 2", "FACTOR = 3")
    folder.edit("pipeline.py", "sum(clean) + top", "sum(clean) - top")

    assert folder.reasons()["report"] == "ran code changed (pipeline.py:16), 1 more"


def test_a_changed_file_is_named(folder: PipelineFolder) -> None:
    """A raw input of one file by its name, without the folders above."""
    folder.reasons()
    folder.write("raw/numbers.txt", "1 2 3 50\n")

    assert folder.reasons()["read"] == "ran raw/path: numbers.txt changed"


def test_another_file_is_another_call(folder: PipelineFolder) -> None:
    """What was stored for other files is not an earlier state of this call."""
    folder.reasons("read")
    folder.write("raw/more.txt", "5")

    assert folder.reasons("read", path="raw/more.txt") == {"read": "ran first run with more.txt"}


def test_a_changed_argument_is_named(folder: PipelineFolder) -> None:
    """Arguments are kept as digests, so it is the name that tells."""
    folder.reasons()

    assert folder.reasons(top=4)["report"] == "ran argument top changed"


def test_the_entry_most_like_a_call_is_compared_with(folder: PipelineFolder) -> None:
    """A call that was made long ago is its own predecessor, whatever other calls were made since."""
    folder.reasons(top=4)
    folder.reasons(top=5)
    folder.edit("pipeline.py", "sum(clean) + top", "sum(clean) - top")

    assert folder.reasons(top=4)["report"].startswith("ran code changed")


def test_options_of_the_declaration_are_named(folder: PipelineFolder) -> None:
    """A version that is new, changed or gone, and a variable of the environment."""
    folder.reasons("read")
    seen = []
    for before, after in (
        ("cache=True", "version=1, cache=True"),
        ("version=1", "version=2"),
        ("version=2", 'env="X"'),
    ):
        text = (folder.folder / "pipeline.py").read_text()
        (folder.folder / "pipeline.py").write_text(text.replace(before, after, 1))
        seen.append(folder.reasons("read")["read"])

    assert seen == ["ran version is new", "ran version changed", "ran version is gone, 1 more"]


def test_a_variable_of_the_environment_is_named(folder: PipelineFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was declared, by its name and never by its value."""
    folder.edit("pipeline.py", '@stage(path="raw/numbers.txt", ', '@stage(path="raw/numbers.txt", env="REGION", ')
    folder.reasons("read")
    monkeypatch.setenv("REGION", "north")

    assert folder.reasons("read") == {"read": "ran environment variable REGION changed"}


def test_expiry_and_recomputation_are_named(folder: PipelineFolder) -> None:
    """Where the keys are the same, the entry did not answer for another reason."""
    folder.edit("pipeline.py", '@stage(path="raw/numbers.txt", ', '@stage(path="raw/numbers.txt", ttl=0.2, ')
    folder.reasons("read")
    time.sleep(0.25)

    assert folder.reasons("read") == {"read": "ran expired"}


@stage(cache=True)
def plain_number() -> int:
    return 1


def test_a_mode_that_looks_nothing_up_is_the_reason(tmp_path: Path) -> None:
    """There is no entry to compare with."""
    with config.options(filesystem=str(tmp_path / "store")):
        plain_number()
        with config.options(mode="off"):
            assert plain_number.explain().reason == "mode off"


def test_a_recomputation_that_was_asked_for_says_so(folder: PipelineFolder) -> None:
    """Nothing differs, so it must have been a wish."""
    folder.reasons("read")
    result = folder.whorl("run", "pipeline.py:read", "--recompute")

    assert "recompute" in result.stderr


def test_what_is_not_stored_says_so(folder: PipelineFolder) -> None:
    """A stage without cache=True runs each time."""
    folder.edit("pipeline.py", "@stage(read=read, cache=True)", "@stage(read=read)")

    assert folder.reasons()["clean"] == "ran not stored"


def test_a_change_in_a_stage_that_is_called_is_named(folder: PipelineFolder) -> None:
    """What a body calls is part of the caller, also where only the called one's file changed."""
    text = (folder.folder / "pipeline.py").read_text()
    folder.write("pipeline.py", text + "\n@stage(cache=True)\ndef outer():\n    return read(path='raw/more.txt')\n")
    folder.write("raw/more.txt", "5")
    folder.reasons("outer")
    folder.write("raw/more.txt", "6")

    assert folder.reasons("outer") == {
        "read": "ran raw/path: more.txt changed",
        "outer": "ran raw/more.txt changed",
    }
    (folder.folder / "raw" / "more.txt").unlink()
    assert explanation(folder, "outer").reason == "raw/more.txt is gone"


def test_a_stage_that_is_called_and_expired_is_named(folder: PipelineFolder) -> None:
    """The caller asks again when what it called has expired."""
    text = (folder.folder / "pipeline.py").read_text()
    nested = "\n@stage(cache=True, ttl=0.2)\ndef fetch():\n    return 1\n"
    folder.write("pipeline.py", text + nested + "\n@stage(cache=True)\ndef outer():\n    return fetch()\n")
    folder.reasons("outer")
    time.sleep(0.25)

    assert explanation(folder, "outer").changes[0].reason in ("expired", "stage fetch expired")
    assert folder.reasons("outer")["outer"].startswith("ran ")


def test_an_explanation_names_files_code_and_what_is_the_same(folder: PipelineFolder) -> None:
    """Everything that ``why`` will show: the files, the parts of code with both texts, the equal components."""
    folder.reasons()
    folder.edit("units.py", "FACTOR = 2", "FACTOR = 3")
    folder.edit("pipeline.py", "number < LIMIT", "number <= LIMIT")
    found = explanation(folder, "clean")

    assert [change.component for change in found.changes] == ["code"]
    assert {difference.name for difference in found.changes[0].code} == {"code", "global/units.FACTOR"}
    assert all(isinstance(difference, Difference) for difference in found.changes[0].code)
    assert found.same == ("upstream/read",)
    assert found.entry is not None
    assert found.entry.slot.stage == "pipeline.clean"


def test_code_without_a_stored_tree_is_still_named(folder: PipelineFolder) -> None:
    """Explanations are a convenience: without them a change of code is a change of code."""
    folder.reasons()
    for tree in folder.folder.glob(".whorl/v1/default/f/*"):
        tree.unlink()
    folder.edit("units.py", "FACTOR = 2", "FACTOR = 3")

    assert folder.reasons()["clean"] == "ran code changed"


def test_a_tree_of_code_is_written_once(folder: PipelineFolder) -> None:
    """Later entries of the same code find it there."""
    folder.reasons(top=1)
    trees = {path: path.stat().st_mtime_ns for path in folder.folder.glob(".whorl/v1/default/f/*")}
    folder.reasons(top=2)

    assert len(trees) == 3
    assert {path: path.stat().st_mtime_ns for path in folder.folder.glob(".whorl/v1/default/f/*")} == trees


def damage(folder: PipelineFolder, pattern: str) -> None:
    """Change a byte of the one file of the store that matches."""
    (path,) = folder.folder.glob(f".whorl/v1/default/{pattern}")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def test_a_damaged_entry_is_no_first_run(folder: PipelineFolder) -> None:
    """Before and while it is computed again; what follows is kept, for the result is the same."""
    folder.reasons()
    damage(folder, "m/pipeline.clean/*")

    assert explanation(folder, "clean").reason == "first run"  # a question moves nothing aside
    assert folder.reasons("clean")["clean"] == "ran its entry was damaged"
    assert folder.reasons() == {"clean": "hit", "report": "kept clean gave the same result"}


def test_a_renamed_stage_is_known_under_its_other_name(folder: PipelineFolder) -> None:
    """Its results are kept, though nothing that feeds it was touched."""
    folder.reasons()
    folder.edit("pipeline.py", "def read(", "def numbers(")
    folder.edit("pipeline.py", "read=read", "read=numbers")

    assert folder.reasons("numbers") == {"numbers": "kept known under another name"}


def test_an_explained_call_computes_nothing(folder: PipelineFolder) -> None:
    """Asking costs no run and leaves no store behind."""
    assert explanation(folder, "report").reason == "first run"
    assert not (folder.folder / ".whorl").exists()


def raw(*names: str, text: str = "same") -> list[RawFile]:
    """Give files of a raw input."""
    return [RawFile("raw/data", name, 1, digest(text)) for name in names]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (raw("a", "b", "c"), [*raw("a", "b"), *raw("c", text="new")], "raw/data: 1 of 3 files changed (c)"),
        (raw("a", "b"), raw("a", "b", "c"), "raw/data: 1 file added (c)"),
        (raw("a", "b", "c", "d"), raw("a"), "raw/data: 3 files gone (b, c, …)"),
        (raw("a", "b"), [*raw("a", text="new"), *raw("c")],
         "raw/data: 1 of 2 files changed (a), 1 file added (c), 1 file gone (b)"),
        (raw("a"), raw("a", text="new"), "raw/data: a changed"),
        (raw("a"), raw("b"), "first run with b"),
        (raw("a", "b"), raw("c", "d"), "first run with 2 other files"),
        (raw("a", "b"), raw("a", "b"), "raw/data: another name"),
    ],
)  # fmt: skip
def test_files_that_differ_are_counted_and_named(old: list[RawFile], new: list[RawFile], reason: str) -> None:
    """What changed, what was added and what is gone, two names of each at most."""
    change = compare_files("raw/data", old, new)

    assert change.reason == reason
    assert [file.name for file in change.files] == sorted(file.name for file in change.files)


def test_names_are_short_as_long_as_they_are_unique() -> None:
    """A name that the user made up stays whole."""
    assert shorten("package.module.Class.method") == "method"
    assert shorten("my stage v1.2") == "my stage v1.2"
    assert name_shortly(["a.x", "b.x", "b.y"]) == {"a.x": "a.x", "b.x": "b.x", "b.y": "y"}


def statuses(folder: PipelineFolder, *, planned: bool = False) -> dict[str, str]:
    """Give how the stages stand, or what a run of the last one would do."""
    module = folder.load()
    binder = Binder(CallOptions())
    report = binder.bind(module.report.definition)
    clean = report.upstreams["clean"]
    calls = [report] if planned else [clean.upstreams["read"], clean, report]
    found = (plan if planned else survey)(open_session(report), calls)
    return {shorten(status.stage): f"{status.state} {status.reason}".rstrip() for status in found}


def test_a_survey_says_how_calls_stand(folder: PipelineFolder) -> None:
    """Fresh, stale with a reason, and waiting for the stale one."""
    folder.reasons()

    assert set(statuses(folder).values()) == {"fresh"}
    folder.edit("units.py", "FACTOR = 2", "FACTOR = 3")
    assert statuses(folder) == {
        "read": "fresh",
        "clean": "stale global units.FACTOR: 2 → 3",
        "report": "waiting clean",
    }


def test_a_missing_file_is_stale_and_what_it_feeds_waits(folder: PipelineFolder) -> None:
    """A survey goes on where a run would fail."""
    (folder.folder / "raw" / "numbers.txt").unlink()
    found = statuses(folder)

    assert found["read"].startswith("stale input 'path': raw/numbers.txt")
    assert found["clean"] == "waiting read"
    assert found["report"] == "waiting clean"


def test_a_plan_has_what_would_be_looked_at(folder: PipelineFolder) -> None:
    """A hit ends the search; what follows a stage that would run may run."""
    folder.reasons()

    assert statuses(folder, planned=True) == {"report": "hit"}
    folder.edit("units.py", "FACTOR = 2", "FACTOR = 3")
    assert statuses(folder, planned=True) == {
        "read": "hit",
        "clean": "run global units.FACTOR: 2 → 3",
        "report": "may run clean",
    }


def test_a_plan_knows_that_an_unstored_stage_runs_for_its_consumer(folder: PipelineFolder) -> None:
    """It runs if its consumer does, and perhaps if that perhaps does."""
    folder.edit("pipeline.py", "@stage(read=read, cache=True)", "@stage(read=read)")

    assert statuses(folder, planned=True)["clean"] == "may run read"
    folder.reasons()
    folder.edit("pipeline.py", "sum(clean) + top", "sum(clean) - top")
    assert statuses(folder, planned=True) == {
        "read": "hit",
        "clean": "run not stored",
        "report": "run code changed (pipeline.py:16)",
    }
