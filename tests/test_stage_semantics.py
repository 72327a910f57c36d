"""What semantics.md promises of `@stage` as a decorator and of the calls of a stage."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import weakref
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from whorl import ConfigError, Digest, NoEntryError, Param, Stage, StaleWarning, observe, stage

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("whorl_store")


def kinds(outcomes: list[object]) -> list[str]:
    """Tell what happened, in order."""
    return [outcome.kind for outcome in outcomes]  # type: ignore[attr-defined]


@stage(cache=True)
def module_level(x: int, *, y: int = 2) -> int:
    """Add two numbers."""
    return x + y


def test_bare_and_called_forms_make_a_stage() -> None:
    """`@stage`, `@stage()` and `@stage(cache=True)` all decorate."""

    @stage
    def bare(x: int) -> int:
        return x

    @stage()
    def called(x: int) -> int:
        return x

    assert isinstance(bare, Stage)
    assert isinstance(called, Stage)
    assert (bare(1), called(2), module_level(3)) == (1, 2, 5)


def test_a_stage_looks_like_its_function() -> None:
    """Signature, name, module, docstring and annotations are those of the function."""
    assert module_level.__name__ == "module_level"
    assert module_level.__qualname__ == "module_level"
    assert module_level.__module__ == __name__
    assert module_level.__doc__ == "Add two numbers."
    assert inspect.signature(module_level) == inspect.signature(module_level.__wrapped__)
    assert module_level.__wrapped__(1) == 3


def test_a_stage_is_not_stored_unless_asked() -> None:
    """As in LWDP, without `cache=True` each call computes."""

    @stage
    def plain() -> int:
        return 1

    with observe() as outcomes:
        plain()
        plain()

    assert kinds(outcomes) == ["ran", "ran"]
    assert not any(outcome.stored for outcome in outcomes)


def test_a_cached_stage_runs_once() -> None:
    """The second call is a hit with the same value."""
    with observe() as outcomes:
        values = [module_level(1), module_level(1, y=2), module_level(x=1)]

    assert values == [3, 3, 3]
    assert kinds(outcomes) == ["ran", "hit", "hit"]


def test_an_async_stage_gives_an_awaitable() -> None:
    """Miss, hit and nested calls are awaited alike."""

    @stage(cache=True)
    async def fetch(x: int) -> int:
        await asyncio.sleep(0)
        return x

    @stage(cache=True)
    async def total() -> int:
        return sum(await asyncio.gather(fetch(1), fetch(2), fetch(1)))

    assert inspect.iscoroutinefunction(fetch.__wrapped__)
    with observe() as outcomes:
        assert asyncio.run(total()) == 4
        assert asyncio.run(total()) == 4

    assert sorted(kinds(outcomes)) == ["hit", "hit", "ran", "ran", "ran"]


def test_an_async_stage_may_be_an_upstream() -> None:
    """Both of an async and of a plain stage, outside and inside a running loop."""

    @stage(cache=True)
    async def fetch() -> int:
        await asyncio.sleep(0)
        return 1

    @stage(x=fetch, cache=True)
    def plain(x: int) -> int:
        return x + 1

    @stage(x=fetch, cache=True)
    async def waiting(x: int) -> int:
        return x + 2

    assert plain() == 2
    assert asyncio.run(waiting()) == 3


def test_waiting_does_not_block_the_loop() -> None:
    """Two tasks want one key: one computes, and the loop goes on meanwhile."""
    ticks: list[int] = []

    async def tick() -> None:
        for n in range(5):
            ticks.append(n)
            await asyncio.sleep(0.01)

    @stage(cache=True)
    async def slow() -> int:
        await asyncio.sleep(0.1)
        return 1

    async def main() -> list[object]:
        return list(await asyncio.gather(slow(), slow(), tick()))

    with observe() as outcomes:
        assert asyncio.run(main())[:2] == [1, 1]

    assert sorted(kinds(outcomes)) == ["hit", "ran"]
    assert ticks == [0, 1, 2, 3, 4]


def test_a_generator_function_is_refused_with_a_hint() -> None:
    """A generator can be read once; the hint says what to return instead."""
    with pytest.raises(ConfigError, match="list"):

        @stage(cache=True)
        def numbers() -> object:
            yield 1

    with pytest.raises(ConfigError, match="list"):

        @stage
        async def later() -> object:
            yield 1


def test_a_stage_has_a_key_a_status_entries_and_a_load() -> None:
    """The object answers questions without computing."""
    calls: list[int] = []

    @stage(cache=True, ignore=[calls])
    def f(x: int) -> int:
        calls.append(x)
        return x

    assert isinstance(f.key(1), Digest)
    assert f.key(1) == f.key(x=1) != f.key(2)
    with pytest.raises(NoEntryError):
        f.load(1)
    assert calls == []
    f(1)
    assert f.load(1) == 1
    assert len(list(f.entries())) == 1
    f.clear(1)
    assert list(f.entries()) == []
    f(1)
    assert calls == [1, 1]


def test_the_status_tells_whether_a_call_would_be_answered() -> None:
    """Without computing or storing anything."""

    @stage(cache=True)
    def f(x: int) -> int:
        return x

    before = f.status(1)
    f(1)
    after = f.status(1)

    assert before != after


def test_the_hash_of_a_stage_is_the_hex_of_its_key() -> None:
    """As LWDP's; without arguments."""

    @stage(cache=True)
    def f() -> int:
        return 1

    assert f.hash == f.key().hex() == str(f.key())
    assert len(f.hash) == 64


