"""The tier in memory: private copies, real bytes, the least recently used first."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import tracemalloc
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr

import whorl
from whorl import cache, config, timeseries
from whorl.memory import MISSING, Memory
from whorl.private import private_copy
from whorl.sizes import is_dask_backed, size_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MB = 1_000_000


@dataclass
class Model:
    weights: Any = field(default_factory=lambda: np.zeros(MB // 8))


def spoil_frame(frame: pd.DataFrame) -> None:
    frame.iloc[0, 0] = -1
    frame["more"] = 1


def spoil_array(array: Any) -> None:
    array[0] = -1


def spoil_dataset(dataset: xr.Dataset) -> None:
    dataset["a"][0] = -1
    dataset.attrs["a"] = 1


VALUES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "frame": (lambda: pd.DataFrame({"a": np.arange(MB // 8)}), spoil_frame),
    "objects": (lambda: pd.DataFrame({"a": [[1]] * 100}), lambda frame: frame["a"][0].append(2)),
    "series": (lambda: pd.Series(np.arange(MB // 8)), lambda series: series.__setitem__(0, -1)),
    "array": (lambda: np.arange(MB // 8), spoil_array),
    "dataset": (lambda: xr.Dataset({"a": ("x", np.arange(MB // 8))}), spoil_dataset),
    "dict": (lambda: {"a": [1, 2]}, lambda value: value["a"].append(3)),
    "model": (Model, lambda model: spoil_array(model.weights)),
    "polars": (
        lambda: pl.DataFrame({"a": range(1000)}),
        lambda frame: frame.insert_column(0, pl.Series("b", range(1000))),
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_what_a_caller_does_to_a_value_changes_it_for_nobody_else(name: str) -> None:
    """Neither to the one that it put, nor to one that it got."""
    make, spoil = VALUES[name]
    memory, mine, whole = Memory(), make(), whorl.hash_value(make())
    assert memory.put("key", mine)
    spoil(mine)
    assert whorl.hash_value(memory.get("key")) == whole

    spoil(memory.get("key"))
    assert whorl.hash_value(memory.get("key")) == whole


def test_without_a_copy_a_value_is_shared() -> None:
    """For those who know what they do."""
    memory = Memory()
    memory.put("key", {"a": []})
    memory.get("key", copy=False)["a"].append(1)

    assert memory.get("key") == {"a": [1]}


def test_none_is_a_value() -> None:
    """It is not the absence of one."""
    memory = Memory()
    assert memory.get("key") is MISSING

    memory.put("key", None)
    assert memory.get("key") is None


def test_the_least_recently_used_goes_first() -> None:
    """A get is a use."""
    memory = Memory(local=2_500_000)
    for key in "abc":
        memory.put(key, bytes(MB))
        memory.get("a")

    assert [key for key in "abc" if memory.get(key) is not MISSING] == ["a", "c"]
    assert memory.usage()[0] <= 2_500_000


def test_a_value_larger_than_its_pool_is_not_kept() -> None:
    """And throws out nothing."""
    memory = Memory(local=MB // 2)
    memory.put("small", b"1")

    assert not memory.put("large", bytes(MB))
    assert memory.get("large") is MISSING
    assert memory.get("small") == b"1"


def test_a_smaller_limit_throws_out_what_is_over() -> None:
    """At once."""
    memory = Memory()
    for key in range(4):
        memory.put(key, bytes(MB))
    memory.limit(2_200_000, 0)

    assert [key for key in range(4) if memory.get(key) is not MISSING] == [2, 3]


def test_a_value_that_has_no_copy_is_not_kept() -> None:
    """Such as a lock."""
    assert not Memory().put("key", threading.Lock())


def test_what_is_forgotten_is_gone() -> None:
    """One value, or all."""
    memory = Memory()
    memory.put("a", 1)
    memory.put("b", 2)
    memory.discard("a")
    assert (memory.get("a"), memory.get("b")) == (MISSING, 2)

    memory.clear()
    assert memory.get("b") is MISSING
    assert memory.usage() == (0, 0)


def test_dasks_values_are_persisted_and_counted_apart() -> None:
    """They stay lazy, and are computed once."""
    runs = []

    def counted(block: Any) -> Any:
        runs.append(1)
        return block

    array = xr.DataArray(np.arange(1000), dims="x", name="a").chunk({"x": 500})
    lazy = array.copy(data=array.data.map_blocks(counted, dtype=int, meta=np.array([], int)))
    memory = Memory()
    memory.put("key", lazy)
    done = len(runs)

    assert is_dask_backed(lazy)
    assert int(memory.get("key").sum()) == int(memory.get("key").sum()) == 499500
    assert len(runs) == done
    assert memory.usage() == (0, 8000)


SIZED: dict[str, Callable[[], Any]] = {
    "array": lambda: np.zeros(MB),
    "view": lambda: np.zeros(MB)[::2],
    "mixed": lambda: pd.DataFrame({"a": np.zeros(MB // 8), "b": pd.Categorical(["x", "y"] * (MB // 16))}),
    "objects": lambda: np.array([f"text number {number}" for number in range(20_000)], dtype=object),
    "nested": lambda: {str(number): [float(number)] * 5 for number in range(20_000)},
    "dataset": lambda: xr.Dataset({"a": ("x", np.zeros(MB))}),
    "model": lambda: Model(np.zeros(MB)),
}


@pytest.mark.parametrize("name", SIZED)
def test_a_size_is_what_a_value_really_takes(name: str) -> None:
    """Within a third of what the interpreter says it took."""
    gc.collect()
    tracemalloc.start()
    value = SIZED[name]()
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert 0.66 * taken < size_of(value) < 1.5 * taken


def shared() -> list[Any]:
    part = [1]
    return [part, {"a": part}]


def circular() -> list[Any]:
    whole: list[Any] = [1]
    whole.append((whole,))
    return whole


def deep() -> list[Any]:
    whole: list[Any] = []
    for _ in range(150):
        whole = [whole]
    return whole


PLAIN: dict[str, Callable[[], Any]] = {
    "deep": deep,
    "fixed": lambda: [range(3), ..., 1j, True, (None, b"x"), 2**80],
    "subclasses": lambda: [OrderedDict(a=[1]), {"a": Counter("aab")}],
    "empty": lambda: [{}, [], ()],
    "nested": lambda: {"a": [1, (2, [3.5]), {"b": {None: b"c"}}], 2: "d", True: ...},
    "tuple": lambda: (1, ("a", (2,))),
    "tuple of lists": lambda: ([1], [2]),
    "keys": lambda: {(1, 2): [1], frozenset({3}): [2]},
    "other types": lambda: {"a": {1, 2}, "b": bytearray(b"x"), "c": np.arange(3).tolist(), "d": Model([1])},
    "shared": shared,
    "circular": circular,
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_private_copy_is_what_deepcopy_makes(name: str) -> None:
    """The same types and values; what is one part in two places is one in the copy; none is shared."""
    value = PLAIN[name]()
    copied, expected = private_copy(value), copy.deepcopy(value)

    assert pickle.dumps(copied) == pickle.dumps(expected)
    assert not changeable(copied) & changeable(value)


def changeable(value: Any) -> set[int]:
    """Give the identities of what can be changed in a value."""
    found: dict[int, Any] = {}
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if id(part) not in found and isinstance(part, (list, dict, tuple, set, bytearray, Model)):
            found[id(part)] = part
            waiting += part.values() if isinstance(part, dict) else part if isinstance(part, (list, tuple)) else ()
    return {number for number, part in found.items() if not isinstance(part, tuple)}


def test_shared_and_circular_parts_count_once() -> None:
    """A size ends, and is that of what is there."""
    array = np.zeros(MB)
    circle: list[Any] = [array, array, [array]]
    circle.append(circle)

    assert array.nbytes < size_of(circle) < array.nbytes * 1.1
    assert size_of(pa.table({"a": np.zeros(MB)})) >= 8 * MB
    assert size_of(object()) > 0


def test_texts_of_a_frame_count() -> None:
    """They lie outside of Python's own memory, as Arrow's."""
    texts = [f"a longer text {number}" for number in range(20_000)]

    assert size_of(pd.DataFrame({"a": texts})) > sum(map(len, texts))


# --- with stages ---


@cache(memoize=True)
def remembered(number: int = 1) -> list[int]:
    return [number]


@cache(cache=False, memoize=True)
def only_remembered(number: int = 1) -> list[int]:
    return [number]


@timeseries()
@cache(memoize=True)
def series(start_time: str, end_time: str) -> pd.DataFrame:
    return pd.DataFrame({"time": pd.date_range("2020-01-01", periods=60), "a": range(60)})


@cache(memoize=True)
def outer(number: int = 1) -> list[int]:
    return [*inner(number), 0]


@cache()
def inner(number: int = 1) -> list[int]:
    return [number]


def kinds(call: Callable[[], object]) -> list[str]:
    """Tell what happened in a call."""
    with whorl.observe() as outcomes:
        call()
    return [outcome.kind for outcome in outcomes]


def damage(tmp_path: Path) -> None:
    """Take the store away: what is served now comes out of memory."""
    (tmp_path / "store").rename(tmp_path / "elsewhere")


@pytest.mark.usefixtures("empty_memory")
def test_a_remembered_value_needs_no_store(tmp_path: Path) -> None:
    """And is its caller's own."""
    remembered()
    damage(tmp_path)
    remembered().append(2)

    assert kinds(remembered) == ["hit"]
    assert remembered() == [1]
    assert kinds(lambda: remembered(2)) == ["ran"]


