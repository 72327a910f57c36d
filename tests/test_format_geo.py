"""Frames and series of geopandas: geometries, reference systems and the choice of one come back, or are refused."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPoint, Point, Polygon

import whorl
from contracts.alike import assert_alike
from contracts.geometries import REFUSED, UTM, geo_frames, plain
from contracts.payload import new_payload, through
from contracts.round_trips import RoundTrips, refused_of
from whorl import cache, config
from whorl.errors import FormatError
from whorl.fingerprint.values import hash_value
from whorl.formats.base import format_named
from whorl.formats.schema.geo import decode_geometry
from whorl.formats.schema.merging import merged
from whorl.private import private_copy
from whorl.sizes import size_of
from whorl.wish import Window, Wish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """Give a test a store of its own."""
    with config.options(filesystem=str(tmp_path / "store")):
        yield tmp_path / "store"


class TestParquet(RoundTrips):
    """The default of geopandas."""

    name = "parquet"
    values = staticmethod(geo_frames)
    refused = REFUSED


class TestArrow(RoundTrips):
    """The same, as Arrow has it in memory."""

    name = "arrow"
    values = staticmethod(geo_frames)
    refused = REFUSED


class TestFeather(RoundTrips):
    """The same, compressed."""

    name = "feather"
    values = staticmethod(geo_frames)
    refused = REFUSED


class TestCsv(RoundTrips):
    """Geometries as text: WKB in base64."""

    name = "csv"
    values = staticmethod(geo_frames)
    refused = REFUSED


@pytest.mark.parametrize("name", ["delta", "sql", "json"])
def test_the_tables_of_others_hold_them_too(tmp_path: Path, name: str) -> None:
    """All that parquet holds."""
    assert set(refused_of(name, geo_frames(), tmp_path)) == REFUSED


@pytest.mark.parametrize("name", ["excel", "hdf", "html", "orc", "pickle", "stata", "xml"])
def test_whatever_else_is_asked_holds_them_or_refuses_them(tmp_path: Path, name: str) -> None:
    """Nothing comes back changed."""
    assert "geo: a frame" not in refused_of(name, geo_frames(), tmp_path)


def test_geopandas_reads_the_files(tmp_path: Path) -> None:
    """With each column's own reference system, and the active one."""
    frame = geo_frames()["geo: several, each in its own system"]
    parquet, feather = new_payload(tmp_path), new_payload(tmp_path)
    format_named("parquet").encode(frame, parquet, {})
    format_named("feather").encode(frame, feather, {})
    found = [gpd.read_parquet(parquet.path("data.parquet")), gpd.read_feather(feather.path("data.feather"))]

    for read in found:
        assert (read.geometry.name, read.crs, read["geometry"].crs) == ("other", 3857, 4326)
        assert read.geometry.geom_equals(frame.geometry).tolist() == [True, False, True]


@cache()
def places() -> gpd.GeoDataFrame:
    return plain()


@cache()
def nowhere() -> gpd.GeoSeries:
    return gpd.GeoSeries([Point(np.nan, np.nan)])


@pytest.mark.usefixtures("store")
def test_parquet_is_the_default() -> None:
    """A hit is what the stage returned; a pickle of geopandas' would not take what parquet refuses, either."""
    first = places()
    with whorl.observe() as outcomes:
        second = places()

    assert [outcome.kind for outcome in outcomes] == ["hit"]
    assert [entry.format for entry in places.entries()] == ["parquet"]
    assert_alike(second, first, "frame")
    with pytest.raises(FormatError, match="cannot hold this GeoSeries"):
        nowhere()


def test_a_reference_system_that_would_read_a_file_is_refused(tmp_path: Path) -> None:
    """When it is written, and when a stored one says so."""
    system = pyproj.CRS(4326)
    system.srs = "+init=/etc/passwd:1"
    frame = gpd.GeoDataFrame(geometry=gpd.GeoSeries([Point(1, 2)], crs=system))
    with pytest.raises(FormatError, match="cannot hold this GeoDataFrame"):
        through("parquet", frame, tmp_path)
    kind = {"as": "geometry", "crs": {"srs": "+init=/etc/passwd:1", "json": pyproj.CRS(4326).to_json()}, "rings": False}
    with pytest.raises(ValueError, match="file of this machine"):
        decode_geometry(kind, pa.chunked_array([[shapely.to_wkb(Point(1, 2))]]), None)


def test_a_reference_system_that_means_another_one_here_comes_back_as_it_was_defined() -> None:
    """Another PROJ may know its number otherwise, or not at all."""
    column = pa.chunked_array([pa.array([shapely.to_wkb(Point(1, 2))], pa.large_binary())])
    for words in ("EPSG:3857", "NOBODY:1"):
        kind = {"as": "geometry", "crs": {"srs": words, "json": pyproj.CRS(25833).to_json()}, "rings": False}
        array = decode_geometry(kind, column, None)

        assert array.crs == pyproj.CRS(25833)


