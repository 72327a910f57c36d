"""Datasets and data arrays that a format is asked to hold, by what is special about them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr
from xarray.indexes import RangeIndex


class Sub(xr.Dataset):
    """A subclass, which may hold more than a dataset."""

    __slots__ = ()


_NUMBERS = (
    "?",
    "i1",
    "i2",
    "i4",
    "i8",
    "u1",
    "u2",
    "u4",
    "u8",
    "f2",
    "f4",
    "f8",
    "c8",
    "c16",
    ">i4",
    ">f8",
    ">c16",
    ">u2",
)
_TIMES = (
    "M8[D]",
    "M8[h]",
    "M8[m]",
    "M8[s]",
    "M8[ms]",
    "M8[us]",
    "M8[ns]",
    "m8[D]",
    "m8[s]",
    "m8[ms]",
    "m8[us]",
    "m8[ns]",
)


def array_attributes() -> dict[str, object]:
    """Give attributes that are arrays and scalars of numpy's, at any depth."""
    kinds = ("?", "i1", ">i2", "u8", "f2", "f4", ">f8", "c8", "S3", ">U2", "V4", "m8", "M8[25s]", ">M8[ns]", "m8[D]")
    odd_nan = np.array([0x7FF8000000000123, 0xFFF8000000000000], "u8").view("f8")
    mixed = np.array([None, "a", np.float32(2), (1, 2), [3], pd.Timestamp("2020")], object)
    return {
        **{f"of {kind}": np.arange(6).astype("i8").view("V4" if kind == "V4" else "i8").astype(kind) for kind in kinds},
        "actual_range": np.array([0, 39], "f4"),
        "flag_meanings": np.array(["ü", "", "a\0b"]),
        "odd nans": odd_nan,
        "no time": np.array(["NaT", "2020"], "M8[Y]"),
        "no axis": np.array(5, "i2"),
        "three axes": np.asfortranarray(np.arange(24, dtype="u2").reshape(2, 3, 4)),
        "strided": np.arange(9)[::-2],
        "nothing": np.empty((0, 3), "f4"),
        "no texts": np.array([], "U"),
        "no bytes": np.zeros(2, "S1"),
        "objects": mixed,
        "objects in rows": np.array([["a", None], ["b", 1.5]], object),
        "no objects": np.empty((2, 0), object),
        "scalars": [
            np.str_(""),
            np.str_("a\0"),
            np.bytes_(b""),
            np.bytes_(b"a\0"),
            np.void(b"ab"),
            np.datetime64("NaT"),
        ],
        "deep": {"a": [(np.arange(2), {"b": np.float16(1.5)})]},
    }


def datasets() -> dict[str, object]:
    """Give values that xarray's own format holds."""
    return {
        **{f"numbers of {kind}": _one(np.arange(6).astype(kind).reshape(2, 3)) for kind in _NUMBERS},
        **{f"times of {kind}": _one(np.array([0, 1, -5, 40], "i8").astype(kind)) for kind in _TIMES},
        **_elements(),
        **_shapes(),
        **_labels(),
        **_arrays(),
        **_by_dask(),
    }


def refused_datasets() -> dict[str, object]:
    """Give values that it cannot hold."""
    with_index = xr.Coordinates.from_xindex(RangeIndex.arange(0.0, 4.0, 1.0, dim="x"))
    return {
        "a subclass": Sub({"a": ("x", [1])}),
        "a list": [1],
        "a range index of xarray's": xr.Dataset(coords=with_index),
        "zoned times": xr.Dataset(coords={"t": pd.date_range("2020", periods=2, tz="UTC")}),
        "categories": xr.Dataset({"v": ("x", pd.Categorical(["a", "b"]))}),
        "periods": xr.Dataset(coords={"t": pd.period_range("2020", periods=2, freq="M")}),
        "objects of a class": _one(np.array([object(), object()])),
        "sets in attributes of a class": xr.Dataset(attrs={"a": [Sub()]}),
        "records in attributes": xr.Dataset(attrs={"a": np.zeros(2, [("a", "i4"), ("b", "f8")])}),
        "a record in attributes": xr.Dataset(attrs={"a": np.zeros(1, [("a", "i4"), ("b", "f8")])[0]}),
        "a masked array in attributes": xr.Dataset(attrs={"a": np.ma.masked_array([1], [True])}),
        "metadata of a dtype in attributes": xr.Dataset(attrs={"a": np.zeros(1, np.dtype("i4", metadata={"a": 1}))}),
        "an array of itself in attributes": _of_itself(),
        "a structured dtype": _one(np.zeros(2, [("a", "i4"), ("b", "f8")])),
        "long doubles": _one(np.arange(2, dtype="g")),
        "lone surrogates": _one(np.array(["\ud800"])),
        "a dimension twice": _twice(),
    }


