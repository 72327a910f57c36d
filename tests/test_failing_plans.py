"""Work of dask's that fails while other tasks of it write: nothing goes on writing into what is being removed."""

from __future__ import annotations

import importlib
import os
import pickle
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr

from whorl import cache, config
from whorl.formats.schema.gate import Gate
from whorl.store.disk import remove_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE = 30


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """Give a test a store of its own, and dask two threads, however many cores there are."""
    with config.options(filesystem=str(tmp_path / "store")), dask.config.set(num_workers=2):
        yield tmp_path / "store"


class Slow:
    """A writer that says when it has begun and when it is done."""

    def __init__(self, write: Callable[..., Any]) -> None:
        self.write = write
        self.name = uuid.uuid4().hex
        self.has_begun, self.is_done = threading.Event(), threading.Event()

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """Say what dask names a plan by, another than before; events cannot be pickled."""
        return (str, (self.name,))

    def __call__(self, *arguments: Any) -> Any:
        """Write, a while later."""
        self.has_begun.set()
        time.sleep(0.2)
        try:
            return self.write(*arguments)
        finally:
            self.is_done.set()

    def fail_after_its_beginning(self) -> None:
        """Fail as a plan may, once the other task writes."""
        assert self.has_begun.wait(PATIENCE)
        raise ValueError("no such year")


def assert_fails_alone(stage: Any, slow: Slow, store: Path) -> None:
    """Compute what fails, and see that the writer is done by then and has left nothing."""
    with pytest.raises(ValueError, match="no such year"):
        stage()

    assert slow.is_done.is_set()
    assert os.listdir(store / "tmp") == []


@pytest.mark.parametrize("name", ["parquet", "delta", "sql"])
def test_a_partition_that_is_being_written_is_waited_for(
    name: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheduler does not, and gives the error of the other one."""
    module = importlib.import_module(f"whorl.formats.schema.{name}_parts")
    slow = Slow(module._write_part)
    monkeypatch.setattr(module, "_write_part", slow)

    def part(number: int) -> pd.DataFrame:
        if number:
            slow.fail_after_its_beginning()
        return pd.DataFrame({"a": [1]})

    @cache(backend=name)
    def failing() -> dd.DataFrame:
        return dd.from_map(part, [0, 1], meta=pd.DataFrame({"a": [1]}))  # type: ignore[no-untyped-call,no-any-return]

    assert_fails_alone(failing, slow, store)


def test_a_block_that_is_being_written_is_waited_for(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zarr makes the folders above a chunk anew, so that a late one would bring back what was removed."""
    slow = Slow(zarr.Array.__setitem__)

    def write(array: zarr.Array, region: Any, values: Any) -> None:
        slow(array, region, values)

    monkeypatch.setattr(zarr.Array, "__setitem__", write)

    def block(values: np.ndarray, block_info: Any = None) -> np.ndarray:
        if block_info[0]["chunk-location"] == (1,):
            slow.fail_after_its_beginning()
        return values

    @cache(backend="zarr")
    def failing() -> xr.Dataset:
        array = da.zeros(1 << 18, chunks=1 << 17).map_blocks(block, dtype=float, meta=np.zeros(0))
        return xr.Dataset({"v": ("x", array)})

    assert_fails_alone(failing, slow, store)


def test_a_shut_gate_lets_nobody_in() -> None:
    """Whoever comes later would write into a folder of nobody's."""
    gate = Gate()
    with gate.shut_afterwards(), gate.writing():
        pass
    with pytest.raises(RuntimeError, match="has failed"), gate.writing():
        pass


def test_another_process_gets_an_open_gate() -> None:
    """There is nobody to wait for it."""
    gate: Gate = pickle.loads(pickle.dumps(Gate()))
    with gate.writing():
        was_let_in = True

    assert was_let_in


def test_a_folder_that_someone_still_writes_into_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker of a cluster, say, whose work has failed elsewhere."""
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    late = iter(range(2))
    remove = os.rmdir

    def rmdir(path: Any, **more: Any) -> None:
        for number in late:
            (folder / "below" / f"late-{number}").write_bytes(b"")
            break
        remove(path, **more)

    monkeypatch.setattr(os, "rmdir", rmdir)
    remove_folder(str(folder))

    assert list(late) == []
    assert not folder.exists()
