"""The frame around the commands: help, colours, encodings, pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

import whorl
from pipeline_folder import WHORL, PipelineFolder
from whorl.cli.commands import program

MOST_SECONDS_OF_HELP = 0.15


def test_the_version_and_the_help_are_shown(folder: PipelineFolder) -> None:
    """Every command is in the help, and has one of its own."""
    shown = folder.whorl("--help").stdout

    assert folder.whorl("--version").stdout == f"whorl {whorl.__version__}\n"
    for name in ("run", "status", "ls", "hash", "stats", "gc", "rm", "restore", "pin", "verify"):
        assert f"\n  {name} " in shown
        assert folder.whorl(name, "-h").stdout.startswith(f"Usage: whorl {name} ")


def test_help_is_quick() -> None:
    """Commands are imported when they are used: help costs 150 ms of a processor at most."""
    script = "import sys\nfrom whorl.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    resource = pytest.importorskip("resource")
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
