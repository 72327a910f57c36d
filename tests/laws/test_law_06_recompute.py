"""Law 6: after a recomputation that gave another value, everything downstream and every caller runs."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
from project import CallFailedError, Process, Project, Session

if TYPE_CHECKING:
    from collections.abc import Callable

PIPE = """
    from pathlib import Path
    from whorl import stage

    @stage(cache=True)
    def draw():
        return Path("state").read_text()

    @stage(text=draw, cache=True)
    def down(text):
        return text.upper()

    @stage(text=down, cache=True)
    def far_down(text):
        return text + "!"

    @stage(cache=True)
    def caller():
        return draw() + "?"

    @stage(cache=True)
    def callers_caller():
        return caller() + "?"

    @stage(text=caller, cache=True)
    def below_caller(text):
        return text + "."

    @stage(text=draw)
    def unstored(text):
        return text

    @stage(text=unstored, cache=True)
    def below_unstored(text):
        return text + ";"

    @stage(text=draw, cache=True)
    def length(text):
        return len(text)

    @stage(number=length, cache=True)
    def below_length(number):
        return number + 1
"""
VALUES = {
    "down": "B",
    "far_down": "B!",
    "caller": "b?",
    "callers_caller": "b??",
    "below_caller": "b?.",
    "below_unstored": "b;",
}
# Ends the process, as kill -9 would, when a file is about to appear in a folder of the store.
KILLER = """
    import os
    import signal

    def arm(folder):
        def armed(call):
            def guarded(source, target, *args, **options):
                if f"/{folder}/" in str(target):
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(source, target, *args, **options)

            return guarded

        for name in ("link", "rename", "replace"):
            setattr(os, name, armed(getattr(os, name)))
