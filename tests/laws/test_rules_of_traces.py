"""What keys.md says of traces: whatever a call used counts, however it was used, and nothing is stored without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Session

FALLBACK = """
    from pathlib import Path
    from whorl import stage

    @stage(raw="declared.csv", cache=True)
    def inner(raw):
        return Path(raw).read_text()

    @stage(cache=True)
    def middle():
        text = inner(raw="other.csv")
        if text == "bad":
            raise ValueError(text)
        return text

    @stage(cache=True)
    def outer():
        try:
            return middle()
        except ValueError:
            return "fallback"
"""


def test_what_a_failed_call_used_counts_for_who_caught_it(fresh: Session) -> None:
    """The fallback is the answer only as long as the nested call would still fail."""
    fresh.write("declared.csv", "declared")
    fresh.write("other.csv", "bad")
    fresh.write("pipe.py", FALLBACK)
    first = fresh.call("pipe.outer()")
    fresh.write("other.csv", "good")
    second = fresh.call("pipe.outer()")

    assert first.value == "fallback"
    assert (second.value, second.kind("outer")) == ("good", "ran")


def test_what_feeds_a_failed_call_counts_too(fresh: Session) -> None:
    """The file that made it fail may have been read by an upstream of the failed stage."""
    source = FALLBACK.replace('def middle():\n        text = inner(raw="other.csv")', "def middle(text):")
    source = source.replace("@stage(cache=True)\n    def middle", "@stage(text=reader, cache=True)\n    def middle")
    reader = "@stage(cache=True)\n    def reader():\n        return inner(raw='other.csv')\n\n    @stage(text=reader"
    fresh.write("declared.csv", "declared")
    fresh.write("other.csv", "bad")
    fresh.write("pipe.py", source.replace("@stage(text=reader", reader))
    first = fresh.call("pipe.outer()")
    fresh.write("other.csv", "good")
    second = fresh.call("pipe.outer()")

    assert (first.value, second.value) == ("fallback", "good")


MISSING = """
    from pathlib import Path
    from whorl import stage

    @stage(raw="declared.csv", cache=True)
    def inner(raw):
        return Path(raw).read_text()

    @stage(cache=True)
    def middle():
        try:
            return inner(raw="missing.csv")
        except FileNotFoundError:
            return "none"

    @stage(cache=True)
    def outer():
        return middle()

    @stage(middle=middle, cache=True)
    def downstream(middle):
        return middle
"""


@pytest.mark.parametrize("stage", ["middle", "outer", "downstream"])
def test_what_cannot_be_recorded_keeps_everything_around_it_from_being_stored(fresh: Session, stage: str) -> None:
    """A file that was not there cannot be checked; its callers and downstreams know no more than it does."""
    fresh.write("declared.csv", "declared")
    fresh.write("pipe.py", MISSING)
    first = fresh.call(f"pipe.{stage}()")
    fresh.write("missing.csv", "there")
    second = fresh.call(f"pipe.{stage}()")

    assert (first.value, first.stored(stage)) == ("none", False)
    assert second.value == "there"


def test_a_worker_process_says_what_it_cannot_record(fresh: Session) -> None:
    """The computation that started the worker is not stored either."""
    pool = """
        from multiprocessing import get_context
        from pathlib import Path
        from whorl import stage

        @stage(raw="declared.csv", cache=True)
        def inner(raw):
            return Path(raw).read_text()

        def work(number):
            try:
                return inner(raw="missing.csv")
            except FileNotFoundError:
                return "none"

        @stage(cache=True)
        def outer():
            with get_context("fork").Pool(1) as pool:
                return pool.map(work, [1])
    """
    fresh.write("declared.csv", "declared")
    fresh.write("pipe.py", pool)
    first = fresh.call("pipe.outer()")
    fresh.write("missing.csv", "there")
    second = fresh.call("pipe.outer()")

    assert (first.value, first.stored("outer")) == (["none"], False)
    assert second.value == ["there"]


def test_inputs_of_a_nested_stage_without_an_entry_are_those_before_it_ran(fresh: Session) -> None:
    """A file that is edited while it is read leaves no entry that claims the new content."""
    source = """
        from pathlib import Path
        from whorl import stage

        @stage(raw="declared.csv")
        def inner(raw):
            text = Path(raw).read_text()
            if text == "old":
                Path(raw).write_text("new")  # as somebody else would
            return text

        @stage(cache=True)
        def outer():
            return inner(raw="other.csv")
    """
    fresh.write("declared.csv", "declared")
    fresh.write("other.csv", "old")
    fresh.write("pipe.py", source)
    first = fresh.call("pipe.outer()")
    second = fresh.call("pipe.outer()")

    assert (first.value, second.value) == ("old", "new")


LOADED = """
    from pathlib import Path
    from whorl import NoEntryError, stage

    @stage(cache=True)
    def fetch():
        return Path("remote").read_text()

    @stage(raw="declared.csv", cache=True)
    def inner(raw):
        return Path(raw).read_text()

    @stage(cache=True)
    def outer():
        return fetch.load()

    @stage(cache=True)
    def reader():
        return inner.load(raw="other.csv")

    @stage(cache=True)
    def hopeful():
        try:
            return fetch.load()
        except NoEntryError:
            return "none"

    @stage(cache=True)
    def searching():
        try:
            return inner.load(raw="missing.csv")
        except FileNotFoundError:
            return "none"
