"""Law 7: a raw file edited between key and read leaves nothing under the old key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Session

# While the file `meddle` exists, the stage that is named in it edits raw.txt: someone else at the worst moment.
MEDDLER = """
    from pathlib import Path

    def meddle(who, when):
        order = Path("meddle")
        if order.exists() and order.read_text() == f"{who} {when}":
            order.unlink()
            for name in ("raw.txt", "parts/raw.txt"):
                Path(name).write_text("edited")
"""
PIPE = """
    from pathlib import Path
    from meddler import meddle
    from whorl import Folder, stage

    def text_of(raw):
        files = sorted(Path(raw).iterdir()) if Path(raw).is_dir() else [Path(raw)]
        return "".join(file.read_text() for file in files)

    @stage(raw=RAW, cache=True)
    def read(raw):
        meddle("read", "before")
        text = text_of(raw)
        meddle("read", "after")
        return text

    @stage(text=read, cache=True)
    def down(text):
        meddle("down", "before")
        return text.upper()

    @stage(text=down, cache=True)
    def last(text):
        meddle("last", "before")
        return text + "!"

    @stage(cache=True)
    def caller():
        meddle("caller", "before")
        text = read(raw=RAW) if REPLACED else read()
        meddle("caller", "after")
        return text.upper()

    @stage(text=caller, cache=True)
    def below(text):
        meddle("below", "before")
        return text + "!"

    @stage(raw=RAW)
    def unstored(raw):
        meddle("unstored", "before")
        return text_of(raw)

    @stage(text=unstored, cache=True)
    def below_unstored(text):
        return text.upper()
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A target, and the stage and the moment at which the file is edited."""

    target: str
    who: str
    when: str = "before"

    def __str__(self) -> str:
        return f"{self.target}: {self.who} {self.when}"


CASES = [
    Case("read", "read"),
    Case("read", "read", "after"),
    Case("down", "read"),
    Case("down", "down"),
    Case("last", "read"),
    Case("last", "down"),
    Case("last", "last"),
    Case("caller", "caller"),
    Case("caller", "caller", "after"),
    Case("caller", "read"),
    Case("caller", "read", "after"),
    Case("below", "caller"),
    Case("below", "read"),
    Case("below", "below"),
    Case("below_unstored", "unstored"),
]
FORMS = {
    "file": ('"raw.txt"', False),
    "folder": ('Folder("parts")', False),
    "replaced": ('"raw.txt"', True),
}


def put(session: Session, text: str) -> None:
    """Give the raw file that content."""
    session.write("raw.txt", text)
    session.write("parts/raw.txt", text)


def check(session: Session, case: Case, form: str) -> None:
    """Have the file edited at that moment; then put it back: the old key must give what the old content gives."""
    raw, replaced = FORMS[form]
    source = PIPE.replace("REPLACED", str(replaced)).replace("RAW", raw)
    if replaced:
        source = source.replace(f"@stage(raw={raw}, cache", '@stage(raw="default.txt", cache')
    session.write("meddler.py", MEDDLER)
    session.write("pipe.py", source)
    put(session, "unused")
    session.write("default.txt", "unused")
    session.call(f"pipe.{case.target}()")
    session.settle(f"pipe.{case.target}()")
    put(session, "old")
    session.write("meddle", f"{case.who} {case.when}")
    meddled = session.call(f"pipe.{case.target}()")
    put(session, "old")
    restored = session.call(f"pipe.{case.target}()")
    put(session, "edited")
    edited = session.call(f"pipe.{case.target}()")

    assert not (session.project.folder / "meddle").exists(), "the case did not come to its edit"
    assert not meddled.stored(case.target)
    assert meddled.warned("StaleWarning")
    assert str(restored.value).strip("!").lower() == "old"
    assert str(edited.value).strip("!").lower() == "edited"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_file_edited_meanwhile_leaves_nothing_under_the_old_key(warm: Session, case: Case) -> None:
    """The value is returned with a warning, for the stage, its upstreams and its nested stages alike."""
    check(warm, case, "file")


@pytest.mark.parametrize("case", [case for case in CASES if case.target in {"read", "down", "caller", "below"}][::2])
def test_it_holds_in_fresh_processes(fresh: Session, case: Case) -> None:
    """What one process did not store, no other finds."""
    check(fresh, case, "file")


@pytest.mark.parametrize("case", [CASES[0], CASES[2], CASES[7], CASES[9]], ids=str)
def test_a_file_edited_in_a_folder_meanwhile_is_seen(warm: Session, case: Case) -> None:
    """A folder counts by the contents in it."""
    check(warm, case, "folder")


@pytest.mark.parametrize("case", [CASES[8], CASES[9], CASES[10], CASES[12], CASES[13]], ids=str)
def test_a_file_that_only_the_trace_knows_is_digested_again(warm: Session, case: Case) -> None:
    """Raw files that a nested stage was called with are looked at again before anything is stored."""
    check(warm, case, "replaced")


def test_a_file_added_to_a_glob_meanwhile_is_seen(session: Session) -> None:
    """The function got the list of before; the key must not stand for the folder of after."""
    source = """
        from pathlib import Path
        from whorl import stage

        @stage(raw="parts/*.txt", cache=True)
        def read(raw):
            if Path("meddle").exists():
                Path("meddle").unlink()
                Path("parts/b.txt").write_text("b")
            return [Path(file).read_text() for file in raw]
    """
    session.write("pipe.py", source)
    session.write("parts/a.txt", "a")
    session.write("meddle", "")
    first = session.call("pipe.read()")
    second = session.call("pipe.read()")

    assert not first.stored("read")
    assert second.value == ["a", "b"]
    assert session.settle("pipe.read()").value == ["a", "b"]


def test_the_code_that_changed_meanwhile_counts_as_well(warm: Session) -> None:
    """A helper replaced while the stage runs, by a reload in another thread, leaves nothing under the old key."""
    source = """
        import threading
        import helper
        from whorl import stage

        @stage(cache=True)
        def report():
            if helper.meddle:
                helper.meddle = False
                thread = threading.Thread(target=helper.change)
                thread.start()
                thread.join()
            return helper.factor(1)
    """
    helper = """
        meddle = MEDDLE

        def factor(x):
            return x * 2

        def other(x):
            return x * 3

        def change():
            globals()["factor"] = other
    """
    warm.write("pipe.py", source)
    warm.write("helper.py", helper.replace("MEDDLE", "True"))
    meddled = warm.call("pipe.report()")
    warm.write("helper.py", helper.replace("MEDDLE", "False"))
    after = warm.call("pipe.report()")

    assert not meddled.stored("report")
    assert after.value == 2
