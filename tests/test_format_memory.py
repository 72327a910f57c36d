"""What is decoded is the caller's own: it may be changed, and nobody else sees it."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from contracts.payload import FolderPayload, new_payload
from whorl.fingerprint.values import hash_value
from whorl.formats.base import format_named
from whorl.formats.schema.payload import MAP_FROM

if TYPE_CHECKING:
    from pathlib import Path

ROWS = MAP_FROM // 8 + 1000  # one column of floats is more than a file that is read rather than mapped
TABLES = ("parquet", "arrow", "feather", "csv", "json", "pickle")


def _frame(rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "f": np.arange(float(rows)),
            "i": np.arange(rows),
            "t": pd.date_range("2020", periods=rows, freq="s"),
            "m": pd.array(np.arange(rows), dtype="Int64"),
            "c": pd.Categorical.from_codes(np.arange(rows) % 3, ["a", "b", "c"]),
            "b": np.arange(rows) % 2 == 0,
            "o": pd.Series(["x", None] * (rows // 2), dtype=object),
            "s": ["y"] * rows,
        },
        index=pd.Index(np.arange(rows)[::-1], name="k"),
    )


def _spoil(frame: pd.DataFrame) -> None:
    """Write into every column through its array, which copy-on-write does not guard."""
    for name in ("f", "i", "t"):
        values = frame[name]._values  # the array itself
        getattr(values, "_ndarray", values)[:] = 0
    frame["m"].array._data[:] = 0
    frame["c"].array._ndarray[:] = 0
    frame["b"]._values[:] = False
    frame["o"]._values[:] = "spoilt"
    frame["s"].array[:] = "spoilt"


@pytest.mark.parametrize("name", TABLES)
def test_a_decoded_frame_may_be_changed_in_place_and_no_other_sees_it(name: str, tmp_path: Path) -> None:
    """Two consumers decode the same payload; one writes into its arrays."""
    rows = 100
    frame, payload, chosen = _frame(rows), new_payload(tmp_path), format_named(name)
    chosen.encode(frame, payload, {})
    first, second = chosen.decode(payload, {}), chosen.decode(payload, {})
    assert isinstance(first, pd.DataFrame)
    _spoil(first)

    assert hash_value(first) != hash_value(frame)
    assert hash_value(second) == hash_value(frame)
    assert hash_value(chosen.decode(payload, {})) == hash_value(frame)


@pytest.mark.parametrize("name", ["parquet", "arrow", "feather", "pickle"])
def test_a_large_frame_is_private_too(name: str, tmp_path: Path) -> None:
    """Large files are mapped: what is written stays in the process."""
    frame, payload, chosen = pd.DataFrame({"f": np.arange(float(ROWS))}), new_payload(tmp_path), format_named(name)
    chosen.encode(frame, payload, {})
    before = {file: payload.read(file) for file in payload.names}
    first, second = chosen.decode(payload, {}), chosen.decode(payload, {})
    assert isinstance(first, pd.DataFrame)
    first.iloc[:, 0] = -1.0
    first["f"]._values[:] = 7

    assert {file: payload.read(file) for file in payload.names} == before
    assert hash_value(second) == hash_value(frame)


@pytest.mark.parametrize("size", [10, MAP_FROM // 8 + 1])
@pytest.mark.parametrize("name", ["npy", "pickle"])
def test_a_decoded_array_may_be_changed_and_outlives_its_files(name: str, size: int, tmp_path: Path) -> None:
    """A mapping keeps what it maps, also after the collector has removed the payload."""
    array, payload, chosen = np.arange(float(size)), new_payload(tmp_path), format_named(name)
    chosen.encode(array, payload, {})
    first, second = chosen.decode(payload, {}), chosen.decode(payload, {})
    assert isinstance(first, np.ndarray)
    first += 1
    for file in payload.names:
        payload.path(file).unlink()
    gc.collect()

    np.testing.assert_array_equal(first, array + 1)
    np.testing.assert_array_equal(second, array)


def test_a_frame_outlives_its_files(tmp_path: Path) -> None:
    """The same for columns in a mapped file, of numbers and of text."""
    frame = pd.DataFrame({"f": np.arange(float(ROWS)), "s": ["text"] * ROWS})
    payload = FolderPayload(new_payload(tmp_path).folder)
    format_named("arrow").encode(frame, payload, {})
    decoded = format_named("arrow").decode(payload, {})
    payload.path("data.arrow").unlink()
    gc.collect()

    assert hash_value(decoded) == hash_value(frame)


def test_decoding_copies_no_numbers_that_are_mapped(tmp_path: Path) -> None:
    """A hit on a large arrow entry reads only what is touched."""
    frame, payload = pd.DataFrame({"f": np.arange(float(ROWS))}), new_payload(tmp_path)
    format_named("arrow").encode(frame, payload, {})
    decoded = format_named("arrow").decode(payload, {})
    assert isinstance(decoded, pd.DataFrame)
    values = decoded["f"]._values

    assert not values.flags.owndata
    assert values.flags.aligned


def test_a_hostile_file_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    """Offsets that lead outside of a buffer are found before anything is read through them."""
    frame, payload, chosen = pd.DataFrame({"s": ["one", "two", "three"]}), new_payload(tmp_path), format_named("arrow")
    chosen.encode(frame, payload, {})
    data = bytearray(payload.read("data.arrow"))
    offsets = np.array([0, 3, 6, 11], "i8").tobytes()
    assert offsets in data
    place = data.index(offsets)
    data[place : place + 32] = np.array([0, 3, 1 << 40, 11], "i8").tobytes()
    payload.write("data.arrow", bytes(data))

    with pytest.raises(ValueError, match="offset"):
        chosen.decode(payload, {})
