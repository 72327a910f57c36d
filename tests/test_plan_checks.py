"""Plans in results: run once, checked when they have run, and never waited for by those they wait for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import polars as pl
import pytest
import xarray as xr

from fresh_modules import fresh_module
from lazy_values import lazy_dataset, lazy_frame, note, noted
from whorl import StaleWarning, cache, clear_memoizer, config, stage
from whorl.errors import FormatError, StoreError
from whorl.outcome import last_outcome

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("raw_file")]


PLANS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], float]]] = {
    "a dataset": (lazy_dataset, lambda found: float(found["v"][0])),
    "inside": (lambda work: {"it": lazy_dataset(work)}, lambda found: float(found["it"]["v"][0])),
    "beside what has no digest": (
        lambda work: {"it": lazy_dataset(work), "rows": iter([1])},
        lambda found: float(found["it"]["v"][0]),
    ),
    "a lazy frame": (lazy_frame, lambda found: float(found.collect()["a"][0])),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_file_that_changes_while_a_plan_runs_costs_the_entry(name: str, raw_file: Path) -> None:
    """What came of it belongs to no state of the file for sure."""
    make, first = PLANS[name]
    has_run = Path("has_run")

    @stage(raw="raw.txt", cache=True)
    def planned(raw: str) -> object:
        def work(values: Any) -> Any:
            if not has_run.exists():
                Path("raw.txt").write_text("2")
            has_run.touch()
            return values + float(Path(raw).read_text())

        return make(work)

    with pytest.warns(StaleWarning, match="changed while it ran"):
        planned()
    raw_file.write_text("1")

    assert first(planned()) == 1.0
    assert first(planned()) == 1.0
    assert last_outcome(planned.definition).kind == "hit"  # type: ignore[union-attr]


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_runs_once(name: str, tmp_path: Path) -> None:
    """It is written, digested, compared and given to whoever called."""
    make, first = PLANS[name]
    counted = tmp_path / "counted"

    @cache
    def planned() -> object:
        return make(noted(counted))

    found = first(planned())

    assert found == 1.0
    assert counted.read_text() == "x"


class BrokenError(Exception):
    """An error of a library of the user's."""


ERRORS = {
    "a value": ValueError("no such year"),
    "a key": KeyError("no such year"),
    "a full disk": OSError(28, "no such year"),
    "a file": FileNotFoundError(2, "no such year", "/nowhere/at/all"),
    "memory": MemoryError("no such year"),
    "its own": BrokenError("no such year"),
    "another format's": FormatError("no such year"),
    "another store's": StoreError("no such year"),
}


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("name", list(PLANS)[:3])
def test_whatever_a_plan_raises_is_raised(name: str, error: str, tmp_path: Path) -> None:
    """Once, as it is: no other format is tried, no store has failed, and nothing is stored."""
    make, _ = PLANS[name]
    counted = tmp_path / "counted"

    def work(values: Any) -> Any:
        if values.size:
            note(counted)
            raise ERRORS[error]
        return values

    @cache
    def failing() -> object:
        return make(work)

    with pytest.raises(BaseException, match="no such year") as caught:
        failing()

    assert caught.value is ERRORS[error]
    assert counted.read_text() == "x"
    assert failing.entries() == []


class Keeper:
    """Holds a plan, and is pickled with what comes of it."""

    def __init__(self, held: xr.Dataset) -> None:
        self.held = held

    def __getstate__(self) -> dict[str, object]:
        return {"held": self.held.compute()}


@stage(raw="raw.txt", cache=True)
def number_in(raw: str) -> float:
    """Read the number in a file."""
    return float(Path(raw).read_text())


READERS = {"number": number_in}


def test_a_plan_that_a_class_computes_while_it_is_pickled_is_heard(raw_file: Path) -> None:
    """The stages that it calls count, though nobody but the class knows that there is a plan."""

    @cache
    def planned(name: str) -> Keeper:
        return Keeper(lazy_dataset(lambda values: values + READERS[name]()))

    found = [float(planned("number").held["v"][0])]
    raw_file.write_text("2")
    found.append(float(planned("number").held["v"][0]))

    assert found == [1.0, 2.0]


class Field:
    """Has a plan and says so, and is more than what comes of it."""

    def __init__(self) -> None:
        self.name = "wind"

    def __dask_graph__(self) -> dict[str, object]:
        return {"a": 1}

    def compute(self) -> list[int]:
        """Give something else."""
        return [0, 1, 2]


def test_an_object_with_a_graph_stays_what_it_is() -> None:
    """Only datasets are known to be what comes of their plan."""

    @cache
    def made() -> Field:
        return Field()

    found = [made(), made()]

    assert [type(each) for each in found] == [Field, Field]
    assert found[1].name == "wind"


