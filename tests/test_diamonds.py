"""Stages that feed several others, level over level: each is judged once in a call, whatever happens meanwhile."""

from __future__ import annotations

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import whorl
from whorl import Stage, StaleWarning, cache, observe, stage
from whorl.adoption.lwdp import offers
from whorl.adoption.offers import Allowed, Skipped
from whorl.entry import Resolution

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.timeout(60), pytest.mark.filterwarnings("ignore:no stage named")]
HOME = os.path.dirname(whorl.__file__)
BIG = 50_000


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "whorl.toml").write_text("")
    monkeypatch.chdir(tmp_path)


def write(raw: str, hidden: str = "") -> None:
    """Write the file that the lowest stage declares, and one that it reads all the same."""
    Path("raw.txt").write_text(raw)
    Path("hidden.txt").write_text(hidden)


def spoil_payloads() -> None:
    """Damage what is stored of big values."""
    for payload in Path(".whorl").glob("v1/*/o/*/*/*"):
        if payload.is_file() and payload.stat().st_size > BIG:
            payload.write_bytes(payload.read_bytes().replace(b"x", b"z"))


def diamonds(depth: int, *, cached: bool = False, jobs: int | None = None, version: str = "") -> Stage[..., str]:
    """Make a stored stage over levels of which each takes the one below it twice, over one that reads files."""

    @stage(text="raw.txt", cache=True, name="bottom")
    def bottom(text: str) -> str:
        return Path(text).read_text()[0] + Path("hidden.txt").read_text() * BIG

    below: Any = bottom
    for level in range(depth):

        @stage(left=below, right=below, name=f"level{level}", cache=cached, jobs=jobs)
        def between(left: str, right: str) -> str:
            return max(left, right)

        below = between

    @stage(text=below, name="top", cache=True, jobs=jobs, version=version)
    def top(text: str) -> str:
        return f"{text[-1]}!"

    return top


@dataclass
class Visits:
    """How often functions of whorl were entered."""

    number: int = 0


@contextmanager
def visits() -> Iterator[Visits]:
    """Count them meanwhile, in this thread."""
    counted = Visits()

    def count(frame: Any, event: str, _: object) -> None:
        counted.number += event == "call" and frame.f_code.co_filename.startswith(HOME)

    sys.setprofile(count)
    try:
        yield counted
    finally:
        sys.setprofile(None)


def work(depth: int, *, cached: bool = False, nested: bool = False) -> list[int]:
    """Count what a first call takes, a hit, one that looks for a name in vain, and one that finds it at the bottom."""
    write(f"{depth} {cached} {nested}")
    top = diamonds(depth, cached=cached, version=f"{depth} {nested}")

    @cache(name="around", version=str(depth))
    def around() -> str:
        return top()

    called: Stage[..., str] = around if nested else top
    counts = []
    for names in ((), (), ("nobody",), ("bottom",)):
        with visits() as counted:
            (called.options(recompute=names) if names else called)()
        counts.append(counted.number)
    return counts


@pytest.mark.parametrize("nested", [False, True], ids=["alone", "nested"])
def test_work_grows_with_the_stages_and_not_with_the_ways_between_them(nested: bool) -> None:  # noqa: FBT001 - a parameter
    """There are a million million ways through forty levels; twice the stages take about twice the work."""
    work(2, nested=nested)  # what is done once per process
    short, long = work(20, nested=nested), work(40, nested=nested)

    # A trace has all that each stage in it reaches: there the work grows a little faster.
    assert all(more < (3 if nested else 2.2) * less for less, more in zip(short, long, strict=True)), (short, long)


def test_a_hit_over_stored_diamonds_visits_each_stage_once() -> None:
    """Also where a name is to be computed anew, for which all that feeds a call is looked through."""
    work(2, cached=True)
    (_, hit, in_vain, _), (_, long_hit, long_in_vain, _) = work(20, cached=True), work(40, cached=True)

    assert long_hit < 2.2 * hit
    assert long_in_vain < 2.2 * in_vain


