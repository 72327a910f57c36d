"""Stages inside code, as this layer sees them: followed, reported, with the user's words on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whorl.fingerprint.code import fingerprint

if TYPE_CHECKING:
    from types import FunctionType


def stage_of(source: str, **names: object) -> FunctionType:
    namespace: dict[str, object] = {"__name__": "given", **names}
    exec(compile(source, "given.py", "exec", dont_inherit=True), namespace)
    return namespace["stage"]  # type: ignore[return-value]


class Stage:
    """As much of a stage as this layer knows."""

    __whorl_stage__ = True

    def __init__(self, function: FunctionType, depends_on: tuple[object, ...] = (), ignore: tuple[object, ...] = ()):
        self.__wrapped__ = function
        self.depends_on = depends_on
        self.ignore = ignore


def test_stages_that_code_refers_to_are_reported_and_followed() -> None:
    """A nested stage's code counts, at any depth, and the stages are listed in the order they are met."""
    found = []
    for number in (1, 2):
        inner = Stage(stage_of(f"def stage(x): return x + {number}"))
        middle = Stage(stage_of("def stage(x): return inner(x)", inner=inner))
        outer = Stage(stage_of("def h(x): return middle(x)\ndef stage(x): return h(x)", middle=middle))
        found.append(fingerprint(outer))

        assert found[-1].stages == (middle, inner)
    assert found[0].digest != found[1].digest


def test_a_stage_that_calls_itself_is_not_its_own_nested_stage() -> None:
    """Recursion through the stage's own name is recursion, not another stage."""
    function = stage_of("def stage(x): return again(x)")
    stage = Stage(function)
    function.__globals__["again"] = stage

    assert fingerprint(stage).stages == ()


def test_what_a_stage_says_counts_where_it_is_fingerprinted() -> None:
    """``depends_on`` and ``ignore`` of a stage belong to it."""
    function = stage_of("K = 1\ndef stage(x): return K")

    assert fingerprint(Stage(function)).digest == fingerprint(function).digest
    assert fingerprint(Stage(function, ignore=("given.K",))).digest == fingerprint(function, ignore=["given.K"]).digest
