"""Stages of one name: a duplicate is an error, a redefinition replaces; and stages that run into each other."""

from __future__ import annotations

import importlib
import sys
import threading
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from whorl import ConfigError, WhorlError, cache, observe, stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

pytestmark = pytest.mark.usefixtures("whorl_store")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder to import modules from, and forget them afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def load(folder: Path, name: str, source: str) -> ModuleType:
    """Write a module and import it, or reload it."""
    (folder / f"{name}.py").write_text(dedent(source))
    importlib.invalidate_caches()
    return importlib.reload(sys.modules[name]) if name in sys.modules else importlib.import_module(name)


TWICE = """
    from whorl import stage

    @stage(cache=True)
    def f():
        return 1

    @stage(cache=True)
    def f():
        return 2
"""


def test_two_stages_of_one_name_in_one_import_are_an_error(folder: Path) -> None:
    """The first could never be called, and its entries would be listed under the name of the second."""
    with pytest.raises(ConfigError, match="f"):
        load(folder, "duplicates_one", TWICE)


def test_two_stages_given_one_name_are_an_error(folder: Path) -> None:
    """`name=` must be as unique as a function's own."""
    source = TWICE.replace("cache=True", 'cache=True, name="same"').replace("def f", "def g", 1)
    with pytest.raises(ConfigError, match="same"):
        load(folder, "duplicates_two", source)


def test_a_reload_redefines_and_the_newest_wins(folder: Path) -> None:
    """In one process, again and again."""
    source = "from whorl import stage\n@stage(cache=True)\ndef f():\n    return {}\n"
    values = [load(folder, "reloaded", source.format(n)).f() for n in (1, 2, 1, 3)]

    assert values == [1, 2, 1, 3]


def test_a_notebook_cell_redefines_and_the_newest_wins() -> None:
    """Cells run in one namespace; downstreams see the newest upstream once they are defined again."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    cell = "from whorl import stage\n@stage(cache=True)\ndef f():\n    return {}\n"
    cell += "@stage(x=f, cache=True)\ndef g(x):\n    return x\n"
    values = []
    for n in (1, 2, 1):
        shell.run_cell(cell.format(n)).raise_error()
        values.append(shell.run_cell("g()").result)

    assert values == [1, 2, 1]


def test_a_cell_that_redefines_a_nested_stage_runs_its_caller() -> None:
    """The caller looks the name up when it is called, and so does its key."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shell.run_cell("from whorl import stage\n@stage(cache=True)\ndef h():\n    return f()\n").raise_error()
    values = []
    for n in (1, 2, 1):
        shell.run_cell(f"@stage(cache=True)\ndef f():\n    return {n}\n").raise_error()
        values.append(shell.run_cell("h()").result)

    assert values == [1, 2, 1]


def test_a_factory_makes_stages_of_one_name() -> None:
    """Closures differ by what they close over, and each has keys of its own."""

    def make(n: int) -> object:
        @stage(cache=True)
        def f() -> int:
            return n

        return f

    one, two = make(1), make(2)

    assert [one(), two(), one()] == [1, 2, 1]  # type: ignore[operator]
    assert one.key() != two.key()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "made",
    [
        "plus, less = cache()(lambda x: x + 1), cache()(lambda x: x - 1)",
        "plus = cache(name='plus')(lambda x: x + 1)\nless = cache(name='less')(lambda x: x - 1)",
        "kept = [cache()(lambda x: x + 1), cache()(lambda x: x - 1)]\nplus, less = kept\ndel kept",
        "kept = {1: cache()(lambda x: x + 1)}; plus = lambda x: kept[1](x); less = cache()(lambda x: x - 1)",
    ],
)
def test_lambdas_may_be_stages_that_another_stage_calls(folder: Path, made: str) -> None:
    """All lambdas of a module have one name; the caller is stored all the same."""
    calls = "@cache()\ndef calls(x): return [plus(x), less(x)]\n"
    module = load(folder, "has_lambdas", f"from whorl import cache\n{made}\n{calls}")
    with observe() as outcomes:
        values = [module.calls(1), module.calls(1)]

    assert values == [[2, 0], [2, 0]]
    assert [outcome.kind for outcome in outcomes if outcome.stage.endswith("calls")] == ["ran", "hit"]


def test_a_lambda_that_its_module_has_no_longer_answers_for_no_caller(folder: Path) -> None:
    """The code of a caller that finds stages by name says nothing of them; what it called before may still be held."""
    module = load(
        folder,
        "drops_lambdas",
        """
        from whorl import cache

        plus = cache()(lambda x: x + 1)

        @cache()
        def calls(name, x):
            return globals()[name](x)
        """,
    )
    first, held = module.calls("plus", 1), module.plus
    exec("plus = cache()(lambda x: x + 10)", vars(module))

    assert (first, module.calls("plus", 1), held(1)) == (2, 11, 2)


