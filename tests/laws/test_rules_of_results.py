"""What keys.md says besides its laws about results: chains, changed globals, attempts, and waiting."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from project import Process, Project, Session

CHAINS = {
    "itself": ("def one():\n    return one()", ["one"]),
    "two": ("def one():\n    return two()\n@stage(cache=True)\ndef two():\n    return one()", ["one", "two"]),
    "helper": ("def one():\n    return helper()\ndef helper():\n    return globals()['one']()", ["one"]),
    "argument": ("def one(x=1):\n    return one(x)", ["one"]),
    "async": ("async def one():\n    return await one()", ["one"]),
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("stored", [True, False], ids=["stored", "unstored"])
def test_a_stage_that_reaches_its_own_call_is_an_error_that_shows_the_chain(
    warm: Session, chain: str, *, stored: bool
) -> None:
    """It would wait for itself, or recurse for ever."""
    body, stages = CHAINS[chain]
    source = f"from whorl import stage\n@stage(cache=True)\n{body}\n".replace("cache=True", f"cache={stored}")
    warm.write("pipe.py", source)
    call = "import asyncio; asyncio.run(pipe.one())" if chain == "async" else "pipe.one()"
    failure = warm.attempt(call).failure

    assert failure is not None
    assert "WhorlError" in failure.types
    for stage in stages:
        assert f"pipe.{stage}" in failure.message
    assert failure.message.count("pipe.one") >= 2


def test_recursion_with_other_arguments_is_no_chain(session: Session) -> None:
    """Each call has a key of its own, and shared calls are computed once."""
    source = """
        from whorl import stage

        @stage(cache=True)
        def fibonacci(n):
            return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)
    """
    session.write("pipe.py", source)
    report = session.call("pipe.fibonacci(20)")

    assert report.value == 6765
    assert report.kinds("fibonacci").count("ran") == 21
    assert session.settle("pipe.fibonacci(20)").kinds("fibonacci") == ["hit"]


COUNTER = """
    from whorl import stage

    COUNT = 0
    MEMO = {}
    FACTOR = 2

    @stage(cache=True)
    def counting(x):
        global COUNT
        COUNT += 1
        MEMO[x] = COUNT
        return x * FACTOR

    @stage(cache=True)
    def caller(x):
        return counting(x)
"""


@pytest.mark.parametrize("stage", ["counting", "caller"])
def test_globals_that_a_stage_changes_keep_their_first_value(session: Session, stage: str) -> None:
    """A counter or a memo must not make the stage run for ever; a warning names it."""
    session.write("pipe.py", COUNTER)
    first = session.call(f"pipe.{stage}(1)")
    second = session.call(f"pipe.{stage}(1)")
    other = session.call(f"pipe.{stage}(2)")

    assert first.stored("counting")
    assert any("COUNT" in text or "MEMO" in text for text in first.warned("NotFollowedWarning"))
    assert (second.value, second.kinds(stage)) == (2, ["hit"])
    assert (other.value, other.kind(stage)) == (4, "ran")
    assert session.settle(f"pipe.{stage}(1)").kinds(stage) == ["hit"]
    assert session.settle(f"pipe.{stage}(2)").kinds(stage) == ["hit"]


@pytest.mark.parametrize("change", ["pipe.FACTOR = 3", "setattr(pipe, 'FACTOR', 3)", "pipe.MEMO = {5: 5}"])
def test_globals_that_others_change_count(warm: Session, change: str) -> None:
    """A change from outside is a change, also of a global that the stage changed before."""
    warm.write("pipe.py", COUNTER)
    warm.call("pipe.caller(1)")
    warm.settle("pipe.caller(1)")
    report = warm.call(f"{change}\npipe.caller(1)")

    assert report.kind("caller") == "ran"
    assert report.value == (3 if "FACTOR" in change else 2)


UNDIGESTABLE = """
    from pathlib import Path
    from whorl import stage

    @stage(cache=True, format="pickle")
    def numbers():
        return iter([int(n) for n in Path("state").read_text().split()])

    @stage(numbers=numbers, cache=True)
    def total(numbers):
        return sum(numbers)

    @stage(numbers=numbers)
    def plain(numbers):
        return sum(numbers)
