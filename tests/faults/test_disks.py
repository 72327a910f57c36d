"""Full and read-only disks under stages: the value is returned, one warning at most, and hits are served."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fault_recorder import IS_FULL, number
from fault_rows import DEAR, QUICK

if TYPE_CHECKING:
    from fault_recorder import Recorder


def _may_unshare() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not _may_unshare(), reason="NOT RUN: this system does not permit unshare -rm"),
]

HITS = {"small", "large"}
# Of whose libraries each has another way to say that a disk is full.
FEW = ("parquet", "delta", "orc", "hdf", "netcdf", "terracotta")


def trials(folder: Path, size: str, *arguments: object) -> list[list[object]]:
    """Run the trials on a small disk of their own."""
    disk = folder / "disk"
    disk.mkdir()
    script = Path(__file__).with_name("disk_trials.py")
    mount = f'mount -t tmpfs -o {size} tmpfs "$1" && shift && exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", mount, "sh", disk, sys.executable, script, arguments[0], disk]
    environment = os.environ | {"WHORL_FILESYSTEM": str(disk / "store"), "HOME": str(folder), "TMPDIR": str(folder)}
    environment |= {"WHORL_FAULT_ROWS": "40000"}  # so large that libraries write files themselves
    done = subprocess.run(
        [*map(str, command), *map(str, arguments[1:])],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def outcome_of(answer: dict[str, object], hits: set[str]) -> str:
    """Judge one process's calls: absent where something could not be stored, of which it warned once."""
    kinds, warned = answer["kinds"], answer["warnings"]
    if answer["wrong"] or any(kinds[name] != "hit" for name in hits) or warned not in ([], ["StoreWarning"]):
        return "wrong"
    return "absent" if warned else "correct"


@pytest.mark.parametrize("what", ["blocks", "inodes"])
def test_a_full_disk_costs_no_value_and_no_hit(tmp_path: Path, recorder: Recorder, what: str) -> None:
    """With room for nothing, for one block more, and so on; once there is room again, all is stored."""
    size = "size=1m" if what == "blocks" else "size=4m,nr_inodes=200"
    for name, answer, after, again in trials(tmp_path, size, what, number(1, 6)):
        outcome = outcome_of(answer, HITS)
        if outcome_of(after, HITS) != "correct" or outcome_of(again, {*HITS, "fed", "another large"}) != "correct":
            outcome = "wrong"
        recorder.note("full disk", what, outcome, (name, answer, after, again))

    assert recorder.wrong == []
    assert {outcome for _, _, outcome in recorder.counts} == {"absent", "correct"}


def test_a_full_disk_costs_no_result_of_any_format(tmp_path: Path, recorder: Recorder) -> None:
    """Whichever library finds out, and however far it came; once there is room, the result is stored."""
    names = (*QUICK, *DEAR) if IS_FULL else FEW
    for name, tenths, answer, after, again in trials(tmp_path, "size=60m", "formats", number(2, 10), *names):
        kinds = [each["kind"] for each in (answer, after, again)]
        warned = [each["warnings"] for each in (answer, after, again)]
        is_right = not any(each["wrong"] for each in (answer, after, again))
        # Of what is compressed as it is written, the smaller copy may fit after all.
        is_stored = kinds == ["ran", "hit", "hit"] and warned == [[], [], []]
        is_absent = kinds == ["ran", "ran", "hit"] and warned == [["StoreWarning"], [], []]
        outcome = "wrong" if not (is_right and (is_stored or is_absent)) else "absent" if is_absent else "correct"
        recorder.note("full disk: a result of each format", str(name), outcome, (tenths, answer, after, again))

    assert recorder.wrong == []
    assert {name for _, name, _ in recorder.counts} == {*names}


def test_a_read_only_disk_costs_no_value_and_no_hit(tmp_path: Path, recorder: Recorder) -> None:
    """Also where entries are damaged and cannot be moved aside."""
    for name, answer in trials(tmp_path, "size=8m", "read_only"):
        called = str(name).rpartition(", ")[2]
        hits = HITS & {called} if "damage none" in str(name) else set()
        recorder.note("read-only disk", called, outcome_of(answer, hits), (name, answer))

    assert recorder.wrong == []
    assert recorder.counts["read-only disk", "small", "correct"] >= 2
    assert recorder.counts["read-only disk", "another large", "absent"] >= 2
