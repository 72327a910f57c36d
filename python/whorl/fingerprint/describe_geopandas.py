"""
Arrays of geopandas in, descriptions out; its frames and series are described as those of pandas are.

Geometries and the reference system count, the index in space that is made from them does not.  On the arrow: inside
*digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.fingerprint.describe_shapely import parts_of
from whorl.fingerprint.description import full_name, node

if TYPE_CHECKING:
    from whorl.fingerprint.description import Describer, Description


def describer_of(kind: type) -> Describer | None:
    """Return what describes an array of geometries; None for what another family describes."""
    from geopandas.array import GeometryArray

    return _describe_array if kind is GeometryArray else None


def _describe_array(array: Any) -> Description:
    import numpy as np

    parts = [(".crs", array.crs), *parts_of(np.asarray(array, dtype=object))]
    return node(f"pandas.array {full_name(type(array))}", parts)
