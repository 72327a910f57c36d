"""Law 4: a content pointer is followed only to an entry that really bears the content key."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Session

TTL = 0.25
# The state is a file that no one declared: the upstream is a fetch from a world that changes.
PIPE = """
    from pathlib import Path
    from whorl import stage

    @stage(cache=True, ttl=TTL)
    def fetch():
        return Path("state").read_text()

    def shout(text):
        return text.upper() + "!"

    down = stage(text=fetch, cache=True, name="down")(shout)
    other = stage(text=fetch, cache=True, name="other")(shout)
"""


@pytest.mark.parametrize("last", ["down", "other"])
def test_a_pointer_to_a_replaced_entry_is_not_followed(session: Session, last: str) -> None:
    """
    The call key of `down` stays, and its entry is replaced for another result of the upstream.

    When the first result comes back, the pointer of its content key still names the entry, which is another by now.
    """
    session.write("pipe.py", PIPE.replace("TTL", str(TTL)))
    values = []
    for state, stage in [("a", "down"), ("b", "down"), ("a", last), ("b", last)]:
        session.write("state", state)
        time.sleep(TTL)
        values.append(session.call(f"pipe.{stage}()").value)

    assert values == ["A!", "B!", "A!", "B!"]


def test_going_back_and_forth_never_mixes_results(session: Session) -> None:
    """However often entries replace each other, each answer belongs to the upstream's result."""
    session.write("pipe.py", PIPE.replace("TTL", "0.02"))
    for state in "abacbcabca":
        session.write("state", state)
        time.sleep(0.03)
        stage = "down" if state < "c" else "other"

        assert session.call(f"pipe.{stage}()").value == state.upper() + "!"


def test_a_recomputed_source_is_not_followed_to_its_old_value(session: Session) -> None:
    """Two stages share a content key; when one is recomputed to another value, the other must not give the old."""
    source = """
        from pathlib import Path
        from whorl import stage

        def draw():
            return Path("state").read_text() * 20_000

        first = stage(cache=True, name="first")(draw)
        second = stage(cache=True, name="second")(draw)
        third = stage(cache=True, name="third")(draw)
    """
    session.write("pipe.py", source)
    session.write("state", "a")
    session.call("pipe.first()")
    kept = session.call("pipe.second()[:1]")
    session.settle("pipe.second()[:1]")
    session.write("state", "b")
    session.call("pipe.first.options(recompute=True)()")
    second = session.call("pipe.second()[:1]")
    third = session.call("pipe.third()[:1]")

    assert (kept.value, kept.kind("second")) == ("a", "kept")
    assert (second.value, third.value) == ("b", "b")


def test_equal_content_keys_share_one_payload(session: Session) -> None:
    """The pointer is worth having: what is computed once is kept under every name."""
    session.write("pipe.py", PIPE.replace("TTL", "3600"))
    session.write("state", "a")
    session.call("pipe.down()")
    report = session.call("pipe.other()")

    assert report.kind("other") == "kept"
    assert session.settle("pipe.other()").kind("other") == "hit"