"""


def test_a_result_that_cannot_be_digested_counts_by_its_attempt(session: Session) -> None:
    """It is stored and given on all the same; nothing is kept through it, and nothing stale is found."""
    session.write("pipe.py", UNDIGESTABLE)
    session.write("state", "1 2")
    first = session.call("pipe.total()")
    settled = session.settle("pipe.total()")
    session.write("state", "3 4")
    session.call("pipe.numbers.options(recompute=True)() and None")
    second = session.call("pipe.total()")
    plain = session.call("pipe.plain()")

    assert (first.value, settled.value) == (3, 3)
    assert (second.value, second.kind("total")) == (7, "ran")
    assert plain.value == 7


def test_an_attempt_is_not_taken_for_an_equal_result(session: Session) -> None:
    """Two attempts may differ in ways that nobody can see, so the downstream runs again."""
    source = UNDIGESTABLE.replace("state", "raw.txt").replace("def numbers()", "def numbers(raw)")
    session.write("pipe.py", source.replace("(cache=True, format", '(raw="raw.txt", cache=True, format'))
    session.write("raw.txt", "1 2")
    session.call("pipe.total()")
    session.settle("pipe.total()")
    session.write("raw.txt", "1  2")
    report = session.call("pipe.total()")

    assert (report.value, report.kind("total")) == (3, "ran")


MEMORY = """
    import os
    import time
    from pathlib import Path
    from whorl import stage

    @stage(cache=True)
    def slow(x=1):
        with Path("started").open("a") as file:
            file.write("x")
        while not Path("go").exists():
            time.sleep(0.005)
        return x
"""


FORK = """if Path("fork").exists() and os.fork() == 0:
            Path("child").write_text(str(os.getpid()))
            time.sleep(25)
            os._exit(0)
        """


def wait_for(project: Project, name: str) -> None:
    """Wait until a process has made that file."""
    while not (project.folder / name).exists() or not (project.folder / name).read_text():
        time.sleep(0.005)


@pytest.mark.timeout(30)
def test_another_process_waits_for_the_holder(project: Project, process: Callable[..., Process]) -> None:
    """Two processes that want one key: one computes, the other loads."""
    project.write("pipe.py", MEMORY)
    first, second = process(), process()
    first.send("pipe.slow()")
    wait_for(project, "started")
    second.send("pipe.slow()")
    project.write("go", "")
    reports = [first.receive(), second.receive()]

    assert [report.value for report in reports] == [1, 1]
    assert [report.kinds("slow") for report in reports] == [["ran"], ["hit"]]
    assert (project.folder / "started").read_text() == "x"


@pytest.mark.timeout(30)
def test_a_holder_that_dies_lets_the_next_one_compute(project: Project, process: Callable[..., Process]) -> None:
    """A lock never outlives its holder."""
    project.write("pipe.py", MEMORY)
    first, second = process(), process()
    first.send("pipe.slow()")
    wait_for(project, "started")
    second.send("pipe.slow()")
    first.popen.kill()
    project.write("go", "")
    report = second.receive()

    assert (report.value, report.kinds("slow")) == (1, ["ran"])


@pytest.mark.timeout(30)
def test_a_wait_is_bounded(project: Project, process: Callable[..., Process]) -> None:
    """After `wait_timeout` the value is computed a second time, and nothing breaks."""
    project.write("pipe.py", MEMORY)
    first, second = process(), process(WHORL_WAIT_TIMEOUT="0.2")
    first.send("pipe.slow()")
    wait_for(project, "started")
    second.send("pipe.slow()")
    while (project.folder / "started").read_text() != "xx":
        time.sleep(0.005)
    project.write("go", "")
    reports = [first.receive(), second.receive()]

    assert [report.value for report in reports] == [1, 1]
    assert process().ask("pipe.slow()").kinds("slow") == ["hit"]


@pytest.mark.timeout(30)
def test_a_forked_child_holds_no_lock(project: Project, process: Callable[..., Process]) -> None:
    """A child that was forked while a stage ran outlives its parent, and must not keep the key from others."""
    project.write("pipe.py", MEMORY.replace("while not", FORK + "while not"))
    project.write("fork", "")
    first, second = process(), process()
    first.send("pipe.slow()")
    wait_for(project, "child")
    (project.folder / "fork").unlink()
    first.popen.kill()
    first.popen.wait()
    project.write("go", "")
    report = second.ask("pipe.slow()")
    os.kill(int((project.folder / "child").read_text()), signal.SIGKILL)

    assert (report.value, report.kinds("slow")) == (1, ["ran"])
