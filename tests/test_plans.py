"""Results that are plans: what they call, change and raise when whorl computes them is their stage's own doing."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloudpickle
import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lazy_values import lazy_array, lazy_dataset, lazy_frame, note, noted
from store_examples import child_environment
from whorl import File, cache, clear_memoizer, stage
from whorl.outcome import last_outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

LARGE = 1 << 18

pytestmark = pytest.mark.usefixtures("raw_file")


def rows(work: Callable[[float], float]) -> dd.DataFrame:
    """Make a frame of two partitions of one row each, each by some work."""

    def part(number: int) -> pd.DataFrame:
        return pd.DataFrame({"a": [work(0.0 * number)]})

    meta = pd.DataFrame({"a": [1.0]})
    return dd.from_map(part, [0, 1], meta=meta)  # type: ignore[no-untyped-call,no-any-return]


# A plan made by some work on numbers, and the first number that comes of it.
PLANS: dict[str, tuple[str | None, Callable[[Any], Any], Callable[[Any], float]]] = {
    "a large array": ("zarr", lambda work: lazy_dataset(work, LARGE, 2), lambda found: float(found["v"][0])),
    "a small array": ("zarr", lambda work: lazy_dataset(work, 8, 2), lambda found: float(found["v"][0])),
    "a small file": ("netcdf", lambda work: lazy_dataset(work, 8, 2), lambda found: float(found["v"][0])),
    "a pickle": ("pickle", lambda work: lazy_dataset(work, 8, 2), lambda found: float(found["v"][0])),
    "inside": (None, lambda work: {"it": lazy_dataset(work, 8, 2)}, lambda found: float(found["it"]["v"][0])),
    "a frame": ("parquet", rows, lambda found: float(found["a"].compute().iloc[0])),
    "rows of a table": ("sql", rows, lambda found: float(found["a"].compute().iloc[0])),
    "a lazy frame": ("parquet", lazy_frame, lambda found: float(found.collect()["a"][0])),
}


@cache
def number_in(file: File) -> float:
    """Read the number that a file holds."""
    return float(Path(str(file)).read_text())


def add_raw(values: Any) -> Any:
    """Add the number in the file: what a plan does."""
    return values + number_in(File("raw.txt"))


@pytest.mark.parametrize("name", PLANS)
def test_what_a_plan_calls_is_what_its_stage_depends_on(name: str, raw_file: Path) -> None:
    """Nothing in the stage's code says which file it is."""
    backend, make, first = PLANS[name]

    @cache(backend=backend)
    def planned() -> object:
        return make(add_raw)

    found = [first(planned()), first(planned())]
    kinds = [last_outcome(planned.definition).kind]  # type: ignore[union-attr]
    raw_file.write_text("2")
    found.append(first(planned()))

    assert found == [1.0, 1.0, 2.0]
    assert kinds == ["hit"]


def test_a_plan_that_is_not_kept_is_not_computed(tmp_path: Path) -> None:
    """A digest that nobody asks for would cost as much as the value."""
    counted = tmp_path / "counted"

    @cache(backend="zarr")
    def planned() -> xr.Dataset:
        return lazy_dataset(noted(counted), 8, 2)

    found = planned.options(cache_mode="read_only")()
    has_run = counted.exists()

    assert not has_run
    assert float(found["v"][0]) == 1.0


def test_a_plan_in_memory_depends_on_it_too(raw_file: Path) -> None:
    """It is computed to be digested, and kept on the cluster."""

    @stage(cache=False, memoize=True)
    def planned() -> xr.Dataset:
        return lazy_dataset(add_raw, 8, 2)

    found = [float(planned()["v"][0]), float(planned()["v"][0])]
    raw_file.write_text("2")
    found.append(float(planned()["v"][0]))
    clear_memoizer()

    assert found == [1.0, 1.0, 2.0]


def test_an_expiry_in_a_plan_is_its_stages(tmp_path: Path) -> None:
    """What it called lasts for a while, and so does what came of it."""
    counted = tmp_path / "counted"

    @cache(ttl=0.2)
    def fleeting() -> float:
        note(counted)
        return 1.0

    @cache(backend="zarr")
    def planned() -> xr.Dataset:
        return lazy_dataset(lambda values: values + fleeting(), 8, 2)

    planned()
    (entry,) = planned.entries()
    time.sleep(0.3)
    planned()

    assert entry.expires is not None
    assert len(counted.read_text()) == 2


def test_options_of_a_call_reach_into_plans(tmp_path: Path) -> None:
    """As they reach into the function."""
    counted = tmp_path / "counted"

    @cache
    def inner() -> float:
        note(counted)
        return 1.0

    @cache(backend="zarr")
    def planned() -> xr.Dataset:
        array = da.from_delayed(dask.delayed(lambda: np.full(4, inner()))(), (4,), float)
        return xr.Dataset({"v": ("x", array)})

    planned()
    planned.options(recompute="inner")()

    assert counted.read_text() == "xx"


