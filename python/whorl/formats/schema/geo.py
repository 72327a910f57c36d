"""
An array of geometries comes in, well-known binary (WKB) and the reference system go out, and back; and whole frames.

Every coordinate, a geometry's own number of its reference system (SRID) and None are kept.  WKB has lines for rings,
which are kept where a column has nothing else, and empty points for those whose coordinates are NaN, which are refused.
The reference system is made again by the words that it was made of, and where this machine's PROJ takes them otherwise,
by its definition.  On the arrow: *encode* and *decode*.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from whorl.formats.schema.loss import Loss, require
from whorl.formats.schema.payload import check_same
from whorl.formats.schema.plain import pack, unpack
from whorl.formats.schema.scalars import SCALARS
from whorl.formats.schema.tables import GEO_TABLES, table_name

if TYPE_CHECKING:
    import pyarrow as pa

    from whorl.formats.schema.buffers import Memory
    from whorl.formats.schema.simple import Encoded, Kind

# PROJ would read a file of that name.
_READS_FILES = "init="


def is_geometry(dtype: Any) -> bool:
    """Whether a dtype is that of geometries."""
    return type(dtype).__name__ == "GeometryDtype" and type(dtype).__module__.partition(".")[0] == "geopandas"


def encode_geometry(array: Any) -> Encoded:
    """Make an array of WKB, in the dialect that all read unless geometries say of which reference system they are."""
    import numpy as np
    import pyarrow as pa

    shapely = require("shapely")
    geometries = np.asarray(array, dtype=object)
    has_own = bool(np.any(shapely.get_srid(geometries) > 0))
    kinds = set(shapely.get_type_id(geometries).tolist()) - {shapely.GeometryType.MISSING}
    kind: Kind = {"as": "geometry", "crs": _described(array.crs), "rings": kinds == {shapely.GeometryType.LINEARRING}}
    try:
        data = shapely.to_wkb(geometries, include_srid=has_own, flavor="extended" if has_own else "iso", byte_order=1)
        encoded = pa.array(data, pa.large_binary(), from_pandas=False)
        check_same(array, decode_geometry(kind, pa.chunked_array([encoded]), None))
    except (Loss, shapely.errors.GEOSException) as loss:
        what = "geometries that WKB does not hold, such as points whose coordinates are NaN, or rings beside others"
        raise Loss(what, "") from loss
    return kind, encoded


def decode_geometry(kind: Kind, column: pa.ChunkedArray, _: Memory | None) -> Any:
    """Make the array again."""
    import numpy as np

    shapely = require("shapely")
    system = _system_of(kind["crs"])
    data = np.empty(len(column), object)
    data[:] = column.to_pylist()
    geometries = shapely.from_wkb(data)
    if kind["rings"]:
        geometries[:] = [None if line is None else shapely.LinearRing(line) for line in geometries]
    return require("geopandas.array").GeometryArray(geometries, crs=system)


def describe_geo(value: Any) -> Kind | None:
    """Say what a frame or series of geopandas has besides that of pandas; None for others."""
    if table_name(value) not in GEO_TABLES:
        return None
    active = getattr(value, "_geometry_column_name", None)
    return {"active": pack(active, extra=SCALARS, place="the name of the geometry")}


def as_geo(value: Any, described: Kind) -> Any:
    """Make a frame or series of geopandas of one of pandas that has its columns."""
    pandas, geopandas = require("pandas"), require("geopandas")
    # Its own way to make one would look for a geometry, and choose one.
    if isinstance(value, pandas.Series):
        series = geopandas.GeoSeries.__new__(geopandas.GeoSeries)
        pandas.Series.__init__(series, value, copy=False)
        return series
    frame = geopandas.GeoDataFrame.__new__(geopandas.GeoDataFrame)
    pandas.DataFrame.__init__(frame, value, copy=False)
    frame._geometry_column_name = unpack(described["active"], extra=SCALARS)  # noqa: SLF001 - pandas' own copies set it so
    return frame


def geo_metadata(table: pa.Table, described: Kind) -> dict[bytes, bytes]:
    """Describe geometries to other readers, as GeoParquet 1.0 has it; nothing where there are none."""
    places = [described["array"]] if "array" in described else cast("list[Any]", described.get("arrays", []))
    kinds: dict[str, Any] = {table.column_names[place["column"]]: place["kind"] for place in cast("list[Any]", places)}
    columns: dict[str, object] = {
        name: {"encoding": "WKB", "geometry_types": [], "crs": json.loads(kind["crs"]["json"]) if kind["crs"] else None}
        for name, kind in kinds.items()
        if kind["as"] == "geometry"
    }
    if not columns or "geo" not in described:
        return {}
    active = unpack(cast("Kind", described["geo"])["active"], extra=SCALARS)
    primary = active if active in columns else next(iter(columns))
    return {b"geo": json.dumps({"version": "1.0.0", "primary_column": primary, "columns": columns}).encode()}


def _described(system: Any) -> Kind | None:
    """Describe a reference system: by what it was made of, and by its definition."""
    if system is None:
        return None
    pyproj = require("pyproj")
    if type(system) is not pyproj.CRS:
        raise Loss(f"a reference system of type {type(system).__module__}.{type(system).__qualname__}")
    try:
        described: Kind = {"srs": system.srs, "json": system.to_json()}
    except pyproj.exceptions.CRSError as error:
        raise Loss(f"a reference system without a definition: {error}") from error
    if _READS_FILES in system.srs.lower() or _system_of(described).srs != system.srs:
        raise Loss(f"the reference system {system.srs!r}, which is made otherwise than by its words")
    return described


def _system_of(described: object) -> Any:
    if described is None:
        return None
    words = cast("dict[str, str]", described)
    pyproj = require("pyproj")
    defined = pyproj.CRS.from_json(words["json"])
    if _READS_FILES in words["srs"].lower():
        raise ValueError("a stored reference system would be read from a file of this machine")
    try:
        made = pyproj.CRS(words["srs"])
    except pyproj.exceptions.CRSError:
        return defined
    return made if made == defined else defined
