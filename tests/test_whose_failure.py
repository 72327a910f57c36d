"""An error while a value is written: the store's costs no result, and what a lazy value is read from is the user's."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pytest
import xarray as xr

from store_examples import child_environment
from whorl import config, stage
from whorl.errors import StoreError, StoreWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IS_POSIX = os.name == "posix"
HELD: list[object] = []


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """Give a test a store of its own."""
    with config.options(filesystem=str(tmp_path / "store")):
        yield tmp_path / "store"


def given() -> object:
    """Return the value that a stage stores; it is no part of its code."""
    return HELD[0]


def settled(value: object, name: str) -> tuple[object, list[str]]:
    """Return a value from a stage that stores it; give what came, and the kinds of whorl's warnings."""

    @stage(cache=True, format=name, version="1", ignore=[given])
    def made() -> object:
        return given()

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", StoreWarning)
        HELD[:] = [value]
        found = made()
    return found, [type(one.message).__name__ for one in seen if isinstance(one.message, StoreWarning)]


def parts(work: Callable[[pd.DataFrame], pd.DataFrame]) -> dd.DataFrame:
    """Make a lazy frame, something of which is done when it is written."""
    frame = pd.DataFrame({"number": np.arange(2000), "text": [f"t{each}" for each in range(2000)]})
    return dd.from_pandas(frame, npartitions=2).map_partitions(work, meta=frame.iloc[:0])


def blocks(work: Callable[[np.ndarray], np.ndarray]) -> xr.Dataset:
    """Make a lazy dataset likewise, too large to be written in memory."""
    values = da.from_array(np.arange(640_000.0).reshape(800, 800), chunks=400)
    return xr.Dataset({"v": (("y", "x"), values.map_blocks(work, dtype="f8", meta=np.empty((0, 0))))})


LAZY = {"parquet": parts, "delta": parts, "zarr": blocks}


@pytest.mark.parametrize("name", LAZY)
@pytest.mark.skipif(not IS_POSIX, reason="files in use are not removed there")
def test_a_store_that_fails_under_a_lazy_value_costs_no_result(store: Path, name: str) -> None:
    """The folder that it is written to is a file now, which is ENOTDIR, or ENOENT: a user's file may say so too."""
    is_broken = True

    def work(part: Any) -> Any:
        for folder in (store / "tmp").iterdir() if is_broken else ():
            if folder.is_dir():
                shutil.rmtree(folder, ignore_errors=True)
                folder.write_text("no folder")
        return part

    with dask.config.set(scheduler="synchronous"):
        found, warned = settled(LAZY[name](work), name)
        is_broken = False
        whole: Any = found.compute()  # type: ignore[attr-defined]

    assert warned == ["StoreWarning"]
    assert len(whole["v" if name == "zarr" else "number"]) == (800 if name == "zarr" else 2000)


@pytest.mark.parametrize("name", LAZY)
@pytest.mark.usefixtures("store")
def test_a_raw_file_that_is_missing_while_a_lazy_value_is_written_is_the_users_error(tmp_path: Path, name: str) -> None:
    """As is one that is a folder; nothing is said of the store."""
    places = {FileNotFoundError: tmp_path / "raw.csv", IsADirectoryError: tmp_path, NotADirectoryError: None}
    for kind, place in places.items():

        def work(part: Any, place: Path = place or Path(__file__) / "raw.csv") -> Any:
            if len(part):
                place.read_text()
            return part

        with pytest.raises(kind) as caught:
            settled(LAZY[name](work), name)

        assert not isinstance(caught.value, StoreError)


@pytest.mark.usefixtures("store")
def test_a_raw_file_that_is_missing_under_a_plan_of_polars_is_the_users_error(tmp_path: Path) -> None:
    """Its error has a path in its words alone."""
    plan = pl.scan_csv(tmp_path / "raw.csv", schema={"number": pl.Int64})

    with pytest.raises(FileNotFoundError):
        settled(plan, "parquet")


@pytest.mark.usefixtures("store")
@pytest.mark.skipif(not IS_POSIX, reason="limits the size of files as POSIX does")
def test_what_a_disk_says_elsewhere_is_the_users_error(tmp_path: Path) -> None:
    """EFBIG of a file that the plan of a lazy value writes, which the error names."""
    import resource

    place = tmp_path / "own"
    place.write_text("own")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def work(part: pd.DataFrame) -> pd.DataFrame:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, before[1]))
        try:
            os.truncate(place, 1 << 20)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        return part

    with dask.config.set(scheduler="synchronous"), pytest.raises(OSError, match="too large") as caught:
        settled(parts(work), "parquet")

    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(place))


