"""
What Nuthatch's users write, with the import changed: its READMEs, and the faults of it that are none here.

``docs/from-nuthatch.md`` names these tests.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import whorl
from whorl import cache, config, timeseries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGE = Path(whorl.__file__).parent
# Both READMEs define a source and a stage of it, and call that in the same ways.
SCRIPT = """
import os
import numpy as np, pandas as pd, xarray as xr
import whorl
from whorl import cache, config_parameter, set_parameter
from whorl.processors import timeseries

@config_parameter("filesystem_options", secret=True)
def fetch_key():
    return {}

@cache()
def my_first_cache():
    times = pd.date_range("2013-01-01", "2014-12-31", freq="D")
    temperature = 280 + 10 * np.sin(np.arange(len(times)) / 58)
    return xr.Dataset({"air": ("time", temperature)}, coords={"time": times})

@timeseries(timeseries="time")
@cache(cache_args=["agg_days"], VERSION)
def agg_and_clip(start_time, end_time, agg_days=1):
    ds = my_first_cache()
    return ds.rolling({"time": agg_days}).mean()

def call(*args, **options):
    with whorl.observe() as outcomes:
        value = agg_and_clip(*args, **options)
    ran = sorted(outcome.stage.rpartition(".")[2] for outcome in outcomes if outcome.kind == "ran")
    print(len(value.time), ran)

my_first_cache(FIRST)
call("2013-01-01", "2014-01-01", agg_days=1)
call("2013-01-01", "2013-06-01", agg_days=1, memoize=True)
call("2013-01-01", "2013-06-01", agg_days=1, memoize=True)
call("2013-01-01", "2014-01-01", agg_days=7)
call("2013-01-01", "2014-01-01", agg_days=7, recompute=True, OVERWRITE)
call("2013-01-01", "2014-01-01", agg_days=7, recompute=["agg_and_clip", "my_first_cache"], OVERWRITE)
LAST
"""
COMMON = [
    "366 ['agg_and_clip']",
    "152 []",
    "152 []",
    "366 ['agg_and_clip']",
    "366 ['agg_and_clip']",
    "366 ['agg_and_clip', 'my_first_cache']",
]


def run(folder: Path, **parts: str) -> list[str]:
    """Run the script with some parts filled in, in a project of its own; give the lines that it prints."""
    text = SCRIPT
    for name, part in parts.items():
        text = text.replace(name, part)
    (folder / "job.py").write_text(text)
    done = subprocess.run([sys.executable, "job.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_readme_of_the_first_release_runs(tmp_path: Path) -> None:
    """0.1.1: configured in pyproject.toml under Nuthatch's own name, overwriting by ``force_overwrite``."""
    (tmp_path / "pyproject.toml").write_text(f'[tool.nuthatch]\nfilesystem = "{tmp_path / "caches"}"\n')
    lines = run(tmp_path, VERSION="", FIRST="", OVERWRITE="force_overwrite=True", LAST="")

    assert lines == COMMON
    assert (tmp_path / "caches" / "WHORL.json").exists()


def test_the_readme_of_the_present_release_runs(tmp_path: Path) -> None:
    """0.4.11: a first call in the local mode without any configuration, parameters in code, modes, versions."""
    more = """
call("2013-01-01", "2014-01-01", agg_days=7, recompute=["agg_and_clip", "my_first_cache"], cache_mode="local")
call("2013-01-01", "2014-01-01", agg_days=7, namespace="experiment2")
set_parameter({"filesystem": "elsewhere"})
call("2013-01-01", "2014-01-01", agg_days=7)
"""
    (tmp_path / "pyproject.toml").write_text("")
    lines = run(
        tmp_path,
        VERSION='version="0.1.0"',
        FIRST='cache_mode="local"',
        OVERWRITE='cache_mode="overwrite"',
        LAST=more,
    )

    both = "366 ['agg_and_clip', 'my_first_cache']"
    assert lines == [*COMMON, both, both, both]
    assert (tmp_path / ".whorl").exists()
    assert (tmp_path / "elsewhere").exists()


# --- keys ---


