"""What interrupts a run: Ctrl-C, a full disk, a disk that cannot be written; nothing half-written is ever found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.faults

SCRIPT = """
    import sys
    import time
    from pathlib import Path
    from whorl import observe, stage

    @stage(cache=True)
    def first():
        return "x" * 100_000

    @stage(text=first, cache=True)
    def slow(text):
        Path("started").touch()
        end = time.monotonic() + (0 if Path("go").exists() else 20)
        while time.monotonic() < end:
            BODY
        return text + "y"

    @stage(text=slow, cache=True, jobs=2)
    def last(text):
        return len(text)

    if __name__ == "__main__":
        with observe() as outcomes:
            value = last()
        print(value, [outcome.stage.rpartition(".")[2] + " " + outcome.kind for outcome in outcomes])
"""
PATIENT = "time.sleep(0.01)"
STUBBORN = """try:
                time.sleep(0.01)
            except KeyboardInterrupt:
                Path("refused").touch()
                time.sleep(20)"""


def start(folder: Path, body: str) -> subprocess.Popen[str]:
    """Start the script and wait until the slow stage runs."""
    (folder / "script.py").write_text(dedent(SCRIPT.replace("BODY", body)))
    environment = os.environ | {
        "WHORL_FILESYSTEM": str(folder / "store"),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder),
    }
    process = subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(folder / "started")
    return process


def wait_for(path: Path) -> None:
    """Wait until a file is there."""
    end = time.monotonic() + 20
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.005)


def again(folder: Path) -> str:
    """Run the script to its end."""
    (folder / "go").touch()
    environment = os.environ | {
        "WHORL_FILESYSTEM": str(folder / "store"),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder),
    }
    run = [sys.executable, "script.py"]
    return subprocess.run(run, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.mark.timeout(60)
def test_ctrl_c_ends_quickly_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    """What was finished before is kept; what was interrupted has no entry."""
    process = start(tmp_path, PATIENT)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    seconds = time.monotonic() - began
    output = again(tmp_path)

    assert process.returncode not in {0, None}
    assert "KeyboardInterrupt" in errors
    assert seconds < 3
    assert output == "100001 ['first hit', 'slow ran', 'last ran']\n"


@pytest.mark.timeout(60)
def test_a_second_ctrl_c_ends_at_once(tmp_path: Path) -> None:
    """Also where the function swallows the first."""
    process = start(tmp_path, STUBBORN)
    process.send_signal(signal.SIGINT)
    wait_for(tmp_path / "refused")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    seconds = time.monotonic() - began
    (tmp_path / "script.py").write_text(dedent(SCRIPT.replace("BODY", PATIENT)))

    assert seconds < 1.5
    assert process.returncode not in {0, None}
    assert "100001" in again(tmp_path)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("seed", range(4))
def test_a_killed_run_is_completed_by_the_next(tmp_path: Path, seed: int) -> None:
    """Kill -9 at some moment: the store is never wrong, and no lock is left behind."""
    process = start(tmp_path, PATIENT)
    (tmp_path / "go").touch()
    time.sleep(seed * 0.01)
    process.kill()
    process.communicate()

    assert "100001" in again(tmp_path)
    assert again(tmp_path) == "100001 ['last hit']\n"


PROBE = """
    import json, os, sys, warnings
    from pathlib import Path
    from whorl import observe, stage

    @stage(cache=True)
    def small(x):
        return x

    @stage(cache=True)
    def large(x):
        return os.urandom(1) * 0 + bytes([x]) * 3_000_000

    def ask():
        with warnings.catch_warnings(record=True) as seen, observe() as outcomes:
            warnings.simplefilter("always")
            values = [small(1), len(large(1)), len(large(2)), small(2)]
        kinds = [outcome.kind for outcome in outcomes]
        print(json.dumps([values, kinds, [[one.category.__name__, str(one.message)] for one in seen]]), flush=True)

    ask()
"""


def unshare(folder: Path, script: str) -> list[str]:
    """Run a shell script in a namespace of its own, where it may mount; skip, loudly, where that is not permitted."""
    probe = subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True)
    if probe.returncode != 0:
        pytest.skip("unshare -rm is not permitted here: full and read-only disks were NOT tested")
    run = ["unshare", "-rm", "sh", "-ec", script]
    environment = os.environ | {
        "WHORL_FILESYSTEM": str(folder / "disk" / "store"),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder),
    }
    done = subprocess.run(run, cwd=folder, env=environment, check=False, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    """Give a folder with the probe and a place to mount a disk."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "probe.py").write_text(dedent(PROBE))
    return tmp_path


@pytest.mark.timeout(60)
def test_a_full_disk_costs_one_warning(probe: Path) -> None:
    """The values are computed and returned, what fits is stored, and what is left behind does not grow."""
    lines = unshare(
        probe,
        f"""
        mount -t tmpfs -o size=1m tmpfs disk
        {sys.executable} probe.py
        {sys.executable} probe.py
        find disk -type f -size +100k
        """,
    )
    first, second = json.loads(lines[0]), json.loads(lines[1])

    for values, _, warned in (first, second):
        assert values == [1, 3_000_000, 3_000_000, 2]
        assert [category for category, _ in warned] == ["StoreWarning"]
    assert second[1] == ["hit", "ran", "ran", "hit"]
    assert lines[2:] == []


@pytest.mark.timeout(60)
def test_a_read_only_disk_costs_one_warning_and_serves_hits(probe: Path) -> None:
    """Looking up writes nothing."""
    lines = unshare(
        probe,
        f"""
        mount -t tmpfs -o size=40m tmpfs disk
        {sys.executable} -c "import probe; probe.small(3)"
        mount -o remount,ro disk
        {sys.executable} probe.py
        """,
    )
    first, second = json.loads(lines[0]), json.loads(lines[1])

    assert first[1] == ["ran", "ran", "ran", "ran"]
    assert first[2] == []
    assert second[0] == [1, 3_000_000, 3_000_000, 2]
    assert second[1] == ["hit", "hit", "hit", "hit"]
    assert second[2] == []


@pytest.mark.timeout(60)
def test_a_disk_that_was_always_read_only_costs_one_warning(probe: Path) -> None:
    """Nothing was ever stored there, and nothing can be."""
    lines = unshare(
        probe,
        f"""
        mount -t tmpfs -o size=40m,ro tmpfs disk
        {sys.executable} probe.py
        """,
    )
    values, kinds, warned = json.loads(lines[0])

    assert values == [1, 3_000_000, 3_000_000, 2]
    assert kinds == ["ran"] * 4
    assert [category for category, _ in warned] == ["StoreWarning"]
