"""Digesting values: small ones in about a microsecond, large ones at the speed of BLAKE3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import datasets
import numpy as np
import peers
import pyarrow as pa
import pytest
from targets import Target

from whorl import Hasher, hash_value

if TYPE_CHECKING:
    from race import Race

joblib = peers.imported("joblib")
dask = peers.imported("dask.base")

pytestmark = pytest.mark.timeout(1800)
LARGE = 100  # MB; the targets are about values from here on
SMALL = {
    "a tuple of 5": ((1, 2.5, "three", None, True), 1e-6),
    "a dict of 10": ({f"name-{number}": number * 1.5 for number in range(10)}, 2e-6),
}


@pytest.mark.parametrize(("value", "seconds"), SMALL.values(), ids=SMALL.keys())
def test_hash_value_of(race: Race, value: object, seconds: float, request: pytest.FixtureRequest) -> None:
    """The digest of an argument as it stands in most calls (hashing.md, target 4)."""
    claim = f"hash_value of {request.node.callspec.id}"
    peers = {"joblib.hash": lambda: joblib.hash(value), "dask.base.tokenize": lambda: dask.tokenize(value)}
    targets = (
        Target(4, claim, seconds),
        Target(4, claim, 10, "dask.base.tokenize", faster=True),
        Target(4, claim, 20, "joblib.hash", faster=True),
    )
    race.run(claim, lambda: hash_value(value), peers, rounds=100, number=200, targets=targets)

    assert hash_value(value) == hash_value(value)


def test_hash_value_of_an_array(race: Race, megabytes: int) -> None:
    """An array is hashed in place, at the speed of BLAKE3 over its bytes."""
    array = np.random.default_rng(0).random(megabytes * 125_000)
    peers = {"joblib.hash": lambda: joblib.hash(array), "BLAKE3 of the bytes": lambda: Hasher(array).hexdigest()}
    limits = {"joblib.hash": 1 / 10} if megabytes >= LARGE else {}
    race.run(f"hash_value of an array of {megabytes} MB", lambda: hash_value(array), peers, rounds=15, limits=limits)

    assert hash_value(array) == hash_value(array.copy())


def test_hash_value_of_a_frame(race: Race, megabytes: int) -> None:
    """A frame is hashed by its columns, text included."""
    frame = datasets.flights(megabytes)
    peers = {"joblib.hash": lambda: joblib.hash(frame)}
    limits = {"joblib.hash": 1 / 10} if megabytes >= LARGE else {}
    race.run(f"hash_value of a frame of {megabytes} MB", lambda: hash_value(frame), peers, rounds=10, limits=limits)

    assert hash_value(frame) == hash_value(frame.copy())


def test_hash_value_of_a_table(race: Race, megabytes: int) -> None:
    """An Arrow table is hashed where its buffers lie, about as fast as BLAKE3 takes them in."""
    frame = datasets.flights(megabytes).astype({"carrier": "str"})
    table = pa.Table.from_pandas(frame)
    buffers = [buffer for column in table.columns for chunk in column.chunks for buffer in chunk.buffers() if buffer]
    peers = {
        "joblib.hash": lambda: joblib.hash(table),
        "BLAKE3 of the buffers": lambda: [Hasher(buffer).hexdigest() for buffer in buffers],
    }
    limits = {"joblib.hash": 1 / 15, "BLAKE3 of the buffers": 1 / 0.95} if megabytes >= LARGE else {}
    race.run(f"hash_value of a table of {megabytes} MB", lambda: hash_value(table), peers, rounds=10, limits=limits)

    assert hash_value(table) == hash_value(pa.concat_tables([table.slice(0, 1000), table.slice(1000)]))
