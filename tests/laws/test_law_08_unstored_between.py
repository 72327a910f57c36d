"""Law 8: a stage that is not stored, between two that are, does not stop early cutoff and hides no change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Session

PIPE = """
    from pathlib import Path
    from whorl import stage

    @stage(raw="raw.txt", cache=True)
    def clean(raw):
        return Path(raw).read_text().split()

    @stage(words=clean)
    def first(words):
        return [word + "1" for word in words]

    @stage(words=first, extra="extra.txt")
    def second(words, extra):
        return [word + Path(extra).read_text() for word in words]

    @stage(words=clean)
    def other(words):
        return [word.upper() for word in words]

    @stage(words=first, cache=True)
    def single(words):
        return "-".join(words)

    @stage(words=second, cache=True)
    def chain(words):
        return "-".join(words)

    @stage(left=second, right=other, cache=True)
    def diamond(left, right):
        return "-".join(left + right)

    @stage(text=diamond)
    def unstored(text):
        return text + "~"

    @stage(text=unstored, cache=True)
    def last(text):
        return text + "!"
"""
VALUES = {
    "single": "{0}1",
    "chain": "{0}1{1}",
    "diamond": "{0}1{1}-{2}",
    "last": "{0}1{1}-{2}~!",
}


def value(target: str, word: str, extra: str) -> str:
    """Tell what a target gives for one word and one extra letter."""
    return VALUES[target].format(word, extra, word.upper())


def start(session: Session, target: str) -> None:
    """Compute a target for the first time and settle it."""
    session.write("pipe.py", PIPE)
    session.write("raw.txt", "a")
    session.write("extra.txt", "x")
    session.call(f"pipe.{target}()")
    session.settle(f"pipe.{target}()")


@pytest.mark.parametrize("target", VALUES)
def test_an_equal_result_above_is_kept_below(session: Session, target: str) -> None:
    """Only the stored stage whose file changed runs; those not stored in between are not needed at all."""
    start(session, target)
    session.write("raw.txt", " a ")
    report = session.call(f"pipe.{target}()")

    assert report.value == value(target, "a", "x")
    assert report.ran == {"clean"}
    assert report.kind(target) == "kept"
    assert session.settle(f"pipe.{target}()").kinds(target) == ["hit"]


@pytest.mark.parametrize("target", VALUES)
def test_another_result_above_runs_everything_below(session: Session, target: str) -> None:
    """A change passes through stages that are not stored."""
    start(session, target)
    session.write("raw.txt", "b")
    report = session.call(f"pipe.{target}()")

    assert report.value == value(target, "b", "x")
    assert {"clean", "first", target} <= report.ran


@pytest.mark.parametrize("target", ["chain", "diamond", "last"])
def test_the_own_file_of_an_unstored_stage_counts(session: Session, target: str) -> None:
    """A stage that is not stored still takes part in keys."""
    start(session, target)
    session.write("extra.txt", "y")
    report = session.call(f"pipe.{target}()")

    assert report.value == value(target, "a", "y")
    assert "clean" not in report.ran


@pytest.mark.parametrize("target", VALUES)
def test_the_code_of_an_unstored_stage_counts(session: Session, target: str) -> None:
    """Code between two stored stages decides the result of the second."""
    start(session, target)
    session.edit("pipe.py", 'word + "1"', 'word + "2"')
    report = session.call(f"pipe.{target}()")

    assert report.value == value(target, "a", "x").replace("1", "2")
    assert "clean" not in report.ran


def test_an_unstored_stage_runs_at_every_call_of_its_own(session: Session) -> None:
    """Without `cache=True` nothing is stored, and nothing is taken from the store."""
    start(session, "single")
    report = session.call("pipe.first()")

    assert report.value == ["a1"]
    assert report.kinds("first") == ["ran"]
    assert not report.stored("first")
    assert report.kind("clean") == "hit"


def test_a_shared_unstored_ancestor_runs_once_in_a_call(session: Session) -> None:
    """A diamond computes what its arms share once, stored or not."""
    source = """
        from pathlib import Path
        from whorl import stage

        @stage()
        def top():
            return [1]

        @stage(x=top)
        def left(x):
            x.append(2)
            return x

        @stage(x=top)
        def right(x):
            x.append(3)
            return x

        @stage(a=left, b=right)
        def bottom(a, b):
            return [a, b]
    """
    session.write("pipe.py", source)
    report = session.call("pipe.bottom()")

    assert report.value == [[1, 2], [1, 3]]
    assert report.kinds("top") == ["ran"]


def test_an_unstored_nested_stage_counts_for_its_caller(session: Session) -> None:
    """Called in a body, a stage that is not stored brings its code and its files to the caller."""
    source = (
        PIPE
        + """
    @stage(cache=True)
    def caller():
        return second()
    """
    )
    session.write("pipe.py", source)
    session.write("raw.txt", "a")
    session.write("extra.txt", "x")
    session.call("pipe.caller()")
    session.settle("pipe.caller()")
    session.write("extra.txt", "y")
    file = session.call("pipe.caller()")
    session.settle("pipe.caller()")
    session.edit("pipe.py", 'word + "1"', 'word + "2"')
    code = session.call("pipe.caller()")

    assert (file.value, code.value) == (["a1y"], ["a2y"])
