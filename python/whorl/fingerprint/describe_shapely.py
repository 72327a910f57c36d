"""
Geometries of shapely in, descriptions out: their numbers as WKB has them, and what WKB leaves out.

Kinds, dimensions, spatial references and every bit of a coordinate count, at any depth; what was prepared for faster
questions does not.  Many geometries are described at once.  On the arrow: inside *digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.fingerprint.description import Inner, node

if TYPE_CHECKING:
    from whorl.fingerprint.description import Describer, Description, Parts

_LITTLE = 1
# The first of the kinds that are made of others: shapely.GeometryType.MULTIPOINT.
_OF_OTHERS = 4


def describer_of(kind: type) -> Describer | None:
    """Return what describes a geometry; None for what is an instance like any other."""
    import shapely

    if issubclass(kind, shapely.Geometry):
        return _describe_geometry
    return _describe_prepared if kind.__name__ == "PreparedGeometry" else None


def parts_of(geometries: Any) -> Parts:
    """Describe an array of geometries and of None."""
    import shapely

    data = shapely.to_wkb(geometries, include_srid=True, byte_order=_LITTLE)
    return [(".wkb", data.tolist()), *((".kinds", Inner(kinds)) for kinds in _kinds(geometries))]


def _describe_geometry(geometry: Any) -> Description:
    import numpy as np

    alone = np.empty(1, object)
    alone[0] = geometry
    return node("shapely.Geometry", parts_of(alone))


def _describe_prepared(prepared: Any) -> Description:
    return node("shapely.PreparedGeometry", [(".context", prepared.context)])


def _kinds(geometries: Any) -> list[Any]:
    """
    Tell rings from lines, empty points from those of no numbers, and the dimensions of what is empty.

    Those of the geometries themselves come first, then those of their parts; last the sizes of the grids that
    coordinates were rounded to, where there are any.
    """
    import numpy as np
    import shapely

    tests = [shapely.get_type_id, shapely.is_empty, shapely.has_z]
    tests += [shapely.has_m] if hasattr(shapely, "has_m") else []
    sizes = np.nan_to_num(shapely.get_precision(geometries))  # None has none
    grids = [sizes] if sizes.any() else []
    kinds: list[Any] = []
    while len(geometries):
        kinds.append(np.array([test(geometries) for test in tests], dtype=np.int8))
        geometries = shapely.get_parts(geometries[kinds[-1][0] >= _OF_OTHERS])
    return [*kinds, *grids]
