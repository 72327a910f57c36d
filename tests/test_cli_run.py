"""``whorl run``: what is brought up to date, and what is said of it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from pipeline_folder import WHORL, PipelineFolder, kinds


def test_a_run_says_in_one_line_per_stage_what_happened(folder: PipelineFolder) -> None:
    """Progress goes to stderr, with a summary; stdout stays for what the stages print."""
    first = folder.whorl("run", "pipeline.py:report")
    second = folder.whorl("run", "pipeline.py:report")

    assert (first.exit_code, first.stdout) == (0, "")
    assert first.stderr.splitlines()[0].startswith("▶ read     ran   first run ")
    assert kinds(first.stderr) == {"read": "ran", "clean": "ran", "report": "ran"}
    assert first.stderr.splitlines()[-1].startswith("✓ 3 ran · ")
    assert first.stderr.splitlines()[-1].endswith(" of it in whorl · store .whorl (local only)")
    assert kinds(second.stderr) == {"report": "hit"}


def test_a_file_alone_means_its_stages_that_nobody_consumes(folder: PipelineFolder) -> None:
    """Each stage runs once, also one that feeds two ends."""
    text = (folder.folder / "pipeline.py").read_text()
    folder.write("pipeline.py", text + "\n@stage(read=read)\ndef other(read):\n    return len(read)\n")
    lines = folder.whorl("run", "pipeline.py").stderr.splitlines()

    assert sorted(line.split()[1] for line in lines[:-1]) == ["clean", "other", "read", "report"]


def test_an_unstored_source_of_two_ends_runs_once(folder: PipelineFolder) -> None:
    """A file is one run, not one for each of its ends."""
    folder.write(
        "ends.py",
        """
        from whorl import stage

        @stage
        def source():
            print("once")

        @stage(source=source)
        def one(source): ...

        @stage(source=source)
        def two(source): ...
        """,
    )

    assert folder.whorl("run", "ends.py").stdout == "once\n"


def test_stages_have_the_names_that_python_gives_them(folder: PipelineFolder) -> None:
    """What ``python pipeline.py`` stored is a hit for the command line, in a folder below the project too."""
    folder.write(
        "steps/script.py",
        """
        from whorl import stage

        @stage(cache=True)
        def one():
            return 1

        if __name__ == "__main__":
            one()
        """,
    )
    subprocess.run([sys.executable, "steps/script.py"], cwd=folder.folder, check=True)

    assert kinds(folder.whorl("run", "steps/script.py:one").stderr) == {"one": "hit"}
    assert folder.whorl("ls").stdout.splitlines()[1].startswith("steps.script.one ")


def test_a_module_of_a_package_is_imported_as_one(folder: PipelineFolder) -> None:
    """Relative imports work, whether the file or the module is named."""
    folder.write("package/__init__.py", "")
    folder.write("package/settings.py", "K = 1\n")
    folder.write(
        "package/steps.py",
        "from whorl import stage\nfrom .settings import K\n\n@stage(cache=True)\ndef one():\n    return K\n",
    )

    assert kinds(folder.whorl("run", "package/steps.py").stderr) == {"one": "ran"}
    assert kinds(folder.whorl("run", "package.steps:one").stderr) == {"one": "hit"}
    assert kinds(folder.whorl("run", "package.steps").stderr) == {"one": "hit"}
    assert folder.whorl("ls", "package.steps.one").exit_code == 0


@pytest.mark.parametrize("name", ["clean", "pipeline.clean"])
def test_a_stored_stage_is_found_by_its_name(folder: PipelineFolder, name: str) -> None:
    """By its last name or its whole one, and one that stands beside it too."""
    folder.whorl("run", "pipeline.py:clean")

    assert kinds(folder.whorl("run", name).stderr) == {"clean": "hit"}
    assert kinds(folder.whorl("run", "report").stderr) == {"clean": "hit", "report": "ran"}


def test_a_stage_in_a_class_or_of_another_module_is_found(folder: PipelineFolder) -> None:
    """Whatever name in the file leads to a stage."""
    folder.write(
        "others.py",
        """
        from pipeline import read
        from whorl import stage

        class Group:
            @stage(cache=True)
            def inside():
                return 1

        @stage(cache=True, name="made up")
        def named():
            return 2
        """,
    )

    assert kinds(folder.whorl("run", "others.py:read").stderr) == {"read": "ran"}
    assert kinds(folder.whorl("run", "others.py:Group.inside").stderr) == {"inside": "ran"}
    assert "made up   ran" in folder.whorl("run", "others.py:made up").stderr


def test_arguments_are_literals_or_texts(folder: PipelineFolder) -> None:
    """Numbers, lists, true and null; a text where one is asked for or a path is declared."""
    folder.write(
        "shown.py",
        """
        from whorl import stage

        @stage(path="raw/numbers.txt")
        def shown(path, a, b: str = "", c=None):
            print([path, a, b, c])
        """,
    )
    folder.write("raw/7", "seven")
    arguments = ["-a", "a=[1, 2]", "-a", "b=3", "-a", "c=true", "-a", "path=raw/7"]

    assert folder.whorl("run", "shown.py:shown", *arguments).stdout == "['raw/7', [1, 2], '3', True]\n"
    assert folder.whorl("run", "shown.py:shown", "-a", "a=some text").stdout == (
        "['raw/numbers.txt', 'some text', '', None]\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pipeline.py:report", "-a", "tpo=1"], "did you mean 'top'?"),
        (["pipeline.py:report", "-a", "top"], "write -a name=value"),
        (["needs.py:needs"], "give them: -a one=… -a two=…"),
        (["needs.py"], "give them: -a one=… -a two=…"),
        (["two.py", "-a", "x=1"], "name one: two.py:one"),
    ],
)
def test_arguments_that_do_not_fit_are_errors(folder: PipelineFolder, arguments: list[str], message: str) -> None:
    """With what to type instead, and nothing runs."""
    folder.write("needs.py", "from whorl import stage\n\n@stage\ndef needs(one, two): ...\n")
    folder.write("two.py", "from whorl import stage\n\n@stage\ndef one(x): ...\n\n@stage\ndef two(x): ...\n")
    result = folder.whorl("run", *arguments)

    assert result.exit_code == 2
    assert message in result.stderr


def test_a_stage_that_needs_arguments_is_left_out_of_a_whole_file(folder: PipelineFolder) -> None:
    """It is said, and the others run."""
    text = (folder.folder / "pipeline.py").read_text()
    folder.write("pipeline.py", text + "\n@stage\ndef needs(one):\n    return one\n")
    result = folder.whorl("run", "pipeline.py")

    assert result.exit_code == 0
    assert "note: pipeline.needs is left out, it is called with one" in result.stderr
    assert kinds(result.stderr)["report"] == "ran"


def test_a_plan_runs_nothing(folder: PipelineFolder) -> None:
    """It is data, so it goes to stdout."""
    result = folder.whorl("run", "-n", "pipeline.py")

    assert result.exit_code == 0
    assert kinds(result.stdout) == {"read": "run", "clean": "may", "report": "may"}
    assert folder.whorl("ls").stderr == "nothing is stored in .whorl\n"


def test_recompute_computes_the_target_anew(folder: PipelineFolder) -> None:
    """The target, and of what feeds it only what changed."""
    folder.whorl("run", "pipeline.py")

    assert kinds(folder.whorl("run", "pipeline.py", "--recompute").stderr) == {"clean": "hit", "report": "ran"}


def test_independent_stages_run_side_by_side(folder: PipelineFolder) -> None:
    """With two jobs, two stages that wait for each other both end."""
    folder.write(
        "pair.py",
        """
        import threading

        from whorl import stage

        meeting = threading.Barrier(2, timeout=20)

        @stage
        def one():
            meeting.wait()

        @stage
        def two():
            meeting.wait()
        """,
    )

    assert folder.whorl("run", "pair.py", "--jobs", "2").exit_code == 0


def test_a_run_as_data(folder: PipelineFolder) -> None:
    """One document on stdout, whatever the stages print; times tell whorl's share."""
    folder.edit("pipeline.py", "return sum", "print('hello'); import os; os.system('echo child'); return sum")
    result = subprocess.run(
        [*WHORL, "run", "pipeline.py", "--json"], cwd=folder.folder, capture_output=True, text=True, check=True
    )
    data = json.loads(result.stdout)

    assert "hello" in result.stderr
    assert "child" in result.stderr
    assert data["ok"] is True
    assert [outcome["outcome"] for outcome in data["outcomes"]] == ["ran"] * 3
    assert data["outcomes"][0]["reason"] == "first run"
    assert 0 < data["seconds_in_whorl"] < data["seconds"]
    assert data["store"] == str(folder.folder / ".whorl")
