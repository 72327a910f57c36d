"""The command line: what people type, what they see, and the exit statuses that scripts rely on."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

import whorl
from pipeline_folder import PipelineFolder
from whorl.cli.commands import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WHORL = [sys.executable, "-m", "whorl"]
MOST_SECONDS_OF_HELP = 0.15


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PipelineFolder]:
    """Give a folder with the pipeline of three stages."""
    folder = PipelineFolder(tmp_path, monkeypatch)
    folder.write_pipeline()
    yield folder
    folder.forget()


def kinds(text: str) -> dict[str, str]:
    """Read stage and outcome from the lines of a run or a status."""
    lines = [line.split() for line in text.splitlines() if "·" not in line]
    return {line[1]: line[2] for line in lines if len(line) > 2}


# --- run ---


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


# --- failures ---


def test_a_failing_stage_shows_the_users_traceback(folder: PipelineFolder) -> None:
    """Without the steps of whorl; what was computed before is kept; exit status 1."""
    folder.edit("units.py", "return number * FACTOR", "return number / 0")
    result = folder.whorl("run", "pipeline.py")
    lines = result.stderr.splitlines()

    assert result.exit_code == 1
    assert lines[1].startswith("✗ clean    failed  ZeroDivisionError: division by zero ")
    assert "Traceback" in result.stderr
    assert "units.py" in result.stderr
    assert "engine.py" not in result.stderr
    assert lines[-1].startswith("✗ 1 failed, 1 ran · ")
    assert kinds(folder.whorl("run", "pipeline.py:read").stderr) == {"read": "hit"}


def test_a_failure_is_data_too(folder: PipelineFolder) -> None:
    """The outcomes before it are there, and the exit status tells."""
    folder.edit("units.py", "return number * FACTOR", "return number / 0")
    result = folder.whorl("run", "pipeline.py", "--json")
    data = json.loads(result.stdout)

    assert result.exit_code == 1
    assert data["error"] == "ZeroDivisionError: division by zero"
    assert [outcome["outcome"] for outcome in data["outcomes"]] == ["ran", "failed"]


def test_a_failure_that_a_caller_catches_is_told_and_forgiven(folder: PipelineFolder) -> None:
    """The run goes on, and so does the exit status."""
    folder.write(
        "caught.py",
        """
        from whorl import stage

        @stage
        def inner():
            raise KeyError

        @stage(cache=True)
        def outer():
            try:
                return inner()
            except KeyError:
                return 0
        """,
    )
    result = folder.whorl("run", "caught.py")

    assert result.exit_code == 0
    assert "✗ inner   failed  its caller went on" in result.stderr


def test_a_missing_file_is_an_error_without_traceback(folder: PipelineFolder) -> None:
    """A failure, not a misuse: exit status 1."""
    (folder.folder / "raw" / "numbers.txt").unlink()
    result = folder.whorl("run", "pipeline.py")

    assert result.exit_code == 1
    assert result.stderr.startswith("error: stage pipeline.read: input 'path': raw/numbers.txt")
    assert "cause: " in result.stderr
    assert "Traceback" not in result.stderr


def test_a_result_that_cannot_be_stored_names_its_stage(folder: PipelineFolder) -> None:
    """What the format cannot hold, and which can."""
    folder.edit("pipeline.py", "@stage(clean=clean, cache=True)", '@stage(clean=clean, cache=True, format="parquet")')
    result = folder.whorl("run", "pipeline.py")

    assert result.exit_code == 1
    assert "error: stage pipeline.report: the format parquet cannot hold" in result.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import json\njson.loads('{')\n", "json.loads('{')"),
        ("def broken(:\n", "SyntaxError"),
        ("import nothing_like_it\n", "No module named 'nothing_like_it'"),
    ],
)
def test_a_file_that_cannot_be_imported_shows_why(folder: PipelineFolder, text: str, message: str) -> None:
    """The user's traceback, without the import system's frames."""
    folder.write("broken.py", text)
    result = folder.whorl("run", "broken.py")

    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.endswith("error: broken.py cannot be imported\n")
    assert "importlib" not in result.stderr
    assert "loading.py" not in result.stderr


def test_a_declaration_that_makes_no_sense_is_named_with_its_line(folder: PipelineFolder) -> None:
    """It is whorl that refuses it, so there is a message, not a traceback."""
    folder.edit("pipeline.py", "@stage(clean=clean, cache=True)", '@stage(clean=clean, format="parqet")')
    result = folder.whorl("run", "pipeline.py")

    assert result.exit_code == 2
    assert result.stderr.startswith("error: pipeline.py:16: unknown format 'parqet'")
    assert result.stderr.endswith("tip: did you mean 'parquet'?\n")


def test_two_stages_of_one_name_in_a_file_are_an_error(folder: PipelineFolder) -> None:
    """A duplicate within one import is a mistake; one after an edit is not."""
    text = (folder.folder / "pipeline.py").read_text()
    folder.write("pipeline.py", text + "\n@stage\ndef report():\n    return 1\n")
    result = folder.whorl("run", "pipeline.py")

    assert result.exit_code == 2
    assert "two stages are named 'pipeline.report'" in result.stderr


@pytest.mark.parametrize(
    ("target", "message", "tip"),
    [
        ("pipelin.py", "there is no file pipelin.py", "did you mean 'pipeline.py'?"),
        ("pipeline.py:clen", "there is no stage 'clen' in pipeline.py", "did you mean 'clean'?"),
        ("pipeline.py:LIMIT", "LIMIT in pipeline.py is not a stage", "decorate it with @stage"),
        ("units.py", "there is no stage in units.py", "decorate a function of it with @stage"),
        ("no.module:stage", "there is no module no.module", "name its file: FILE.py:STAGE"),
        ("unheard", "there is no stage 'unheard'", "name its file: FILE.py:unheard"),
        ("json.py", "json.py has the name of a module that is loaded already", "rename the file"),
    ],
)
def test_an_unknown_target_is_a_misuse(folder: PipelineFolder, target: str, message: str, tip: str) -> None:
    """Exit status 2, and the nearest known name."""
    folder.write("json.py", "")
    result = folder.whorl("run", target)

    assert result.exit_code == 2
    assert f"error: {message}" in result.stderr
    assert result.stderr.endswith(f"tip: {tip}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hsah"], "error: there is no command 'hsah'\ntip: did you mean 'hash'?\n"),
        (["run"], "error: Missing argument 'TARGET'\ntip: whorl run --help\n"),
        (["run", "--jbos", "2", "x"], "error: No such option '--jbos'"),
        (["run", "--jobs", "0", "x"], "error: Invalid value for '--jobs'"),
    ],
)
def test_a_misspelt_command_is_a_misuse(folder: PipelineFolder, arguments: list[str], message: str) -> None:
    """In the same style as all other errors."""
    result = folder.whorl(*arguments)

    assert result.exit_code == 2
    assert result.stderr.startswith(message)


def test_a_setting_that_makes_no_sense_is_a_misuse(folder: PipelineFolder) -> None:
    """Wherever it was set."""
    folder.write("pyproject.toml", '[tool.whorl]\nfilesytem = "x"\n')
    result = folder.whorl("ls")

    assert result.exit_code == 2
    assert "did you mean 'filesystem'?" in result.stderr


def test_a_warning_of_whorl_is_one_line(folder: PipelineFolder) -> None:
    """Without the file and line of whorl that Python would print."""
    folder.edit("pipeline.py", "return sum", "Path('raw/numbers.txt').write_text('9'); return sum")
    done = subprocess.run([*WHORL, "run", "pipeline.py"], cwd=folder.folder, capture_output=True, text=True, check=True)

    assert "\nwarning: the result of pipeline.report is not stored: " in done.stderr
    assert ".py:" not in done.stderr
    assert done.stderr.splitlines()[-2].endswith(", not stored")


@pytest.mark.parametrize("jobs", [(), ("--jobs", "2")], ids=["serial", "jobs"])
def test_an_interruption_is_one_line(folder: PipelineFolder, jobs: tuple[str, ...]) -> None:
    """Exit status 130; what was finished before is kept."""
    text = (folder.folder / "pipeline.py").read_text()
    slow = "\n@stage(clean=clean)\ndef {}(clean):\n    import time\n    print('here', flush=True)\n    time.sleep(60)\n"
    folder.write("pipeline.py", text + slow.format("slow") + slow.format("slower"))
    process = subprocess.Popen(
        [*WHORL, "run", "pipeline.py", *jobs],
        cwd=folder.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)

    assert process.returncode == 130
    assert errors.splitlines()[-1] == "interrupted; what was finished is kept"
    assert "failed" not in errors
    assert kinds(folder.whorl("run", "pipeline.py:clean").stderr) == {"clean": "hit"}


# --- status ---


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


# --- ls and rm ---


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


# --- hash ---


AWKWARD = ("plain", "with space", "back\\slash", "new\nline", "return\rhere", "Ünï")


def test_hash_prints_what_b3sum_prints(folder: PipelineFolder) -> None:
    """Names with a newline or a backslash are escaped, and the line begins with a backslash."""
    for name in AWKWARD:
        (folder.folder / name).write_bytes(b"abc")
    lines = folder.whorl("hash", *AWKWARD).stdout_bytes.decode().split("\n")
    digest = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"

    assert lines == [
        f"{digest}  plain",
        f"{digest}  with space",
        f"\\{digest}  back\\\\slash",
        f"\\{digest}  new\\nline",
        f"\\{digest}  return\\rhere",
        f"{digest}  Ünï",
        "",
    ]


def test_hash_prints_utf_8_whatever_the_terminal_has(folder: PipelineFolder) -> None:
    """A list of digests is a file, not a text for people; bytes that are no text become the replacement mark."""
    names = ["Ünï".encode(), b"no\xfftext"]
    for name in names:
        (folder.folder / os.fsdecode(name)).write_bytes(b"")
    done = subprocess.run(
        [*WHORL, "hash", *names],
        cwd=folder.folder,
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    shown = [line.partition(b"  ")[2].decode() for line in done.stdout.splitlines()]

    assert shown == ["Ünï", "no\ufffdtext"]


def test_standard_input_is_a_dash(folder: PipelineFolder) -> None:
    """As b3sum names it."""
    digest = whorl.Hasher(b"abc").hexdigest()

    assert folder.whorl("hash", stdin=b"abc").stdout == f"{digest}  -\n"
    assert folder.whorl("hash", "-", stdin=b"abc").stdout == f"{digest}  -\n"


def test_a_list_is_checked(folder: PipelineFolder) -> None:
    """Each line is told; one that does not hold gives exit status 1."""
    for name in AWKWARD:
        (folder.folder / name).write_bytes(name.encode())
    listed = folder.whorl("hash", *AWKWARD).stdout_bytes
    (folder.folder / "list").write_bytes(listed)
    right = folder.whorl("hash", "-c", "list")
    (folder.folder / "plain").write_bytes(b"other")
    (folder.folder / "Ünï").unlink()
    wrong = folder.whorl("hash", "-c", stdin=listed)

    assert (right.exit_code, wrong.exit_code) == (0, 1)
    assert right.stdout.splitlines()[:3] == ["plain: OK", "with space: OK", "\\back\\\\slash: OK"]
    assert wrong.stdout.splitlines()[0] == "plain: FAILED"
    assert wrong.stdout.splitlines()[-1] == "Ünï: FAILED (no such file or directory)"
    assert wrong.stderr == "error: 2 of 6 digests could not be confirmed\n"


def test_lists_of_other_forms_are_checked(folder: PipelineFolder) -> None:
    """What ``b3sum --tag`` prints, lines that end as on Windows; a line that is none of these does not hold."""
    (folder.folder / "a").write_bytes(b"abc")
    digest = whorl.Hasher(b"abc").hexdigest()

    assert folder.whorl("hash", "-c", stdin=f"BLAKE3 (a) = {digest}\n".encode()).exit_code == 0
    assert folder.whorl("hash", "-c", stdin=f"{digest}  a\r\n".encode()).exit_code == 0
    for line in ("", "junk", f"{digest} a", f"{digest[:-1]}  a", f"\\{digest}  a\\x"):
        result = folder.whorl("hash", "-c", stdin=f"{line}\n".encode())
        assert result.exit_code == 1, line
        assert "-:1: not a digest and a path" in result.stderr


def test_a_folder_is_digested_only_if_asked_for(folder: PipelineFolder) -> None:
    """Its line cannot be taken for a file's, and is checked like one."""
    refused = folder.whorl("hash", "raw", "units.py")
    digested = folder.whorl("hash", "--tree", "raw")

    assert refused.exit_code == 1
    assert "error: raw: it is a folder (--tree digests folders)" in refused.stderr
    assert refused.stdout.endswith("  units.py\n")
    assert digested.stdout == f"tree:{whorl.hash_tree('raw').hex()}  raw\n"
    assert folder.whorl("hash", "-c", stdin=digested.stdout_bytes).stdout == "raw: OK\n"


