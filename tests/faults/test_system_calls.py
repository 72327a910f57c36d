"""Kill -9, a full disk and an I/O error at each single system call of a commit: absent or correct, and healed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from commit_steps import STEPS
from fault_recorder import number
from step_server import REFUSED
from store_examples import child_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fault_recorder import Recorder

FAULTS = {"kill -9": "signal=KILL", "ENOSPC": "error=ENOSPC", "EIO": "error=EIO"}
# Of the calls that take paths or descriptors, those that never reach a disk.
_HARMLESS = {"mmap", "munmap", "ioctl", "poll", "getcwd", "fcntl", "dup", "lseek"}
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\(", re.MULTILINE)


class Tracer:
    """A server of steps, and strace attached to the processes that it forks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        script = os.path.join(os.path.dirname(__file__), "step_server.py")
        with open(folder / "errors", "wb") as errors:
            self.server = subprocess.Popen(
                [sys.executable, script],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=child_environment(),
            )

    def ask(self, *words: object) -> str:
        """Send a request and give the first line of the answer."""
        assert self.server.stdin is not None
        self.server.stdin.write("\t".join(map(str, words)) + "\n")
        self.server.stdin.flush()
        return self.answer()

    def answer(self) -> str:
        """Give the next line of an answer."""
        assert self.server.stdout is not None
        return self.server.stdout.readline().rstrip("\n")

    def trace(self, name: str, root: Path, *options: str) -> int:
        """Do a step in a process whose system calls are traced; give its exit status, negative for a signal."""
        process = int(self.ask("do", name, root))
        command = ["strace", "-f", "-o", str(self.folder / "trace"), *options, "-p", str(process)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
            assert strace.stderr is not None
            attached = strace.stderr.readline()
            os.kill(process, signal.SIGUSR1)
            status = int(self.answer())
            strace.communicate()
        assert "attached" in attached, attached
        return status

    def close(self) -> None:
        """End the server."""
        self.server.communicate()


def _may_trace() -> bool:
    if shutil.which("strace") is None:
        return False
    command = ["strace", "-o", os.devnull, "-e", "inject=close:error=EIO:when=9999", sys.executable, "-c", ""]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not _may_trace(), reason="NOT RUN: strace is not installed, or may not trace here"),
]


@pytest.fixture
def tracer(tmp_path: Path) -> Iterator[Tracer]:
    """Give a tracer with a server of its own."""
    tracer = Tracer(tmp_path)
    yield tracer
    tracer.close()


def prepared(tracer: Tracer, name: str) -> Path:
    """Make the store that a step begins with."""
    template = tracer.folder / "template"
    assert tracer.ask("prepare", name, template) == "0"
    return template


def points(tracer: Tracer, name: str, template: Path) -> list[tuple[str, int]]:
    """List each system call of a step that reaches the file system: its name, and which one of that name it is."""
    root = copy(template, tracer.folder / "store")
    assert tracer.trace(name, root, "-e", "trace=%file,%desc") == 0
    calls = Counter(_CALL.findall((tracer.folder / "trace").read_text()))
    return [(call, at) for call, times in sorted(calls.items()) if call not in _HARMLESS for at in range(1, times + 1)]


def copy(template: Path, root: Path) -> Path:
    """Put a fresh copy of a store in place."""
    shutil.rmtree(root, ignore_errors=True)
    if template.exists():
        shutil.copytree(template, root)
    return root


def outcome(tracer: Tracer, name: str, root: Path, status: int) -> tuple[str, object]:
    """Judge what a step left behind by what a fresh process finds, and by what its own process told."""
    judged = json.loads(tracer.ask("judge", name, root))
    found = list(judged["complaints"])
    if status not in (0, REFUSED, -signal.SIGKILL):
        found.append((tracer.folder / "errors").read_text()[-2000:])
    if status == 0 and not judged["done"]:
        found.append("it said that it was done")
    return ("wrong" if found else "correct" if judged["done"] else "absent"), found


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", STEPS)
def test_a_system_call_that_fails_leaves_absent_or_correct_entries(
    tracer: Tracer, recorder: Recorder, name: str, fault: str
) -> None:
    """Whichever call it is: a fresh process reads old or new, doing it again heals, and nothing temporary is left."""
    template = prepared(tracer, name)
    every = points(tracer, name, template)
    chosen = every[:: number(1, 6)]
    met = 0
    for call, at in chosen:
        root = copy(template, tracer.folder / "store")
        inject = f"inject={call}:{FAULTS[fault]}:when={at}"
        status = tracer.trace(name, root, "-e", f"trace={call}", "-e", inject)
        found, detail = outcome(tracer, name, root, status)
        recorder.note(f"{fault} at each system call of a commit", name, found, f"{call} {at}: {detail}")
        met += (
            (status == -signal.SIGKILL) if fault == "kill -9" else ("INJECTED" in (tracer.folder / "trace").read_text())
        )

    assert recorder.wrong == []
    assert met == len(chosen)
