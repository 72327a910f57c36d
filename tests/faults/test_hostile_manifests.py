"""Manifests as someone hostile would write them: nothing runs, nothing is touched, memory and time stay bounded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fault_recorder import number

if TYPE_CHECKING:
    from fault_recorder import Recorder

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]

FAULT = "hostile manifests"
MOST_MEMORY = 200.0
SCRIPT = Path(__file__).with_name("hostile_trials.py")


def test_a_hostile_manifest_is_a_miss_and_does_no_harm(tmp_path: Path, recorder: Recorder) -> None:
    """
    The value is the stage's own, computed or stored.

    The canary of the pickles never fires, nothing outside of the store changes, and the memory of the process grows by
    less than 200 MB in all.
    """
    outside, canary = tmp_path / "outside", tmp_path / "canary"
    outside.mkdir()
    (outside / "evil").write_text("untouched")
    environment = {**os.environ, "WHORL_CANARY": str(canary), "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    command = [sys.executable, str(SCRIPT), str(tmp_path), str(number(1320, 110)), "1"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    grown = 0.0
    for trial in found:
        grown += trial["grown"]
        outcome = "wrong" if grown > MOST_MEMORY else trial["outcome"]
        detail = f"{trial['detail']}, {trial['grown']:.0f} MB more"
        recorder.note(FAULT, f"{trial['way']}, {trial['victim']}", outcome, detail)
    if canary.exists():
        recorder.note(FAULT, "canary", "wrong", "a pickle was decoded")

    assert done.returncode == 0, done.stderr
    assert recorder.wrong == []
    assert len(found) == number(1320, 110)
    assert [path.name for path in outside.iterdir()] == ["evil"]
    assert (outside / "evil").read_text() == "untouched"
