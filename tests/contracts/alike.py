"""Compare two values as code would see them, without digests: types, dtypes, names, order, flags and bits."""

from __future__ import annotations

import struct
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import shapely
import xarray as xr


def assert_alike(found: object, expected: object, place: str) -> None:
    """Fail with ``place`` where code could tell the two apart."""
    assert type(found) is type(expected), place
    match expected:
        case pd.DataFrame() | pd.Series():
            _assert_frames_alike(found, expected, place)
        case pl.DataFrame() | pa.Table():
            _assert_tables_alike(found, expected, place)
        case np.ndarray():
            assert repr(found.dtype) == repr(expected.dtype), place  # type: ignore[attr-defined]
            np.testing.assert_array_equal(found, expected, place, strict=True)
        case xr.Dataset() | xr.DataArray():
            _assert_datasets_alike(found, expected, place)
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


def _assert_tables_alike(found: object, expected: pl.DataFrame | pa.Table, place: str) -> None:
    if isinstance(expected, pa.Table):
        assert found.schema.equals(expected.schema, check_metadata=True), place  # type: ignore[attr-defined]
        return
    assert found.schema == expected.schema, place  # type: ignore[attr-defined]
    assert found.equals(expected), place  # type: ignore[attr-defined]


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
    _assert_geometries_alike(found, expected, place)
    assert found.flags == expected.flags, place
    assert repr(found.attrs) == repr(expected.attrs), place


def _assert_geometries_alike(found: pd.DataFrame | pd.Series, expected: pd.DataFrame | pd.Series, place: str) -> None:
    """Compare reference systems by their words too, and geometries with their dimensions and numbers of systems."""
    assert getattr(found, "_geometry_column_name", 0) == getattr(expected, "_geometry_column_name", 0), place
    pairs = [(found, expected)] if isinstance(expected, pd.Series) else []
    pairs += [] if pairs else [(found.iloc[:, n], expected.iloc[:, n]) for n in range(expected.shape[1])]  # type: ignore[misc]
    for left, right in pairs:
        if str(right.dtype) == "geometry":
            one, other = left.array, right.array
            assert getattr(one.crs, "srs", None) == getattr(other.crs, "srs", None), place
            shapes, wanted = (
                [(str(item), shapely.get_srid(item), getattr(item, "has_z", None)) for item in items]
                for items in (one, other)
            )
            assert shapes == wanted, place


def _assert_datasets_alike(found: object, expected: xr.Dataset | xr.DataArray, place: str) -> None:
    """Compare what is loaded for it, element by element: ``identical`` takes NaN for NaN, and -0.0 for 0.0."""
    assert isinstance(found, xr.Dataset | xr.DataArray)
    assert_alike(list(found.coords), list(expected.coords), place)
    assert_alike(list(found.xindexes), list(expected.xindexes), place)
    if isinstance(expected, xr.Dataset):
        assert_alike(list(found.variables), list(expected.variables), place)
        assert repr(found.attrs) == repr(expected.attrs), place
        pairs = [(found.variables[name], variable) for name, variable in expected.variables.items()]  # type: ignore[union-attr]
    else:
        assert_alike(found.name, expected.name, place)  # type: ignore[union-attr]
        pairs = [(found.variable, expected.variable)]  # type: ignore[union-attr]
        pairs += [(found.coords[name].variable, each.variable) for name, each in expected.coords.items()]
    for left, right in pairs:
        assert (type(left), left.dims, repr(left.attrs)) == (type(right), right.dims, repr(right.attrs)), place
        assert (left.dtype, left.shape, left.chunks is None) == (right.dtype, right.shape, right.chunks is None), place
        one, other = np.asarray(left.copy(deep=False).values), np.asarray(right.values)
        if right.dtype.hasobject:
            assert repr(one.tolist()) == repr(other.tolist()), place
        else:
            assert one.tobytes() == other.tobytes(), place


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
