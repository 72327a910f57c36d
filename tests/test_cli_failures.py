"""What goes wrong on the command line: who is told what, and the exit statuses that scripts rely on."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest

from pipeline_folder import WHORL, PipelineFolder, kinds


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


def test_a_damaged_entry_is_told(folder: PipelineFolder) -> None:
    """What whorl logs as a warning is shown: the store may need a look."""
    folder.whorl("run", "pipeline.py:read")
    (manifest,) = folder.folder.glob(".whorl/v1/default/m/pipeline.read/*")
    manifest.write_bytes(manifest.read_bytes()[:-1])
    result = folder.whorl("run", "pipeline.py:read")

    assert result.exit_code == 0
    assert result.stderr.startswith("warning: a damaged entry of pipeline.read ")
    assert "▶ read   ran   its entry was damaged" in result.stderr
