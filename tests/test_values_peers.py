"""
What other libraries get wrong (hashing.md), each as a law here.

The last tests show that the peers do get it wrong, at the versions of requirements/constraints.txt; strike a line when
its peer is mended.  Not shown: Hamilton, which is no dependency of the development environment.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import xarray as xr
from dask.base import tokenize

from whorl.fingerprint.values import hash_value


def test_an_array_and_its_transpose_differ() -> None:
    """Dask gives both one token."""
    array = np.arange(4).reshape(2, 2)

    assert hash_value(array) != hash_value(array.T)


def test_two_slices_of_an_arrow_array_differ() -> None:
    """Dask gives ``arr[0:5]`` and ``arr[5:10]`` one token."""
    array = pa.array(range(10))

    assert hash_value(array[0:5]) != hash_value(array[5:10])


def test_lists_that_join_to_the_same_text_differ() -> None:
    """Dask gives ``["a-b", "c"]`` and ``["a", "b-c"]`` one token, now in arrays of objects only."""
    assert hash_value(["a-b", "c"]) != hash_value(["a", "b-c"])
    assert hash_value(np.array(["a-b", "c"], object)) != hash_value(np.array(["a", "b-c"], object))


def printed_with_seeds(script: str) -> set[str]:
    """Run a script under two hash seeds and collect what it prints."""
    return {
        subprocess.run(
            [sys.executable, "-c", script],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }


def test_frozensets_do_not_depend_on_the_hash_seed() -> None:
    """The hash of joblib does."""
    script = "from whorl.fingerprint.values import hash_value; print(hash_value(frozenset('abcdefgh')))"

    assert len(printed_with_seeds(script)) == 1


def test_equal_frames_with_other_blocks_are_equal() -> None:
    """To joblib they are two (joblib#1611)."""
    one = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    two = pd.DataFrame({"a": [1, 2]})
    two["b"] = [3, 4]

    assert hash_value(one) == hash_value(two)


def test_names_of_columns_count() -> None:
    """``hash_pandas_object`` and Hamilton ignore them."""
    frame = pd.DataFrame({"a": [1, 2]})

    assert hash_value(frame) != hash_value(frame.rename(columns={"a": "b"}))


def test_shapes_types_and_containers_count() -> None:
    """Hamilton collides on reshaped arrays, ``1`` and ``"1"``, Datasets, Tables and Paths."""
    array = np.arange(4)
    pairs = [
        (array, array.reshape(2, 2)),
        (1, "1"),
        (xr.Dataset({"a": ("x", [1])}), xr.Dataset({"a": ("x", [2])})),
        (pa.table({"a": [1]}), pa.table({"a": [2]})),
        (pathlib.Path("a"), pathlib.Path("b")),
    ]

    assert all(hash_value(left) != hash_value(right) for left, right in pairs)


def test_dask_gives_different_values_one_token() -> None:
    """A transpose, a slice, and text that joins to the same."""
    square, numbers = np.arange(4).reshape(2, 2), pa.array(range(10))
    joined = [np.array(words, object) for words in (["a-b", "c"], ["a", "b-c"])]

    assert tokenize(square) == tokenize(square.T)
    assert tokenize(numbers[0:5]) == tokenize(numbers[5:10])
    assert tokenize(joined[0]) == tokenize(joined[1])


def test_joblib_tells_equal_values_apart() -> None:
    """Frames by their blocks, frozensets by the hash seed."""
    one = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    two = pd.DataFrame({"a": [1, 2]})
    two["b"] = [3, 4]

    assert joblib.hash(one) != joblib.hash(two)
    assert len(printed_with_seeds("import joblib; print(joblib.hash(frozenset('abcdefgh')))")) == 2


def test_pandas_hashes_rows_without_names() -> None:
    """``hash_pandas_object`` says nothing about columns."""
    frame = pd.DataFrame({"a": [1, 2]})
    hashed = [pd.util.hash_pandas_object(named) for named in (frame, frame.rename(columns={"a": "b"}))]

    assert hashed[0].equals(hashed[1])