def test_digests_as_data(folder: PipelineFolder) -> None:
    """Paths as they were typed, and whether a list holds."""
    data = json.loads(folder.whorl("hash", "--json", "--tree", "units.py", "raw").stdout)
    listed = folder.whorl("hash", "units.py").stdout_bytes
    folder.edit("units.py", "FACTOR = 2", "FACTOR = 3")
    checked = json.loads(folder.whorl("hash", "-c", "--json", stdin=listed).stdout)

    assert [(item["path"], item["kind"]) for item in data] == [("units.py", "file"), ("raw", "folder")]
    assert checked == [{"path": "units.py", "ok": False, "error": None}]


def test_a_path_that_cannot_be_read_does_not_stop_the_others(folder: PipelineFolder) -> None:
    """Exit status 1, as with b3sum."""
    result = folder.whorl("hash", "nothing", "units.py")

    assert result.exit_code == 1
    assert result.stderr == "error: nothing: no such file or directory\n"
    assert result.stdout.endswith("  units.py\n")
    assert folder.whorl("hash", "-c", "nothing").exit_code == 2


# --- the frame ---


def test_the_version_and_the_help_are_shown(folder: PipelineFolder) -> None:
    """Every command is in the help, and has one of its own."""
    shown = folder.whorl("--help").stdout

    assert folder.whorl("--version").stdout == f"whorl {whorl.__version__}\n"
    for name in ("run", "status", "ls", "hash", "rm"):
        assert f"\n  {name} " in shown
        assert folder.whorl(name, "-h").stdout.startswith(f"Usage: whorl {name} ")


