"""Collections of dask's in memory: what is made of their parts is its caller's own, and they stay lazy."""

from __future__ import annotations

import itertools
import pickle
import threading
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import dask.bag as db
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from whorl.memory import Memory
from whorl.piecewise import is_read_anew
from whorl.private import private_copy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def in_this_process() -> Iterator[None]:
    """Let bags compute by threads too, for processes share nothing anyway; lists in columns stay lists."""
    with dask.config.set({"scheduler": "threads", "dataframe.convert-string": False}):
        yield


NUMBERS = itertools.count()


def frame(parts: int = 1) -> Any:
    """Make a frame that holds its parts; dask takes two of one content for the same, and these may be spoiled."""
    pandas = pd.DataFrame({"a": [1, 2, 3, 4], "o": pd.Series([[1], [2], [3], [4]], dtype=object)})
    pandas.index += next(NUMBERS)
    pandas.attrs["deep"] = {"a": 1}
    return dd.from_pandas(pandas, npartitions=parts).persist()  # type: ignore[attr-defined]


def series() -> Any:
    return frame()["o"].persist()


def array(*, of_objects: bool = False) -> Any:
    """Make an array of two blocks that are held in its graph."""
    held = np.empty(4, dtype=object if of_objects else "i8")
    held[:] = [[1], [2], [3], [4]] if of_objects else [1, 2, 3, 4]
    return da.from_array(held, chunks=2).persist()  # type: ignore[no-untyped-call]


def dataset(*, indexed: bool = False) -> xr.Dataset:
    """Make a dataset of dask's beside numpy's, with attributes in attributes."""
    coords = {"x": np.arange(4)} if indexed else {}
    made = xr.Dataset({"v": ("x", array()), "n": ("x", np.arange(4))}, coords=coords, attrs={"deep": {"a": 1}})
    made["v"].attrs["deep"] = [1]
    made["v"].encoding["deep"] = [1]
    return made


def spoil_pandas(part: Any) -> None:
    part["o"].iloc[0].append(9)
    part["a"].array[:] = -1
    part.loc[:, "b"] = 1
    part.attrs.get("deep", {})["a"] = 9


def spoil_block(block: Any) -> Any:
    block[:] = -1
    return block


def spoil_lists(parts: Any) -> None:
    for part in parts:
        part.append(9)


def spoil_dataset(made: xr.Dataset) -> None:
    made["v"].data.map_blocks(spoil_block, dtype="i8", meta=np.array([], "i8")).compute()
    made["v"].attrs["deep"].append(2)
    made["v"].encoding["deep"].append(2)
    made["n"][:] = -1
    made.attrs["deep"]["a"] = 9


class Box:
    """A class that has what it holds where nobody looks."""

    __slots__ = ("held",)

    def __init__(self, held: Any) -> None:
        self.held = held


def of_frame(value: Any) -> Any:
    whole = value.compute().reset_index(drop=True)
    return whole.to_dict(), whole.attrs


def of_dataset(made: Any) -> Any:
    return made.compute().to_dict(encoding=True)


FIRST: Callable[[Any], Any] = lambda value: value.to_delayed()[0].compute()  # noqa: E731
# How each is made, what is done with it, what can be seen of it.
HELD: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "a frame": (frame, lambda value: spoil_pandas(value.compute()), of_frame),
    "a partition": (lambda: frame(2), lambda value: spoil_pandas(value.partitions[0].compute()), of_frame),
    "a delayed partition": (lambda: frame(2), lambda value: spoil_pandas(FIRST(value)), of_frame),
    "a task's partition": (frame, lambda value: value.map_partitions(spoil_pandas, meta=(0, int)).compute(), of_frame),
    "a series": (series, lambda value: value.compute().iloc[0].append(9), of_frame),
    "a block": (array, lambda value: spoil_block(FIRST(value)), lambda value: value.compute().tolist()),
    "a task's block": (
        array,
        lambda value: value.map_blocks(spoil_block, dtype="i8", meta=np.array([], "i8")).compute(),
        lambda value: value.compute().tolist(),
    ),
    "an array of lists": (
        lambda: array(of_objects=True),
        lambda value: value.compute()[0].append(9),
        lambda value: [list(each) for each in value.compute()],
    ),
    "a bag": (
        lambda: db.from_sequence([[1], [2]]).persist(),  # type: ignore[no-untyped-call]
        lambda value: spoil_lists(value.compute()),
        lambda value: [list(each) for each in value.compute()],
    ),
    "a delayed value": (
        lambda: dask.delayed(lambda: [1])().persist(),  # type: ignore[attr-defined]
        lambda value: value.compute().append(9),
        lambda value: list(value.compute()),
    ),
    "a dataset": (dataset, spoil_dataset, of_dataset),
    "a dataset with an index": (lambda: dataset(indexed=True), spoil_dataset, of_dataset),
    "a data array": (
        lambda: dataset()["v"],
        lambda value: (FIRST(value.data).__setitem__(0, -1), value.attrs["deep"].append(2)),
        of_dataset,
    ),
    "a frame in a dict": (
        lambda: {"f": [frame()]},
        lambda value: spoil_pandas(value["f"][0].compute()),
        lambda value: of_frame(value["f"][0]),
    ),
    "a frame in a slot": (
        lambda: Box(frame()),
        lambda value: spoil_pandas(value.held.compute()),
        lambda value: of_frame(value.held),
    ),
    "a frame beside one of pandas": (
        lambda: [frame(), pd.DataFrame({"a": [1]})],
        lambda value: spoil_pandas(value[0].compute()),
        lambda value: of_frame(value[0]),
    ),
}


