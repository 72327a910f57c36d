"""A stage that is an argument counts by all that decides what calling it gives: code, declarations and options."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from whorl import cache, stage, timeseries

if TYPE_CHECKING:
    from pathlib import Path

    from whorl import Stage

pytestmark = pytest.mark.usefixtures("whorl_store")


class Holder:
    """Something that has a stage."""

    def __init__(self, held: Stage[..., object]) -> None:
        self.held = held


AMONG = {
    "itself": lambda given: given,
    "in a list": lambda given: [given],
    "in a partial": lambda given: functools.partial(given, 5),
    "in a closure": lambda given: lambda: (given(),),
    "in an object": Holder,
}


@cache()
def load(n: int = 5) -> pd.DataFrame:
    return pd.DataFrame({"v": range(n)})


@cache()
def length(source: Any) -> str:
    value = source()
    return f"{type(value).__module__.partition('.')[0]} {len(value)}"


@cache()
def takes(source: Any) -> str:
    return str(type(source))


SAID: list[str] = [""]


def says() -> str:
    return SAID[0]


@cache(ignore=[says])
def saying() -> str:
    return says()


@cache()
def repeats(source: Any) -> object:
    return source()


def first_two(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.head(2)


def first_three(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.head(3)


def _rows(start_time: object = None, end_time: object = "2020-01-03") -> pd.DataFrame:
    return pd.DataFrame({"time": pd.date_range("2020-01-01", periods=9)})


WHOLE = cache()(_rows)
CUT = timeseries(timeseries="time")(WHOLE)
THIRD = WHOLE
FOUND: dict[str, Any] = {}


def test_options_of_a_stage_that_is_an_argument_are_obeyed() -> None:
    """Whatever was stored before for the stage without them."""
    two, three = (load.options(post_processors=[work]) for work in (first_two, first_three))
    given = [load, load.options(engine="polars"), two, three]

    assert [length(source) for source in given] == ["pandas 5", "polars 5", "pandas 2", "pandas 3"]
    assert length(load) == "pandas 5"


@pytest.mark.parametrize("place", AMONG)
def test_options_count_wherever_in_an_argument_the_stage_is(place: str) -> None:
    """In containers, partials, closures and objects as well."""
    given = [
        load,
        load.options(engine="polars"),
        load.options(post_processors=[first_two]),
        load.options(post_processors=[first_three]),
        load.options(namespace="n"),
        load.options(filepath_only=True),
    ]

    assert len({takes.key(AMONG[place](source)) for source in given}) == len(given)


@pytest.mark.parametrize("place", AMONG)
def test_options_that_change_no_result_change_no_key(place: str) -> None:
    """How a value is got at is nothing that the taker's result depends on."""
    plain = takes.key(AMONG[place](load))
    for asked in (
        load.options(memoize=True),
        load.options(recompute=True),
        load.options(fail_if_no_cache=True),
        load.options(cache=False),
        load.options(force_overwrite=True),
        load.options(validate_data=True, retry_null_cache=True, storage_backend="csv"),
    ):
        assert takes.key(AMONG[place](asked)) == plain


def test_the_places_of_stages_in_an_argument_count() -> None:
    """Two stages over one function are told apart one by one, not as a set."""
    other = load.options(engine="polars")
    given = [[load, other], [other, load], [load, other, load], [load, other, other]]

    assert len({takes.key(sources) for sources in given}) == len(given)


def test_a_namespace_in_options_counts_for_whoever_uses_the_stage() -> None:
    """What lies in another namespace may be another result: as an argument, in a global and as an upstream."""
    SAID[0] = "here"
    saying()
    SAID[0] = "there"
    saying(namespace="n")
    there = saying.options(namespace="n")

    @stage(cache=True, text=saying)
    def fed(text: str) -> str:
        return text

    def caller(source: Stage[[], str]) -> Stage[[], str]:
        @cache(name=f"{__name__}.caller")
        def calls() -> str:
            return source()

        return calls

    assert [repeats(saying), repeats(there)] == ["here", "there"]
    assert [caller(saying)(), caller(there)()] == ["here", "there"]
    assert [fed(), fed(text=there), fed()] == ["here", "there", "here"]


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def _source(name: str, **declared: Any) -> Stage[..., Any]:
    return stage(cache=True, name=name, **declared)(_read)


def test_what_a_stage_declares_counts_where_it_is_an_argument(tmp_path: Path) -> None:
    """Stages over one function differ by their raw inputs, upstreams, parameters, versions and engines."""
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    one, other = (_source(name, path=tmp_path / name) for name in ("a", "b"))
    fed = [_source(f"of {source.definition.name}", path=source) for source in (one, other)]

    assert [repeats(source) for source in (one, other)] == ["a", "b"]
    assert len({takes.key(source) for source in (*fed, _source("c", version="2", path=tmp_path / "a"))}) == 3

    (tmp_path / "a").write_text("changed")

    assert repeats(one) == "changed"
    assert repeats(other) == "b"


def test_an_input_that_is_not_there_yet_is_no_obstacle(tmp_path: Path) -> None:
    """The taker may make it, or give another one in its place."""
    source = _source("late", path=tmp_path / "late")

    assert takes(source) == takes(source)


def test_an_input_that_cannot_be_read_is_no_obstacle() -> None:
    """The stage may be given another, or not be called at all."""

    @stage(raw="http://127.0.0.1:9/raw.csv", cache=True)
    def unreachable(raw: str) -> str:
        return raw

    @cache()
    def ignoring(given: object) -> str:
        return type(given).__name__

    assert ignoring(unreachable) == "Stage"
    assert ignoring.status(unreachable) == "fresh"


def test_processors_of_a_stage_that_is_an_argument_count() -> None:
    """The same function with and without ``timeseries`` are two stages."""
    assert [length(WHOLE), length(CUT), length(WHOLE)] == ["pandas 9", "pandas 3", "pandas 9"]


def test_stages_over_one_function_are_told_apart_in_globals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that refers to both runs when one of its names comes to stand for the other."""
    monkeypatch.setattr(f"{__name__}.THIRD", WHOLE)

    @cache()
    def calls() -> list[int]:
        return [len(WHOLE()), len(CUT()), len(THIRD())]

    @cache()
    def finds(name: str) -> object:
        return FOUND[name]()

    monkeypatch.setitem(FOUND, "calls", calls)
    first = calls(), finds("calls")
    monkeypatch.setattr(f"{__name__}.THIRD", CUT)

    assert first == ([9, 3, 9], [9, 3, 9])
    assert (calls(), finds("calls")) == ([9, 3, 3], [9, 3, 3])


def test_variables_of_a_stage_that_is_an_argument_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """As they do for the stage itself."""
    source = _source("of a variable", env=["WHORL_TEST_PLACE"])
    keys = set()
    for place in ("here", "there"):
        monkeypatch.setenv("WHORL_TEST_PLACE", place)
        keys.add(takes.key(source))

    assert len(keys) == 2


def test_a_stage_that_works_on_itself_as_an_argument_has_a_key() -> None:
    """A post-processor may refer to the stage that it is given to."""
    held: list[Any] = []

    def work(value: object) -> object:
        return held[:1] and value

    held.append(load.options(post_processors=[work]))

    assert takes.key(held[0]) == takes.key(held[0])


def test_a_plain_stage_as_an_argument_is_its_code_alone() -> None:
    """Results that were stored for stages without options are found as before."""
    from whorl.fingerprint.describe import describe

    assert load.counted == load.definition.counted == ()
    assert describe(load) == ("ref", load)
