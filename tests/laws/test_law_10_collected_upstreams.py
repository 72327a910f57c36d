"""Law 10: a final entry is enough; nothing else is read, and its upstreams may be gone."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Session

PIPE = """
    from pathlib import Path
    from whorl import stage

    @stage(raw="raw.txt", cache=True)
    def read(raw):
        return Path(raw).read_text() * 50_000

    @stage(text=read, cache=True)
    def middle(text):
        return text.upper()

    @stage(text=middle, cache=True)
    def last(text):
        return text[:1]

    @stage(cache=True)
    def caller():
        return middle()[:1]
"""
# Notes every file below the store that Python opens.
WATCH = """
    import os
    import sys
    from pathlib import Path

    opened = []
    store = os.environ["WHORL_FILESYSTEM"]

    def note(event, arguments):
        if event == "open" and str(arguments[0]).startswith(store):
            opened.append(str(Path(arguments[0]).relative_to(store)))

    sys.addaudithook(note)

    def during(call):
        opened.clear()
        call()
        return sorted(opened)
"""


def start(session: Session, stage: str) -> None:
    """Compute a final stage."""
    session.write("pipe.py", PIPE)
    session.write("watch.py", WATCH)
    session.write("raw.txt", "a")
    session.call(f"pipe.{stage}()")
    session.settle(f"pipe.{stage}()")


@pytest.mark.parametrize("stage", ["last", "caller"])
def test_a_final_entry_hits_though_its_upstreams_are_cleared(session: Session, stage: str) -> None:
    """Clearing an upstream takes nothing from those who have their result."""
    start(session, stage)
    session.call("pipe.read.clear()")
    session.call("pipe.middle.clear()")
    report = session.call(f"pipe.{stage}()")

    assert report.value == "A"
    assert [(outcome["kind"], str(outcome["stage"])) for outcome in report.outcomes] == [("hit", f"pipe.{stage}")]


def test_a_final_entry_hits_though_all_else_is_deleted(session: Session) -> None:
    """Of the store, the one manifest is enough: even pointers, payloads and fingerprints may be lost."""
    start(session, "last")
    (space,) = [path for path in (session.project.store / "v1").iterdir() if (path / "m").is_dir()]
    for folder in ("c", "o", "f", "g", "t"):
        shutil.rmtree(space / folder, ignore_errors=True)
    for manifests in (space / "m").iterdir():
        if not manifests.name.endswith("last"):
            shutil.rmtree(manifests)

    assert session.settle("pipe.last()").kinds("last") == ["hit"]


def test_a_final_hit_reads_one_file_of_the_store(session: Session) -> None:
    """One lookup: the manifest of the call, whose small value is inline; nothing of any upstream."""
    start(session, "last")
    opened = session.call("import watch, pipe; pipe.last(); watch.during(pipe.last)").value

    assert isinstance(opened, list)
    assert [path for path in opened if "/m/" in path] == opened
    assert len(opened) == 1


def test_the_depth_of_a_pipeline_costs_no_reading(fresh: Session) -> None:
    """A warm pipeline of any depth costs one lookup."""
    stages = ["from whorl import stage\n@stage(cache=True)\ndef s0():\n    return 0\n"]
    stages += [f"@stage(x=s{i}, cache=True)\ndef s{i + 1}(x):\n    return x + 1\n" for i in range(30)]
    fresh.write("pipe.py", "\n".join(stages))
    fresh.write("watch.py", WATCH)
    fresh.call("pipe.s30()")
    report = fresh.call("import watch, pipe; watch.during(pipe.s30)")

    assert report.ran == set()
    assert [path for path in report.value if "/m/" in path and "pipe.s30" not in path] == []  # type: ignore[attr-defined]