SCRIPT = """
import sys
import dask.array as da, numpy as np, xarray as xr
from whorl import cache, configure
configure(filesystem=sys.argv[1])
CLIENTS = {}

def client(name):
    if name not in CLIENTS:
        CLIENTS[name] = len(name)
    return CLIENTS[name]

@cache(backend="zarr")
def planned():
    array = da.zeros(4, chunks=4).map_blocks(lambda b: b + client("a"), dtype=float, meta=np.zeros(0))
    return xr.Dataset({"v": ("x", array)})

planned()
print(planned.last.kind)
"""


def test_a_memo_that_a_plan_fills_is_its_stages_own(tmp_path: Path) -> None:
    """Stored at the first call, found by the next process, as for a function that fills one."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(tmp_path / "store")]
    environment = child_environment()
    said = [subprocess.run(command, env=environment, capture_output=True, text=True, check=True) for _ in range(2)]

    assert [each.stdout.split() for each in said] == [["ran"], ["hit"]]
    assert ["the stage itself changes script.CLIENTS" in each.stderr for each in said] == [True, False]
    assert said[0].stderr.startswith(f"{script}:")


MEMO: dict[str, float] = {}


def remembered(values: Any) -> Any:
    """Fill a memo."""
    MEMO.setdefault("a", 1.0)
    return values + MEMO["a"]


@pytest.mark.filterwarnings("ignore:the stage itself changes")
@pytest.mark.parametrize("name", PLANS)
def test_such_a_memo_keeps_no_result_from_being_stored(name: str) -> None:
    """Whatever the plan is written as."""
    backend, make, first = PLANS[name]
    MEMO.clear()

    @cache(backend=backend)
    def planned() -> object:
        return make(remembered)

    found = [first(planned()), first(planned())]

    assert found == [1.0, 1.0]
    assert last_outcome(planned.definition).kind == "hit"  # type: ignore[union-attr]


def refuse(values: Any) -> Any:
    """Raise what a user's code raises."""
    if np.asarray(values).size:  # polars and xarray ask for a plan's types by way of nothing
        raise ValueError("no such year")
    return values


@pytest.mark.parametrize("name", PLANS)
def test_an_error_in_a_plan_is_the_users_own(name: str) -> None:
    """It is no matter of the format, and the stage it comes from is named."""
    backend, make, _ = PLANS[name]

    @cache(backend=backend)
    def failing() -> object:
        return make(refuse)

    with pytest.raises(ValueError, match="no such year") as caught:
        failing()

    assert type(caught.value) is ValueError
    assert [note for note in caught.value.__notes__ if "raised in the stage" in note]
    assert last_outcome(failing.definition).kind == "failed"  # type: ignore[union-attr]
    assert failing.entries() == []


@pytest.mark.parametrize("backend", ["zarr", "netcdf", "pickle"])
def test_a_task_that_several_variables_come_of_runs_once(backend: str, tmp_path: Path) -> None:
    """It may take hours."""
    counted = tmp_path / "counted"

    @cache(backend=backend)
    def planned() -> xr.Dataset:
        shared = lazy_array(noted(counted), 8, 2)
        return xr.Dataset({"v": ("x", shared + 1), "w": ("x", shared + 2)})

    found = planned()

    assert (float(found["v"][0]), float(found["w"][0])) == (2.0, 3.0)
    assert counted.read_text() == "xx"


def test_maps_of_a_block_are_computed_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the whole is too large and a block is not; of a larger one as many as fit."""
    monkeypatch.setattr("whorl.formats.schema.maps._BLOCK", 5 * 6 * 8)
    counted = tmp_path / "counted"

    def slow(values: Any) -> Any:
        note(counted)
        return values + np.arange(values.shape[0])[:, None, None]

    @cache(backend="terracotta")
    def planned(length: int) -> xr.DataArray:
        array = da.zeros((8, 2, 3), chunks=(length, 2, 3)).map_blocks(slow, dtype=float, meta=np.zeros((0, 0, 0)))
        labels = {"time": range(8), "lat": [2.0, 1.0], "lon": [1.0, 2.0, 3.0]}
        return xr.DataArray(array, labels, name="v")

    found = planned(4)
    times = len(counted.read_text())
    planned(8)

    assert found[:, 0, 0].to_numpy().tolist() == [0.0, 1.0, 2.0, 3.0] * 2
    assert times == 2
    assert len(counted.read_text()) == 2 + 2


def test_rows_of_a_lazy_frame_are_made_once(tmp_path: Path) -> None:
    """They are written and compared, and given to whoever called."""
    counted = tmp_path / "counted"

    @cache(backend="parquet")
    def planned() -> pl.LazyFrame:
        return lazy_frame(noted(counted))

    found = planned()

    assert found.collect()["a"].to_list() == [1.0]
    assert counted.read_text() == "x"


@stage(cache=True)
def copied() -> int:
    """Be copied."""
    return 1


def test_a_copy_of_a_stage_does_not_hide_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries copy functions by pickling them, by value where no import leads to them."""
    monkeypatch.setattr(sys.modules[__name__], "copied", None)
    data = cloudpickle.dumps(copied_before := COPIED)
    monkeypatch.undo()
    copy = pickle.loads(data)

    @cache
    def calling() -> int:
        return copied() + 1

    found = [calling(), calling()]

    assert copy is not copied_before
    assert found == [2, 2]
    assert last_outcome(calling.definition).kind == "hit"  # type: ignore[union-attr]


COPIED = copied
