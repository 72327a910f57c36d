"""Clocks that are three days off: nothing is stolen or removed early, and nothing stale is served."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from store_examples import child_environment

if TYPE_CHECKING:
    from fault_recorder import Recorder

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("faketime") is None, reason="NOT RUN: faketime is not installed"),
]

FAULT = "clocks 3 days off"
DAY = 24 * 3600.0
TRUE = ""
SCRIPT = Path(__file__).with_name("clock_trials.py")


class Machine:
    """A folder with a store, and processes whose clocks are shifted, with or without the dates of files."""

    def __init__(self, folder: Path, are_files_shifted: bool) -> None:  # noqa: FBT001 - a parameter of the tests
        self.folder, self.store = folder, folder / "store"
        self.environment = child_environment() | {
            "WHORL_FILESYSTEM": str(self.store),
            "HOME": str(folder),
        }
        if not are_files_shifted:
            self.environment["NO_FAKE_STAT"] = "1"

    def start(self, shift: str, what: str) -> subprocess.Popen[str]:
        """Start a process whose clock is off by ``shift``."""
        command = [*(["faketime", "-f", shift] if shift else []), sys.executable, str(SCRIPT), what, str(self.store)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdin=pipe, stdout=pipe, text=True)

    def ask(self, shift: str, what: str) -> object:
        """Have something done by such a process; give its answer."""
        printed, _ = self.start(shift, what).communicate(timeout=60)
        return json.loads(printed)


@pytest.fixture(params=[True, False], ids=["file dates shifted", "file dates true"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    """Give a machine, with the dates of files as the wrong clock would show them, or as they are."""
    return Machine(tmp_path, request.param)


shifted = pytest.mark.parametrize("shift", ["-3d", "+3d"])


@shifted
def test_a_lease_and_a_half_written_file_stay_their_holders(machine: Machine, recorder: Recorder, shift: str) -> None:
    """Whether the holder's clock is wrong or the other's: nothing is taken from who lives."""
    for holder, other in ((TRUE, shift), (shift, TRUE)):
        process = machine.start(holder, "hold")
        assert process.stdout is not None
        assert process.stdout.readline() == '"held"\n'
        before = sorted(os.listdir(machine.store / "tmp"))
        asked, swept = machine.ask(other, "steal"), machine.ask(other, "sweep")
        after = machine.ask(other, "sweep"), process.communicate("x")[0]
        is_right = (asked, swept, after) == ("refused", before, (before, '"freed"\n'))
        recorder.note(FAULT, "leases", "correct" if is_right else "wrong", (holder, other, asked, swept, after))
        left = machine.ask(other, "sweep")  # its process has ended by now
        recorder.note(FAULT, "tmp of the dead", "wrong" if left else "absent", left)

    assert recorder.wrong == []


@shifted
def test_what_another_machine_writes_is_swept_after_a_day_of_the_disks_clock(
    machine: Machine, recorder: Recorder, shift: str
) -> None:
    """Not of the sweeper's."""
    machine.ask(TRUE, "kinds")
    names = {"0123456789ab-7-1-young": 3600.0, "0123456789ab-7-1-old": 2 * DAY}
    for name, age in names.items():
        path = machine.store / "tmp" / name
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age,) * 2)
    left = machine.ask(shift, "sweep")
    recorder.note(FAULT, "tmp of others", "correct" if left == ["0123456789ab-7-1-young"] else "wrong", left)

    assert recorder.wrong == []


@shifted
def test_an_entry_without_ttl_is_served_whatever_the_time(machine: Machine, recorder: Recorder, shift: str) -> None:
    """With one, it expires by the clock of who asks: late where that is slow, never served beyond it."""
    machine.ask(TRUE, "kinds")
    found = machine.ask(shift, "kinds")
    expected = {"lasting": "hit", "a_day": "ran" if shift == "+3d" else "hit", "a_week": "hit"}
    recorder.note(FAULT, "ttl, asked by the wrong clock", "correct" if found == expected else "wrong", found)
    shutil.rmtree(machine.store)
    machine.ask(shift, "kinds")
    found = machine.ask(TRUE, "kinds")
    expected = {"lasting": "hit", "a_day": "ran" if shift == "-3d" else "hit", "a_week": "hit"}
    recorder.note(FAULT, "ttl, stored by the wrong clock", "correct" if found == expected else "wrong", found)

    assert recorder.wrong == []


@shifted
def test_a_revision_is_seen_at_once(machine: Machine, recorder: Recorder, shift: str) -> None:
    """By processes of any clock, written by one of any."""
    for writer, reader in ((TRUE, shift), (shift, TRUE), (shift, shift)):
        written, read = machine.ask(writer, "revise"), machine.ask(reader, "revision")
        recorder.note(FAULT, "ledger", "correct" if written == read else "wrong", (writer, reader))

    assert recorder.wrong == []


@shifted
def test_a_changed_file_is_seen_at_once(machine: Machine, recorder: Recorder, shift: str) -> None:
    """Twenty changes in a row, each within a moment of the one before."""
    missed = machine.ask(shift, "change")
    recorder.note(FAULT, "raw inputs", "wrong" if missed else "correct", missed)

    assert recorder.wrong == []


@shifted
def test_the_clocks_are_wrong(machine: Machine, shift: str) -> None:
    """Or nothing of this would have been tried."""
    told = machine.ask(shift, "now")

    assert isinstance(told, float)
    assert abs(told - time.time() - float(shift[:-1]) * DAY) < 60
