"""Law 9: a window that the function's code reads is part of the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Session

PIPE = """
    from datetime import date
    from whorl import stage

    def days(start, end):
        return (date.fromisoformat(end) - date.fromisoformat(start)).days

    @stage(cache=True)
    def named(start_time, end_time):
        return days(start_time, end_time)

    @stage(cache=True)
    def keywords(**window):
        return days(window["start_time"], window["end_time"])

    @stage(cache=True)
    def defaults(start_time="2013-01-01", end_time="2013-01-11"):
        return days(start_time, end_time)

    @stage(cache=True)
    def passed(start_time, end_time):
        return named(start_time, end_time)

    @stage(number=7, cache=True)
    def with_input(number, start_time, end_time):
        return days(start_time, end_time) + number - number
"""
TEN_DAYS = 'start_time="2013-01-01", end_time="2013-01-11"'
A_YEAR = 'start_time="2013-01-01", end_time="2014-01-02"'


@pytest.mark.parametrize("stage", ["named", "keywords", "defaults", "passed", "with_input"])
def test_ten_days_never_answer_for_a_year(session: Session, stage: str) -> None:
    """The two windows are two calls, whichever was computed first."""
    session.write("pipe.py", PIPE)
    session.call(f"pipe.{stage}({TEN_DAYS})")
    session.settle(f"pipe.{stage}({TEN_DAYS})")
    year = session.call(f"pipe.{stage}({A_YEAR})")
    ten = session.call(f"pipe.{stage}({TEN_DAYS})")

    assert year.value == 366
    assert year.kind(stage) == "ran"
    assert (ten.value, ten.ran) == (10, set())


def test_windows_have_keys_of_their_own(fresh: Session) -> None:
    """The key is where the two differ."""
    fresh.write("pipe.py", PIPE)
    report = fresh.call(f"[str(pipe.named.key({TEN_DAYS})), str(pipe.named.key({A_YEAR}))]")

    assert len(set(report.value)) == 2  # type: ignore[call-overload]


def test_a_default_window_is_the_window_given(fresh: Session) -> None:
    """Arguments are bound with defaults applied."""
    fresh.write("pipe.py", PIPE)
    fresh.call("pipe.defaults()")

    assert fresh.call(f"pipe.defaults({TEN_DAYS})").kinds("defaults") == ["hit"]
