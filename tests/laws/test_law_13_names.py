"""Law 13: the name of an argument's class, and of a raw file, counts where the code may read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Session

PIPE = """
    import enum
    from dataclasses import dataclass
    from pathlib import Path
    from whorl import stage

    class Left:
        def __init__(self):
            self.x = 1

    class Right:
        def __init__(self):
            self.x = 1

    @dataclass
    class LeftData:
        x: int = 1

    @dataclass
    class RightData:
        x: int = 1

    class LeftEnum(enum.Enum):
        X = 1

    class RightEnum(enum.Enum):
        X = 1

    @stage(cache=True)
    def class_of(value):
        return type(value).__name__

    @stage(raw="2023/a.csv", cache=True)
    def name_of(raw):
        return Path(raw).name

    @stage(raw="2023/a.csv", cache=True)
    def content_of(raw):
        return Path(raw).read_text()

    @stage(raw="2023/*.csv", cache=True)
    def names_of(raw):
        return [Path(file).name for file in raw]
"""
PAIRS = [
    ("Left()", "Right()"),
    ("LeftData()", "RightData()"),
    ("LeftEnum.X", "RightEnum.X"),
]


def start(session: Session) -> None:
    """Write two folders of equal files."""
    session.write("pipe.py", PIPE)
    for folder in ("2023", "2024"):
        for name in ("a.csv", "b.csv"):
            session.write(f"{folder}/{name}", "same")


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_the_name_of_a_class_counts(session: Session, left: str, right: str) -> None:
    """Two classes of equal code and fields are told apart by any code that looks."""
    start(session)
    first = session.call(f"pipe.class_of(pipe.{left})")
    session.settle(f"pipe.class_of(pipe.{left})")
    second = session.call(f"pipe.class_of(pipe.{right})")

    assert first.value != second.value
    assert second.kind("class_of") == "ran"


def test_a_class_inside_a_container_counts(session: Session) -> None:
    """However deep it is."""
    start(session)
    session.write(
        "deep.py", "from whorl import stage\n@stage(cache=True)\ndef f(v):\n    return type(v[0]['k']).__name__\n"
    )
    first = session.call("deep.f([{'k': pipe.Left()}])")
    second = session.call("deep.f([{'k': pipe.Right()}])")

    assert (first.value, second.value) == ("Left", "Right")


def test_the_name_of_a_file_counts(session: Session) -> None:
    """Code may parse `2023.csv`."""
    start(session)
    first = session.call('pipe.name_of(raw="2023/a.csv")')
    session.settle('pipe.name_of(raw="2023/a.csv")')
    second = session.call('pipe.name_of(raw="2023/b.csv")')

    assert (first.value, second.value) == ("a.csv", "b.csv")


def test_the_folders_above_a_file_do_not_count(session: Session) -> None:
    """A stated limit, and what lets two people with different folders share results."""
    start(session)
    session.call('pipe.content_of(raw="2023/a.csv")')
    report = session.call('pipe.content_of(raw="2024/a.csv")')

    assert report.kinds("content_of") == ["hit"]


def test_the_names_of_the_files_of_a_glob_count(session: Session) -> None:
    """A file renamed is another input."""
    start(session)
    session.call("pipe.names_of()")
    session.settle("pipe.names_of()")
    (session.project.folder / "2023/b.csv").rename(session.project.folder / "2023/c.csv")

    assert session.call("pipe.names_of()").value == ["a.csv", "c.csv"]


def test_a_link_counts_by_its_own_name_and_what_it_leads_to(session: Session) -> None:
    """Links are followed for the content; the name is the one that the function sees."""
    start(session)
    link = session.project.folder / "link.csv"
    link.symlink_to("2023/a.csv")
    first = session.call('pipe.content_of(raw="link.csv")')
    session.settle('pipe.content_of(raw="link.csv")')
    named = session.call('pipe.name_of(raw="link.csv")')
    session.write("2023/a.csv", "other")
    second = session.call('pipe.content_of(raw="link.csv")')

    assert (first.value, named.value, second.value) == ("same", "link.csv", "other")
