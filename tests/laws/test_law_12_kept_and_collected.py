"""Law 12: `kept` beside a collector or a recomputation loses no payload and gives no old answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from project import Process, Project, Session

# Three stages of one code share their payloads through `kept`; 100,000 bytes are never inline.
PIPE = """
    import time
    from pathlib import Path
    from whorl import stage

    def draw(n):
        return (str(n) + Path("state").read_text()) * 50_000

    first = stage(cache=True, name="first")(draw)
    second = stage(cache=True, name="second")(draw)

    def right(value, n):
        return value == (str(n) + Path("state").read_text()) * 50_000

    def churn(one, seconds):
        end = time.monotonic() + seconds
        answers = []
        n = 0
        while time.monotonic() < end:
            n += 1
            one.clear(n % 3)
            answers.append(right(one(n % 3), n % 3))
        return [all(answers), len(answers)]

    def renew(one, seconds):
        end = time.monotonic() + seconds
        answers = []
        while time.monotonic() < end:
            answers.append(right(one.options(recompute=True)(0), 0))
        return [all(answers), len(answers)]

    def ask(one, seconds):
        end = time.monotonic() + seconds
        answers = []
        while time.monotonic() < end:
            answers.append(right(one(0), 0))
        return [all(answers), len(answers)]
"""


def test_a_kept_entry_outlives_its_source(session: Session) -> None:
    """Two entries name one payload; clearing the first leaves it to the second."""
    session.write("pipe.py", PIPE)
    session.write("state", "a")
    session.call("pipe.first(1) and None")
    kept = session.call("pipe.second(1) and None")
    session.settle("pipe.second(1) and None")
    session.call("pipe.first.clear(1)")
    report = session.call("pipe.right(pipe.second(1), 1)")

    assert kept.kind("second") == "kept"
    assert (report.value, report.kind("second")) == (True, "hit")


def test_a_source_outlives_what_was_kept_of_it(session: Session) -> None:
    """The other way round as well."""
    session.write("pipe.py", PIPE)
    session.write("state", "a")
    session.call("(pipe.first(1), pipe.second(1)) and None")
    session.call("pipe.second.clear(1)")
    report = session.call("pipe.right(pipe.first(1), 1)")

    assert (report.value, report.kind("first")) == (True, "hit")


def test_all_entries_gone_is_a_miss_not_an_error(session: Session) -> None:
    """A pointer may outlive every entry that bears its key."""
    session.write("pipe.py", PIPE)
    session.write("state", "a")
    session.call("(pipe.first(1), pipe.second(1)) and None")
    session.call("(pipe.second.clear(1), pipe.first.clear(1)) and None")
    session.write("state", "b")
    report = session.call("pipe.right(pipe.second(1), 1)")

    assert (report.value, report.kind("second")) == (True, "ran")


def test_two_processes_clear_and_keep_each_others_payloads(project: Project, process: Callable[..., Process]) -> None:
    """Whatever the interleaving, every answer is whole and right, and nothing is found damaged."""
    project.write("pipe.py", PIPE)
    project.write("state", "a")
    left, right = process(), process()
    left.send("pipe.churn(pipe.first, 1.5)")
    right.send("pipe.churn(pipe.second, 1.5)")
    reports = [left.receive(), right.receive()]
    after = process().ask("[pipe.right(s(n), n) for s in (pipe.first, pipe.second) for n in range(3)]")

    for report in reports:
        assert report.failure is None
        assert report.value[0], report.value  # type: ignore[index]
        assert report.value[1] > 5, "too few rounds to prove anything"  # type: ignore[index]
        assert report.warnings == ()
    assert after.value == [True] * 6
    assert after.ran == set()


def test_two_threads_clear_and_keep_each_others_payloads(project: Project, process: Callable[..., Process]) -> None:
    """The same within one process, where futures are shared."""
    project.write("pipe.py", PIPE)
    project.write("state", "a")
    code = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(3) as pool:
    tasks = [pool.submit(pipe.churn, one, 1.0) for one in (pipe.first, pipe.second, pipe.second)]
[task.result() for task in tasks]
"""
    report = process().ask(code)

    assert report.failure is None
    assert [answer[0] for answer in report.value] == [True, True, True]  # type: ignore[attr-defined]


def test_kept_while_its_source_is_recomputed_is_whole(project: Project, process: Callable[..., Process]) -> None:
    """One process renews the source again and again, another keeps of it: every answer is right."""
    project.write("pipe.py", PIPE)
    project.write("state", "a")
    writer, reader = process(), process()
    writer.send("pipe.renew(pipe.first, 1.5)")
    reader.send("pipe.churn(pipe.second, 1.5)")
    reports = [writer.receive(), reader.receive()]

    for report in reports:
        assert report.failure is None
        assert report.value[0], report.value  # type: ignore[index]
        assert report.warnings == ()


@pytest.mark.parametrize("moment", ["before", "while"])
def test_kept_of_a_source_that_is_recomputed_is_not_old(
    project: Project, process: Callable[..., Process], moment: str
) -> None:
    """The recomputation gives another value; once it is done, no one who shares its content key gives the old one."""
    source = """
        import time
        from pathlib import Path
        from whorl import stage

        def draw():
            text = Path("state").read_text()
            if Path("slow").exists():
                Path("started").touch()
                while Path("slow").exists():
                    time.sleep(0.01)
            return text * 50_000

        first = stage(cache=True, name="first")(draw)
        second = stage(cache=True, name="second")(draw)
    """
    project.write("pipe.py", source)
    project.write("state", "a")
    writer, reader = process(), process()
    writer.ask("pipe.first()[:1]")
    reader.ask("import pipe")
    project.write("state", "b")
    project.write("slow", "")
    writer.send("pipe.first.options(recompute=True)()[:1]")
    while not (project.folder / "started").exists():
        time.sleep(0.01)
    before = reader.ask("pipe.second()[:1]") if moment == "before" else None
    (project.folder / "slow").unlink()
    if moment == "while":
        reader.ask("pipe.second()[:1]")
    renewed = writer.receive()
    after = process().ask("pipe.second()[:1]")

    assert before is None or before.value in {"a", "b"}
    assert renewed.value == "b"
    assert after.value == "b"