@pytest.mark.parametrize("jobs", [None, 3])
def test_each_stage_of_a_tower_runs_once(jobs: int | None) -> None:
    """Serially or side by side, for a first call and where the lowest stage is computed anew."""
    write("a", "x")
    top = diamonds(12, jobs=jobs)
    names = sorted(["bottom", "top", *(f"level{level}" for level in range(12))])
    with observe() as first:
        top()
    write("a", "y")
    with observe() as again:
        value = top.options(recompute="bottom")()

    assert sorted(outcome.stage for outcome in first if outcome.kind == "ran") == names
    assert sorted(outcome.stage for outcome in again if outcome.kind == "ran") == names
    assert value == "y!"
    assert top() == "y!"


@pytest.mark.parametrize("jobs", [None, 3])
def test_a_result_that_is_settled_anew_counts_in_what_is_made_of_it(jobs: int | None) -> None:
    """A payload turns out to be damaged after content was looked for, and two arms find that at once."""
    write("a", "x")
    diamonds(3)()
    spoil_payloads()
    write("a", "y")
    changed = diamonds(3, version="2", jobs=jobs)
    with pytest.warns(StaleWarning, match="upstream/text changed while it ran"):
        during = changed()
    after = changed()
    write("a and more", "x")  # another file, and the first value of the stage that reads it

    assert (during, after, changed()) == ("y!", "y!", "x!")


@pytest.mark.filterwarnings("ignore:.*changed while it ran:whorl.StaleWarning")
@pytest.mark.parametrize("later", ["x", "y"])
@pytest.mark.parametrize("runs", [True, False])
def test_a_sibling_goes_on_while_what_feeds_it_is_settled_anew(later: str, runs: bool) -> None:  # noqa: FBT001 - parameters
    """It has run on the value that was there, or finds that it is stored by it; what comes of it is never called so."""
    write("a", "x")
    Path("tick.txt").write_text("1")
    begun, settled, damaged = threading.Event(), threading.Event(), threading.Event()
    events = [begun, settled, damaged]

    @stage(text="raw.txt", cache=True, name="bottom", ignore=events)
    def bottom(text: str) -> str:
        begun.set()
        settled.wait(2)
        return Path("hidden.txt").read_text() * BIG

    @stage(tick="tick.txt", cache=True, name="before", ignore=events)
    def before(tick: str) -> int:
        damaged.wait(10)
        time.sleep(0.3)  # so that the sibling has its first look at what feeds both
        return 1

    @stage(text=bottom, number=before, cache=True, name="left")
    def left(text: str, number: int) -> str:
        return text[0] * number

    @stage(tick="tick.txt", cache=True, name="until", ignore=events)
    def until(tick: str) -> int:
        if not runs:
            begun.wait(10)
        return 1

    @stage(text=bottom, number=until, cache=True, name="right", ignore=events)
    def right(text: str, number: int) -> str:
        if runs:
            spoil_payloads()
            damaged.set()
            begun.wait(10)
        return text[0] * number

    @stage(left=left, right=right, cache=True, jobs=4, name="top")
    def top(left: str, right: str) -> str:
        return left + right

    settled.set()
    bottom()
    if not runs:
        damaged.set()
        begun.set()
        right()
        spoil_payloads()
    begun.clear()
    settled.clear()
    write("a", later)
    Path("tick.txt").write_text("2")
    with observe(lambda outcome: outcome.stage == "right" and settled.set()) as seen:
        during = top()
    kinds = {outcome.stage: outcome.kind for outcome in seen}

    assert kinds["bottom"] == "ran"
    # Where it is to be kept, it may look when there is another result already, and runs on that.
    assert runs or kinds["right"] in {"kept", "ran"}
    assert during == f"{later}x" or (not runs and during == later * 2)
    assert top() == later * 2
    write("a", "x")
    assert top.options(recompute="bottom")() == "xx"


