"""How a zarr is cut into chunks, and how much of it is read."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import whorl
from whorl import cache, config, timeseries
from whorl.errors import ConfigError, FormatError, WhorlWarning
from whorl.formats.schema.chunking import chunk_options
from whorl.store.lazy import LazyFiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TIMES = pd.date_range("2020-01-01", periods=400)


@pytest.fixture(autouse=True)
def store(tmp_path: Path) -> Iterator[Path]:
    """Give each test a store of its own."""
    with config.options(filesystem=str(tmp_path / "store")):
        yield tmp_path / "store"


def heights(*, places: int = 50, blocks: int | None = None) -> xr.Dataset:
    """Make a dataset of 400 days and some places."""
    data: Any = np.random.default_rng(1).normal(size=(len(TIMES), places))
    if blocks is not None:
        data = da.from_array(data, chunks=(blocks, places))  # type: ignore[no-untyped-call]
    return xr.Dataset({"height": (("time", "place"), data)}, coords={"time": TIMES, "place": range(places)})


def chunks_of(store: Path, stage: Any) -> tuple[int, ...]:
    """Give the chunks that the newest entry of a stage was written in."""
    (entry,) = stage.entries()
    (path,) = store.rglob(f"{entry.payload}/zarr.json")
    metadata = json.loads(path.read_text(encoding="utf-8"))["consolidated_metadata"]["metadata"]["height"]
    return tuple(metadata["chunk_grid"]["configuration"]["chunk_shape"])


@cache(backend_kwargs={"chunking": {"time": 100, "other": 3}, "chunk_size_lower_limit_mb": 0})
def chunked() -> xr.Dataset:
    return heights()


@cache(
    backend_kwargs={
        "chunking": {"time": 100},
        "chunk_by_arg": {"kind": {"long": {"time": 200}, "all": {"time": -1, "place": 10}}},
        "chunk_size_lower_limit_mb": 0,
    }
)
def by_argument(kind: str = "") -> xr.Dataset:
    return heights()


def test_chunks_are_of_the_lengths_that_are_asked_for(store: Path) -> None:
    """A dimension that a value does not have is left out."""
    chunked()

    assert chunks_of(store, chunked) == (100, 50)


@pytest.mark.parametrize(("kind", "expected"), [("", (100, 50)), ("long", (200, 50)), ("all", (400, 10))])
def test_lengths_may_depend_on_an_argument(store: Path, kind: str, expected: tuple[int, ...]) -> None:
    """What they are settled to is in the manifest."""
    value = by_argument(kind)

    assert chunks_of(store, by_argument) == expected
    assert whorl.hash_value(value) == whorl.hash_value(heights())
    assert "chunk_by_arg" not in by_argument.entries()[0].format_options


@pytest.mark.usefixtures("store")
def test_chunking_gives_blocks_of_dask_whether_it_ran_or_was_found() -> None:
    """As Nuthatch gives them, also of what was in memory."""

    @cache(backend_kwargs={"chunking": {"time": 100}, "chunk_size_lower_limit_mb": 0}, name="in memory")
    def in_memory() -> xr.Dataset:
        return heights().load()

    first, second = in_memory(), in_memory()

    assert first.chunks["time"][0] == second.chunks["time"][0] == 100
    assert first.identical(in_memory.__wrapped__())


def test_an_argument_that_the_call_does_not_have_is_an_error() -> None:
    """It would be a misspelling."""
    with pytest.raises(FormatError, match="names an argument 'kin'"):
        chunk_options({"chunk_by_arg": {"kin": {"x": {}}}}, {"kind": 1})


@pytest.mark.parametrize("target", [0.01, 0.05, 0.2])
def test_blocks_for_reading_have_about_the_size_that_is_asked_for(target: float) -> None:
    """More than half of it, and not more; the value is the same."""

    @cache(
        name=f"blocks-{target}",
        backend_kwargs={
            "chunking": {"time": 5},
            "target_read_chunk_size_mb": target,
            "auto_rechunk": True,
            "chunk_size_lower_limit_mb": 0,
        },
    )
    def source() -> xr.Dataset:
        return heights()

    source()
    array = source()["height"].data

    assert isinstance(array, da.Array)
    assert target / 2 <= np.prod(array.chunksize) * 8 / 1e6 <= target
    assert whorl.hash_value(source()) == whorl.hash_value(heights())


def test_chunks_out_of_bounds_are_warned_of_but_a_single_one() -> None:
    """Too small, too large; one chunk is as large as the value."""

    def make(name: str, **options: object) -> Any:
        return cache(name=name, version=name, backend_kwargs=options)(heights)  # else one is kept for the others

    with pytest.warns(WhorlWarning, match="are small"):
        make("small", chunking={"time": 10})()
    with pytest.warns(WhorlWarning, match="are large"):
        make("large", chunking={"time": 200}, chunk_size_upper_limit_mb=0.01)()
    make("single", chunking={"time": -1, "place": -1})()
    make("plain")()


@pytest.mark.parametrize(
    "options",
    [
        {"chunking": 3},
        {"chunking": {"time": 0}},
        {"chunks": {"time": 1}, "chunking": {"time": 1}},
        {"auto_rechunk": "yes"},
        {"target_read_chunk_size_mb": -1},
        {"chunk_by_arg": {"kind": 3}},
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, object]) -> None:
    """Before anything is written."""

    def source(kind: str = "a") -> xr.Dataset:
        return heights()

    with pytest.raises(ConfigError):
        cache(name="refused", backend_kwargs=options)(source)()


@timeseries()
@cache(backend_kwargs={"chunks": {"time": 10}})
def windowed(start_time: str | None = None, end_time: str | None = None) -> xr.Dataset:
    return heights(blocks=20)


def test_chunks_outside_of_a_window_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty chunks are stored, two are read for a fortnight."""
    windowed()
    read: list[str] = []
    plain = LazyFiles.read

    def counted(self: LazyFiles, name: str) -> bytes:
        read.append(name)
        return plain(self, name)

    monkeypatch.setattr(LazyFiles, "read", counted)
    found = windowed("2020-03-02", "2020-03-15").load()

    assert found.sizes["time"] == 14
    assert len({name for name in read if name.startswith("height/c")}) <= 3


LIMITED = """
import resource, sys
import numpy as np, dask.array as da, xarray as xr
import whorl
import zarr, dask
dask.config.set(scheduler="threads", num_workers=2)

@whorl.cache(backend_kwargs={"chunks": {"time": 100}})
def large():
    data = da.random.default_rng(1).normal(size=(10000, 20000), chunks=(100, 20000))
    return xr.Dataset({"height": (("time", "place"), data)})

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
value = large()
total = float(value["height"].sum())
again = float(large()["height"].sum())
used = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
assert total == again
print(value.nbytes / 1e6, used)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process")
@pytest.mark.timeout(300)
def test_a_dataset_larger_than_memory_is_written_and_read(tmp_path: Path) -> None:
    """Of 1600 MB in blocks of 16 MB a process never holds more than a part."""
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
    (tmp_path / "pyproject.toml").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stderr
    size, used = map(float, done.stdout.split())

    assert size == 1600
    assert used < size / 2
