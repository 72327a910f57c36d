"""Frames of dask: one file per partition, written and read by its workers, never gathered."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

from contracts.payload import through
from whorl import cache, config, timeseries
from whorl.errors import CorruptEntryError, FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """Give a test a store of its own."""
    with config.options(filesystem=str(tmp_path / "store")):
        yield tmp_path / "store"


def plain() -> pd.DataFrame:
    """Make a frame of what a partition may have."""
    return pd.DataFrame(
        {
            "time": pd.date_range("2020-01-01", periods=100),
            "kind": pd.Categorical(["x", "y"] * 50),
            "text": [f"t{number}" for number in range(100)],
            "number": np.arange(100),
        },
        index=pd.Index(range(0, 200, 2), name="key"),
    )


def test_a_frame_comes_back_with_its_partitions(tmp_path: Path) -> None:
    """Divisions, dtypes, index and rows."""
    value = dd.from_pandas(plain(), npartitions=4)
    found: Any = through("parquet", value, tmp_path)

    assert isinstance(found, dd.DataFrame)
    assert found.divisions == value.divisions
    pd.testing.assert_frame_equal(found.compute(), value.compute())


def test_unknown_divisions_stay_unknown(tmp_path: Path) -> None:
    """And an empty partition is one."""
    value = dd.from_pandas(plain(), npartitions=4).clear_divisions()
    value = value[value["number"] > 60]
    found: Any = through("parquet", value, tmp_path)

    assert not found.known_divisions
    assert found.npartitions == 4
    assert found["number"].compute().tolist() == list(range(61, 100))


@timeseries()
@cache()
def frame(start_time: str | None = None, end_time: str | None = None) -> dd.DataFrame:
    return dd.from_pandas(plain(), npartitions=4)


@pytest.mark.usefixtures("store")
def test_a_stage_gives_what_is_stored_not_the_plan(tmp_path: Path) -> None:
    """The plan could read something else tomorrow."""
    raw = tmp_path / "raw.csv"
    plain().to_csv(raw)

    @cache(name="reads")
    def reads(path: str) -> dd.DataFrame:
        return dd.read_csv(path)

    first = reads(str(raw))
    raw.write_text("key,number\n1,1\n", encoding="utf-8")

    assert len(first) == 100
    assert len(reads(str(raw))) == 100
    assert [entry.format for entry in reads.entries()] == ["parquet"]


@pytest.mark.usefixtures("store")
def test_windows_and_engines_work_on_it() -> None:
    """Lazily, until somebody computes."""
    assert len(frame("2020-01-10", "2020-01-12")) == 3
    assert isinstance(frame.options(engine="pandas")(), pd.DataFrame)


def test_a_damaged_partition_is_found_when_it_is_read(store: Path) -> None:
    """Others are not read for that."""
    frame()
    (part,) = store.rglob("part-000002.parquet")
    part.write_bytes(part.read_bytes()[:-4] + b"\0\0\0\0")
    found = frame()

    assert len(found.get_partition(0)) == 25
    with pytest.raises(CorruptEntryError), dask.config.set(scheduler="synchronous"):
        found.compute()


def test_partitions_that_cannot_be_held_are_refused(tmp_path: Path) -> None:
    """As a frame of theirs would be."""

    def part(_: int) -> pd.DataFrame:
        return pd.DataFrame({"a": [[1], {2}]}, dtype=object)

    with dask.config.set({"dataframe.convert-string": False}):
        value = dd.from_map(part, [1], meta=part(1))  # type: ignore[no-untyped-call]
        with pytest.raises(FormatError, match="cannot hold this DataFrame"):
            through("parquet", value, tmp_path)


@pytest.mark.usefixtures("store")
def test_a_plan_of_another_kind_is_refused() -> None:
    """What it gives would be computed anew each time, out of whatever is there then."""

    @cache()
    def array() -> Any:
        return da.ones(10)  # type: ignore[no-untyped-call]

    with pytest.raises(FormatError, match="a plan of dask") as caught:
        array()
    assert "compute()" in caught.value.tip


LIMITED = """
import resource
import dask, dask.dataframe as dd, numpy as np, pandas as pd
import whorl
dask.config.set(scheduler="threads", num_workers=2)

def part(number):
    return pd.DataFrame({"a": np.random.default_rng(number).normal(size=2_000_000)})

@whorl.cache()
def large():
    return dd.from_map(part, range(60), meta=pd.DataFrame({"a": [0.5]}))

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
total = float(large()["a"].sum().compute())
again = float(large()["a"].sum().compute())
assert total == again
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process")
@pytest.mark.timeout(300)
def test_a_frame_larger_than_memory_is_written_and_read(tmp_path: Path) -> None:
    """Of 960 MB in partitions of 16 MB a process never holds more than a part."""
    (tmp_path / "pyproject.toml").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280
    )

    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 480