def test_last_is_the_outcome_of_the_last_call_in_this_context() -> None:
    """It is None before the first call, and not disturbed by other stages."""

    @stage(cache=True)
    def f(x: int) -> int:
        return x

    assert f.last is None
    f(1)
    module_level(8)
    assert f.last is not None
    assert (f.last.kind, f.last.stored, f.last.key) == ("ran", True, f.key(1))
    f(1)
    assert f.last.kind == "hit"


@pytest.mark.parametrize("memoize", [False, True])
def test_a_value_goes_with_its_last_reference(*, memoize: bool) -> None:
    """Whether it was computed, found or remembered: nothing of a call waits for a collection of garbage."""

    @stage(cache=True, memoize=memoize)
    def table() -> pd.DataFrame:
        return pd.DataFrame({"a": [1]})

    @stage(table=table, cache=True)
    def doubled(table: pd.DataFrame) -> pd.DataFrame:
        return table * 2

    gc.collect()
    gc.disable()
    try:
        gone = []
        for call in (doubled, doubled, table):
            value = call()
            seen = weakref.ref(value)
            del value
            gone.append(seen() is None)
    finally:
        gc.enable()

    assert gone == [True, True, True]


def test_options_of_a_call_hold_for_that_call() -> None:
    """`recompute` runs again, `cache=False` neither looks up nor stores."""
    runs: list[int] = []

    @stage(cache=True, ignore=[runs])
    def f() -> int:
        runs.append(1)
        return 1

    f()
    f.options(recompute=True)()
    f.options(cache=False)()
    f()

    assert len(runs) == 3


def test_an_unknown_option_is_an_error() -> None:
    """A misspelt option must not be ignored."""
    with pytest.raises((TypeError, ConfigError), match="recompte"):
        module_level.options(recompte=True)


@pytest.mark.parametrize("ttl", ["30d", 3600, 0.5, timedelta(days=1), None])
def test_a_ttl_may_be_given_in_three_ways(ttl: object) -> None:
    """Seconds, a timedelta, or text."""

    @stage(cache=True, ttl=ttl)
    def f() -> int:
        return 1

    assert f() == 1


@pytest.mark.parametrize("ttl", ["soon", "30 parsecs", -1, timedelta(seconds=-1), float("nan")])
def test_a_ttl_that_makes_no_sense_is_an_error(ttl: object) -> None:
    """At decoration, not at the first call."""
    with pytest.raises(ConfigError, match="ttl"):
        stage(cache=True, ttl=ttl)(lambda: 1)


def test_none_is_a_value() -> None:
    """A stage that returns None is a hit the second time."""

    @stage(cache=True)
    def nothing() -> None:
        return None

    @stage(x=nothing, cache=True)
    def below(x: object) -> bool:
        return x is None

    with observe() as outcomes:
        assert nothing() is None
        assert nothing() is None
        assert below()

    assert kinds(outcomes) == ["ran", "hit", "hit", "ran"]


def test_code_left_out_serves_the_entry_after_an_edit() -> None:
    """`track_code=False` is Nuthatch's way: only arguments and inputs count."""

    def make(number: int) -> Stage[[], int]:
        @stage(cache=True, track_code=False)
        def f() -> int:
            return number

        return f

    assert make(1)() == 1
    assert make(2)() == 1


@pytest.mark.parametrize("track_code", [False, "warn"])
def test_stages_whose_code_is_left_out_do_not_answer_for_each_other(track_code: Any) -> None:
    """Their content keys would be equal where they have no inputs; the name stands for the code."""

    @stage(cache=True, track_code=track_code, version="1")
    def one() -> int:
        return 1

    @stage(cache=True, track_code=track_code, version="1")
    def two() -> int:
        return 2

    assert (one(), two()) == (1, 2)


def test_code_that_only_warns_serves_the_entry_and_says_so() -> None:
    """`track_code="warn"` serves the entry and warns that the code has changed."""

    def make(number: int) -> Stage[[], int]:
        @stage(cache=True, track_code="warn")
        def f() -> int:
            return number

        return f

    assert make(1)() == 1
    assert make(1)() == 1
    with pytest.warns(StaleWarning, match="f"):
        assert make(2)() == 1


def test_a_version_tag_is_part_of_the_key() -> None:
    """Another tag runs again; the same tag does not."""

    def make(version: str | None) -> Stage[[], int]:
        @stage(cache=True, version=version)
        def f() -> int:
            return 1

        return f

    keys = {str(make(version).key()) for version in ("1", "2", None, "1")}

    assert len(keys) == 3


def test_each_outcome_is_one_line_on_the_logger(caplog: pytest.LogCaptureFixture) -> None:
    """On the logger `whorl`, at INFO; nothing else is said and nothing is printed."""
    with caplog.at_level(logging.INFO, logger="whorl"):
        module_level(100)
        module_level(100)
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]

    assert len(lines) == 2
    assert "module_level" in lines[0]
    assert "ran" in lines[0]
    assert "hit" in lines[1]


def test_a_plain_value_as_input_is_a_parameter(tmp_path: Path) -> None:
    """Numbers need no word; a text that is no path is wrapped in `Param`."""

    @stage(number=7, text=Param("raw/none.txt"), cache=True)
    def f(number: int, text: str) -> str:
        return f"{text} {number}"

    assert f() == "raw/none.txt 7"
    assert f(number=8) == "raw/none.txt 8"
    assert f(text="other") == "other 7"
