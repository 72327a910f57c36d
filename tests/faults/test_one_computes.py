"""Many processes ask for one key at once: one computes, the others wait for it; one takes over from a killed holder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING, Self

import pytest

from fault_recorder import IS_FULL, number
from fault_rows import SHARED

if TYPE_CHECKING:
    from pathlib import Path

    from fault_recorder import Recorder

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

VALUE = "x" * 50_000
# The log of who computes is no input: the function is told to leave it alone.
SCRIPT = """
    import os, sys, time
    from pathlib import Path
    from whorl import stage

    LOG, STAYS = Path(sys.argv[1]), Path(sys.argv[2])

    def note():
        log = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(log, f"{os.getpid()}\\n".encode())
        os.close(log)
        time.sleep(0.3)
        while STAYS.exists():
            time.sleep(0.01)

    @stage(cache=True, ignore=[note])
    def slow(x):
        note()
        return "x" * 50_000

    print("ready", flush=True)
    sys.stdin.read(1)
    print(len(set(slow(1))), len(slow(1)), flush=True)
"""


class Crowd:
    """Processes that wait at a barrier, then call one stage with one argument."""

    def __init__(self, folder: Path, size: int, **settings: str) -> None:
        (folder / "script.py").write_text(dedent(SCRIPT))
        self.log, self.stays = folder / "log", folder / "stays"
        environment = os.environ | {
            "WHORL_FILESYSTEM": str(folder / "store"),
            "HOME": str(folder),
            "TMPDIR": str(folder),
            **settings,
        }
        self.processes = [
            subprocess.Popen(
                [sys.executable, "script.py", self.log, self.stays],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(size)
        ]

    def begin(self) -> None:
        """Open the barrier when all have come to it."""
        for process in self.processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write("x")
            process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()

    def computing(self) -> list[int]:
        """Give the ids of those that computed, in order."""
        return [int(line) for line in self.log.read_text().split()] if self.log.exists() else []

    def answers(self) -> list[tuple[int, int, str]]:
        """Wait for all; give process id, exit status and what was printed."""
        found = []
        for process in self.processes:
            printed, errors = process.communicate(timeout=200)
            found.append((process.pid, process.returncode, (printed + errors).strip()))
        return found


def wait_for(holds: object) -> None:
    """Wait until something holds."""
    end = time.monotonic() + 60
    while not holds() and time.monotonic() < end:  # type: ignore[operator]
        time.sleep(0.005)


@dataclass(frozen=True)
class Root:
    """What many processes share: how rows call it, what they are told of it, and how many `make test` starts."""

    label: str
    settings: dict[str, str]
    few: int = 4
    patience: float = 7.0  # longer than a ttl: the holder lives, and beats


@pytest.fixture(params=[name for name in SHARED if IS_FULL or name != "S3 (Ceph)"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Root:
    """Give an empty root of each kind that processes of several machines can share, and of a folder."""
    if request.param == "local folder":
        return Root(request.param, {}, few=8, patience=0.2)
    if request.param == "SFTP":
        sshd = request.getfixturevalue("sshd")
        url, options = sshd.url(f"{tmp_path}/shared"), sshd.options
    elif request.param == "S3 (Ceph)":
        url, options = f"s3://bkt/crowd-{os.urandom(4).hex()}", request.getfixturevalue("ceph").options
    else:
        bucket = request.getfixturevalue("bucket")
        url, options = f"{bucket.url}/crowd", bucket.server.options
    settings = {"FILESYSTEM": url, "FILESYSTEM_OPTIONS": json.dumps(options), "LEASE_TTL": "6"}
    return Root(request.param, {f"WHORL_{name}": value for name, value in settings.items()})


def note_answers(
    recorder: Recorder, row: str, crowd: Crowd, answers: list[tuple[int, int, str]], killed: int | None = None
) -> None:
    """Note what each process answered, and whether as many computed as should; of a killed one nothing is expected."""
    for process, status, printed in answers:
        is_killed = (process, status, printed) == (killed, -signal.SIGKILL, "")
        outcome = "absent" if is_killed else "correct" if (status, printed) == (0, f"1 {len(VALUE)}") else "wrong"
        recorder.note(row, "answers", outcome, (process, status, printed))
    if len(crowd.computing()) != (1 if killed is None else 2):
        recorder.note(row, "computing", "wrong", crowd.computing())


def kill_the_holder(crowd: Crowd, patience: float) -> tuple[int, list[int], list[tuple[int, int, str]]]:
    """Kill the one that computes once the others wait; give it, who had computed by then, and what all answered."""
    crowd.stays.touch()
    crowd.begin()
    wait_for(crowd.computing)
    (holder,) = crowd.computing()
    time.sleep(patience)
    while_it_lived = crowd.computing()
    os.kill(holder, signal.SIGKILL)
    crowd.stays.unlink()
    return holder, while_it_lived, crowd.answers()


def test_one_of_many_computes_and_all_get_the_value(tmp_path: Path, root: Root, recorder: Recorder) -> None:
    """However many ask at the same moment."""
    with Crowd(tmp_path, number(32, root.few), **root.settings) as crowd:
        crowd.begin()
        answers = crowd.answers()
    note_answers(recorder, f"32 processes, one key: {root.label}", crowd, answers)

    assert recorder.wrong == []


def test_one_takes_over_from_a_killed_holder(tmp_path: Path, root: Root, recorder: Recorder) -> None:
    """
    Exactly one other computes, and all others get the value.

    In a folder the kernel frees the lock; behind a network the lease is not beaten any more.
    """
    with Crowd(tmp_path, number(32, root.few), **root.settings) as crowd:
        holder, while_it_lived, answers = kill_the_holder(crowd, root.patience)
    note_answers(recorder, f"32 processes, one key: holder killed, {root.label}", crowd, answers, holder)
    leases = tmp_path / "store/v1/default/l"

    assert recorder.wrong == []
    assert while_it_lived == [holder]
    assert not leases.exists() or list(leases.iterdir()) == []
