"""
A small project in a temporary folder, and the processes that use it.

Every law is tested by editing such a project between calls.  A ``Session`` makes the calls: either each in a fresh
process with another hash seed, or all in one process that is first warmed by a thousand calls.  Its processes are
forked from one that has imported whorl, which is quick; a ``Process`` of its own starts from nothing.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

WORKER = Path(__file__).with_name("worker.py")
WARM_CALLS = 1000
# Seconds that a process gets to end of its own accord.
PATIENCE = 5.0
_seeds = itertools.count(1)


class CallFailedError(AssertionError):
    """A call raised where the test did not expect it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The exception of a call, as plain data."""

    types: tuple[str, ...]
    message: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What one call gave: its value as JSON, the outcomes in order of completion, the warnings."""

    value: object
    outcomes: tuple[dict[str, object], ...]
    warnings: tuple[tuple[str, str], ...]
    failure: Failure | None = None

    def kinds(self, stage: str) -> list[str]:
        """Tell what happened to each call of a stage, named by the last part of its name."""
        return [str(outcome["kind"]) for outcome in self.outcomes if _short(outcome) == stage]

    def kind(self, stage: str) -> str:
        """Tell what happened to the last call of a stage."""
        kinds = self.kinds(stage)
        return kinds[-1] if kinds else "not called"

    @property
    def ran(self) -> set[str]:
        """The stages that were computed."""
        return {_short(outcome) for outcome in self.outcomes if outcome["kind"] == "ran"}

    def stored(self, stage: str) -> bool:
        """Tell whether the last call of a stage left an entry."""
        return [bool(outcome["stored"]) for outcome in self.outcomes if _short(outcome) == stage][-1]

    def warned(self, category: str) -> list[str]:
        """Give the texts of the warnings of one category."""
        return [text for kind, text in self.warnings if kind == category]


def _short(outcome: dict[str, object]) -> str:
    return str(outcome["stage"]).rpartition(".")[2]