@pytest.mark.usefixtures("empty_memory")
def test_a_stage_that_is_not_stored_can_be_remembered() -> None:
    """Its entry is in memory alone."""
    assert kinds(only_remembered) == ["ran"]
    only_remembered().append(2)

    assert kinds(only_remembered) == ["hit"]
    assert only_remembered() == [1]
    assert only_remembered.entries() == []


@pytest.mark.usefixtures("empty_memory")
def test_memory_holds_what_a_processor_left(tmp_path: Path) -> None:
    """A wider window is not answered from it."""
    assert len(series("2020-01-01", "2020-01-10")) == 10
    assert len(series("2020-01-01", "2020-02-10")) == 41

    damage(tmp_path)
    assert len(series("2020-01-01", "2020-01-10")) == 10


@pytest.mark.usefixtures("empty_memory")
def test_a_recomputed_stage_is_not_remembered_as_it_was() -> None:
    """Here, by another call; what was made from it neither."""
    remembered()
    remembered.options(recompute=True)()
    assert kinds(remembered) == ["hit"]

    remembered.clear()
    assert kinds(remembered) == ["ran"]


@pytest.mark.usefixtures("empty_memory")
def test_names_reach_nested_stages_that_are_remembered() -> None:
    """``memoize`` as ``recompute`` does; a call may ask for it, or ask not to."""
    outer.options(memoize=["inner"])()
    inner.clear()

    assert kinds(inner.options(memoize=True)) == ["ran"]
    assert kinds(outer.options(memoize=False)) == ["hit"]


@pytest.mark.usefixtures("empty_memory")
def test_namespaces_are_apart_in_memory_too() -> None:
    """A value of one is none of another."""
    remembered.options(namespace="one")()

    assert kinds(remembered.options(namespace="two")) == ["ran"]


@pytest.mark.usefixtures("empty_memory")
def test_a_mode_that_reads_nothing_reads_no_memory() -> None:
    """Memory is the first of the tiers."""
    remembered()

    assert kinds(remembered.options(cache_mode="off")) == ["ran"]


def test_the_limits_are_settings(tmp_path: Path) -> None:
    """The value that is larger than memory comes out of the store each time."""
    whorl.clear_memoizer()
    with config.options(filesystem=str(tmp_path / "store"), local_cache_size="10 B"):
        remembered(5)
        assert kinds(lambda: remembered(5)) == ["hit"]
        damage(tmp_path)
        assert kinds(lambda: remembered(5)) == ["ran"]
    whorl.clear_memoizer()