@pytest.mark.filterwarnings("ignore:.*(between|right) is not stored:whorl.StaleWarning")
@pytest.mark.parametrize("cached", [True, False])
def test_what_was_found_before_something_above_was_settled_anew_is_no_part_of_a_new_key(cached: bool) -> None:  # noqa: FBT001 - a parameter
    """One arm is a hit, the other finds that what feeds both is damaged, and it has another value by now."""

    def arms(version: str) -> Stage[..., str]:
        @stage(text="raw.txt", cache=True, name="bottom")
        def bottom(text: str) -> str:
            return Path("hidden.txt").read_text() * BIG

        @stage(text=bottom, cache=True, name="left")
        def left(text: str) -> str:
            return text[0]

        @stage(left=left, cache=cached, memoize=not cached, name="between")
        def between(left: str) -> str:
            return left

        @stage(text=bottom, cache=True, name="right", version=version)
        def right(text: str) -> str:
            return text[0]

        @stage(left=between, right=right, cache=True, name="top", version=version)
        def top(left: str, right: str) -> str:
            return left + right

        return top

    write("a", "x")
    arms("1")()
    spoil_payloads()
    write("a", "y")
    changed = arms("2")
    with pytest.warns(StaleWarning, match="the result of top is not stored: what feeds it changed while it ran"):
        during = changed()

    assert during == "xy"
    assert changed() == "yy"


def test_a_file_that_is_edited_between_two_arms_leaves_nothing_stored() -> None:
    """What one arm does to the file of the other is seen when the call is over, and runs again."""
    write("a")

    @stage(text="raw.txt")
    def left(text: str) -> str:
        before = Path(text).read_text()
        Path(text).write_text("b")
        return before

    @stage(text="raw.txt")
    def right(text: str) -> str:
        return Path(text).read_text()

    @stage(one=left, two=right)
    def middle(one: str, two: str) -> str:
        return one + two

    @stage(one=middle, two=right, cache=True)
    def end(one: str, two: str) -> str:
        return one + two

    with pytest.warns(StaleWarning, match="changed while it ran"):
        torn = end()

    assert torn == "abb"
    assert end() == "bbb"
    assert not [entry for entry in end.entries() if entry.raw_files and torn in str(entry.inline)]


@pytest.mark.parametrize("name", ["level0", "level1", "level2"])
@pytest.mark.parametrize("cached", [False, True])
def test_a_recomputation_in_the_middle_reaches_the_top(name: str, cached: bool) -> None:  # noqa: FBT001 - a parameter
    """What lies above a stage that is computed anew runs, what lies below does not."""
    write("a", "x")
    top = diamonds(3, cached=cached)
    top()
    with observe() as outcomes:
        value = top.options(recompute=name)()

    ran = {outcome.stage for outcome in outcomes if outcome.kind == "ran"}
    assert value == "x!"
    assert "bottom" not in ran
    assert name in ran


def test_files_of_other_tools_are_held_against_each_stage_once(tmp_path: Path) -> None:
    """LWDP hashes what feeds a stage over and over; what it makes of forty levels is known all the same."""
    write("a")
    (tmp_path / "lwdp/test_diamonds.top").mkdir(parents=True)
    (tmp_path / f"lwdp/test_diamonds.top/{'0' * 32}.csv").write_text("a")
    with visits() as counted:
        found = list(offers("lwdp", [diamonds(40).definition], Allowed()))

    assert isinstance(found[0], Skipped)
    assert "other code" in found[0].reason
    assert counted.number < 10_000


def test_consumers_that_ask_at_once_wait_for_one_digest() -> None:
    """Whoever comes second would take a value that is being digested for one that has no digest."""
    asked: list[int] = []

    class Slow:
        def __whorl_digest__(self) -> int:
            asked.append(1)
            time.sleep(0.1)
            return 1

    result = Resolution("ran", value=Slow())

    def digest(_: int) -> object:
        result.add_digest()
        return result.digest

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(digest, range(2)))

    assert None not in found
    assert asked == [1]