@dataclass(slots=True)
class Nursery:
    """A process that has imported whorl and forks others, so that a fresh one costs milliseconds."""

    seed: int
    path: Path
    _popen: subprocess.Popen[str] | None = None

    def connect(self) -> socket.socket:
        """Have a process forked, and give the connection to it."""
        if self._popen is None:
            environment = os.environ | {"PYTHONHASHSEED": str(self.seed)}
            command = [sys.executable, str(WORKER), str(self.path)]
            self._popen = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
            assert self._popen.stdout is not None
            assert self._popen.stdout.readline() == "ready\n"
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self.path))
        return connection

    def close(self) -> None:
        """End the process that forks; those forked end with their connections."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.communicate()


@dataclass(slots=True)
class Process:
    """One Python process that evaluates lines of code in a project and reports what whorl did."""

    project: Project
    environment: dict[str, str] = field(default_factory=dict)
    nursery: Nursery | None = None
    _popen: subprocess.Popen[str] | None = None
    _pipes: tuple[IO[str], IO[str]] | None = None
    _connection: socket.socket | None = None
    _pid: int = 0

    def send(self, code: str, *, times: int = 1, reload: bool = False) -> None:
        """Send a request and do not wait for the reply."""
        requests, _ = self._started()
        requests.write(json.dumps({"code": code, "times": times, "reload": reload}) + "\n")
        requests.flush()

    def receive(self) -> Report:
        """Wait for the next reply."""
        _, replies = self._started()
        line = replies.readline()
        if not line:
            raise CallFailedError("the process ended without a reply")
        return _report(json.loads(line))

    def ask(self, code: str, *, times: int = 1, reload: bool = False) -> Report:
        """Send a request and wait for the reply."""
        self.send(code, times=times, reload=reload)
        return self.receive()

    @property
    def popen(self) -> subprocess.Popen[str]:
        """The process, where it is a child of ours."""
        self._started()
        assert self._popen is not None
        return self._popen

    def close(self) -> None:
        """End the process, if it was started and has not ended."""
        if self._pipes is None:
            return
        if self._connection is not None:
            self._part(self._connection)
        for pipe in self._pipes:
            pipe.close()
        if self._popen is not None:
            self._popen.wait()

    def _part(self, connection: socket.socket) -> None:
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(PATIENCE)
        try:
            while connection.recv(65536):
                pass
        except TimeoutError:
            os.kill(self._pid, signal.SIGKILL)
        connection.close()

    def _started(self) -> tuple[IO[str], IO[str]]:
        if self._pipes is None:
            self._pipes = self._begin() if self.nursery is None else self._fork(self.nursery)
        return self._pipes

    def _variables(self) -> dict[str, str]:
        return self.project.environment() | {"PYTHONHASHSEED": str(next(_seeds))} | self.environment

    def _begin(self) -> tuple[IO[str], IO[str]]:
        command = [sys.executable, str(WORKER)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._popen = subprocess.Popen(command, cwd=self.project.folder, env=self._variables(), **pipes)  # type: ignore[call-overload]
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        return self._popen.stdin, self._popen.stdout

    def _fork(self, nursery: Nursery) -> tuple[IO[str], IO[str]]:
        self._connection = nursery.connect()
        pipes = self._connection.makefile("w"), self._connection.makefile("r")
        pipes[0].write(json.dumps({"environment": self._variables(), "folder": str(self.project.folder)}) + "\n")
        pipes[0].flush()
        self._pid = int(pipes[1].readline())
        return pipes


def _report(reply: dict[str, object]) -> Report:
    error = reply.get("error")
    failure = Failure(tuple(error["types"]), error["message"], tuple(error["notes"])) if error else None  # type: ignore[index]
    warned = tuple((kind, text) for kind, text in reply["warnings"])  # type: ignore[attr-defined]
    return Report(reply.get("value"), tuple(reply["outcomes"]), warned, failure)  # type: ignore[arg-type]


@dataclass(slots=True)
class Project:
    """A folder with modules and raw files, and the store that its processes use."""

    folder: Path
    store: Path
    home: Path
    variables: dict[str, str] = field(default_factory=dict)
    edited: bool = False

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write("pyproject.toml", '[project]\nname = "sample"\n')

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project; modules may be indented as the test is."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n") if name.endswith(".py") else text)
        if name.endswith(".py"):
            # Bytecode is trusted by size and second, and edits of tests are faster than that.
            shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)
            self.edited = True
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that must be in the file."""
        text = (self.folder / name).read_text()
        assert old in text, f"{old!r} is not in {name}"
        self.write(name, text.replace(old, new))

    def environment(self) -> dict[str, str]:
        """Give the environment of the project's processes: a store and a home of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("WHORL", "NUTHATCH"))}
        own = {
            "WHORL_FILESYSTEM": str(self.store),
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
        }
        return kept | own | self.variables


@dataclass(slots=True)
class Session:
    """Calls in a project: each in a fresh process, or all in one that is warmed up by a thousand calls."""

    project: Project
    warm: bool
    nurseries: tuple[Nursery, ...] = ()
    _process: Process | None = None
    _warmed: bool = False

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        return self.project.write(name, text)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text in a file of the project."""
        self.project.edit(name, old, new)

    def attempt(self, code: str) -> Report:
        """Evaluate code and report, also where it raised."""
        reload, self.project.edited = self.project.edited, False
        if self._process is None:
            nursery = self.nurseries[next(_seeds) % len(self.nurseries)] if self.nurseries else None
            self._process = Process(self.project, nursery=nursery)
        report = self._process.ask(code, reload=reload)
        if not self.warm:
            self.close()
        return report

    def call(self, code: str) -> Report:
        """Evaluate code that must not raise."""
        report = self.attempt(code)
        if report.failure is not None:
            raise CallFailedError(f"{code}: {report.failure}")
        return report

    def settle(self, code: str) -> Report:
        """
        Evaluate code that has been computed before: once in a fresh process, often in a warm one.

        The first settling of a warm session takes a thousand calls.  The last call must have computed nothing.
        """
        report = self.call(code)
        if self.warm:
            assert self._process is not None
            report = self._process.ask(code, times=10 if self._warmed else WARM_CALLS)
            self._warmed = True
        assert report.failure is None, report.failure
        assert report.ran == set(), f"{code} was not settled: {report.outcomes}"
        return report

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.close()
            self._process = None