def _one(values: np.ndarray) -> xr.Dataset:
    return xr.Dataset({"v": ([f"d{axis}" for axis in range(values.ndim)], values)})


def _of_itself() -> xr.Dataset:
    array = np.empty(1, object)
    array[0] = [array]
    return xr.Dataset(attrs={"a": array})


def _twice() -> xr.Dataset:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return xr.Dataset({"v": (("x", "x"), np.eye(2))})


def _elements() -> dict[str, object]:
    odd_nan = np.array([0x7FF8000000000123, 0xFFF8000000000000], "u8").view("f8")
    texts = ["", "ü", "a\0b", "日本語", "\n"]
    mixed = np.array([None, float("nan"), "a", 1, Decimal("1.50"), dt.date(2020, 1, 1), (1, 2)], object)
    return {
        "not a number": _one(np.array([np.nan, 1.0, -np.inf, np.inf])),
        "odd nans": _one(odd_nan),
        "negative zero": _one(np.array([-0.0, -0.0])),
        "all zero": _one(np.zeros((3, 4))),
        "no time": _one(np.array(["NaT", "2020-01-01"], "M8[ns]")),
        "no duration": _one(np.array(["NaT", 5], "m8[us]")),
        "texts": _one(np.array(texts)),
        "text objects": _one(np.array(texts, object)),
        "no texts": _one(np.array([], "U3")),
        "bytes": _one(np.array([b"a", b"bcd", b""])),
        "void": _one(np.array([b"ab", b"c\0"], "V2")),
        "big-endian texts": _one(np.array(["a", "bc"], ">U2")),
        "mixed objects": _one(mixed),
        "missing text": _one(np.array(["a", np.nan], object)),
        "bools": _one(np.array([[True, False], [False, False]])),
    }


def _shapes() -> dict[str, object]:
    return {
        "nothing": xr.Dataset(),
        "attributes alone": xr.Dataset(attrs={"a": 1}),
        "scalars": xr.Dataset({"f": 1.5, "i": 1, "t": np.datetime64("2020-01-01", "ns"), "s": "ü", "b": b"x"}),
        "no rows": xr.Dataset({"v": (("x", "y"), np.empty((0, 3))), "t": ("x", np.empty(0, "M8[ns]"))}),
        "no rows by the last axis": xr.Dataset(
            {"v": (("x", "y"), np.empty((3, 0), "i4")), "s": ("y", np.empty(0, "S4"))}
        ),
        "Fortran order": _one(np.asfortranarray(np.arange(12.0).reshape(3, 4))),
        "strided": _one(np.arange(12)[::-3]),
        "broadcast": _one(np.broadcast_to(np.arange(3), (4, 3))),
        "many axes": _one(np.arange(64.0).reshape((2,) * 6)),
    }