@pytest.mark.usefixtures("store")
@pytest.mark.skipif(not IS_POSIX or os.geteuid() == 0, reason="NOT TRIED: root may read everything")
def test_a_file_that_may_not_be_read_is_the_users_error(tmp_path: Path) -> None:
    """EACCES of what a path leads to, which the format file copies."""
    (tmp_path / "closed").write_text("closed")
    (tmp_path / "closed").chmod(0)

    with pytest.raises(PermissionError):
        settled(tmp_path / "closed", "file")


LIMITED = """
import os, resource, sys, warnings
import dask.dataframe as dd, numpy as np, pandas as pd, xarray as xr
from pathlib import Path
import whorl
name, kind = sys.argv[1].split()
root = Path(sys.argv[2])
whorl.configure(filesystem=str(root / "store"))
chance = np.random.default_rng(0)
frame = pd.DataFrame({"share": chance.random(60_000), "number": chance.integers(0, 1 << 40, 60_000)})
maps = xr.Dataset({"v": (("y", "x"), chance.random((600, 500)))})
(root / "raw").write_bytes(chance.bytes(500_000))
value = {
    "frame": frame, "parts": dd.from_pandas(frame, npartitions=3), "maps": maps, "blocks": maps.chunk({"y": 100}),
    "array": maps.v.values, "list": frame.share.tolist(), "path": root / "raw",
}[kind]

def given():
    return value

@whorl.stage(cache=True, format=name, version="1", ignore=[given])
def made():
    return given()

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always", whorl.errors.WhorlWarning)
    found = made()
    print(type(found) is type(value), made.last.stored, [type(each.message).__name__ for each in seen])
    if hasattr(found, "equals"):
        print(found.equals(value))
"""
SIZED = (
    *("parquet frame", "feather frame", "hdf frame", "delta frame", "json list", "npy array", "netcdf maps"),
    *("parquet parts", "delta parts", "zarr blocks", "netcdf blocks", "file path"),
)


@pytest.mark.slow
@pytest.mark.parametrize("case", SIZED)
@pytest.mark.skipif(not IS_POSIX, reason="limits the size of files as POSIX does")
def test_a_limit_of_the_size_of_files_costs_no_result(tmp_path: Path, case: str) -> None:
    """EFBIG, of whatever the library of a format makes of it, under values that are loaded and such that are not."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, case, str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=child_environment(),
    )

    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[0] == "True False ['StoreWarning']", done.stdout + done.stderr[-2000:]
    assert "False" not in done.stdout.splitlines()[1:]


SAID = """
import os, resource, sys
import pyarrow as pa, pyarrow.parquet as pq
from whorl.store.disk import is_below
own, other = sys.argv[1:]
table, held = pa.table({"a": [1]}), []
pq.write_table(table, os.path.join(other, "warm"))

def told():
    for folder in (own, other):
        for name in ("plain", "long" * 100):
            for write in (lambda path: pq.write_table(table, path), lambda path: open(path, "w")):
                try:
                    write(os.path.join(folder, name))
                except OSError as error:
                    print(error.errno, is_below(error, own) == (folder == own))

told()
resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))
try:
    while True:
        held.append(open(os.devnull))
except OSError:
    told()
held.clear()
os.chmod(own, 0)
os.chmod(other, 0)
if os.geteuid() == 0:
    os.seteuid(65534)
told()
"""


@pytest.mark.skipif(not IS_POSIX, reason="limits files as POSIX does")
def test_an_error_is_of_the_folder_that_it_names(tmp_path: Path) -> None:
    """ENAMETOOLONG, EMFILE and EACCES, of Python, which names the path, and of Arrow, which words it."""
    folders = [tmp_path / "the store's", tmp_path / "another"]
    for folder in folders:
        folder.mkdir()
    command = [sys.executable, "-c", SAID, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=child_environment())
    for folder in folders:
        folder.chmod(0o700)
    told = [line.split() for line in done.stdout.splitlines()]

    assert done.returncode == 0, done.stderr[-2000:]
    assert {int(number) for number, _ in told} == {errno.ENAMETOOLONG, errno.EMFILE, errno.EACCES}
    assert {is_right for _, is_right in told} == {"True"}