# --- digests and copies ---


def test_frames_that_differ_have_digests_that_differ() -> None:
    """By a coordinate's last bit, the reference system, the dimension, the kind, the name of the active geometry."""
    frames = geo_frames()
    point, nudged = Point(1, 2), Point(1, np.nextafter(2, 3))
    frames |= {"point": gpd.GeoSeries([point]), "nudged": gpd.GeoSeries([nudged]), "elsewhere": plain().to_crs(3857)}
    found = {name: hash_value(frame) for name, frame in frames.items()}

    assert len(set(found.values())) == len(found)


IN_ANOTHER = """
import sys
from contracts.geometries import geo_frames
from whorl.fingerprint.values import hash_value
print("\\n".join(str(hash_value(frame)) for frame in geo_frames().values()))
"""


def test_equal_frames_have_one_digest_in_two_processes() -> None:
    """Whatever was asked of them before, and however they came there."""
    frames = geo_frames()
    for frame in frames.values():
        if isinstance(frame, gpd.GeoSeries):
            frame.sindex  # noqa: B018 - it is remembered
    path = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER], env=environment, capture_output=True, text=True, check=True, timeout=100
    )

    assert done.stdout.split() == [str(hash_value(frame)) for frame in frames.values()]


def test_a_frame_that_was_pickled_has_the_same_digest() -> None:
    """As it comes from a worker; geopandas leaves numbers of reference systems and rings out of pickles."""
    lost = ("geo: of one reference system each", "geo: a ring", *REFUSED)
    for name, frame in geo_frames().items():
        assert (hash_value(pickle.loads(pickle.dumps(frame))) == hash_value(frame)) == (name not in lost), name


@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value]], ids=["alone", "in a list"])
def test_a_private_copy_is_the_same_and_shares_nothing_that_changes(wrap: Any) -> None:
    """Objects in other columns too."""
    for name, frame in geo_frames().items():
        assert hash_value(private_copy(wrap(frame))) == hash_value(wrap(frame)), name
    frame = geo_frames()["geo: of one reference system each"].assign(lists=[[1], [2]])
    copied: Any = private_copy(wrap(frame))
    inside = copied if isinstance(copied, gpd.GeoDataFrame) else copied[0]
    assert hash_value(inside) == hash_value(frame)
    inside["lists"].iloc[0].append(3)
    inside.loc[0, "geometry"] = Point(9, 9)

    assert frame["lists"].tolist() == [[1], [2]]
    assert frame.geometry.iloc[0] == shapely.set_srid(Point(1, 2), 7)


@pytest.mark.usefixtures("store")
def test_memory_hands_out_copies() -> None:
    """What a caller does to one is not seen by the next."""
    stage = places.options(memoize=True)
    stage()
    spoilt = stage()
    spoilt.loc["x", "geometry"] = Point(0, 0)

    assert_alike(stage(), plain(), "frame")


def test_the_size_counts_what_the_geometries_hold() -> None:
    """Within a factor of two of what was measured: 200 bytes for a point, 1080 for an area of 33."""
    points = shapely.points(np.zeros((1000, 2)))
    areas = shapely.buffer(points, 1.0)

    for make in (gpd.GeoSeries, lambda items: gpd.GeoDataFrame(geometry=items), plain_frame):
        assert 100 < size_of(make(points)) / 1000 < 400
        assert 540 < size_of(make(areas)) / 1000 < 2160


def plain_frame(items: Any) -> pd.DataFrame:
    """Make a frame of pandas that has geometries."""
    return pd.DataFrame({"g": gpd.GeoSeries(items)})


def test_an_argument_counts_by_its_geometries(store: Path) -> None:
    """And by its reference system."""

    @cache()
    def count(frame: gpd.GeoDataFrame) -> int:
        return len(frame)

    with whorl.observe() as outcomes:
        for frame in (plain(), plain(), plain().to_crs(3857), plain().rename_geometry("g")):
            count(frame)

    assert [outcome.kind for outcome in outcomes] == ["ran", "hit", "ran", "ran"]


# --- upsert ---


def test_a_newer_place_takes_that_of_the_older_one() -> None:
    """And what comes out is of geopandas, in the same reference system."""
    old = plain().reset_index()
    new = old.iloc[1:2].assign(a=20, geometry=[Point(5, 5)]).reset_index(drop=True)
    found = merged(old, new, ["key"])

    assert isinstance(found, gpd.GeoDataFrame)
    assert (found["a"].tolist(), found.crs, found.geometry.iloc[1]) == ([1, 20, 3], 4326, Point(5, 5))