@pytest.fixture
def store(tmp_path: Path) -> Iterator[None]:
    """Give a test a store of its own."""
    with config.options(filesystem=str(tmp_path / "store")):
        yield


@cache()
def echo(*args: object, **kwargs: object) -> tuple[object, ...]:
    return (*args, kwargs)


APART = [
    (("a_b", "c"), ("a", "b_c")),
    ((1,), ("1",)),
    ((None,), ("None",)),
    ((True,), ("True",)),
    ((True,), (1,)),
    ((1,), (1.0,)),
    (([1, 2],), ([2, 1],)),
    (([1, 2],), ((1, 2),)),
    (({"k": "v"},), (["k-v"],)),
    (("x" * 300,), ("x" * 301,)),
    (("[a]",), ("a",)),
    (("../a",), ("a",)),
    ((np.arange(5000),), (np.r_[np.arange(2500), 0, np.arange(2501, 5000)],)),
    ((1, 2), (1,)),
]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(("left", "right"), APART, ids=str)
def test_different_arguments_never_share_an_entry(left: tuple[object, ...], right: tuple[object, ...]) -> None:
    """Neither by key nor by value, whatever their texts have in common."""
    assert echo.key(*left) != echo.key(*right)
    assert str(echo(*left)) != str(echo(*right)) or type(left[0]) is np.ndarray


