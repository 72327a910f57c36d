"""A method that is a stage: whatever is asked of it, it is asked of the object that it is bound to."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
import weakref
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from types import MethodType
from typing import Any

import cloudpickle
import pandas as pd
import pytest

from whorl import NoEntryError, Stage, cache, stage, timeseries
from whorl.fingerprint.code import digest_code
from whorl.fingerprint.values import digest_argument, hash_value
from whorl.stage import BoundStage

pytestmark = pytest.mark.usefixtures("whorl_store")


class Model:
    """Something with stages among its methods."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    @cache()
    def scaled(self, x: int = 1) -> int:
        """Scale a number."""
        return self.factor * x

    @classmethod
    @cache()
    def named(cls, x: int = 1) -> str:
        return f"{cls.__name__} {x}"

    @timeseries(timeseries="time")
    @cache()
    def rows(self, start_time: str | None = None, end_time: str | None = None) -> pd.DataFrame:
        return pd.DataFrame({"time": pd.date_range("2020-01-01", periods=9), "v": self.factor})

    @cache()
    async def awaited(self, x: int) -> int:
        return self.factor * x


class Twice(Model):
    """Overrides a stage and uses it."""

    @cache()
    def scaled(self, x: int = 1) -> int:
        return 2 * super().scaled(x)

    def above(self) -> BoundStage[..., int]:
        return super().scaled


AT = Model(7)
BOUND = AT.scaled


def test_options_of_a_method_keep_its_object() -> None:
    """What they give is bound as well, and so is what options give of that."""
    assert Model(3).scaled.options(memoize=True)(5) == 15
    assert Model(3).scaled.options(memoize=True).options(cache=False)(5) == 15
    assert Model.scaled.options(memoize=True)(Model(3), 5) == 15
    assert Model.named.options(memoize=True)(5) == "Model 5"
    assert Twice.named.options(memoize=True)(5) == "Twice 5"
    assert Model(3).scaled.options(post_processors=[str])(5) == "15"


def test_all_that_takes_arguments_takes_the_object_first() -> None:
    """Key, status, load and the others speak of the call that the method makes."""
    method = Model(3).scaled
    with pytest.raises(NoEntryError):
        method.load(5)
    before = method.status(5)
    method(5)

    assert (before, method.status(5), method.load(5), method.verify(5)) == ("stale", "fresh", 15, True)
    assert method.key(5) == Model.scaled.key(Model(3), 5) == Model(3).scaled.key(x=5)
    assert method.hash == method.key().hex()
    assert not method.explain(5).changes
    assert len(method.entries()) == 1
    assert method.last is not None
    assert Model(4).scaled.status(5) == "stale"
    assert method.clear(5)
    assert method.status(5) == "stale"


def test_these_members_of_a_stage_take_arguments() -> None:
    """A new one belongs into the test above."""
    takes_arguments = {
        name
        for name, member in vars(Stage).items()
        if inspect.isfunction(member) and not name.startswith("_") and "args" in inspect.signature(member).parameters
    }

    assert takes_arguments == {"key", "status", "explain", "load", "clear", "verify"}


def test_a_method_with_a_window_keeps_its_object() -> None:
    """Processors work on bound stages as on others, also where one is added to the method."""
    window = ("2020-01-02", "2020-01-03")

    assert Model(1).rows(*window)["v"].tolist() == [1, 1]
    assert Model(2).rows.options(engine="polars")(*window)["v"].to_list() == [2, 2]
    assert isinstance(timeseries(timeseries="time")(Model(1).rows), BoundStage)


async def _await(method: BoundStage[..., Any]) -> object:
    return await method(5)


def test_an_asynchronous_method_is_awaited() -> None:
    """With its object, too."""
    import asyncio

    assert asyncio.run(_await(Model(3).awaited.options(memoize=True))) == 15


def test_a_bound_stage_looks_like_a_method() -> None:
    """Signature, names, documentation, object and function are those of a method."""
    model = Model(3)
    method = model.scaled

    assert (method.__self__, method.__func__) == (model, Model.scaled)
    assert (method.__name__, method.__qualname__, method.__module__) == ("scaled", "Model.scaled", __name__)
    assert method.__doc__ == Model.scaled.__doc__
    assert list(inspect.signature(method).parameters) == ["x"]
    assert list(inspect.signature(Model.named).parameters) == ["x"]
    assert method.__wrapped__(5) == inspect.unwrap(method)(5) == 15
    assert "scaled" in repr(method)


def test_what_wraps_a_bound_stage_has_its_signature() -> None:
    """``functools.wraps`` and ``partial`` find what they look for."""
    method = Model(3).scaled

    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> object:
        return method(*args, **kwargs)

    assert wrapper.__name__ == "scaled"
    assert list(inspect.signature(wrapper).parameters) == ["x"]
    assert wrapper(5) == functools.partial(method, 5)() == 15


def test_a_signature_that_a_function_claims_is_bound_as_well() -> None:
    """A decorator may have written one on the function."""

    def shown(self: object, y: int) -> None: ...

    def method(self: Model, *args: int) -> int:
        return self.factor * args[0]

    method.__signature__ = inspect.signature(shown)  # type: ignore[attr-defined]
    kind = type("Shown", (Model,), {"method": cache()(method)})

    assert list(inspect.signature(kind(3).method).parameters) == ["y"]


