"""The acceptance of the keys as a whole: equal pipelines are equal everywhere, and one of many computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from project import Process, Project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PIPE = """
    import enum
    from dataclasses import dataclass
    from pathlib import Path
    from whorl import stage

    class Kind(enum.Enum):
        A = "a"
        B = "b"

    @dataclass(frozen=True)
    class Settings:
        names: frozenset = frozenset({"alpha", "beta", "gamma", "delta"})
        kind: Kind = Kind.A

    WORDS = {"alpha", "beta", "gamma"}
    NESTED = {frozenset({"x", "y"}): {"p", "q", "r"}}

    def helper(text):
        return text.upper() if text in {"a", "b", "c", "d"} else text

    @stage(raw="raw/*.txt", table="raw", cache=True)
    def read(raw, table):
        return [Path(file).read_text() for file in raw]

    @stage(texts=read)
    def clean(texts, settings=Settings()):
        return sorted(helper(text) for text in texts) + sorted(settings.names) + sorted(WORDS)

    @stage(texts=clean, cache=True)
    def report(texts, settings=Settings(), words=frozenset({"u", "v", "w"})):
        return [*texts, settings.kind.value, len(NESTED)]

    @stage(cache=True)
    def nested():
        return read(raw="raw/*.txt", table="raw/b.txt") + report()
"""


@pytest.mark.parametrize("call", ["pipe.report()", "pipe.nested()"])
def test_another_folder_user_and_hash_seed_is_all_hits(
    tmp_path: Path, process: Callable[..., Process], call: str
) -> None:
    """Absolute paths, user, host, time and process never enter a key."""
    reports = []
    for name in ("ann/project", "home/bob/some where/else"):
        project = Project(tmp_path / name, tmp_path / "store", tmp_path / name / "home")
        project.write("pipe.py", PIPE)
        project.write("raw/a.txt", "a")
        project.write("raw/b.txt", "b")
        reports.append(process(project, USER=name[:3], LOGNAME=name[:3], TZ=f"UTC-{len(reports)}").ask(call))

    assert reports[0].failure is None
    assert reports[1].value == reports[0].value
    assert reports[1].ran == set()


@pytest.mark.timeout(60)
def test_of_sixteen_processes_one_computes(project: Project, process: Callable[..., Process]) -> None:
    """The others wait and load; nobody fails."""
    source = """
        import time
        from pathlib import Path
        from whorl import stage

        @stage(cache=True)
        def slow():
            with Path("runs").open("a") as file:
                file.write("x")
            time.sleep(0.2)
            return "value" * 10_000
    """
    project.write("pipe.py", source)
    processes = [process() for _ in range(16)]
    for one in processes:
        one.send("import pipe")
    for one in processes:
        one.receive()
    for one in processes:
        one.send("len(pipe.slow())")
    reports = [one.receive() for one in processes]

    assert [report.value for report in reports] == [50_000] * 16
    assert (project.folder / "runs").read_text() == "x"
    assert sum("slow" in report.ran for report in reports) == 1
