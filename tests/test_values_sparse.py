"""Sparse arrays and matrices of scipy: what they store counts, as they store it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from whorl.errors import UndigestableError
from whorl.fingerprint.values import hash_value

DENSE = np.array([[1.0, 0, 2], [0, 0, 3], [0, 4, 0], [5, 0, 0]])
FORMATS = [
    f"{name}_{kind}" for name in ("csr", "csc", "bsr", "coo", "dia", "lil", "dok") for kind in ("array", "matrix")
]


def make(name: str, dense: np.ndarray = DENSE) -> sp.sparray:
    return getattr(sp, name)(dense)


@pytest.mark.parametrize("name", FORMATS)
def test_a_sparse_array_made_again_is_the_same_and_one_number_counts(name: str) -> None:
    """Values, places, dtype and shape."""
    other = DENSE.copy()
    other[1, 2] = 7
    different = [make(name), make(name, other), make(name, DENSE.astype("f4")), make(name, DENSE[::-1]), DENSE]

    assert hash_value(make(name)) == hash_value(make(name).copy())
    assert len({hash_value(value) for value in different}) == len(different)


def test_formats_and_classes_are_different_values() -> None:
    """Code can index some of them and multiply others; ``*`` means two things."""
    assert len({hash_value(make(name)) for name in FORMATS}) == len(FORMATS)


@pytest.mark.parametrize("name", ["csr_array", "csc_matrix", "bsr_array"])
def test_looking_at_a_sparse_array_changes_nothing(name: str) -> None:
    """Whether indices are sorted is remembered by scipy."""
    array = make(name)
    before = hash_value(array)
    _ = array.has_sorted_indices, array.has_canonical_format, array.sum(), array @ np.ones(3)

    assert hash_value(array) == before


def test_the_width_of_indices_does_not_count() -> None:
    """It is chosen by size, and operations may change it."""
    narrow, wide = make("csr_array"), make("csr_array")
    wide.indices, wide.indptr = wide.indices.astype("int64"), wide.indptr.astype("int64")

    assert wide.indices.dtype != narrow.indices.dtype
    assert hash_value(narrow) == hash_value(wide)


def test_what_is_stored_counts_although_the_sum_is_the_same() -> None:
    """Code can see explicit zeros, duplicates and the order of places."""
    places = ([0, 1], [0, 1])
    coordinates = [
        sp.coo_array(([1, 2], places), shape=(2, 2)),
        sp.coo_array(([1, 2, 0], ([0, 1, 0], [0, 1, 1])), shape=(2, 2)),
        sp.coo_array(([1, 1, 1], ([0, 1, 1], [0, 1, 1])), shape=(2, 2)),
        sp.coo_array(([2, 1], ([1, 0], [1, 0])), shape=(2, 2)),
    ]

    assert len({hash_value(value) for value in coordinates}) == len(coordinates)


def test_a_sparse_vector_has_a_digest() -> None:
    """Arrays in coordinates may have one axis."""
    assert hash_value(sp.coo_array([0, 1, 0])) != hash_value(sp.coo_array([0, 0, 1]))


def test_a_subclass_of_sparse_arrays_is_refused() -> None:
    """What it holds besides is not known."""

    class Labelled(sp.csr_array):
        pass

    with pytest.raises(UndigestableError, match="Labelled"):
        hash_value(Labelled(DENSE))
