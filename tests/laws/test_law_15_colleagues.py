"""Law 15: two colleagues with different files under one path do not take each other's entries away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from project import Nursery, Process, Project, Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PIPE = """
    from pathlib import Path
    from whorl import stage

    @stage(raw="unused.txt", cache=True)
    def read(raw):
        return Path(raw).read_text()

    @stage(cache=True)
    def caller():
        return read(raw="data/file.txt") + "!"

    @stage(cache=True)
    def callers_caller():
        return caller() + "?"

    @stage(text=caller, cache=True)
    def below(text):
        return text.upper()
"""
VALUES = {"caller": "{}!", "callers_caller": "{}!?", "below": "{}!"}


def colleague(tmp_path: Path, name: str, text: str) -> Project:
    """Give someone the same project in another folder, with another home, another file and the same store."""
    project = Project(tmp_path / name / "project", tmp_path / "store", tmp_path / name / "home")
    project.write("pipe.py", PIPE)
    project.write("unused.txt", "unused")
    project.write("data/file.txt", text)
    return project


@pytest.mark.parametrize("stage", VALUES)
@pytest.mark.parametrize("warm", [False, True], ids=["fresh processes", "warm processes"])
def test_colleagues_in_turn_each_get_hits(
    tmp_path: Path, nurseries: tuple[Nursery, ...], stage: str, *, warm: bool
) -> None:
    """The call key is one; each trace holds in one folder only, and both are kept."""
    texts = {"ann": "A", "bob": "B", "cid": "C"}
    sessions = {
        name: Session(colleague(tmp_path, name, text), warm=warm, nurseries=nurseries) for name, text in texts.items()
    }
    for session in sessions.values():
        session.call(f"pipe.{stage}()")
    for _ in range(1 if warm else 2):
        for name, session in sessions.items():
            report = session.settle(f"pipe.{stage}()")

            assert report.value == VALUES[stage].format(texts[name])
            assert report.kinds(stage) == ["hit"]
    for session in sessions.values():
        session.close()


def test_a_file_that_comes_back_is_a_hit(session: Session) -> None:
    """A recomputed file that is as it was finds the generation that was made of it."""
    session.write("pipe.py", PIPE)
    session.write("unused.txt", "unused")
    for text in "ABAB":
        session.write("data/file.txt", text)
        report = session.call("pipe.below()")

        assert report.value == f"{text}!"
    assert report.ran == set()


def test_a_colleague_with_the_same_files_gets_hits(tmp_path: Path, process: Callable[..., Process]) -> None:
    """Another folder, another home, another hash seed: the second run of the pipeline is all hits."""
    first = process(colleague(tmp_path, "ann", "A")).ask("(pipe.below(), pipe.callers_caller())")
    second = process(colleague(tmp_path, "bob", "A")).ask("(pipe.below(), pipe.callers_caller())")

    assert second.value == first.value
    assert second.ran == set()


def test_a_colleagues_recomputation_reaches_the_other(tmp_path: Path, process: Callable[..., Process]) -> None:
    """Generations of an older revision do not answer, whoever asks."""
    source = PIPE.replace('+ "!"', '+ Path("../../state").read_text()')
    (tmp_path / "state").write_text("1")
    projects = [colleague(tmp_path, name, "A") for name in ("ann", "bob")]
    for project in projects:
        project.write("pipe.py", source)
    process(projects[0]).ask("(pipe.caller(), pipe.below())")
    (tmp_path / "state").write_text("2")
    process(projects[1]).ask("pipe.caller.options(recompute=True)()")
    report = process(projects[0]).ask("(pipe.caller(), pipe.below())")

    assert report.value == ["A2", "A2"]