@pytest.mark.parametrize("decorate", [cache, cache(), stage, stage(cache=True)])
def test_what_cannot_be_a_stage_says_what_to_do_instead(decorate: Callable[[object], object]) -> None:
    """A stage for the second time, and a method that the wrong one of two decorators stands above."""

    def f(x: int) -> int:
        return x

    for given, told in (
        (cache(f), "leave one of the decorators out"),
        (classmethod(f), "@classmethod above"),
        (staticmethod(f), "@staticmethod above"),
        (classmethod(cache(f)), "@classmethod above"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ConfigError, match=told):
            decorate(given)


def test_a_global_changed_between_calls_counts(folder: Path) -> None:
    """A patched helper or constant is seen at the next call in the same process."""
    module = load(
        folder,
        "patched",
        """
        from whorl import stage

        FACTOR = 2

        def helper(x):
            return x * FACTOR

        @stage(cache=True)
        def f(x):
            return helper(x)
        """,
    )
    values = [module.f(1)]
    module.FACTOR = 3
    values.append(module.f(1))
    module.helper = lambda x: -x
    values.append(module.f(1))

    assert values == [2, 3, -1]


def test_stages_that_call_each_other_with_other_arguments_are_no_cycle(folder: Path) -> None:
    """Their code refers to each other, their calls come to an end."""
    source = """
        from whorl import stage

        @stage(cache=True)
        def even(n):
            return True if n == 0 else odd(n - 1)

        @stage(cache=True)
        def odd(n):
            return False if n == 0 else even(n - 1)
    """
    module = load(folder, "mutual", source)

    assert [module.even(7), module.odd(7), module.even(7)] == [False, True, False]


def test_a_body_that_calls_its_own_downstream_is_an_error_that_shows_the_chain(folder: Path) -> None:
    """An upstream and a nested call can make a circle of their own."""
    source = """
        from whorl import stage

        @stage(cache=True)
        def source():
            return last()

        @stage(x=source, cache=True)
        def last(x):
            return x
    """
    module = load(folder, "circle_of_two", source)
    with pytest.raises(WhorlError) as raised:
        module.last()

    assert "circle_of_two.last" in str(raised.value)
    assert "circle_of_two.source" in str(raised.value)


def test_an_exception_passes_unchanged_with_a_note() -> None:
    """The very object that was raised, with a note naming the stage; nothing is stored."""
    error = KeyError("mine")

    @stage(cache=True, ignore=[error])
    def failing() -> None:
        raise error

    @stage(x=failing, cache=True)
    def below(x: object) -> object:
        return x

    with observe() as outcomes, pytest.raises(KeyError) as raised:
        below()

    assert raised.value is error
    assert any("failing" in note for note in raised.value.__notes__)
    assert [outcome.kind for outcome in outcomes if outcome.stage.endswith("failing")] == ["failed"]
    assert not any(outcome.stored for outcome in outcomes)
    assert list(failing.entries()) == []


def test_a_stage_that_failed_runs_again(tmp_path: Path) -> None:
    """An error is never remembered."""
    state = tmp_path / "state"

    @stage(cache=True)
    def unsteady() -> int:
        if not state.exists():
            raise OSError("not yet")
        return 1

    with pytest.raises(OSError, match="not yet"):
        unsteady()
    state.touch()

    assert unsteady() == 1


@pytest.mark.timeout(30)
def test_of_many_threads_one_computes() -> None:
    """One future per key within a process; each thread gets a value of its own."""
    runs: list[int] = []
    start = threading.Barrier(8)
    values: list[list[int]] = []

    @stage(cache=True, ignore=[runs])
    def slow() -> list[int]:
        runs.append(1)
        return [0]

    def call() -> None:
        start.wait()
        value = slow()
        value.append(threading.get_ident())
        values.append(value)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(runs) == 1
    assert all(len(value) == 2 for value in values)


@pytest.mark.timeout(30)
def test_when_the_computing_thread_fails_another_one_computes() -> None:
    """Those who wait do not inherit the exception of someone else's call without a try of their own."""
    runs: list[int] = []
    both = threading.Event()
    results: list[object] = []

    @stage(cache=True, ignore=[runs, both])
    def unsteady() -> int:
        runs.append(1)
        if len(runs) == 1:
            both.wait(5)
            raise OSError("first")
        return 1

    def call() -> None:
        try:
            results.append(unsteady())
        except OSError as error:
            results.append(str(error))

    threads = [threading.Thread(target=call) for _ in range(2)]
    threads[0].start()
    while not runs:
        pass
    threads[1].start()
    both.set()
    for thread in threads:
        thread.join()

    assert sorted(map(str, results)) == ["1", "first"]
