"""A number of MB in, large values of each kind that hashing.md has a target for, and their peers, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import datasets
import numpy as np
import pandas as pd
import peers
import pyarrow as pa
import xarray as xr
from targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

blake3 = peers.imported("blake3")
dask = peers.imported("dask.base")
joblib = peers.imported("joblib")

JOBLIB, DASK, BUFFERS = "joblib.hash", "dask.base.tokenize", "BLAKE3 of the buffers"
PANDAS = "pandas.util.hash_pandas_object"
_STRINGS = 2_000  # per MB: 2 million for what is called 1 GB
_FEW = 100_000
_COLUMNS = 5


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value, how it is made, and the least speeds that are asked of whorl: per peer, by processors."""

    name: str
    make: Callable[[int], object]
    speeds: dict[str, dict[int, float]]

    def targets(self, cpus: int) -> list[Target]:
        """Give the targets for so many processors."""
        text = f"{self.name}, {cpus} thread{'s' if cpus > 1 else ''}"
        return [Target(3, text, bounds[cpus], peer, faster=True) for peer, bounds in self.speeds.items()]


def array(megabytes: int) -> np.ndarray:
    return np.random.default_rng(0).random(megabytes * 125_000)


def frame(megabytes: int) -> pd.DataFrame:
    """Make a frame of numbers, half of them whole."""
    random, rows = np.random.default_rng(0), megabytes * 125_000 // (2 * _COLUMNS)
    whole = {f"whole-{number}": random.integers(0, 2**62, rows) for number in range(_COLUMNS)}
    return pd.DataFrame(whole | {f"measured-{number}": random.random(rows) for number in range(_COLUMNS)})


def dataset(megabytes: int) -> xr.Dataset:
    """Make a data set of two variables on a common grid."""
    half = array(megabytes).reshape(2, -1, 100)
    return xr.Dataset(
        {"wind": (("time", "place"), half[0]), "rain": (("time", "place"), half[1])},
        coords={"time": pd.date_range("2013-01-01", periods=half.shape[1], freq="s"), "place": np.arange(100)},
        attrs={"source": "made up"},
    )


def table(megabytes: int) -> pa.Table:
    """Make a table of times, numbers with gaps, and text."""
    return pa.Table.from_pandas(datasets.flights(megabytes), preserve_index=False)


def strings(megabytes: int) -> np.ndarray:
    return np.array([f"name-{number}" for number in range(megabytes * _STRINGS)], dtype=object)


def small_things(_megabytes: int) -> list[object]:
    """Make a list of 100,000 integers and as many strings, whatever the size."""
    return [*range(_FEW), *(f"name-{number}" for number in range(_FEW))]


_NUMBERS = {JOBLIB: {1: 6, 2: 10}, BUFFERS: {1: 0.95, 2: 0.95}}
KINDS = (
    Kind("ndarray", array, _NUMBERS),
    Kind("DataFrame", frame, _NUMBERS),
    Kind("Dataset", dataset, _NUMBERS),
    Kind("Arrow table", table, {JOBLIB: {1: 15, 2: 15}}),
    Kind("object strings", strings, {JOBLIB: {1: 40, 2: 40}, DASK: {1: 3, 2: 3}}),
    Kind("1e5 ints and 1e5 strings", small_things, {}),
)


def peers_of(value: object, cpus: int) -> dict[str, Callable[[], object]]:
    """Give what whorl is compared with."""
    found = {JOBLIB: lambda: joblib.hash(value), DASK: lambda: dask.tokenize(value)}
    memories = list(buffers(value))
    if memories:
        found[BUFFERS] = lambda: blake3_of(memories, cpus)
    if isinstance(value, pd.DataFrame):
        found[PANDAS] = lambda: pd.util.hash_pandas_object(value)
    return found


def blake3_of(memories: Iterable[memoryview], cpus: int) -> bytes:
    """Hash memory and nothing else, in its order."""
    hasher = blake3.blake3(max_threads=1 if cpus == 1 else blake3.blake3.AUTO)
    for memory in memories:
        hasher.update(memory)
    return hasher.digest()


def buffers(value: object) -> Iterable[memoryview]:
    """Give the memory of a value's numbers; nothing where it is scattered."""
    match value:
        case np.ndarray() if value.dtype != object:
            yield memoryview(value).cast("B")
        case pd.DataFrame():
            for name in value:
                yield from buffers(np.ascontiguousarray(value[name].to_numpy()))
        case xr.Dataset():
            for variable in value.variables.values():
                yield from buffers(np.ascontiguousarray(variable.to_numpy()).view("u1"))
        case pa.Table():
            for column in value.columns:
                for chunk in column.chunks:
                    yield from (memoryview(part).cast("B") for part in chunk.buffers() if part)
