"""Frames and series of geopandas that are hard to keep, by what is hard about them."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString, MultiPoint, Point, Polygon

UTM = "+proj=utm +zone=33 +datum=WGS84 +units=m +no_defs"
SQUARE = [(0, 0), (1, 0), (1, 1), (0, 1)]
WKT = (
    *("POINT (1 2)", "POINT Z (1 2 3)", "POINT M (1 2 3)", "POINT ZM (1 2 3 4)", "POINT (nan 1)", "POINT (-0.0 inf)"),
    *("POINT EMPTY", "POINT Z EMPTY", "LINESTRING Z EMPTY", "POLYGON EMPTY", "GEOMETRYCOLLECTION EMPTY"),
    *("LINESTRING (0 0, 0.1 0.30000000000000004)", "POLYGON ((0 0, 1 0, 1 1, 0 0))", "MULTILINESTRING ((0 0, 1 1))"),
    *("POLYGON ((0 0, 9 0, 9 9, 0 0), (2 1, 3 1, 3 2, 2 1))", "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), EMPTY)"),
    *("MULTIPOINT Z (1 2 3, 4 5 6)", "GEOMETRYCOLLECTION (POINT (1 2), GEOMETRYCOLLECTION (LINESTRING (0 0, 1 1)))"),
)


def plain() -> gpd.GeoDataFrame:
    """Make a frame as people have it."""
    names = pd.Index(["x", "y", "z"], name="key")
    return gpd.GeoDataFrame(
        {"a": [1, 2, 3], "name": ["p", None, "q"]},
        geometry=[Point(1, 2), None, Polygon(SQUARE)],
        crs="EPSG:4326",
        index=names,
    )


def geo_frames() -> dict[str, Any]:
    """Frames and series, by what is hard about them."""
    frame = plain()
    tagged = frame.copy()
    tagged.attrs = {"unit": "m"}
    projected = frame.to_crs(3857)
    made: dict[str, Any] = {f"geo: {text}": gpd.GeoSeries(shapely.from_wkt([text, None]), crs=4326) for text in WKT}
    return made | {
        "geo: a frame": frame,
        "geo: no reference system": gpd.GeoDataFrame(geometry=[Point(1, 2), None]),
        "geo: another name": frame.rename_geometry("place"),
        "geo: several, each in its own system": frame.assign(other=projected.geometry).set_geometry("other"),
        "geo: none is active": gpd.GeoDataFrame({"a": [1]}),
        "geo: the active one was dropped": frame.assign(other=projected.geometry).drop(columns="geometry"),
        "geo: numbers are called geometry": frame.rename(columns={"geometry": "place", "a": "geometry"}).set_geometry(
            "place"
        ),
        "geo: a system of PROJ's words": frame.to_crs(UTM),
        "geo: a system of text": frame.set_crs(projected.crs.to_wkt(), allow_override=True),
        "geo: a system of JSON": frame.set_crs(projected.crs.to_json(), allow_override=True),
        "geo: a compound system": frame.set_crs("EPSG:4326+5773", allow_override=True),
        "geo: of one reference system each": gpd.GeoDataFrame(geometry=shapely.set_srid([Point(1, 2), Point(3, 4)], 7)),
        "geo: attrs": tagged,
        "geo: no rows": frame.iloc[:0],
        "geo: a mask of rows": frame[[True, False, True]],
        "geo: labels twice": frame.set_axis(["a", "a", "geometry"], axis=1),
        "geo: a name that is no text": frame.set_axis(["a", 1, ("p", 2)], axis=1).set_geometry(("p", 2)),
        "geo: levels": frame.set_index(["name", "a"]),
        "geo: unique labels": frame.set_flags(allows_duplicate_labels=False),
        "geo: a series": projected.geometry,
        "geo: a series without a name": gpd.GeoSeries([MultiPoint([(1, 2), (3, 4)]), None]),
        "geo: an empty series": gpd.GeoSeries([], crs=4326),
        "geo: a frame of pandas": pd.DataFrame(frame),
        "geo: a series of pandas": pd.Series(frame.geometry.array, name="g"),
        "geo: an index": pd.DataFrame({"v": range(3)}, index=pd.Index(frame.geometry.array)),
        "geo: many": gpd.GeoDataFrame(
            {"n": np.arange(5000)}, geometry=shapely.points(np.random.default_rng(1).normal(size=(5000, 3)))
        ),
        "geo: a ring": gpd.GeoSeries([shapely.LinearRing(SQUARE), None]),
        "geo: rings and lines": gpd.GeoSeries([shapely.LinearRing(SQUARE), LineString(SQUARE)]),
        "geo: a ring within": gpd.GeoSeries([shapely.GeometryCollection([shapely.LinearRing(SQUARE)])]),
        "geo: a point of no numbers": gpd.GeoSeries([Point(np.nan, np.nan), LineString([(0, 0), (1, 1)])]),
    }


REFUSED = frozenset(("geo: rings and lines", "geo: a ring within", "geo: a point of no numbers"))