def _labels() -> dict[str, object]:
    months = pd.date_range("2020-01-31", periods=3, freq="ME")
    levels = pd.MultiIndex.from_product([["a", "b"], pd.date_range("2020", periods=2)], names=["l", "t"])
    names = {"ü": 1, "A": 2, "a": 3, "side": 4, "refs": 5, "zarr.json": 6, "a b/c": 7, "..": 8, "": 9, "日" * 80: 10}
    attrs = {
        "n": np.float32(1.5),
        "i": np.int16(3),
        "t": (1, 2),
        "l": [1, None, True],
        "d": {"a": {1}},
        "nan": float("nan"),
    }
    return {
        "coordinates in an order": xr.Dataset(
            {"v": ("x", [1.0, 2.0]), "w": ("y", [1])}, {"y": [5], "aux": ("x", [3, 4]), "x": [1, 2], "one": 7}
        )[["aux", "w", "y", "v", "one", "x"]],
        "text labels": xr.Dataset({"v": ("x", [1, 2])}, {"x": ["b", "aa"]}),
        "object labels": pd.DataFrame({"v": [1.5]}, index=pd.Index(["k"], name="x")).to_xarray(),
        "a frequency": xr.Dataset({"v": ("t", [1, 2, 3])}, {"t": months}),
        "durations": xr.Dataset(coords={"t": pd.timedelta_range(0, periods=3, freq="6h")}),
        "no frequency": xr.Dataset(coords={"t": pd.DatetimeIndex(["2020-01-01", "2020-01-03", "2020-01-04"])}),
        "float labels": xr.Dataset(coords={"x": [0.5, np.nan, -0.0]}),
        "levels": xr.Dataset({"v": ("x", np.arange(4.0))}, xr.Coordinates.from_pandas_multiindex(levels, "x")),
        "levels of a frame": pd.DataFrame(
            {"v": [1, 2]}, pd.MultiIndex.from_tuples([(1, 2), (1, 3)], names=["p", "q"])
        ).to_xarray(),
        "arrays in attributes": xr.Dataset(
            {"v": ("x", [1], array_attributes())}, {"x": ("x", [2], array_attributes())}, array_attributes()
        ),
        "a data array with arrays in attributes": xr.DataArray([1], dims="x", attrs=array_attributes()),
        "no index": xr.Dataset({"v": ("x", [1, 2])}, {"x": [3, 4]}).drop_indexes("x"),
        "an index of another name": xr.Dataset(coords={"k": ("x", [3, 4])}).set_xindex("k"),
        "attributes": xr.Dataset({"v": ("x", [1], attrs)}, {"x": ("x", [2], {"u": "m"})}, attrs),
        "attributes of conventions": xr.Dataset(
            {
                "v": (
                    "x",
                    [1, 2],
                    {"units": "days since 2000-01-01", "_FillValue": 1, "scale_factor": 2.0, "coordinates": "y"},
                )
            }
        ),
        "names": xr.Dataset({name: ("x", [number]) for name, number in names.items()}),
        "names that are no text": xr.Dataset({1: ((2, "y"), [[1]]), None: ("y", [2]), (1, "a"): ((), 3)}),
    }


def _arrays() -> dict[str, object]:
    levels = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["l", "n"])
    stacked = xr.Coordinates.from_pandas_multiindex(levels, "x")
    return {
        "an array": xr.DataArray([[1.0, 2.0]], {"y": [3], "aux": ("x", ["p", "q"])}, ("y", "x"), "n", {"u": "m"}),
        "an array without a name": xr.DataArray([1, 2]),
        "an array named as its coordinate": xr.DataArray([1, 2], {"x": [5, 6]}, ("x",), "x"),
        "an array with a number for a name": xr.DataArray([1, 2], name=5),
        "a scalar array": xr.DataArray(1.5, {"t": np.datetime64("2020-01-01", "ns")}),
        "an array over levels": xr.DataArray(np.arange(4), stacked, ("x",)),
        "an array of times": xr.DataArray(np.array(["2020-01-01"], "M8[s]"), dims="x", name="times"),
    }


def _by_dask() -> dict[str, object]:
    numbers = np.arange(35.0).reshape(5, 7)
    dask = {
        "even": da.from_array(numbers, (2, 3)),
        "uneven": da.from_array(numbers, ((1, 3, 1), (4, 1, 2))),
        "times": da.from_array(numbers.astype("M8[ns]"), (2, 7)),
        "texts": da.from_array(numbers.astype(str), (5, 2)),
        "bytes": da.from_array(numbers.astype(int).astype("S3"), (3, 3)),
        "objects": da.from_array(numbers.astype(str).astype(object), (3, 3)),
    }
    large = da.arange(400_000, chunks=130_000, dtype="f8").reshape(4, 100_000)
    return {
        **{
            f"by dask: {name}": xr.Dataset({"v": (("x", "y"), array)}, {"x": np.arange(5)})
            for name, array in dask.items()
        },
        "by dask: large": xr.Dataset(
            {"v": (("x", "y"), large), "w": (("x", "y"), large.astype("i4")), "m": ("x", [1, 2, 3, 4])}
        ),
        "by dask: nothing in it": xr.Dataset({"v": (("x", "y"), da.zeros((0, 3), chunks=(1, 2)))}),
        "by dask: a scalar": xr.DataArray(da.zeros((), dtype="i2")),
    }
