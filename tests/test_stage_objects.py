"""What a Stage object can do: pass through pickle, be a method, and look like its function there."""

from __future__ import annotations

import pickle
import subprocess
import sys

import cloudpickle
import pytest

from whorl import observe, stage

pytestmark = pytest.mark.usefixtures("whorl_store")


def kinds(outcomes: list[object]) -> list[str]:
    """Tell what happened, in order."""
    return [outcome.kind for outcome in outcomes]  # type: ignore[attr-defined]


@stage(cache=True)
def module_level(x: int, *, y: int = 2) -> int:
    """Add two numbers."""
    return x + y


def test_a_stage_passes_through_pickle_by_its_name() -> None:
    """As a function does; a worker finds the stage where it is defined."""
    again = pickle.loads(pickle.dumps(module_level))

    assert again is module_level
    assert again(5) == 7


def test_a_stage_made_in_a_function_passes_through_cloudpickle() -> None:
    """What runs elsewhere keeps its key."""

    @stage(cache=True)
    def f(x: int) -> int:
        return x * 2

    again = cloudpickle.loads(cloudpickle.dumps(f))

    assert again(4) == 8
    assert again.key(4) == f.key(4)


class Pipeline:
    """A class with a stage among its methods."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    @stage(cache=True)
    def scaled(self, x: int) -> int:
        """Scale a number."""
        return self.factor * x

    @staticmethod
    @stage(cache=True)
    def plain(x: int) -> int:
        return x

    @classmethod
    def named(cls) -> str:
        return cls.__name__


def test_a_method_may_be_a_stage() -> None:
    """`self` is an argument by value: equal objects share results, others do not."""
    with observe() as outcomes:
        values = [Pipeline(2).scaled(3), Pipeline(2).scaled(3), Pipeline(3).scaled(3)]

    assert values == [6, 6, 9]
    assert kinds(outcomes) == ["ran", "hit", "ran"]
    assert Pipeline(1).plain(4) == Pipeline.plain(4) == 4


def test_a_cloudpickled_stage_finds_its_entries_in_another_process() -> None:
    """What a pool of workers unpickles is the same stage."""

    @stage(cache=True)
    def f(x: int) -> int:
        return x * 2

    f(4)
    code = "import pickle, sys; f = pickle.loads(sys.stdin.buffer.read()); f(4); print(f.last.kind)"
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, input=cloudpickle.dumps(f), capture_output=True, check=False)

    assert (done.stdout, done.stderr) == (b"hit\n", b"")


@pytest.mark.skipif(sys.flags.optimize > 0, reason="docstrings are gone under -OO")
def test_a_docstring_is_kept_for_methods_too() -> None:
    """Help on a stage is help on its function."""
    assert Pipeline.scaled.__doc__ == "Scale a number."