def test_places_in_another_reference_system_are_not_put_in() -> None:
    """Nor those whose active geometry is another."""
    old = plain().reset_index()
    with pytest.raises(FormatError) as caught:
        merged(old, old.to_crs(3857), ["key"])
    assert "these columns differ: geometry" in str(caught.value.cause)
    two = old.assign(other=old.geometry)
    with pytest.raises(FormatError, match="active geometry"):
        merged(two, two.set_geometry("other"), ["key"])


# --- whatever Hypothesis finds ---

_NUMBER = st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 1e300, 5e-324])
_POINT = st.tuples(_NUMBER, _NUMBER)
_DEEP = st.tuples(_NUMBER, _NUMBER, _NUMBER)
_FINITE = st.integers(-9, 9)
_GEOMETRY = st.one_of(
    st.none(),
    _POINT.map(Point),
    _DEEP.map(Point),
    st.lists(_POINT, min_size=2, max_size=4).map(LineString),
    st.lists(_DEEP, min_size=2, max_size=3).map(LineString),
    st.lists(_POINT, max_size=3).map(MultiPoint),
    st.tuples(_FINITE, _FINITE).map(lambda at: Polygon([at, (at[0] + 1, at[1]), (at[0], at[1] + 1)])),
    st.sampled_from([Point(), Polygon(), LineString(), shapely.GeometryCollection()]),
    st.lists(_POINT.map(Point), max_size=2).map(shapely.GeometryCollection),
)
_SYSTEM = st.sampled_from([None, 4326, "EPSG:25833", UTM, "OGC:CRS84", "ESRI:54009"])
_LABEL = st.text(st.characters(exclude_categories=["Cs"]), max_size=4) | st.integers(0, 3)


@st.composite
def _frames(draw: st.DrawFn) -> gpd.GeoDataFrame:
    rows = draw(st.integers(0, 4))
    labels = draw(st.lists(_LABEL, min_size=1, max_size=3, unique_by=str))
    arrays = [
        gpd.GeoSeries(draw(st.lists(_GEOMETRY, min_size=rows, max_size=rows)), crs=draw(_SYSTEM)).array for _ in labels
    ]
    frame = gpd.GeoDataFrame(dict(zip(labels, arrays, strict=True)) | {"number": range(rows)})
    frame.index = pd.Index(draw(st.lists(_LABEL, min_size=rows, max_size=rows)), dtype=object, name=draw(_LABEL))
    return frame.set_geometry(draw(st.sampled_from(labels))) if draw(st.booleans()) else frame


@pytest.mark.parametrize("name", ["parquet", "feather", "csv"])
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(frame=_frames())
def test_any_frame_is_held_exactly_or_refused(name: str, tmp_path: Path, frame: gpd.GeoDataFrame) -> None:
    """There is no third way."""
    try:
        decoded: Any = through(name, frame, tmp_path)
    except FormatError as refusal:
        assert refusal.cause  # noqa: PT017 - either this or what follows
        return

    assert hash_value(decoded) == hash_value(frame)
    assert_alike(decoded, frame, name)
    assert json.dumps(str(decoded.active_geometry_name)) == json.dumps(str(frame.active_geometry_name))


def test_a_window_of_a_frame_is_of_geopandas_too(tmp_path: Path) -> None:
    """The files that it does not touch are not read."""
    times = pd.date_range("2020-01-01", periods=40, unit="us")
    rings = [shapely.LinearRing([(0, 0), (number, 0), (0, 1)]) for number in range(1, 41)]
    frame = gpd.GeoDataFrame({"time": times}, geometry=rings, crs=4326)
    payload = new_payload(tmp_path)
    parquet: Any = format_named("parquet")
    parquet.encode(frame, payload, {"split_by": "time", "row_group_size": 10})
    found = parquet.decode_part(payload, {}, Wish(windows=(Window(("time",), "2020-01-12", "2020-01-13"),)))

    assert_alike(parquet.decode(payload, {}), frame, "whole")
    assert_alike(found, frame.iloc[10:20], "part")


def test_a_grid_that_coordinates_were_rounded_to_counts(tmp_path: Path) -> None:
    """Operations answer on it: equal coordinates with and without are two values, and no file keeps it."""
    line = shapely.LineString([(0, 0), (10, 10)])
    rounded = shapely.set_precision(line, 1.0)

    assert hash_value(line) != hash_value(rounded)
    with pytest.raises(FormatError):
        through("parquet", gpd.GeoDataFrame(geometry=[rounded]), tmp_path)


@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value], lambda value: {"a": (value,)}])
def test_a_private_copy_has_the_grid_too(wrap: Any) -> None:
    """A geometry cannot be changed, so it is handed on as it is."""
    rounded = shapely.set_precision(shapely.LineString([(0, 0), (10, 10)]), 1.0)
    copied: Any = private_copy(wrap(rounded))
    while not isinstance(copied, shapely.Geometry):
        copied = next(iter(copied.values() if isinstance(copied, dict) else copied))

    assert shapely.get_precision(copied) == 1.0