"""


def test_what_a_body_loads_counts_like_what_it_calls(fresh: Session) -> None:
    """A recomputation of the loaded result makes the caller run."""
    fresh.write("remote", "old")
    fresh.write("pipe.py", LOADED)
    fresh.call("pipe.fetch()")
    first = fresh.call("pipe.outer()")
    settled = fresh.settle("pipe.outer()")
    fresh.write("remote", "new")
    fresh.call("pipe.fetch.options(recompute=True)()")
    second = fresh.call("pipe.outer()")

    assert (first.value, first.stored("outer")) == ("old", True)
    assert settled.kinds("outer") == ["hit"]
    assert (second.value, second.kind("outer")) == ("new", "ran")


def test_inputs_that_a_load_replaced_count(fresh: Session) -> None:
    """Law 1 holds for `load` too: it reads no other file's result."""
    fresh.write("declared.csv", "declared")
    fresh.write("other.csv", "old")
    fresh.write("pipe.py", LOADED)
    fresh.call("pipe.inner(raw='other.csv')")
    first = fresh.call("pipe.reader()")
    fresh.write("other.csv", "new")
    fresh.call("pipe.inner(raw='other.csv')")
    second = fresh.call("pipe.reader()")

    assert (first.value, second.value) == ("old", "new")


@pytest.mark.parametrize(
    ("stage", "then"), [("hopeful", "pipe.fetch()"), ("searching", "pipe.inner(raw='missing.csv')")]
)
def test_a_load_that_found_nothing_is_not_stored(fresh: Session, stage: str, then: str) -> None:
    """That there was no entry, or no file, is nothing that can be checked later."""
    fresh.write("remote", "there")
    fresh.write("declared.csv", "declared")
    fresh.write("pipe.py", LOADED)
    first = fresh.call(f"pipe.{stage}()")
    fresh.write("missing.csv", "there")
    fresh.call(then)
    second = fresh.call(f"pipe.{stage}()")

    assert (first.value, first.stored(stage)) == ("none", False)
    assert second.value == "there"


EMBEDDED = """
    from pathlib import Path
    from whorl import File, stage

    @stage(cache=True)
    def texts(files):
        found = [Path(file.text).read_text() for file in files]
        if found == ["slow"]:
            Path(files[0].text).write_text("edited")  # as somebody else would
        return found

    @stage(cache=True)
    def outer():
        return texts([File("a.csv")])
"""


def test_a_file_inside_an_argument_counts_for_callers(fresh: Session) -> None:
    """A `File` in a list is an input like one that is declared."""
    fresh.write("a.csv", "old")
    fresh.write("pipe.py", EMBEDDED)
    first = fresh.call("pipe.outer()")
    settled = fresh.settle("pipe.outer()")
    fresh.write("a.csv", "new")
    second = fresh.call("pipe.outer()")

    assert (first.value, second.value) == (["old"], ["new"])
    assert settled.kinds("outer") == ["hit"]


