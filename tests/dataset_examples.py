"""A dataset in chunks, stores that hold it, and damage to what they hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from store_examples import manifest, slot
from whorl.formats.base import format_named

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from contracts.payload import FolderPayload
    from whorl.errors import CorruptEntryError
    from whorl.store.base import Store

ZARR = format_named("zarr")


def weather() -> xr.Dataset:
    """Give a dataset of 2 x 12 chunks, each with numbers of its own."""
    generator = np.random.default_rng(1)
    shape = (60, 40, 30)
    temperature = generator.normal(280, 10, shape)
    return xr.Dataset(
        {"t": (("time", "y", "x"), temperature), "n": (("time", "y", "x"), generator.integers(1, 9, shape, "i4"))},
        {"time": np.datetime64("2020-01-01", "ns") + np.arange(60).astype("m8[D]"), "x": np.arange(30.0)},
        {"title": "weather"},
    )


CHUNKS = {"time": 10, "y": 20}


@dataclass(frozen=True)
class Counting:
    """A payload in a folder that notes what is read."""

    payload: FolderPayload
    asked: list[str] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        return self.payload.names

    @property
    def stays(self) -> bool:
        return False

    def size(self, name: str) -> int:
        return self.payload.size(name)

    def read(self, name: str) -> bytes:
        self.asked.append(name)
        return self.payload.read(name)

    def path(self, name: str) -> Path:
        raise AssertionError(name)

    def lazy(self) -> Counting:
        return self

    def refuted(self, what: str, error: CorruptEntryError) -> CorruptEntryError:
        return self.payload.refuted(what, error)

    def reads(self) -> list[str]:
        """List what was read since the last call."""
        found, self.asked[:] = sorted(self.asked), []
        return found


def stored(store: Store, value: object, name: str = "one", **options: object) -> xr.Dataset:
    """Store a value and open it."""
    attempt = store.begin(slot(name))
    ZARR.encode(value, attempt, options)
    store.commit(attempt, manifest(slot(name), format="zarr", type="", expires=None), replace=lambda _: True)
    attempt.abandon()
    return opened(store, name)


def opened(store: Store, name: str = "one") -> xr.Dataset:
    """Open what is stored."""
    found = store.lookup(slot(name))
    assert found is not None
    value = ZARR.decode(store.reader(found), {})
    assert isinstance(value, xr.Dataset)
    return value


def chunk_files(root: Path, variable: str) -> list[Path]:
    """List the files of a variable's chunks below a store."""
    return sorted(path for path in root.rglob("*") if f"/{variable}/c/" in str(path) and path.is_file())


def place_of(path: Path) -> tuple[slice, ...]:
    """Say which elements a chunk holds."""
    first, second, third = (int(part) for part in path.parts[-3:])
    return slice(first * 10, first * 10 + 10), slice(second * 20, second * 20 + 20), slice(third * 30, third * 30 + 30)


def change(path: Path, by: Callable[[bytes], bytes]) -> None:
    """Change a file of a store."""
    path.chmod(0o600)
    path.write_bytes(by(path.read_bytes()))


def flip(data: bytes) -> bytes:
    """Flip a bit in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]