def test_bound_stages_are_equal_as_methods_are() -> None:
    """Of one stage and one object, not of equal objects."""
    model = Model(3)

    assert model.scaled == model.scaled
    assert hash(model.scaled) == hash(model.scaled)
    assert model.scaled != Model(3).scaled
    assert model.scaled != model.rows
    assert model.scaled != model.scaled.options(memoize=True)
    reference = weakref.WeakMethod(model.scaled)  # type: ignore[arg-type, var-annotated]
    assert reference() == model.scaled
    del model
    assert reference() is None


def test_a_bound_stage_in_a_class_stays_with_its_object() -> None:
    """As a bound method does."""
    kind = type("Other", (), {"method": Model(3).scaled})

    assert kind().method(5) == 15


@pytest.mark.parametrize("module", [pickle, cloudpickle])
def test_a_bound_stage_passes_through_pickle(module: Any) -> None:
    """With its object and its options, by whatever way it was reached."""
    for method, value in (
        (Model(3).scaled, 15),
        (Model(3).scaled.options(post_processors=[str]), "15"),
        (Model.named, "Model 5"),
        (Twice.named.options(memoize=True), "Twice 5"),
        (Twice(3).scaled, 30),
        (Twice(3).above(), 15),
    ):
        again = module.loads(module.dumps(method))

        assert again(5) == value
        assert again.key(5) == method.key(5)


def test_copies_of_a_bound_stage_are_bound_to_a_copy() -> None:
    """A deep copy has an object of its own, a shallow one the same."""
    method = Model(3).scaled
    deep = copy.deepcopy(method)
    method.__self__.factor = 4  # type: ignore[attr-defined]

    assert (deep(5), copy.copy(method)(5)) == (15, 20)
    assert deep.__func__ is method.__func__


def test_pools_take_bound_stages() -> None:
    """Of threads and of processes."""
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(Model(3).scaled, 5).result() == 15
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        assert processes.submit(Model(4).scaled, 5).result() == 20
        assert processes.submit(Model.named.options(memoize=True), 5).result() == "Model 5"


def test_a_bound_stage_counts_as_a_method_does() -> None:
    """Keys of results that were stored while methods were Python's own stay."""
    as_before = MethodType(BOUND.__func__, BOUND.__self__)

    assert hash_value(BOUND) == hash_value(as_before)
    assert hash_value([BOUND]) == hash_value([as_before])
    assert digest_argument([BOUND], "a") == digest_argument([as_before], "a")
    assert digest_code(BOUND) == digest_code(as_before)
    assert _code_of(BOUND, [BOUND]) == _code_of(as_before, [as_before])


def _code_of(method: Any, held: list[Any]) -> object:
    return digest_code(lambda: (method(), held[0]()))


@cache()
def takes(method: Any) -> object:
    return method()


def test_a_bound_stage_as_an_argument_counts_by_its_object() -> None:
    """And by its options, as any stage does."""
    given = [Model(1).scaled, Model(2).scaled, Model(2).scaled.options(post_processors=[str]), Twice(2).scaled]

    assert [takes(method) for method in given] == [1, 2, "2", 4]
    assert [takes(method) for method in (Model.named, Twice.named)] == ["Model 1", "Twice 1"]


def test_a_bound_stage_in_a_global_counts_by_its_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of the object is a change of what refers to it."""

    @cache()
    def calls() -> int:
        return BOUND(2)

    first = calls()
    monkeypatch.setattr(AT, "factor", 8)

    assert (first, calls()) == (14, 16)


def test_a_bound_stage_may_be_an_upstream() -> None:
    """Declared or given in place of one, it hands over its value and counts by its object."""
    model = Model(1)

    @stage(cache=True, up=model.scaled)
    def down(up: object) -> object:
        return up

    assert [down(), down(up=Model(2).scaled), down(up=Model.named), down()] == [1, 2, "Model 1", 1]
    assert down(up=model.scaled.options(post_processors=[str])) == "1"

    model.factor = 5

    assert down() == 5


def test_two_objects_feed_one_stage() -> None:
    """The same method of two objects is two upstreams."""

    @stage(cache=True, one=Model(1).scaled, other=Model(2).scaled)
    def both(one: int, other: int) -> list[int]:
        return [one, other]

    @cache()
    def caller() -> list[int]:
        return both()

    assert both() == caller() == [1, 2]
    assert both.status() == "fresh"


def test_the_object_of_an_upstream_counts_for_callers() -> None:
    """A stage that calls another depends on what feeds that one."""
    model = Model(1)

    @stage(cache=True, up=model.scaled)
    def fed(up: int) -> int:
        return up

    @cache()
    def calls() -> int:
        return fed() * 10

    first = calls()
    model.factor = 2

    assert (first, calls()) == (10, 20)


def test_what_wraps_a_method_holds_no_more_than_the_function_does() -> None:
    """As with a method: its attributes are copied, not what it is bound to."""
    wrapped = functools.wraps(Model(2).scaled)(lambda x: x)

    assert not {"__self__", "__func__"} & vars(wrapped).keys()


def test_whoever_looks_at_all_attributes_of_a_method_may() -> None:
    """The key without arguments is none where there must be some."""
    bound = Model(2).awaited

    assert dict(inspect.getmembers(bound))["__self__"].factor == 2
    assert not hasattr(bound, "hash")
    assert Model(2).scaled.hash == Model(2).scaled.key().hex()