def test_a_memoized_plan_runs_once(raw_file: Path) -> None:
    """What memory holds is what was checked."""
    runs = Path("runs")

    def work(values: Any) -> Any:
        with runs.open("a") as file:
            file.write("x")
        return values + float(Path("raw.txt").read_text())

    @stage(raw="raw.txt", cache=False, memoize=True)
    def planned(raw: str) -> xr.Dataset:
        return lazy_dataset(work)

    found = [float(planned()["v"][0]) for _ in range(3)]
    clear_memoizer()

    assert found == [1.0, 1.0, 1.0]
    assert runs.read_text() == "x"


GLOBALS = """
import numpy as np, xarray as xr
from whorl import cache

FILE = xr.open_dataset("file.nc", engine="h5netcdf")
STACKED = xr.Dataset({"v": (("x", "y"), np.eye(2))}, coords={"x": [1, 2], "y": [3, 4]}).stack(z=("x", "y"))

@cache
def itself():
    return FILE

@cache
def part():
    return FILE.v

@cache
def loaded():
    return STACKED.v + 1
"""


@pytest.mark.parametrize("name", ["itself", "part", "loaded"])
def test_a_plan_may_come_out_of_a_global(name: str, tmp_path: Path) -> None:
    """To read the global, as a fingerprint does, is no part of running the plan."""
    xr.Dataset({"v": ("x", np.arange(4.0))}).to_netcdf(tmp_path / "file.nc", engine="h5netcdf")
    with fresh_module(GLOBALS, tmp_path) as module:
        call = getattr(module, name)
        found = [call(), call()]
        module.FILE.close()

    assert found[0].identical(found[1])
    assert last_outcome(call.definition).kind == "hit"  # type: ignore[union-attr]


def test_a_lazy_frame_with_the_same_rows_stops_what_follows(raw_file: Path) -> None:
    """As a frame that is not lazy does; one that is not lazy is another result."""
    made: list[type] = [pl.LazyFrame]

    @stage(raw="raw.txt", cache=True, ignore=[made])
    def rows(raw: str) -> Any:
        kept = pl.DataFrame({"a": [Path(raw).stat().st_size]})
        return kept.lazy() if made[0] is pl.LazyFrame else kept

    @stage(rows=rows, cache=True)
    def kind(rows: Any) -> str:
        return type(rows).__name__

    found = [kind()]
    raw_file.write_text("2")
    found.append(kind())
    happened = last_outcome(kind.definition).kind  # type: ignore[union-attr]
    made[0] = pl.DataFrame
    raw_file.write_text("3")
    found.append(kind())

    assert found == ["LazyFrame", "LazyFrame", "DataFrame"]
    assert happened == "kept"


def second_is_broken(values: Any, block_info: Any = None) -> Any:
    """Compute the first of two blocks."""
    if block_info and block_info[0]["chunk-location"] == (1,):
        raise ValueError("broken")
    return values + 1


@stage
def half() -> xr.Dataset:
    """Give a plan half of which can be computed."""
    array = da.zeros(4, chunks=2).map_blocks(second_is_broken, dtype=float, meta=np.zeros(0))
    return xr.Dataset({"v": ("x", array)})


@pytest.mark.parametrize("mode", ["write", "off"])
def test_a_plan_that_nobody_computes_raises_nothing(mode: str) -> None:
    """Whether its stage is called or declared."""

    @cache
    def calling() -> float:
        return float(half()["v"][0])

    @stage(half=half, cache=True)
    def declaring(half: xr.Dataset) -> float:
        return float(half["v"][0])

    with config.options(mode=mode):
        assert [calling(), declaring()] == [1.0, 1.0]


@cache
def summed(array: xr.DataArray) -> float:
    """Take a plan as an argument."""
    return float(array.sum())


@cache
def calling_summed() -> float:
    """Make a plan and hand it to a stage."""
    return summed(lazy_dataset(lambda values: values + 1)["v"])


class Calling:
    """Calls a stage while it is pickled."""

    def __init__(self) -> None:
        self.total = 0.0

    def __getstate__(self) -> dict[str, object]:
        return {"total": calling_summed()}


def test_stages_that_run_while_a_value_is_digested_are_none_of_its_plans() -> None:
    """Their arguments are theirs to digest."""

    @cache
    def made() -> Calling:
        return Calling()

    found = [made(), made()]

    assert found[1].total == 2.0
    assert last_outcome(made.definition).kind == "hit"  # type: ignore[union-attr]
