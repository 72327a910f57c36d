"""Maps for a terracotta server: what comes back is what was written, and the server shows it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote
from urllib.request import urlopen

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from contracts.alike import assert_alike
from contracts.payload import new_payload, through
from store_examples import child_environment
from whorl.errors import FormatError
from whorl.fingerprint.values import hash_value
from whorl.formats.base import format_named, main_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from contracts.payload import FolderPayload

pytest.importorskip("terracotta", reason="terracotta is not installed: its format is NOT tested")
pytest.importorskip("rasterio", reason="rasterio is not installed: the format terracotta is NOT tested")

TERRACOTTA = format_named("terracotta")
LATITUDES, LONGITUDES = np.linspace(-47.5, 47.5, 20), np.arange(0, 360, 12.0)


def maps(dtype: str = "f4") -> xr.DataArray:
    """Give two maps of numbers of their own."""
    values = np.random.default_rng(1).normal(100, 10, (2, 20, 30)).astype(dtype)
    labels = {"time": pd.date_range("2020", periods=2), "lat": LATITUDES, "lon": LONGITUDES}
    return xr.DataArray(values, labels, ("time", "lat", "lon"), "t", {"units": "K"})


def values() -> dict[str, xr.Dataset | xr.DataArray]:
    """Give what the format keeps, by what is special about it."""
    one = maps()[0]
    odd = one.copy()
    odd[0, :3] = [np.nan, -0.0, np.inf]
    odd[1, 0] = np.array(0x7FC01234, "u4").view("f4")
    names = {"lat": "latitude", "lon": "longitude"}
    return {
        **{f"numbers of {kind}": maps(kind) for kind in ("u1", "i2", "u2", "i4", "u4", "f4", "f8", ">f4", "i8")},
        "one map": one.drop_vars("time"),
        "a map with a scalar coordinate": one,
        "odd numbers": odd,
        "a map without a number": maps().where(maps().time != maps().time[0]).astype("f4"),
        "a dataset": xr.Dataset({"t": maps(), "n": maps("i4")[1].T.drop_vars("time")}, attrs={"title": "weather"}),
        "north up": one.isel(lat=slice(None, None, -1)),
        "west and east": one.assign_coords(lon=np.arange(-180, 180, 12.0)),
        "a part of the world": one.isel(lon=slice(3, 9), lat=slice(2, 7)),
        "a part across Greenwich": one.isel(lon=[28, 29, 0, 1]),
        "other names": one.rename(names),
        "y and x": one.rename(lat="y", lon="x"),
        "four-byte labels": one.assign_coords(lon=(LONGITUDES / 7).astype("f4")),
        "more dimensions": maps().expand_dims(member=["a/b", "c"]),
        "no labels of a dimension": maps().drop_vars("time"),
        "by dask": maps().chunk(time=1),
        "more coordinates": maps().assign_coords(name=("time", ["ü", ""]), flag=("lat", LATITUDES > 0)),
    }


def refused() -> dict[str, object]:
    """Give what it cannot keep, by what is said of it."""
    return {
        "it is not a Dataset or DataArray": 1,
        "no dimension with labels that is called lat or latitude or y": xr.DataArray([[1.0]], dims=("a", "b")),
        "the latitudes are not evenly spaced": maps().isel(lat=[0, 1, 3]),
        "the longitudes are fewer than two": maps().isel(lon=[0]),
        "the dtype dtype\\('bool'\\), which GeoTIFF does not have": maps() > 0,
        "the dtype dtype\\('complex128'\\)": maps().astype("c16"),
        "variable `v`: it is no map": xr.Dataset({"t": maps(), "v": ("time", [1, 2])}),
        "it has no map": xr.Dataset(coords={"lat": LATITUDES, "lon": LONGITUDES}),
    }


@pytest.mark.parametrize("name", values())
def test_maps_come_back_as_they_were(name: str, tmp_path: Path) -> None:
    """To the last bit, in the order that they had, with everything that stands beside them."""
    value = values()[name]
    decoded = through("terracotta", value, tmp_path)

    assert_alike(decoded, value, name)
    assert hash_value(decoded) == hash_value(value)


@pytest.mark.parametrize("said", refused())
def test_what_is_no_map_is_refused(said: str, tmp_path: Path) -> None:
    """With words; zarr keeps most of it."""
    with pytest.raises(FormatError, match="the format terracotta cannot hold") as refusal:
        TERRACOTTA.encode(refused()[said], new_payload(tmp_path), {})

    with pytest.raises(ValueError, match=said):
        raise ValueError(refusal.value.cause)


@pytest.mark.parametrize("shape", [[10**9, 20, 30], [2, 20, 31], [1, 20, 30]])
def test_a_schema_that_lies_about_its_maps_is_refused(shape: list[int], tmp_path: Path) -> None:
    """Before memory is taken for what is not there."""
    payload = new_payload(tmp_path)
    TERRACOTTA.encode(maps(), payload, {})
    schema = json.loads(payload.read("schema.json"))
    schema["stored"]["t"]["shape"] = shape
    payload.write("schema.json", json.dumps(schema).encode())

    with pytest.raises(ValueError, match=r"another (shape|number of maps)"):
        TERRACOTTA.decode(payload, {})


def test_dimensions_of_other_names_are_named_by_options(tmp_path: Path) -> None:
    """As in Nuthatch."""
    value = maps().rename(lat="north", lon="east")
    options = {"latitude_dimension": "north", "longitude_dimension": "east"}

    assert hash_value(through("terracotta", value, tmp_path, **options)) == hash_value(value)
    with pytest.raises(FormatError, match="has no option 'latitude_dimensio'"):
        TERRACOTTA.encode(value, new_payload(tmp_path), {"latitude_dimensio": "north"})


SERVER = """
import sys, warnings
warnings.simplefilter("ignore")
import terracotta
terracotta.update_settings(DRIVER_PATH="terracotta.sqlite", DRIVER_PROVIDER="sqlite")
from terracotta.server import create_app
from werkzeug.serving import make_server
server = make_server("127.0.0.1", 0, create_app())
print(server.port, flush=True)
server.serve_forever()
"""


@pytest.fixture
def payload(tmp_path: Path) -> FolderPayload:
    """A payload of two maps."""
    found = new_payload(tmp_path)
    TERRACOTTA.encode(maps(), found, {})
    return found


@pytest.fixture
def address(payload: FolderPayload) -> Iterator[str]:
    """A server that was started in the payload."""
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(
        command, cwd=payload.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=child_environment()
    ) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


def asked(url: str) -> bytes:
    """Ask the server."""
    with urlopen(url, timeout=30) as answer:
        return answer.read()  # type: ignore[no-any-return]


def test_a_server_shows_the_maps(payload: FolderPayload, address: str) -> None:
    """It lists them, knows their numbers and where they are, and draws them."""
    listed = json.loads(asked(f"{address}/datasets"))["datasets"]
    keys = "/".join(quote(listed[0][name], safe="") for name in ("variable", "label1"))
    metadata = json.loads(asked(f"{address}/metadata/{keys}"))
    picture = asked(f"{address}/singleband/{keys}/preview.png")

    assert [item["variable"] for item in listed] == ["t", "t"]
    assert sorted(item["label1"] for item in listed) == [f"time={time}" for time in maps().time.to_numpy()]
    assert metadata["range"] == pytest.approx([float(maps()[0].min()), float(maps()[0].max())])
    assert metadata["bounds"] == pytest.approx([-186, -50, 174, 50])
    assert picture.startswith(b"\x89PNG")
    assert main_file(TERRACOTTA, payload.names, payload.read) == "terracotta.sqlite"


def test_a_server_elsewhere_is_told_where_the_files_are(tmp_path: Path) -> None:
    """By override_path, which stands before the names in the list."""
    import terracotta

    payload = new_payload(tmp_path)
    TERRACOTTA.encode(maps()[0].drop_vars("time"), payload, {"override_path": "s3://maps/"})
    driver = terracotta.get_driver(str(payload.path("terracotta.sqlite")), provider="sqlite")
    with driver.connect():
        listed = driver.get_datasets()

    assert listed == {("t",): "s3://maps/t/0.tif"}
