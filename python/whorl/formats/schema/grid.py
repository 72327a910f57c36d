"""
Latitudes and longitudes come in, where each row and column of a map goes, and what a GeoTIFF says of it, go out.

Rows go from north to south, columns from -180 to 180 degrees.  On the arrow: *encode* and *decode* of terracotta.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from whorl.formats.schema.loss import Loss

# How far a step may be from the others, in steps: coordinates of four bytes are not nearer.
_EVEN = 1e-3
_HALF_TURN, _TURN = 180.0, 360.0


@dataclass(frozen=True, slots=True)
class Grid:
    """The order of rows and columns in a map, and its west, north and steps in degrees."""

    rows: Any
    columns: Any
    west: float
    north: float
    steps: tuple[float, float]

    @classmethod
    def of(cls, latitudes: Any, longitudes: Any) -> Grid:
        """Find the grid, or raise ``Loss`` where there is none."""
        import numpy as np

        south_to_north, degrees = np.asarray(latitudes, "f8"), np.asarray(longitudes, "f8")
        degrees = np.where(degrees >= _HALF_TURN, degrees - _TURN, degrees)
        rows, columns = np.argsort(-south_to_north, kind="stable"), np.argsort(degrees, kind="stable")
        down, across = _step(-south_to_north[rows], "latitudes"), _step(degrees[columns], "longitudes")
        return cls(rows, columns, degrees[columns][0] - across / 2, south_to_north[rows][0] + down / 2, (down, across))

    def placed(self, values: Any) -> Any:
        """Put rows and columns in the order of a map."""
        return values[self.rows][:, self.columns]

    def restored(self, values: Any) -> Any:
        """Put the rows and columns of a map in the order of the value."""
        import numpy as np

        found = np.empty_like(values)
        found[np.ix_(self.rows, self.columns)] = values
        return found


def _step(values: Any, name: str) -> float:
    import numpy as np

    steps = np.diff(values)
    if len(values) < 2 or not np.isfinite(values).all():  # noqa: PLR2004 - one alone has no step
        raise Loss(f"the {name} are fewer than two, or no numbers", "zarr")
    step = float(values[-1] - values[0]) / (len(values) - 1)
    if step <= 0 or (abs(steps - step) > _EVEN * step).any():
        raise Loss(f"the {name} are not evenly spaced, in -180 … 180 degrees", "zarr")
    return step
