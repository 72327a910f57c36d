"""Kill -9 at fifty random moments: the store is never wrong, and the next run completes."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.faults

KILLS = 50
CALLS = 12
# Each call is checked against the plain function, hits too; a payload is large enough to lie beside its manifest.
SCRIPT = f"""
    import sys
    from whorl import observe, stage

    @stage(cache=True)
    def text(number):
        return str(number) * 50_000

    @stage(cache=True)
    def length(number):
        return {{"number": number, "length": len(text(number))}}

    def round_of(version):
        for number in range({CALLS}):
            stored = length(number + version)
            assert stored == {{"number": number + version, "length": 50_000 * len(str(number + version))}}, stored
            assert text(number + version) == text.__wrapped__(number + version)

    if __name__ == "__main__":
        version = int(sys.argv[1])
        print("begun", flush=True)
        with observe() as outcomes:
            for _ in range(int(sys.argv[2])):
                round_of(version)
                version += 7
        print(" ".join(outcome.kind for outcome in outcomes))
"""


def start(folder: Path, version: int, rounds: int) -> subprocess.Popen[str]:
    """Start a run and wait until its imports are done, so that a kill meets the store and not the interpreter."""
    environment = os.environ | {
        "WHORL_FILESYSTEM": str(folder / "store"),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder),
    }
    process = subprocess.Popen(
        [sys.executable, "script.py", str(version), str(rounds)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.mark.timeout(180)
def test_fifty_kills_leave_a_store_that_is_right(tmp_path: Path) -> None:
    """Every run checks all that it is served; a run that was not killed in time has checked all of it."""
    (tmp_path / "script.py").write_text(dedent(SCRIPT))
    moments = random.Random(20261121)
    complaints = []
    for version in range(KILLS):
        process = start(tmp_path, version, rounds=1_000)
        time.sleep(moments.uniform(0, 0.15))
        process.kill()
        _, errors = process.communicate()
        complaints += [errors] if errors else []
    last = start(tmp_path, 0, rounds=10)
    output, errors = last.communicate()
    again, _ = start(tmp_path, 0, rounds=10).communicate()

    assert complaints == []
    assert (last.returncode, errors) == (0, "")
    assert "ran" in output or "hit" in output
    assert set(again.split()) == {"hit"}
