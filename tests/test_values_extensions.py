"""Extension arrays that others have made for pandas: all that they hold counts, caches of their values do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from whorl.errors import UndigestableError
from whorl.fingerprint.values import hash_value


class Places(pd.api.extensions.ExtensionDtype):
    """The dtype of arrays of places; it does not say in which system these are."""

    name = "places"
    type = object

    @classmethod
    def construct_array_type(cls) -> type:
        """Name the class of arrays."""
        return PlaceArray


class PlaceArray(pd.api.extensions.ExtensionArray):
    """Places in one system; an index of them is made when it is needed."""

    def __init__(self, values: Any, crs: object = None) -> None:
        self._data = np.array(values, dtype=object)
        self._crs = crs
        self._sindex: object = None

    @property
    def dtype(self) -> Places:
        return Places()

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, item: Any) -> Any:
        found = self._data[item]
        return type(self)(found, self._crs) if isinstance(found, np.ndarray) else found

    def copy(self) -> PlaceArray:
        return type(self)(self._data, self._crs)

    def isna(self) -> np.ndarray:
        return np.array([value is None for value in self._data])

    @classmethod
    def _from_sequence(cls, scalars: Any, **_: Any) -> PlaceArray:
        return cls(scalars)

    @classmethod
    def _concat_same_type(cls, parts: Any) -> PlaceArray:
        return cls(np.concatenate([part._data for part in parts]), parts[0]._crs)


class OtherArray(PlaceArray):
    """Another class with the same dtype."""


class NumberArray(PlaceArray):
    """Its dtype is one of numpy's."""

    @property
    def dtype(self) -> Any:
        return np.dtype("i8")


WAYS = {"array": lambda array: array, "series": pd.Series, "frame": lambda array: pd.DataFrame({"a": array})}


@pytest.mark.parametrize("give", WAYS.values(), ids=WAYS)
def test_all_that_an_array_holds_counts(give: Any) -> None:
    """Its elements, its class, and what it says of all of them."""
    different = [
        PlaceArray(["a", "b"], "EPSG:1"),
        PlaceArray(["a", "b"], "EPSG:2"),
        PlaceArray(["a", "c"], "EPSG:1"),
        OtherArray(["a", "b"], "EPSG:1"),
    ]

    assert len({hash_value(give(array)) for array in different}) == len(different)
    assert hash_value(give(different[0])) == hash_value(give(different[0].copy()))


def test_an_array_of_others_with_a_plain_dtype_is_no_plain_array() -> None:
    """A dtype of numpy says nothing of what the array holds besides."""
    assert hash_value(NumberArray([1], "EPSG:1")) != hash_value(NumberArray([1], "EPSG:2"))


def test_an_index_that_was_made_from_the_values_does_not_count() -> None:
    """A frame that was searched is the frame that was read."""
    array = PlaceArray(["a"], "EPSG:1")
    before = hash_value(array)
    array._sindex = iter([])

    assert hash_value(array) == before


def test_state_that_cannot_be_read_is_refused() -> None:
    """With the way to it, and what to do."""
    with pytest.raises(UndigestableError, match=r"\._crs") as caught:
        hash_value(pd.Series(PlaceArray(["a"], iter([]))))

    assert "register_digest" in str(caught.value.__notes__ if hasattr(caught.value, "__notes__") else caught.value)
