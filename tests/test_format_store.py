"""Every format through a real store: committed, verified, read back in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from store_examples import manifest, slot
from whorl.errors import CorruptEntryError
from whorl.fingerprint.values import hash_value
from whorl.formats.base import format_named
from whorl.store.local import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

    from whorl.store.base import Reader

SMALL, LARGE = 10, 3_000_000  # inline in the manifest; mapped from files
FRAMES = ("parquet", "arrow", "feather", "csv", "json", "pickle")


def _frame(rows: int) -> pd.DataFrame:
    return pd.DataFrame({"a": np.arange(float(rows)), "s": ["x"] * rows})


CASES = [
    *((name, _frame(SMALL)) for name in FRAMES),
    *((name, _frame(LARGE)) for name in ("parquet", "arrow", "feather", "pickle")),
    ("npy", np.arange(SMALL)),
    ("npy", np.arange(LARGE)),
    ("json", {"a": [1, (2, None)]}),
    ("json", list(range(50_000))),
]


def _committed(store: LocalStore, name: str, value: object) -> Reader:
    attempt = store.begin(slot(name))
    format_named(name).encode(value, attempt, {})
    store.commit(attempt, manifest(slot(name), format=name), replace=lambda _: True)
    found = store.lookup(slot(name))
    assert found is not None
    return store.reader(found)


@pytest.mark.parametrize(("name", "value"), CASES, ids=[f"{name}-{len(value)}" for name, value in CASES])  # type: ignore[arg-type]
def test_what_is_committed_is_read_back(name: str, value: object, tmp_path: Path) -> None:
    """The store serves the files that the format wrote, small ones from the manifest."""
    reader = _committed(LocalStore(tmp_path / "store"), name, value)
    decoded = format_named(name).decode(reader, {})

    assert hash_value(decoded) == hash_value(value)
    assert any(file.endswith(format_named(name).suffix) for file in reader.names)


@pytest.mark.parametrize("name", ["parquet", "arrow", "npy", "pickle"])
def test_a_flipped_bit_is_found_before_decoding(name: str, tmp_path: Path) -> None:
    """Formats read through the store's check, mapped files too."""
    store = LocalStore(tmp_path / "store")
    value = np.arange(LARGE) if name == "npy" else _frame(LARGE)
    reader = _committed(store, name, value)
    largest = max(reader.names, key=reader.size)
    place = next(path for path in (tmp_path / "store").rglob(largest) if path.is_file())
    place.chmod(0o600)
    with place.open("r+b") as file:
        file.seek(1_000_000)
        byte = file.read(1)[0]
        file.seek(1_000_000)
        file.write(bytes([byte ^ 1]))

    found = store.lookup(slot(name))
    assert found is not None
    with pytest.raises(CorruptEntryError):
        format_named(name).decode(store.reader(found), {})
