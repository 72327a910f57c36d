"""What a call asks for besides its arguments: of itself, of what it reaches, in whatever thread."""

from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest

import whorl
from whorl import cache, config
from whorl.errors import ConfigError, NoEntryError, WhorlWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

EVERYTHING = {"top", "helped", "middle", "deep"}


@pytest.fixture(autouse=True)
def store(tmp_path: Path) -> Iterator[None]:
    """Give each test a store of its own."""
    with config.options(filesystem=str(tmp_path / "store")):
        yield


@cache()
def deep(number: int = 1) -> int:
    return number


@cache()
def middle(number: int = 1) -> int:
    return deep(number) + 1


def plain(number: int) -> int:
    """Stand for the plain functions that lie between two stages."""
    return middle(number)


@cache()
def helped(number: int = 1) -> int:
    return plain(number) + 1


@cache()
def top(number: int = 1) -> int:
    return helped(number) + 1


@cache()
def pooled(numbers: tuple[int, ...] = (1, 2)) -> list[int]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(deep, numbers))


@cache()
def threaded(number: int = 1) -> list[int]:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(deep(number)))
    thread.start()
    thread.join()
    return found


@cache(cache_args=["number"])
def nothing(number: int = 1, *, unread: int = 0) -> None:
    return None


def ran(call: Callable[[], object]) -> set[str]:
    """Tell which stages ran in a call."""
    with whorl.observe() as outcomes:
        call()
    names = [outcome.stage.rpartition(".")[2] for outcome in outcomes if outcome.kind == "ran"]
    assert len(names) == len(set(names)) or "pooled" in names
    return set(names)


def test_recompute_of_a_call_is_for_this_call_alone() -> None:
    """What it calls is served."""
    top()

    assert ran(top.options(recompute=True)) == {"top"}
    assert ran(top) == set()


@pytest.mark.parametrize("form", ["deep", ["deep"], ("deep",), {"deep"}, f"{__name__}.deep"])
def test_a_name_reaches_a_stage_through_stages_that_are_stored(form: object) -> None:
    """Everything between the call and the named stage was made from it, so it runs as well; each stage once."""
    top()

    assert ran(top.options(recompute=form)) == EVERYTHING  # type: ignore[arg-type]
    assert ran(top) == set()


@cache(cache=False)
def fleeting(number: int = 1) -> int:
    return number


@cache()
def twice(number: int = 1) -> int:
    return through_fleeting(number) + through_fleeting(number)


@cache()
def through_fleeting(number: int = 1) -> int:
    return fleeting(number)


def test_a_stage_is_computed_anew_once_whatever_it_calls() -> None:
    """Also where it calls one that is not stored."""
    with whorl.observe() as outcomes:
        twice.options(recompute="_all")()

    assert [outcome.stage.rpartition(".")[2] for outcome in outcomes].count("fleeting") == 1


def test_names_between_leave_what_lies_below_alone() -> None:
    """Only what was made from a named stage runs."""
    top()

    assert ran(top.options(recompute=["middle", "helped"])) == {"top", "helped", "middle"}


def test_all_means_every_stage_that_is_reached() -> None:
    """Through plain functions too."""
    top()

    assert ran(top.options(recompute="_all")) == EVERYTHING


def test_a_call_takes_its_options_as_keywords_too() -> None:
    """As Nuthatch's calls do."""
    top()

    assert ran(lambda: top(recompute="_all", force_overwrite=True)) == EVERYTHING  # type: ignore[call-arg]
    assert ran(lambda: top(recompute=True, cache_mode="overwrite")) == {"top"}  # type: ignore[call-arg]


def test_a_name_that_nothing_has_is_warned_of() -> None:
    """With the name that was probably meant."""
    top()

    with pytest.warns(WhorlWarning, match="no stage named 'dep' was reached by the call; did you mean 'deep'"):
        top.options(recompute=["dep"])()


def test_the_called_stage_is_reached_by_its_own_name() -> None:
    """No warning says that nothing has it."""
    top()

    assert ran(top.options(recompute="top")) == {"top"}


@pytest.mark.parametrize("caller", [pooled, threaded])
def test_a_name_reaches_threads_of_the_body(caller: Callable[[], object]) -> None:
    """Those that it starts, and pools that it gives work to."""
    caller()

    assert ran(caller.options(recompute="deep")) == {caller.__name__, "deep"}  # type: ignore[attr-defined]
    assert ran(caller) == set()


def test_a_namespace_and_a_mode_reach_threads_of_the_body() -> None:
    """A nested stage is stored where its caller is, and not where its caller is not."""
    threaded.options(namespace="other")()
    assert [entry.slot.namespace for entry in deep.options(namespace="other").entries()] == ["other"]

    threaded.options(cache_mode="read_only")(2)
    assert deep.options(cache_mode="read_only").status(2) == "stale"


def test_threads_never_see_each_others_options() -> None:
    """Of calls that run at once, each has its own."""
    top()
    barrier = threading.Barrier(4)

    def work(name: str | None) -> set[str]:
        barrier.wait()
        return ran(top if name is None else top.options(recompute=name))

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, [None, "middle", None, "middle"]))

    assert found[0] == found[2] == set()
    assert {"top"} <= found[1] <= {"top", "helped", "middle"}


def test_the_standard_library_is_as_it_was_after_a_call() -> None:
    """Context is carried while a call asks for something, and no longer."""
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit
    pooled.options(recompute="deep")()

    assert threading.Thread.start is start
    assert ThreadPoolExecutor.submit is submit