@pytest.mark.usefixtures("store")
def test_equal_functions_of_two_modules_are_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name alone says nothing."""
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("one_module", "other_module"):
        text = f"import whorl\n@whorl.cache()\ndef same(number=1):\n    return ({name!r}, number)\n"
        (tmp_path / f"{name}.py").write_text(text)
    import one_module  # type: ignore[import-not-found]
    import other_module  # type: ignore[import-not-found]

    assert one_module.same() == ("one_module", 1)
    assert other_module.same() == ("other_module", 1)


class Model:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    @cache()
    def predict(self, number: int) -> int:
        return self.factor * number


@pytest.mark.usefixtures("store")
def test_methods_of_two_instances_are_apart() -> None:
    """The instance counts by its value."""
    assert (Model(2).predict(3), Model(5).predict(3)) == (6, 15)


@pytest.mark.usefixtures("store")
def test_a_version_is_part_of_the_key() -> None:
    """Of a null result as well; and no version overwrites another."""

    def make(version: str) -> Any:
        @cache(version=version, name="versioned")
        def versioned() -> None:
            return None

        return versioned

    one, two = make("1"), make("2")
    one()
    with whorl.observe() as outcomes:
        two()
        one()

    assert [outcome.kind for outcome in outcomes] == ["ran", "hit"]
    assert one.key() != two.key()


# --- faults ---


def test_nothing_is_ever_asked_and_no_handler_added() -> None:
    """There is no ``input()`` in the package, and its one handler is the null one."""
    import logging

    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")]
    called = [node.func for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]

    assert [name for name in called if isinstance(name, ast.Name) and name.id == "input"] == []
    assert [type(handler) for handler in logging.getLogger("whorl").handlers] == [logging.NullHandler]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    "make",
    [
        lambda: xr.DataArray([1, 2], dims="x", name="a", attrs={"unit": "m"}),
        lambda: pd.DataFrame({"a": [1]}, index=pd.Index(["x"], name="key")),
        lambda: pd.DataFrame({"time": pd.to_datetime(["2020-01-01"]), "kind": pd.Categorical(["x"])}),
        lambda: pd.DataFrame({"took": pd.to_timedelta([1, 2], unit="s")}),
    ],
    ids=["array", "index", "dates and categories", "timedeltas"],
)
@pytest.mark.parametrize("backend", [None, "csv"])
def test_types_come_back_as_they_were(make: Callable[[], Any], backend: str | None) -> None:
    """On the second call as on the first; text formats included."""
    if backend == "csv" and isinstance(make(), xr.DataArray):
        return

    @cache(backend=backend, name=f"types-{backend}")
    def value() -> Any:
        return make()

    first, second = value(), value()

    assert type(first) is type(second) is type(make())
    assert whorl.hash_value(first) == whorl.hash_value(second) == whorl.hash_value(make())


@pytest.mark.usefixtures("store")
def test_long_and_odd_arguments_work() -> None:
    """Names of files are no matter of arguments."""
    odd = ["[", "../x", "a" * 150, "\n", "\N{SNOWMAN}", ""]

    for text in odd:
        assert echo(text, "b" * 150)[0] == text


@pytest.mark.usefixtures("store")
def test_a_value_that_cannot_be_stored_leaves_nothing(tmp_path: Path) -> None:
    """The error has the value; no file stays behind."""
    import threading

    @cache()
    def lock() -> Any:
        return threading.Lock()

    with pytest.raises(whorl.FormatError) as caught:
        lock()

    assert caught.value.value is not None
    assert lock.entries() == []
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file() and "/o/" in str(path)] == []


@pytest.mark.usefixtures("store")
def test_an_async_function_is_awaited() -> None:
    """And stored."""
    import asyncio

    @cache()
    async def later(number: int) -> int:
        return number

    assert asyncio.run(later(3)) == 3  # type: ignore[arg-type]
    with whorl.observe() as outcomes:
        asyncio.run(later(3))  # type: ignore[arg-type]
    assert [outcome.kind for outcome in outcomes] == ["hit"]


@timeseries()
@cache(cache_disable_if=[{"days": [3, 4]}, {"days": 5, "kind": "x"}])
def disabled(start_time: str | None = None, end_time: str | None = None, days: int = 1, kind: str = "") -> Any:
    return pd.DataFrame({"time": pd.date_range("2020-01-01", periods=days)})


@pytest.mark.usefixtures("store")
def test_conditions_disable_the_calls_they_fit_and_no_other() -> None:
    """Single values and lists, one condition or several; through a processor."""
    for days, kind in [(3, ""), (4, ""), (5, "x")]:
        disabled(days=days, kind=kind)
    assert disabled.entries() == []

    for days, kind in [(1, ""), (5, "y"), (5, "")]:
        disabled(days=days, kind=kind)
    assert len(disabled.entries()) == 3


@cache(cache_disable_if={"number": 1})
def one_condition(number: int) -> int:
    return number


@pytest.mark.usefixtures("store")
def test_a_condition_may_be_one_dict() -> None:
    """And is refused where it names no argument."""
    one_condition(1)
    one_condition(2)
    assert len(one_condition.entries()) == 1

    for wrong in ({"x": 1}, {}, "number", [{"number": 1}, {}]):
        with pytest.raises(whorl.ConfigError):
            cache(cache_disable_if=wrong)(Model.predict.__wrapped__)


@pytest.mark.usefixtures("store")
def test_an_uncached_ancestor_of_a_diamond_runs_once(tmp_path: Path) -> None:
    """What feeds two stages is computed once for both."""

    @whorl.stage(runs=whorl.Param(str(tmp_path / "runs")))
    def source(runs: str) -> int:
        with open(runs, "a", encoding="utf-8") as file:
            file.write("x")
        return 1

    @whorl.stage(number=source, cache=True)
    def left(number: int) -> int:
        return number

    @whorl.stage(number=source, cache=True)
    def right(number: int) -> int:
        return number + 1

    @whorl.stage(one=left, two=right)
    def both(one: int, two: int) -> int:
        return one + two

    assert both() == 3
    assert (tmp_path / "runs").read_text(encoding="utf-8") == "x"


@pytest.mark.usefixtures("store")
def test_options_of_a_call_never_stay() -> None:
    """Neither on the stage, nor on a processor, nor in another thread."""
    disabled()
    with pytest.raises(whorl.InvalidValueError):
        disabled.options(validate_data=True)("2010-01-01", "2030-01-01")
    assert len(disabled("2010-01-01", "2030-01-01")) == 1

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: disabled.options(namespace=name)(days=2), ["a", "b"]))
    assert {entry.slot.namespace for entry in disabled.entries()} == {"default"}


@pytest.mark.usefixtures("store")
def test_a_parameter_named_as_an_option_is_refused() -> None:
    """It would be swallowed else."""
    with pytest.raises(whorl.ConfigError, match="'engine' is an option of a call and a parameter"):

        @cache()
        def takes(engine: str) -> str:
            return engine
