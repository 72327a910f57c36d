"""Last uses are gathered in memory, written in one piece, and never stand in the way of a hit."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from store_examples import child_environment, slot
from whorl.store import used
from whorl.store.used import Uses

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from pipeline_folder import PipelineFolder


def test_uses_are_added_up_over_processes(tmp_path: Path) -> None:
    """Each appends a line; hits and seconds add up, the last use counts."""
    path = str(tmp_path / "new" / "used")
    for saved in (1.5, 2.5):
        uses = Uses(path)
        uses.note(slot("one"), saved)
        uses.flush()
        uses.flush()
    found = Uses(path).read()

    assert (found[slot("one")].hits, found[slot("one")].saved) == (2, 4.0)
    assert 0 <= Uses(path).ages()[slot("one")] < 60
    assert len((tmp_path / "new" / "used").read_text().splitlines()) == 2


def test_what_was_noted_counts_before_it_is_written(tmp_path: Path) -> None:
    """Whoever asks in the same process hears of it."""
    uses = Uses(str(tmp_path / "used"))
    uses.note(slot("one"), 1.0)

    assert uses.read()[slot("one")].hits == 1
    assert not (tmp_path / "used").exists()


def test_a_record_that_cannot_be_written_or_read_says_nothing(tmp_path: Path) -> None:
    """A file where the folder should be; a cut line; no place at all."""
    (tmp_path / "file").write_text("")
    lost = Uses(str(tmp_path / "file" / "used"))
    lost.note(slot("one"), 1.0)
    lost.flush()
    whole = Uses(str(tmp_path / "used"))
    whole.note(slot("one"), 1.0)
    whole.flush()
    with open(tmp_path / "used", "ab") as file:
        file.write(b'{"used":[[["default"')

    assert lost.read() == {}
    assert Uses(None).read() == {}
    assert list(Uses(str(tmp_path / "used")).read()) == [slot("one")]


def test_a_long_record_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line for each slot, however many hits."""
    monkeypatch.setattr(used, "_COMPACT_FROM", 2000)
    uses = Uses(str(tmp_path / "used"))
    for _ in range(50):
        uses.note(slot("one"), 1.0)
        uses.note(slot("two"), 0.0)
        uses.flush()

    assert (tmp_path / "used").stat().st_size < 3000
    assert uses.read()[slot("one")].hits == 50
    assert uses.read()[slot("one")].saved == 50.0


def test_many_hits_are_written_before_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a thread of its own: a process that is killed loses the last few alone."""
    monkeypatch.setattr(used, "_MANY", 10)
    uses = Uses(str(tmp_path / "used"))
    for _ in range(10):
        uses.note(slot("one"), 1.0)
    deadline = time.monotonic() + 30
    while not (tmp_path / "used").exists() and time.monotonic() < deadline:
        time.sleep(0.01)

    assert Uses(str(tmp_path / "used")).read()[slot("one")].hits == 10


def test_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    """A record of nothing is no file."""
    uses = Uses(str(tmp_path / "used" / "host"))
    uses.note(slot("one"), 1.0)
    uses.note(slot("two"), 1.0)
    uses.drop([slot("one")])

    assert list(uses.read()) == [slot("two")]
    uses.drop([slot("two")])
    assert list((tmp_path / "used").iterdir()) == []


def test_a_store_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    """Its last uses are nobody's."""
    uses = Uses(str(tmp_path / "store" / "used" / "host"))
    uses.note(slot("one"), 1.0)
    uses.flush()

    assert list(tmp_path.iterdir()) == []


def test_hits_of_a_process_are_on_record_when_it_has_ended(folder: PipelineFolder) -> None:
    """Runs are none of them; in a store that is only read nothing is recorded."""
    script = "import pipeline; pipeline.report(); pipeline.report()"
    environment = child_environment()
    subprocess.run([sys.executable, "-c", script], cwd=folder.folder, env=environment, check=True)
    (record,) = (folder.folder / ".whorl" / "used").iterdir()
    hits = [row[0][1] + f" {row[2]}" for line in record.read_text().splitlines() for row in json.loads(line)["used"]]

    assert hits == ["pipeline.report 1"]
    reading = {**environment, "WHORL_MODE": "read_only"}
    subprocess.run([sys.executable, "-c", script], cwd=folder.folder, env=reading, check=True)
    assert len(record.read_text().splitlines()) == 1