def test_options_leave_the_stage_and_its_key_as_they_were() -> None:
    """They are of a call, not of the stage."""
    changed = pooled.options(recompute=["deep"], namespace="x", cache_mode="read_only")

    assert changed is not pooled
    assert changed.key() == pooled.key()
    assert pooled.options(recompute=True).options(namespace="x").options(recompute=False).key() == pooled.key()


def test_none_is_a_value_unless_a_call_retries_it() -> None:
    """A stored None is served; with retry_null_cache it is computed again, also below the call."""
    assert ran(nothing) == {"nothing"}
    assert ran(nothing) == set()
    assert ran(nothing.options(retry_null_cache=True)) == {"nothing"}
    assert ran(nothing) == set()


def test_arguments_that_are_not_named_do_not_count() -> None:
    """With cache_args, the others are left out of the key."""
    assert nothing.key(1, unread=1) == nothing.key(1, unread=2)
    assert nothing.key(1) != nothing.key(2)


def test_a_call_that_must_not_compute_says_so() -> None:
    """The error is the one of modes that never compute; what is stored is served."""
    with pytest.raises(NoEntryError, match="nothing is stored") as caught:
        deep.options(fail_if_no_cache=True)(3)
    assert "fail_if_no_cache is set" in caught.value.cause

    deep(3)
    assert deep.options(fail_if_no_cache=True)(3) == 3


def test_cache_false_neither_looks_up_nor_stores() -> None:
    """For the call alone: what it calls is stored."""
    assert ran(lambda: middle.options(cache=False)(7)) == {"middle", "deep"}
    assert ran(lambda: middle.options(cache=False)(7)) == {"middle"}
    assert middle.status(7) == "stale"


def test_a_stage_that_is_not_stored_is_where_a_call_asks_for_it() -> None:
    """The call has the last word."""

    @cache(cache=False)
    def unstored(number: int) -> int:
        return number

    unstored(1)
    assert unstored.status(1) == "uncached"

    unstored.options(cache=True)(1)
    assert ran(lambda: unstored.options(cache=True)(1)) == set()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cache_mode": "wirte"}, "did you mean 'write'"),
        ({"recompute": 3}, "it is True, False, a stage's name"),
        ({"recompute": [""]}, "it is True, False, a stage's name"),
        ({"recompute": "deep", "memoize": [1]}, "it is True, False, a stage's name"),
        ({"post_processors": [3]}, "a list of functions"),
        ({"cache": "yes"}, "it is True or False"),
        ({"namespace": 3}, "it is a text"),
        ({"backend_kwargs": []}, "it is a dict"),
    ],
)
def test_an_option_that_cannot_be_is_refused(given: dict[str, object], words: str) -> None:
    """With what it can be."""
    with pytest.raises(ConfigError) as caught:
        deep.options(**given)  # type: ignore[arg-type]

    assert words in str(caught.value)
    with pytest.raises(ConfigError):
        deep(**given)


def test_post_processors_work_on_what_the_call_gives() -> None:
    """In their order, on hits as well; what is stored stays as it is."""
    more = deep.options(post_processors=[lambda value: value + 1, lambda value: value * 10])

    assert more(1) == 20
    assert more(1) == 20
    assert deep(1) == 1


def test_another_format_converts_without_computing() -> None:
    """The entry is stored anew, its value and all that was known of it stay."""

    @cache()
    def frame() -> object:
        import pandas as pd

        return pd.DataFrame({"a": [1, 2]}, index=["x", "y"])

    frame()
    first = frame.entries()[0]
    assert ran(frame.options(backend="feather")) == set()
    second = frame.entries()[0]

    assert (first.format, second.format) == ("parquet", "feather")
    assert first.value_digest == second.value_digest
    assert first.computed == second.computed
    assert ran(frame) == set()
    assert whorl.hash_value(frame()) == first.value_digest


@pytest.mark.parametrize("mode", ["write", "local", "local_sync", "local_strict"])
def test_a_stage_that_is_not_stored_is_stored_in_no_mode(mode: str) -> None:
    """Where a mode writes is one thing, what is stored another."""

    @cache(cache=False, name="unstored")
    def unstored() -> int:
        return 1

    unstored(cache_mode=mode)

    assert unstored.entries() == []


def test_what_is_kept_is_kept_in_the_format_that_is_asked_for() -> None:
    """A renamed stage finds what was stored under its old name, and stores it as it says now."""

    def numbers() -> object:
        import pandas as pd

        return pd.DataFrame({"a": [1, 2]})

    cache(name="old name")(numbers)()
    renamed = cache(name="new name", backend="feather")(numbers)
    renamed()

    assert renamed.last is not None
    assert renamed.last.kind == "kept"
    assert [entry.format for entry in renamed.entries()] == ["feather"]


def test_a_mode_that_writes_nothing_does_not_convert() -> None:
    """The value is served as it is stored."""

    @cache()
    def numbers() -> list[int]:
        return [1]

    numbers()
    reading = numbers.options(backend="pickle", cache_mode="read_only")

    assert reading() == [1]
    assert [entry.format for entry in numbers.entries()] == ["json"]


def test_nested_calls_warn_of_no_name_that_lies_elsewhere() -> None:
    """Only the call that names stages knows whether they were met."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        top.options(recompute=["deep", "helped"])()


def test_a_stage_travels_to_another_thread_with_its_options() -> None:
    """They are part of the object that is called."""
    asked = deep.options(namespace="there")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(partial(asked, 4)).result()

    assert deep.options(namespace="there").status(4) == "fresh"
    assert deep.status(4) == "stale"
