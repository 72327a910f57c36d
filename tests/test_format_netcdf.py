"""What a netCDF payload is made of, who else reads it, and what is refused in one that somebody else wrote."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING

import dask.array as da
import h5py
import numpy as np
import pytest
import xarray as xr

from contracts.payload import new_payload, through
from dataset_examples import weather
from whorl import stage
from whorl.errors import FormatError
from whorl.fingerprint.values import hash_value
from whorl.formats.base import format_named, main_file
from whorl.formats.schema.hdf import _Sink

if TYPE_CHECKING:
    from pathlib import Path

NETCDF = format_named("netcdf")


def full() -> xr.Dataset:
    """Give a dataset of everything that other readers know."""
    value = weather().assign_coords(station=("y", [f"s{at}" for at in range(40)]))
    value["when"] = ("y", np.datetime64("2020-01-01", "ns") + np.arange(40).astype("m8[h]"))
    value["flag"] = ("y", np.arange(40) % 2 == 0)
    value["t"].attrs = {"units": "K", "scale": 1.5}
    return value


@pytest.mark.parametrize("compression", ["none", "zlib"])
def test_other_readers_of_netcdf_find_what_they_know(compression: str, tmp_path: Path) -> None:
    """Names, dimensions, attributes, times by the conventions of CF, bool."""
    payload, value = new_payload(tmp_path), full()
    NETCDF.encode(value, payload, {"compression": compression})
    with xr.open_dataset(payload.path(main_file(NETCDF, payload.names, payload.read)), engine="h5netcdf") as file:
        read = file.load()

    xr.testing.assert_equal(read, value)
    assert read.t.attrs == {"units": "K", "scale": 1.5}
    assert (read.flag.dtype, read.attrs["title"]) == (bool, "weather")
    assert hash_value(NETCDF.decode(payload, {})) == hash_value(value)


def test_other_readers_of_netcdf_find_arrays_and_scalars_in_attributes(tmp_path: Path) -> None:
    """As they are, where netCDF has them: with one axis, of numbers and texts, not so long that HDF5 refuses them."""
    kept = {
        "actual_range": np.array([0, 39], "f4"),
        "flag_values": np.array([1, 2, np.iinfo("i1").max], "i1"),
        "swapped": np.array([1, 2], ">i2"),
        "nan": np.float32("nan"),
        "meanings": np.array(["a", "ü"]),
        "name": np.str_("t"),
        "history": "one\n\ttwo",
        "list": [1, 2],
        "texts": ["a", "b"],
    }
    other = {"long": np.zeros(100_000), "square": np.eye(2), "nothing": np.array([]), "when": np.datetime64("2020")}
    other |= {"half": np.float16(1), "half a character": "\ud800", "objects": np.array([None, "a"], object)}
    value, payload = xr.Dataset({"v": ("x", [1.0], kept | other)}, attrs=kept | other), new_payload(tmp_path)
    NETCDF.encode(value, payload, {})
    with xr.open_dataset(payload.path("data.nc"), engine="h5netcdf") as file:
        read = file.load()

    for found in (read.attrs, read.v.attrs):
        assert found.keys() - {"_FillValue"} == kept.keys()
        assert (found["actual_range"].dtype, found["flag_values"].dtype, found["swapped"].dtype) == ("f4", "i1", "i2")
        for name, item in kept.items():
            np.testing.assert_array_equal(found[name], item, name)
    assert hash_value(NETCDF.decode(payload, {})) == hash_value(value)


def test_a_file_is_written_some_blocks_at_a_time(tmp_path: Path) -> None:
    """What dask holds, and what lies in a zarr, comes back as it was; lazy things stay lazy for their owner."""
    blocks = da.arange(400_000, chunks=130_000, dtype="f8").reshape(4, 100_000)
    by_dask = xr.Dataset({"v": (("x", "y"), blocks)})
    lazy = through("zarr", weather(), tmp_path)
    assert isinstance(lazy, xr.Dataset)

    assert hash_value(through("netcdf", by_dask, tmp_path)) == hash_value(by_dask)
    assert hash_value(through("netcdf", lazy, tmp_path)) == hash_value(weather())
    assert not lazy.t.variable._in_memory


@pytest.mark.parametrize("name", ["anomaly", None, 5])
def test_a_data_array_comes_back_as_one_with_its_name(name: object, tmp_path: Path) -> None:
    """And not as a dataset of one variable."""
    value = xr.DataArray([1.0, 2.0], {"x": [3, 4]}, ("x",), name, {"u": "m"})
    decoded = through("netcdf", value, tmp_path)
    assert isinstance(decoded, xr.DataArray)

    assert decoded.name == name
    xr.testing.assert_identical(decoded, value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (xr.Dataset({"v": ("x", [1j])}), "variable `v`: the dtype dtype\\('complex128'\\), which netCDF does not have"),
        (xr.Dataset({"v": ("x", ["a\0b"])}), "variable `v`: a string with a NUL in it"),
    ],
    ids=["complex", "NUL"],
)
def test_what_netcdf_does_not_have_is_refused_with_the_format_that_does(
    value: xr.Dataset, said: str, tmp_path: Path
) -> None:
    """Zarr keeps both."""
    with pytest.raises(FormatError, match=said) as refusal:
        NETCDF.encode(value, new_payload(tmp_path), {})

    assert refusal.value.tip == 'format="zarr" can'
    assert hash_value(through("zarr", value, tmp_path)) == hash_value(value)


def test_a_compression_that_there_is_not_is_refused(tmp_path: Path) -> None:
    """With those that there are."""
    with pytest.raises(FormatError) as refusal:
        NETCDF.encode(weather(), new_payload(tmp_path), {"compression": "zstd"})

    assert "not one of none, zlib" in refusal.value.cause


@pytest.mark.parametrize("way", ["another file", "a link", "another shape", "a virtual one", "a path"])
def test_an_array_that_does_not_lie_in_the_file_is_refused(way: str, tmp_path: Path) -> None:
    """HDF5 would read any file of the machine for whoever wrote this one."""
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(16))
    with h5py.File(tmp_path / "other.nc", "w") as other:
        other["v"] = np.zeros(2)
    payload = new_payload(tmp_path)
    NETCDF.encode(xr.Dataset({"v": ("x", [1.0, 2.0])}), payload, {})
    buffer = io.BytesIO(payload.read("data.nc"))
    with h5py.File(buffer, "r+") as file:
        del file["v"]
        if way == "another file":
            file.create_dataset("v", (2,), "f8", external=[(str(secret), 0, 16)])
        elif way == "a link":
            file["v"] = h5py.ExternalLink(str(tmp_path / "other.nc"), "v")
        elif way == "a virtual one":
            layout = h5py.VirtualLayout((2,), "f8")
            layout[:] = h5py.VirtualSource(str(tmp_path / "other.nc"), "v", (2,))
            file.create_virtual_dataset("v", layout)
        else:
            file["v"] = np.zeros(3)
    payload.write("data.nc", buffer.getvalue())
    if way == "a path":
        described = json.loads(payload.read("schema.json").replace(b'"v"', b'"/v"'))
        payload.write("schema.json", json.dumps(described).encode())

    with pytest.raises(ValueError, match="has no array"):
        NETCDF.decode(payload, {})


@stage(cache=True, format="netcdf")
def mean() -> xr.DataArray:
    """Make an array."""
    return weather().t.mean("time").rename("mean")


def test_a_stage_keeps_its_array_as_netcdf(whorl_store: Path) -> None:
    """A hit gives what the miss gave."""
    first, second = mean(), mean()

    assert hash_value(first) == hash_value(second)
    assert second.name == "mean"


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files as POSIX does")
def test_what_cannot_be_written_is_read_as_it_was_meant_and_told_of_afterwards(tmp_path: Path) -> None:
    """HDF5, which reads what it wrote, finds no difference where the system permits no larger file."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    sink, found = _Sink(tmp_path / "data.nc"), bytearray(10)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4, before[1]))
        for place, data in ((0, b"ab"), (2, b"cdef"), (8, b"i"), (1, b"B")):
            sink.seek(place)
            sink.write(data)
        sink.truncate(10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    sink.seek(0)
    sink.readinto(found)
    with pytest.raises(OSError, match="too large") as caught:
        sink.finish()

    assert bytes(found) == b"aBcdef\0\0i\0"
    assert caught.value.filename == str(tmp_path / "data.nc")
    assert sink.seek(0, 2) == 10
