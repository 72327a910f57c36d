"""Lazy arrays of xarray and dask: their values count, chunks and tokens do not, and they are never whole in memory."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import dask
import dask.array as da
import dask.bag as db
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from whorl.errors import UndigestableError
from whorl.fingerprint.values import hash_value

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WEATHER = xr.Dataset(
    {
        "t2m": (("time", "x"), np.arange(12.0).reshape(3, 4), {"units": "K"}),
        "rain": (("x", "time"), np.arange(12, dtype="i2").reshape(4, 3)),
        "flag": ((), np.True_),
    },
    coords={"time": np.arange(3) * 2.0, "label": ("x", np.array(["a", "b", "c", "d"], "U1")), "x": [3, 1, 2, 0]},
    attrs={"title": "weather"},
)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 3), st.integers(1, 4))
def test_chunks_do_not_count(time: int, x: int) -> None:
    """A lazy dataset, however it is cut, is the loaded one."""
    assert hash_value(WEATHER.chunk({"time": time, "x": x})) == hash_value(WEATHER)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2), st.integers(0, 3))
def test_one_lazy_value_counts(row: int, column: int) -> None:
    """One changed value, in whichever chunk, is another dataset."""
    changed = WEATHER.copy(deep=True)
    changed["t2m"][row, column] += 1

    assert hash_value(changed.chunk({"time": 2, "x": 3})) != hash_value(WEATHER.chunk({"time": 2, "x": 3}))


@pytest.mark.parametrize(
    "open_it",
    [
        lambda path: xr.open_zarr(path / "zarr", chunks=None, consolidated=False),
        lambda path: xr.open_zarr(path / "zarr", consolidated=False),
        lambda path: xr.open_dataset(path / "data.nc", engine="scipy"),
        lambda path: xr.open_dataset(path / "data.nc", engine="scipy", chunks={"time": 1}),
    ],
    ids=["zarr", "zarr by dask", "netcdf", "netcdf by dask"],
)
def test_what_lies_in_a_file_counts_by_its_values_and_stays_there(
    tmp_path: Path, open_it: Callable[[Path], xr.Dataset]
) -> None:
    """Digesting loads nothing for good; what was loaded later has the same digest."""
    numbers = WEATHER.drop_vars(["label", "flag"])
    numbers.to_zarr(tmp_path / "zarr", consolidated=False)
    numbers.to_netcdf(tmp_path / "data.nc", engine="scipy")
    with open_it(tmp_path) as opened:
        digest = hash_value(opened)

        assert not opened["t2m"].variable._in_memory
        assert hash_value(opened.load()) == digest
        assert hash_value(opened["rain"].variable) == hash_value(numbers["rain"].variable)


def test_one_lazy_moment_counts_as_a_loaded_one() -> None:
    """A variable without dimensions, of times too, which come as scalars of numpy."""
    for moment in (np.datetime64("2020-01-01", "ns"), np.timedelta64(5, "s"), 1.5, "text"):
        variable = xr.Dataset({"v": moment})

        assert hash_value(variable.chunk()) == hash_value(variable)


def test_everything_that_code_can_see_of_a_dataset_counts() -> None:
    """Dimensions, coordinates, attributes, order and names; not how it was or will be written."""
    lazy = WEATHER.chunk({"time": 2})
    different = [
        WEATHER,
        WEATHER.rename(t2m="t"),
        WEATHER.rename_dims(time="t"),
        WEATHER.assign_attrs(title="other"),
        WEATHER.reset_coords("label"),
        WEATHER.drop_vars("label"),
        WEATHER.drop_indexes("x"),
        WEATHER[["rain", "t2m", "flag"]],
        WEATHER.transpose("x", "time"),
        WEATHER.isel(x=slice(None, None, -1)),
        WEATHER.astype("f4"),
        WEATHER["t2m"],
        WEATHER["t2m"].rename("t"),
        WEATHER["t2m"].variable,
        xr.DataTree(WEATHER),
        xr.DataTree(WEATHER, name="root"),
        xr.DataTree(children={"a": xr.DataTree(WEATHER)}),
    ]
    written = WEATHER.copy()
    written["t2m"].encoding["dtype"] = "i2"

    assert len({hash_value(value) for value in different}) == len(different)
    assert hash_value(written) == hash_value(WEATHER) == hash_value(lazy)
    assert hash_value(xr.DataTree(lazy)) == hash_value(xr.DataTree(WEATHER))


class Scaled(xr.indexes.PandasIndex):
    """An index of xarray with a parameter."""

    def __init__(self, array: object, dim: str, scale: object = 1) -> None:
        super().__init__(array, dim)
        self.scale = scale


def indexed(make: Callable[[], xr.Index]) -> xr.Dataset:
    """Give a dataset whose coordinate ``x`` has an index."""
    return xr.Dataset(coords=xr.Coordinates({"x": [0, 1]}, indexes={"x": make()}))


@pytest.mark.parametrize("give", [lambda dataset: dataset, lambda dataset: dataset["x"]], ids=["dataset", "array"])
def test_parameters_of_indexes_count(give: Callable[[xr.Dataset], object]) -> None:
    """Code selects by them."""
    times = pd.date_range("2020", periods=2)
    made = [
        *(indexed(lambda scale=scale: Scaled([0, 1], "x", scale)) for scale in (1, 2)),
        indexed(lambda: xr.indexes.PandasIndex([0, 1], "x")),
        *(xr.Dataset(coords={"x": index}) for index in (times, pd.DatetimeIndex(list(times)))),
    ]

    assert len({hash_value(give(dataset)) for dataset in made}) == len(made)
    assert hash_value(give(made[0])) == hash_value(give(indexed(lambda: Scaled([0, 1], "x"))))
    assert hash_value(give(made[3])) == hash_value(give(made[3].copy(deep=True)))


def test_an_index_that_cannot_be_read_is_refused() -> None:
    """With the way to it."""
    with pytest.raises(UndigestableError, match=r"\.indexes"):
        hash_value(indexed(lambda: Scaled([0, 1], "x", iter([]))))


def test_variables_of_another_class_count() -> None:
    """An IndexVariable has no values that could be changed."""
    assert hash_value(xr.IndexVariable("x", [1])) != hash_value(xr.Variable("x", [1]))


def test_categories_in_a_variable_count() -> None:
    """An array of pandas in a variable is more than its values."""
    one, two = (xr.Variable("x", pd.Categorical(["a", "b"], categories=list(order))) for order in ("ab", "ba"))

    assert hash_value(one) != hash_value(two)


def test_arrays_of_dask_count_by_their_values() -> None:
    """Neither by their token nor by their chunks; and they are no arrays of numpy."""
    matrix = np.arange(30.0).reshape(5, 6)
    lazy = [da.from_array(matrix, chunks=chunks) for chunks in (1, (2, 6), (5, 2), -1)]
    lazy += [da.from_array(matrix - 1, chunks=3) + 1, da.from_array(np.asfortranarray(matrix), chunks=(5, 1))]
    different = [lazy[0], lazy[0].T, lazy[0].astype("f4"), lazy[0][::-1], lazy[0] + 1, lazy[0].reshape(30), matrix]

    assert len({hash_value(value) for value in lazy}) == 1
    assert len({hash_value(value) for value in different}) == len(different)


def test_lazy_arrays_of_every_kind_have_digests() -> None:
    """Without axes, without elements, with objects."""
    arrays = [
        np.array(5),
        np.zeros((0, 3)),
        np.array(["a", None], object),
        np.array(["2020"], "M8[D]"),
        np.ones(3, "g"),
    ]
    for array in arrays:
        lazy = xr.Variable([str(axis) for axis in range(array.ndim)], da.from_array(array, chunks=-1))

        assert hash_value(lazy) == hash_value(lazy.compute())


def test_an_array_that_lies_about_its_parts_is_refused() -> None:
    """The digest would not be that of the computed array."""
    lying = da.ones(4, chunks=2).map_blocks(lambda block: block.astype("f4"), dtype="f8")
    with pytest.raises(UndigestableError, match="not what it says"):
        hash_value(lying)


@pytest.mark.parametrize(
    "make",
    [
        lambda: dask.delayed(len)([1]),
        lambda: db.from_sequence([1]),
        lambda: dd.from_pandas(pd.DataFrame({"a": [1]}), npartitions=1),
        lambda: da.ones(4)[da.ones(4) > 0],
    ],
    ids=["delayed", "bag", "frame", "unknown chunks"],
)
def test_what_cannot_be_read_part_by_part_is_refused(make: Callable[[], object]) -> None:
    """A graph says how values are made, not what they are; the tip says what to do."""
    with pytest.raises(UndigestableError, match=r"^value\[0\]: ") as raised:
        hash_value([make()])

    assert "compute" in raised.value.tip


MEASURE = """
import resource, numpy as np, dask.array as da, xarray as xr
from whorl import hash_value
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
hash_value(xr.Dataset({"a": ("x", da.ones(10))}))
before = peak()
hash_value(xr.Dataset({"a": (("x", "y"), da.random.random((1200, 125_000), chunks=(%s)))}))
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="measures memory in the way of Linux")
@pytest.mark.parametrize("chunks", ["50, 125_000", "1200, 1000"], ids=["rows", "columns"])
def test_a_lazy_array_is_never_whole_in_memory(chunks: str) -> None:
    """Of 1.2 GB there are some hundred megabytes at a time."""
    script = textwrap.dedent(MEASURE % chunks)
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)

    assert int(done.stdout) < 800
