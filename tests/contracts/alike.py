"""Compare two values as code would see them, without digests: types, dtypes, names, order, flags and bits."""

from __future__ import annotations

import struct
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa


def assert_alike(found: object, expected: object, place: str) -> None:
    """Fail with ``place`` where code could tell the two apart."""
    assert type(found) is type(expected), place
    match expected:
        case pd.DataFrame() | pd.Series():
            _assert_frames_alike(found, expected, place)
        case pa.Table():
            assert found.schema.equals(expected.schema, check_metadata=True), place  # type: ignore[attr-defined]
        case np.ndarray():
            assert repr(found.dtype) == repr(expected.dtype), place  # type: ignore[attr-defined]
            np.testing.assert_array_equal(found, expected, place, strict=True)
        case Decimal() | complex():
            assert repr(found) == repr(expected), place
        case float():
            assert struct.pack("d", found) == struct.pack("d", expected), place
        case list() | tuple():
            assert len(found) == len(expected), place  # type: ignore[arg-type]
            for number, (left, right) in enumerate(zip(found, expected, strict=True)):  # type: ignore[call-overload]
                assert_alike(left, right, f"{place}[{number}]")
        case dict():
            assert_alike(list(found), list(expected), f"keys of {place}")  # type: ignore[call-overload]
            assert_alike(list(found.values()), list(expected.values()), place)  # type: ignore[attr-defined]
        case _:
            assert found == expected, place


def _assert_frames_alike(found: object, expected: pd.DataFrame | pd.Series, place: str) -> None:
    if isinstance(expected, pd.DataFrame):
        assert isinstance(found, pd.DataFrame)
        pd.testing.assert_frame_equal(found, expected, check_exact=True, check_column_type="equiv", obj=place)
        _assert_indexes_alike(found.columns, expected.columns, place)
        assert [repr(kind) for kind in found.dtypes] == [repr(kind) for kind in expected.dtypes], place
    else:
        assert isinstance(found, pd.Series)
        pd.testing.assert_series_equal(found, expected, check_exact=True, obj=place)
        assert repr(found.dtype) == repr(expected.dtype), place
        assert_alike(found.name, expected.name, place)
    _assert_indexes_alike(found.index, expected.index, place)
    assert found.flags == expected.flags, place
    assert repr(found.attrs) == repr(expected.attrs), place


def _assert_indexes_alike(found: pd.Index, expected: pd.Index, place: str) -> None:
    assert type(found) is type(expected), place
    assert repr(found.dtype) == repr(expected.dtype), place
    assert_alike(list(found.names), list(expected.names), place)
    assert getattr(found, "freq", None) == getattr(expected, "freq", None), place
    if isinstance(expected, pd.MultiIndex):
        assert isinstance(found, pd.MultiIndex)
        for left, right in zip(found.levels, expected.levels, strict=True):
            _assert_indexes_alike(left, right, place)
            pd.testing.assert_index_equal(left, right, exact=True, obj=place)
        assert [codes.tolist() for codes in found.codes] == [codes.tolist() for codes in expected.codes], place