def test_help_is_quick() -> None:
    """Commands are imported when they are used: help costs 150 ms of a processor at most."""
    script = "import sys\nfrom whorl.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-c", script, "--help"], capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    assert {"whorl.engine", "whorl.stage", "whorl.store.local"}.isdisjoint(done.stderr.split())
    assert min(spent) <= MOST_SECONDS_OF_HELP


def test_colours_are_for_terminals(folder: PipelineFolder) -> None:
    """In a pipe there are none; on a terminal NO_COLOR takes them away."""
    pty = pytest.importorskip("pty")
    folder.whorl("run", "pipeline.py")

    def seen(**environment: str) -> bytes:
        leader, follower = pty.openpty()
        with open(leader, "rb", buffering=0) as terminal:
            subprocess.run(
                [*WHORL, "run", "pipeline.py"],
                cwd=folder.folder,
                stderr=follower,
                check=True,
                env={**os.environ, "TERM": "xterm", **environment},
            )
            os.close(follower)
            return terminal.read(4096)

    assert b"\x1b[" in seen()
    assert b"\x1b[" not in seen(NO_COLOR="1")
    assert b"\x1b[" not in seen(TERM="dumb")
    assert "\x1b[" not in folder.whorl("run", "pipeline.py").stderr


def test_marks_fit_the_encoding(folder: PipelineFolder) -> None:
    """A terminal without UTF-8 shows other marks and no error."""
    done = subprocess.run(
        [*WHORL, "run", "pipeline.py"],
        cwd=folder.folder,
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
    )

    assert done.stderr.decode("ascii").startswith("> read     ran   first run ")
    assert b" -> 10 B json" in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error(folder: PipelineFolder) -> None:
    """``whorl ls | head -1`` prints no traceback."""
    folder.whorl("run", "pipeline.py")
    process = subprocess.Popen(
        [*WHORL, "ls"], cwd=folder.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()

    assert process.wait(timeout=30) == 1
    assert errors == ""


def test_a_run_leaves_the_process_as_it_was(folder: PipelineFolder) -> None:
    """Warnings are shown by others again, so that commands can be called from Python."""
    import warnings

    shown = warnings.showwarning
    CliRunner().invoke(program, ["ls"])

    assert warnings.showwarning is shown


def test_a_hit_costs_whorl_little(folder: PipelineFolder) -> None:
    """Seconds inside whorl are told apart from what Python and libraries take to start."""
    folder.edit("pipeline.py", "import units\n", "import time\nimport units\ntime.sleep(0.5)\n")
    folder.whorl("run", "pipeline.py")
    started = time.perf_counter()
    data = json.loads(folder.whorl("run", "pipeline.py", "--json").stdout)

    assert data["seconds_in_whorl"] < 0.2
    assert 0.5 <= data["seconds"] <= time.perf_counter() - started