@pytest.mark.parametrize("name", HELD)
def test_what_a_caller_does_to_a_part_changes_it_for_nobody_else(name: str) -> None:
    """Neither what was put in, nor what came out, shares a part, an attribute or an array with what memory has."""
    make, spoil, look = HELD[name]
    memory, mine, whole = Memory(), make(), repr(look(make()))
    assert memory.put("key", mine)
    assert repr(look(memory.get("key"))) == whole

    spoil(mine)
    assert repr(look(memory.get("key"))) == whole
    spoil(memory.get("key"))
    assert repr(look(memory.get("key"))) == whole


@pytest.mark.parametrize("name", HELD)
def test_private_copies_share_no_part(name: str) -> None:
    """As consumers of a stage that is not stored have them."""
    make, spoil, look = HELD[name]
    value, whole = make(), repr(look(make()))
    copied: Any = private_copy(value)
    assert type(copied) is type(value)
    assert repr(look(copied)) == whole

    spoil(copied)
    assert repr(look(value)) == whole
    assert repr(look(private_copy(value))) == whole


def number() -> Any:
    return frame(2)["a"].sum()


ALIKE: dict[str, Callable[[], Any]] = {
    "frame": lambda: frame(2),
    "frame of unknown divisions": lambda: frame(2).clear_divisions(),
    "categories": lambda: dd.from_pandas(pd.DataFrame({"c": pd.Categorical(["x", "y"])}), npartitions=2),
    "numbered columns": lambda: dd.from_pandas(pd.DataFrame([[1, 2]], columns=[0, 1]), npartitions=1),
    "series": lambda: frame(2)["a"],
    "index": lambda: frame(2).index,
    "number": number,
    "array": array,
    "array of no axis": lambda: da.from_array(np.array(5)),  # type: ignore[no-untyped-call]
    "array of unknown length": lambda: array()[array() > 2],
    "masked array": lambda: da.ma.masked_equal(array(), 2),
    "bag": lambda: db.from_sequence([1, 2, 3], npartitions=2).map(float),  # type: ignore[no-untyped-call]
    "sum of a bag": lambda: db.from_sequence([1, 2]).sum(),  # type: ignore[no-untyped-call]
    "delayed": lambda: dask.delayed(divmod, nout=2)(7, 2),  # type: ignore[attr-defined]
    "delayed by a name": lambda: dask.delayed(len)([1], dask_key_name=("mine", 1)),  # type: ignore[attr-defined]
}


@pytest.mark.parametrize("name", ALIKE)
def test_a_copy_is_made_of_the_same(name: str) -> None:
    """In type, dtypes, divisions and chunks; it can be sent."""
    value = ALIKE[name]()
    memory = Memory()
    assert memory.put("key", value)

    for one in (private_copy(value), memory.get("key")):
        assert type(one) is type(value)
        for field in ("divisions", "chunks", "npartitions", "_meta", "_length"):
            if name.startswith("delayed") == (field == "_length") and hasattr(value, field):
                assert repr(getattr(one, field)) == repr(getattr(value, field))
        assert repr(one.compute()) == repr(value.compute())
        assert name == "bag" or repr(pickle.loads(pickle.dumps(one)).compute()) == repr(value.compute())