"""


def start(session: Session, *stages: str) -> None:
    """Compute the stages over a world that changes unseen, and settle them."""
    session.write("pipe.py", PIPE)
    session.write("state", "a")
    for stage in stages:
        session.call(f"pipe.{stage}()")
    for stage in stages:
        session.settle(f"pipe.{stage}()")


@pytest.mark.parametrize("stage", VALUES)
def test_a_recomputation_with_another_value_runs_what_comes_after(session: Session, stage: str) -> None:
    """Nothing that can be seen from outside has changed but the ledger."""
    start(session, stage)
    session.write("state", "b")
    session.call("pipe.draw.options(recompute=True)()")
    report = session.call(f"pipe.{stage}()")

    assert report.value == VALUES[stage]
    assert stage in report.ran
    assert session.settle(f"pipe.{stage}()").value == VALUES[stage]


def test_every_consumer_runs_not_only_the_first(session: Session) -> None:
    """A ledger entry is never used up."""
    start(session, *VALUES)
    session.write("state", "b")
    session.call("pipe.draw.options(recompute=True)()")

    assert {stage: session.call(f"pipe.{stage}()").value for stage in VALUES} == VALUES


def test_a_recomputation_with_the_same_value_runs_nothing(session: Session) -> None:
    """Recomputing is also a check; where it confirms the value, nothing else is touched."""
    start(session, *VALUES)
    report = session.call("pipe.draw.options(recompute=True)()")

    assert report.ran == {"draw"}
    for stage in VALUES:
        assert session.call(f"pipe.{stage}()").kinds(stage) == ["hit"]


def test_what_comes_after_an_equal_result_is_kept(session: Session) -> None:
    """The recomputed stage gave another value, its downstream the same: early cutoff from there on."""
    start(session, "below_length")
    session.write("state", "b")
    session.call("pipe.draw.options(recompute=True)()")
    report = session.call("pipe.below_length()")

    assert report.ran == {"length"}
    assert report.kind("below_length") == "kept"


def test_recomputing_back_is_not_answered_by_the_entry_of_long_ago(session: Session) -> None:
    """Each recomputation counts by its own nonce, so that nothing made meanwhile is taken for new."""
    start(session, "far_down", "callers_caller")
    for state in "bcab":
        session.write("state", state)
        session.call("pipe.draw.options(recompute=True)()")

        assert session.call("pipe.far_down()").value == state.upper() + "!"
        assert session.call("pipe.callers_caller()").value == state + "??"


def test_recomputing_a_middle_stage_asks_its_upstreams_for_nothing(session: Session) -> None:
    """Only the stage that was named is computed again."""
    start(session, "far_down")
    report = session.call("pipe.down.options(recompute=True)()")

    assert report.ran == {"down"}


def test_the_keys_of_everything_downstream_change(session: Session) -> None:
    """The revision is part of the call key, in every tier."""
    start(session, "far_down", "below_caller")
    before = session.call("[str(pipe.far_down.key()), str(pipe.below_caller.key())]").value
    session.write("state", "b")
    session.call("pipe.draw.options(recompute=True)()")
    session.call("(pipe.far_down(), pipe.below_caller())")
    after = session.call("[str(pipe.far_down.key()), str(pipe.below_caller.key())]").value

    assert before[0] != after[0]  # type: ignore[index]


def test_another_process_learns_of_it_within_five_seconds(project: Project, process: Callable[..., Process]) -> None:
    """A process that has been answering from its memory of the ledger must look again in time."""
    project.write("pipe.py", PIPE)
    project.write("state", "a")
    reader, writer = process(), process()
    reader.ask("(pipe.far_down(), pipe.callers_caller())")
    reader.ask("(pipe.far_down(), pipe.callers_caller())", times=1000)
    project.write("state", "b")
    writer.ask("pipe.draw.options(recompute=True)()")
    deadline = time.monotonic() + 5.5
    value = None
    while value != ["B!", "b??"] and time.monotonic() < deadline:
        value = reader.ask("(pipe.far_down(), pipe.callers_caller())").value
        time.sleep(0.2)

    assert value == ["B!", "b??"]


@pytest.mark.parametrize("stage", ["draw", "down", "far_down", "caller", "callers_caller", "below_caller"])
def test_killed_between_ledger_and_manifest_still_so(
    fresh: Session, process: Callable[..., Process], stage: str
) -> None:
    """The ledger comes first: from then on the old entry answers nobody."""
    start(fresh, stage)
    fresh.write("killer.py", KILLER)
    fresh.write("state", "b")
    victim = process()
    with pytest.raises(CallFailedError):
        victim.ask('killer.arm("m"); pipe.draw.options(recompute=True)()')
    report = fresh.call(f"pipe.{stage}()")

    assert victim.popen.wait() == -signal.SIGKILL
    assert report.value == {"draw": "b", **VALUES}[stage]


@pytest.mark.parametrize("folder", ["g", "r", "m", "c", "o"])
def test_killed_anywhere_what_comes_after_agrees_with_the_source(
    fresh: Session, process: Callable[..., Process], folder: str
) -> None:
    """Old or new: a stage and what was made of it never disagree."""
    start(fresh, "far_down", "callers_caller")
    fresh.write("killer.py", KILLER)
    fresh.write("state", "b")
    victim = process()
    victim.send(f'killer.arm("{folder}"); pipe.draw.options(recompute=True)()')
    victim.close()
    source = fresh.call("pipe.draw()").value
    down = fresh.call("pipe.far_down()")
    caller = fresh.call("pipe.callers_caller()")

    assert source in {"a", "b"}
    assert (down.value, caller.value) == (f"{source.upper()}!", f"{source}??")  # type: ignore[attr-defined]


def test_a_recomputation_under_one_key_leaves_other_arguments_alone(session: Session) -> None:
    """The ledger names call keys, not stages."""
    source = """
        from pathlib import Path
        from whorl import stage

        @stage(cache=True)
        def draw(x):
            return Path("state").read_text() + str(x)

        @stage(cache=True)
        def caller(x):
            return draw(x) + "?"
    """
    session.write("pipe.py", source)
    session.write("state", "a")
    session.call("(pipe.caller(1), pipe.caller(2))")
    session.settle("(pipe.caller(1), pipe.caller(2))")
    session.write("state", "b")
    session.call("pipe.draw.options(recompute=True)(1)")
    report = session.call("(pipe.caller(1), pipe.caller(2))")

    assert report.value == ["b1?", "a2?"]
    assert report.kinds("caller") == ["ran", "hit"]