def test_a_file_inside_an_argument_that_is_edited_meanwhile_is_not_stored(fresh: Session) -> None:
    """Law 7 holds for it: the key says `slow`, and what was read may be something else."""
    fresh.write("a.csv", "slow")
    fresh.write("pipe.py", EMBEDDED)
    first = fresh.call("pipe.texts([whorl.File('a.csv')])")
    fresh.write("a.csv", "slow")
    second = fresh.call("pipe.texts([whorl.File('a.csv')])")

    assert not first.stored("texts")
    assert second.kind("texts") == "ran"


def test_a_relative_input_is_the_one_in_the_folder_of_the_call(fresh: Session) -> None:
    """A body that changes its folder reads another file than the one that a lookup would check."""
    source = """
        import os
        from pathlib import Path
        from whorl import stage

        @stage(raw="input.csv", cache=True)
        def inner(raw):
            return Path(raw).read_text()

        @stage(cache=True)
        def outer():
            os.chdir("below")
            try:
                return inner()
            finally:
                os.chdir("..")
    """
    fresh.write("input.csv", "same")
    fresh.write("below/input.csv", "same")
    fresh.write("pipe.py", source)
    first = fresh.call("pipe.outer()")
    fresh.write("below/input.csv", "other")
    second = fresh.call("pipe.outer()")

    assert (first.value, second.value) == ("same", "other")


def test_stages_that_one_function_makes_are_told_apart(fresh: Session) -> None:
    """They share a name; a caller of several is stored, and an edit of one of them makes it run."""
    source = """
        from whorl import stage

        def make(number):
            @stage(cache=True)
            def made():
                return number
            return made

        first = make(1)
        second = make(2)

        @stage(cache=True)
        def outer():
            return first() + second()

        @stage(one=first, two=second, cache=True)
        def downstream(one, two):
            return one + two
    """
    fresh.write("pipe.py", source)
    computed = fresh.call("[pipe.outer(), pipe.downstream()]")
    settled = fresh.settle("[pipe.outer(), pipe.downstream()]")
    fresh.edit("pipe.py", "make(1)", "make(5)")
    edited = fresh.call("[pipe.outer(), pipe.downstream()]")

    assert (computed.value, computed.warnings) == ([3, 3], ())
    assert (settled.kinds("outer"), settled.kinds("downstream")) == (["hit"], ["hit"])
    assert edited.value == [7, 7]


def test_a_class_that_no_import_leads_to_does_not_keep_its_users_from_being_stored(fresh: Session) -> None:
    """It was made by code that is followed, so an edit of that code is seen."""
    source = """
        from collections import namedtuple
        from whorl import stage

        Point = namedtuple("P", "x y")

        @stage()
        def place():
            return Point(1, 2)

        @stage(place=place, cache=True)
        def across(place):
            return place.x
    """
    fresh.write("pipe.py", source)
    computed = fresh.call("pipe.across()")
    settled = fresh.settle("pipe.across()")
    fresh.edit("pipe.py", '"x y"', '"y x"')
    edited = fresh.call("pipe.across()")

    assert (computed.value, computed.warned("StaleWarning")) == (1, [])
    assert settled.kinds("across") == ["hit"]
    assert edited.value == 2 or edited.kind("across") == "ran"


def test_a_nested_call_with_an_argument_without_digest_is_recorded(fresh: Session) -> None:
    """What is not stored needs no key: its caller is stored, and sees an edit of its code."""
    source = """
        from whorl import stage

        @stage
        def total(rows):
            return sum(rows)

        @stage(cache=True)
        def outer():
            return total(row for row in range(5))
    """
    fresh.write("pipe.py", source)
    computed = fresh.call("pipe.outer()")
    settled = fresh.settle("pipe.outer()")
    fresh.edit("pipe.py", "sum(rows)", "sum(rows) + 1")
    edited = fresh.call("pipe.outer()")

    assert (computed.value, computed.warnings) == (10, ())
    assert settled.kinds("outer") == ["hit"]
    assert edited.value == 11