def test_what_is_given_out_is_computed_once_and_copied_late() -> None:
    """To get a value computes nothing; to use it computes no part of its plan again."""
    runs: list[int] = []

    def counted(part: Any) -> Any:
        runs.append(1)
        return part

    lazy = frame(2).map_partitions(counted, meta=frame()._meta)
    memory = Memory()
    memory.put("key", lazy)
    done = len(runs)

    assert done == 2
    assert memory.get("key")["a"].sum().compute() == 10
    assert len(runs) == done


def test_without_a_copy_dasks_values_are_shared() -> None:
    """For those who know what they do."""
    memory = Memory()
    memory.put("key", frame())

    assert memory.get("key", copy=False) is memory.get("key", copy=False)


def test_copies_have_names_of_their_own() -> None:
    """A cluster takes parts of one name for the same: those of a value, its copies, and what was kept before."""
    memory, values = Memory(), [array(), frame(), db.from_sequence([1]), dask.delayed(len)([1])]  # type: ignore[attr-defined, no-untyped-call]
    for value in values:
        memory.put("one", value)
        memory.put("other", value)
        made = [value, private_copy(value), private_copy(value), memory.get("one"), memory.get("one")]
        made += [memory.get(key, copy=False) for key in ("one", "other")]

        assert len({str(each.__dask_keys__()) for each in made}) == len(made)


def test_two_copies_of_a_frame_fit_together() -> None:
    """Row by row, though nothing is known of the index."""
    memory = Memory()
    memory.put("key", frame(2).clear_divisions())

    assert (memory.get("key")["a"] + memory.get("key")["a"]).compute().tolist() == [2, 4, 6, 8]


def test_values_of_several_kinds_are_kept_together() -> None:
    """Arrays are computed at once: what two come of is computed once."""
    runs: list[int] = []

    def counted(block: Any) -> Any:
        runs.append(1)
        return block

    both = array().map_blocks(counted, dtype="i8", meta=np.array([], "i8"))
    memory = Memory()
    assert memory.put("key", {"a": both + 1, "b": both + 2, "f": frame(), "l": db.from_sequence([1])})  # type: ignore[no-untyped-call]

    assert len(runs) == 2
    assert memory.get("key")["b"].compute().tolist() == [3, 4, 5, 6]


def test_a_part_that_has_no_copy_is_not_kept() -> None:
    """But a consumer gets it."""
    lock: Any = dask.delayed(threading.Lock)()  # type: ignore[attr-defined]

    assert not Memory().put("key", lock)
    assert private_copy(lock).compute().acquire()  # type: ignore[attr-defined]


def test_a_dataset_cut_in_different_places_is_kept() -> None:
    """It has no chunks that xarray could name."""
    made = xr.Dataset({"a": ("x", da.arange(4, chunks=2)), "b": ("x", da.arange(4, chunks=4))})
    memory = Memory()

    assert memory.put("key", made)
    assert memory.usage() == (0, made.nbytes)
    assert memory.get("key")["a"].chunks == ((2, 2),)


def test_what_is_read_from_files_is_read_as_before(tmp_path: Path) -> None:
    """A copy between would hide from dask which columns and rows are wanted; nobody shares what is read each time."""
    pd.DataFrame({"a": [1, 2], "b": [3, 4]}).to_parquet(tmp_path / "t.parquet")
    xr.Dataset({"v": (("t", "x"), np.ones((4, 5)))}).to_netcdf(tmp_path / "d.nc")
    table = dd.read_parquet(tmp_path / "t.parquet")
    with xr.open_dataset(tmp_path / "d.nc", chunks={}) as lazy, xr.open_dataset(tmp_path / "d.nc") as remembering:
        assert is_read_anew(table[table["a"] > 1])
        assert is_read_anew(lazy["v"][1:].data)
        for value in (table, lazy["v"].data):
            copied: Any = private_copy(value)
            assert list(copied.__dask_keys__()) == list(value.__dask_keys__())
            copied[0 if value is not table else "c"] = 5
            assert list(copied.__dask_keys__()) != list(value.__dask_keys__())

        assert not is_read_anew(remembering.chunk()["v"].data)
        assert not is_read_anew(lazy.persist()["v"].data)
        assert not is_read_anew(table.map_partitions(lambda part: part))
        assert not is_read_anew(table.persist())
        assert not is_read_anew(table.merge(pd.DataFrame({"a": [1]})))
