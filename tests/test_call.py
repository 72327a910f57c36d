"""Binding: which argument each parameter of a stage is given."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest

from whorl import stage
from whorl.asked import CallOptions
from whorl.call import Binder

if TYPE_CHECKING:
    from collections.abc import Callable


def plain(first: int, second: int = 2) -> None: ...


def only_positional(first: int, /, second: int, *, third: int = 3) -> None: ...


def collecting(first: int, *rest: int, third: int = 3, **others: int) -> None: ...


CALLS: list[tuple[Callable[..., Any], tuple[int, ...], dict[str, int]]] = [
    (plain, (1,), {}),
    (plain, (1, 5), {}),
    (plain, (), {"second": 5, "first": 1}),
    (only_positional, (1, 2), {}),
    (only_positional, (1, 2), {"third": 7}),
    (collecting, (1,), {}),
    (collecting, (1, 2, 3), {}),
    (collecting, (1, 2), {"third": 4, "more": 5}),
]


@pytest.mark.parametrize(("function", "args", "kwargs"), CALLS)
def test_arguments_are_bound_as_python_binds_them(
    function: Callable[..., Any], args: tuple[int, ...], kwargs: dict[str, int]
) -> None:
    """However they are given, each parameter has the value that the function would see."""
    sources = Binder(CallOptions()).bind(stage(function).definition, args, kwargs).sources
    expected = inspect.signature(function).bind(*args, **kwargs)
    expected.apply_defaults()
    collected = {f"*{name}" if name == "rest" else name: value for name, value in expected.arguments.items()}
    others = collected.pop("others", {})
    flat = {**collected, **others}

    assert {name: value for name, value in flat.items() if value != ()} == dict(sources)


@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"first": 1}), ((1,), {"other": 1})])
def test_arguments_that_do_not_fit_are_a_type_error(args: tuple[int, ...], kwargs: dict[str, int]) -> None:
    """As they are for Python: too few, too many, one twice, one that nobody asked for."""
    with pytest.raises(TypeError):
        Binder(CallOptions()).bind(stage(plain).definition, args, kwargs)
