"""Law 5: an entry expires with what it was made from; then its upstreams are asked, and its nested calls made again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Session

TTL = 0.6
FETCH = """
    from datetime import timedelta
    from pathlib import Path
    from whorl import stage

    @stage(cache=True, ttl=TTL)
    def fetch():
        return Path("state").read_text()
"""
UPSTREAM = """
    @stage(text=fetch, cache=True)
    def report(text):
        return text.upper()

    @stage(text=report, cache=True)
    def last(text):
        return text + "!"
"""
NESTED = """
    @stage(cache=True)
    def report():
        return fetch().upper()

    @stage(text=report, cache=True)
    def last(text):
        return text + "!"
"""
UNSTORED = """
    @stage(text=fetch)
    def mid(text):
        return text

    @stage(text=mid, cache=True)
    def report(text):
        return text.upper()

    @stage(text=report, cache=True)
    def last(text):
        return text + "!"
"""


def start(session: Session, body: str, ttl: object = TTL) -> None:
    """Write a pipeline over a world that changes unseen, and compute it for the first time."""
    session.write("pipe.py", FETCH.replace("TTL", str(ttl)) + body)
    session.write("state", "a")
    session.call("pipe.last()")


def expire(session: Session) -> None:
    """Call often, where the session is warm, and wait until everything has expired."""
    if session.warm:
        session.call("[pipe.last() for _ in range(1000)] and None")
    time.sleep(TTL)


@pytest.mark.parametrize("body", [UPSTREAM, NESTED, UNSTORED], ids=["upstream", "nested", "unstored"])
def test_before_the_hour_the_world_is_not_asked(session: Session, body: str) -> None:
    """That is what a ttl is for."""
    start(session, body, ttl=3600)
    session.settle("pipe.last()")
    session.write("state", "b")
    report = session.call("pipe.last()")

    assert (report.value, report.ran) == ("A!", set())


@pytest.mark.parametrize("body", [UPSTREAM, NESTED, UNSTORED], ids=["upstream", "nested", "unstored"])
def test_after_the_hour_another_result_runs_everything(session: Session, body: str) -> None:
    """No stage above an expired one answers from its own entry."""
    start(session, body)
    expire(session)
    session.write("state", "b")
    report = session.call("pipe.last()")

    assert report.value == "B!"
    assert {"fetch", "report", "last"} <= report.ran


@pytest.mark.parametrize("body", [UPSTREAM, UNSTORED], ids=["upstream", "unstored"])
def test_after_the_hour_the_same_result_is_kept(session: Session, body: str) -> None:
    """`report` asks `fetch`, which gives the same: early cutoff."""
    start(session, body)
    expire(session)
    report = session.call("pipe.last()")

    assert report.value == "A!"
    assert report.ran - {"mid"} == {"fetch"}
    assert (report.kind("report"), report.kind("last")) == ("kept", "kept")


def test_a_nested_call_that_expired_runs_its_caller(session: Session) -> None:
    """What a body does with a result is not known without running it; what comes after may be kept."""
    start(session, NESTED)
    expire(session)
    report = session.call("pipe.last()")

    assert report.value == "A!"
    assert report.ran == {"fetch", "report"}
    assert report.kind("last") == "kept"


def test_what_was_kept_lives_as_long_as_the_new_result(warm: Session) -> None:
    """A kept entry expires with the entries it is made from now."""
    start(warm, UPSTREAM)
    time.sleep(TTL)
    warm.call("pipe.last()")
    report = warm.call("pipe.last()")

    assert report.kinds("last") == ["hit"]


def test_an_own_ttl_runs_the_stage_itself(session: Session) -> None:
    """The expiry of an entry of its own is a miss, and its downstream is led by the result."""
    source = (
        FETCH.replace("TTL", "0.3") + "\n    @stage(text=fetch, cache=True)\n    def last(text):\n        return text"
    )
    session.write("pipe.py", source.replace("TTL", "0.3"))
    session.write("state", "a")
    session.call("pipe.fetch()")
    time.sleep(0.3)
    again = session.call("pipe.fetch()")
    session.write("state", "b")
    time.sleep(0.3)
    changed = session.call("pipe.last()")

    assert (again.value, again.ran) == ("a", {"fetch"})
    assert (changed.value, changed.ran) == ("b", {"fetch", "last"})


def test_kept_never_renews_its_own_ttl(warm: Session) -> None:
    """A ttl counts from when the value was computed, however often it is kept since."""
    source = """
        from pathlib import Path
        from whorl import stage

        @stage(raw="raw.txt", cache=True)
        def strip(raw):
            return Path(raw).read_text().strip()

        @stage(text=strip, cache=True, ttl=0.8)
        def report(text):
            return text + Path("state").read_text()
    """
    warm.write("pipe.py", source)
    warm.write("raw.txt", "x")
    warm.write("state", "a")
    warm.call("pipe.report()")
    time.sleep(0.35)
    warm.write("raw.txt", "x ")
    kept = warm.call("pipe.report()")
    warm.write("state", "b")
    time.sleep(0.5)
    expired = warm.call("pipe.report()")

    assert (kept.kind("report"), kept.value) == ("kept", "xa")
    assert (expired.kind("report"), expired.value) == ("ran", "xb")


@pytest.mark.parametrize(("body", "kind"), [(UPSTREAM, "kept"), (NESTED, "ran")], ids=["upstream", "nested"])
def test_a_renamed_stage_disregards_inherited_expiry_alone(session: Session, body: str, kind: str) -> None:
    """Through its content key an entry answers though its upstream's time is over; an expired nested call does not."""
    start(session, body)
    expire(session)
    session.write("pipe.py", (FETCH.replace("TTL", str(TTL)) + body).replace("def report", "def account"))
    session.edit("pipe.py", "text=report", "text=account")
    report = session.call("pipe.account()")

    assert (report.value, report.kind("account")) == ("A", kind)
    assert report.kind("fetch") == "ran"


@pytest.mark.parametrize("ttl", ["0.2", "timedelta(seconds=0.2)"])
def test_a_ttl_may_be_seconds_or_a_timedelta(fresh: Session, ttl: str) -> None:
    """Both forms mean the same."""
    start(fresh, UPSTREAM, ttl=ttl)
    time.sleep(0.2)

    assert fresh.call("pipe.fetch()").ran == {"fetch"}


def test_thirty_days_are_not_over_yet(session: Session) -> None:
    """A text with a unit is read as that unit."""
    start(session, UPSTREAM, ttl='"30d"')

    assert session.settle("pipe.last()").kinds("last") == ["hit"]


def test_two_ttls_on_the_way_end_with_the_earlier(session: Session) -> None:
    """An entry expires at the earliest of its own ttl and the expiries of what it was made from."""
    body = UPSTREAM.replace("cache=True)", "cache=True, ttl=3600)")
    start(session, body)
    expire(session)
    session.write("state", "b")

    assert session.call("pipe.last()").value == "B!"


def test_a_downstream_of_an_unexpired_copy_is_not_led_to_the_old_value(session: Session) -> None:
    """Two consumers of one expired stage: the first brings it up to date, the second must follow."""
    start(session, UPSTREAM + NESTED.replace("report", "account").replace("last", "final"))
    session.call("pipe.final()")
    expire(session)
    session.write("state", "b")
    first = session.call("pipe.last()")
    second = session.call("pipe.final()")

    assert (first.value, second.value) == ("B!", "B!")
