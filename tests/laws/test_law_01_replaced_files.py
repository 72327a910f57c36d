"""Law 1: editing a raw file that a nested stage was called with runs the caller and everything above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Session

PIPE = """
    from pathlib import Path
    from whorl import File, Folder, stage

    @stage(raw="default.txt", cache=True)
    def read(raw):
        return Path(raw).read_text()

    @stage(cache=True)
    def caller():
        return read(raw="other.txt") + "!"

    @stage(cache=True)
    def callers_caller():
        return caller() + "?"

    @stage(text=caller, cache=True)
    def downstream(text):
        return text.upper()

    @stage(text=callers_caller, cache=True)
    def far_downstream(text):
        return text.upper()

    @stage(text=far_downstream, cache=True)
    def last(text):
        return text * 2
"""
VALUES = {
    "caller": "{}!",
    "callers_caller": "{}!?",
    "downstream": "{}!",
    "far_downstream": "{}!?",
    "last": "{}!?{}!?",
}


@pytest.mark.parametrize("stage", VALUES)
def test_editing_a_file_given_to_a_nested_stage_runs_everything_above(session: Session, stage: str) -> None:
    """The file is in no declaration: only the trace of the caller knows of it."""
    session.write("pipe.py", PIPE)
    session.write("default.txt", "unused")
    session.write("other.txt", "A")
    session.call(f"pipe.{stage}()")
    session.settle(f"pipe.{stage}()")
    session.write("other.txt", "B")
    report = session.call(f"pipe.{stage}()")

    assert report.value == VALUES[stage].format("B", "B")
    assert {"read", "caller", stage} <= report.ran
    assert session.settle(f"pipe.{stage}()").kind(stage) == "hit"


def test_each_consumer_of_the_caller_runs_though_another_ran_first(session: Session) -> None:
    """What one call brought up to date must not look unchanged to the next."""
    session.write("pipe.py", PIPE)
    session.write("default.txt", "unused")
    session.write("other.txt", "A")
    for stage in VALUES:
        session.call(f"pipe.{stage}()")
    for stage in VALUES:
        session.settle(f"pipe.{stage}()")
    session.write("other.txt", "B")
    values = {stage: session.call(f"pipe.{stage}()").value for stage in VALUES}

    assert values == {stage: text.format("B", "B") for stage, text in VALUES.items()}


def test_an_edit_of_equal_length_is_seen(session: Session) -> None:
    """Neither size nor a coarse date may stand for the content."""
    session.write("pipe.py", PIPE)
    session.write("default.txt", "unused")
    session.write("other.txt", "A")
    session.call("pipe.last()")
    for text in "BCDEF":
        session.write("other.txt", text)

        assert session.call("pipe.last()").value == VALUES["last"].format(text, text)


def test_the_default_file_need_not_exist_when_it_is_always_replaced(session: Session) -> None:
    """A nested stage reads what it is called with; its declaration alone reads nothing."""
    session.write("pipe.py", PIPE)
    session.write("other.txt", "A")
    session.call("pipe.downstream()")
    session.settle("pipe.downstream()")
    session.write("other.txt", "B")

    assert session.call("pipe.downstream()").value == "B!"


def test_a_removed_file_of_the_trace_is_a_miss(session: Session) -> None:
    """A path that is not there is a difference, and then an error that names stage and path."""
    session.write("pipe.py", PIPE)
    session.write("default.txt", "unused")
    session.write("other.txt", "A")
    session.call("pipe.downstream()")
    session.settle("pipe.downstream()")
    (session.project.folder / "other.txt").unlink()
    failure = session.attempt("pipe.downstream()").failure

    assert failure is not None
    assert failure.types[0] == "InputMissingError"
    assert "read" in failure.message
    assert "other.txt" in failure.message


@pytest.mark.parametrize(
    "given",
    ['Path("other.txt")', 'File("other.txt")', 'Path("other.txt").resolve()', 'str(Path("deep/../other.txt"))'],
)
def test_every_way_of_naming_the_file_counts(warm: Session, given: str) -> None:
    """A path is traced however it was given."""
    warm.write("pipe.py", PIPE.replace('raw="other.txt"', f"raw={given}"))
    warm.write("default.txt", "unused")
    warm.write("deep/unused.txt", "")
    warm.write("other.txt", "A")
    warm.call("pipe.downstream()")
    warm.settle("pipe.downstream()")
    warm.write("other.txt", "B")

    assert warm.call("pipe.downstream()").value == "B!"


MANY = """
    from pathlib import Path
    from whorl import Folder, stage

    @stage(raw="none/*.txt", cache=True)
    def read(raw):
        files = sorted(Path(raw).iterdir()) if isinstance(raw, (str, Path)) else raw
        return "".join(Path(file).read_text() for file in files)

    @stage(cache=True)
    def caller():
        return read(raw=GIVEN)

    @stage(text=caller, cache=True)
    def downstream(text):
        return text.lower()
"""


@pytest.mark.parametrize("given", ['"parts/*.txt"', 'Folder("parts")', '"parts"'])
def test_a_file_added_to_a_traced_folder_or_glob_counts(session: Session, given: str) -> None:
    """A folder is traced by the names and contents in it, not by the files that were there once."""
    session.write("pipe.py", MANY.replace("GIVEN", given))
    session.write("none/a.txt", "unused")
    session.write("parts/a.txt", "A")
    first = session.call("pipe.downstream()")
    session.settle("pipe.downstream()")
    session.write("parts/b.txt", "B")
    added = session.call("pipe.downstream()")
    session.settle("pipe.downstream()")
    (session.project.folder / "parts/a.txt").unlink()
    removed = session.call("pipe.downstream()")

    assert [first.value, added.value, removed.value] == ["a", "ab", "b"]


def test_a_file_chosen_by_an_argument_is_traced_for_each_argument(session: Session) -> None:
    """Every call has a trace of its own."""
    source = PIPE.replace("def caller():", "def caller(which):").replace('raw="other.txt"', 'raw=which + ".txt"')
    session.write("pipe.py", source.partition("    @stage(cache=True)\n    def callers_caller")[0])
    session.write("default.txt", "unused")
    session.write("one.txt", "A")
    session.write("two.txt", "B")
    session.call('(pipe.caller("one"), pipe.caller("two"))')
    session.settle('(pipe.caller("one"), pipe.caller("two"))')
    session.write("two.txt", "C")
    report = session.call('(pipe.caller("one"), pipe.caller("two"))')

    assert report.value == ["A!", "C!"]
    assert report.kinds("caller") == ["hit", "ran"]
