"""
An xarray value over latitudes and longitudes comes in, GeoTIFFs that a terracotta server shows go out, and back.

=================================  ========================================================================
variables of numbers               kept to the last bit: one GeoTIFF for each map, north up
latitudes, longitudes              kept; evenly spaced or refused; 0 … 360 is written as -180 … 180
times and other dimensions         kept: each label is a map of its own
coordinates, names, attributes     kept, in ``schema.json``
indexes                            pandas' own, the frequency of dates, MultiIndex; others refused
dask arrays                        written map by map; they come back as dask arrays of one block
variables without a map            refused, as are bool, complex, float16, text, times and gaps in the grid
=================================  ========================================================================

The GeoTIFFs are cloud-optimized and have what the value has, degree by degree: terracotta warps them for its tiles, so
that nothing is resampled here.  ``terracotta.sqlite`` lists them by the keys ``variable`` and ``label1`` …, which have
labels such as ``time=2020``; a map that has no number in it is not listed, for terracotta has no metadata for one.  The
list names the files relative to the payload, where a server has to be started, or below ``override_path``.  Options:
``latitude_dimension`` (``lat``, else ``latitude`` or ``y``), ``longitude_dimension`` and ``override_path``.  On the
arrow: *encode* and *decode*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whorl.format_options import OPTIONS
from whorl.formats.base import check_options
from whorl.formats.schema.loss import Loss, refusing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whorl.formats.base import Format, PayloadReader, PayloadWriter

_TYPES = (("xarray", "Dataset"), ("xarray", "DataArray"))
_OPTIONS = OPTIONS["terracotta"]


class Terracotta:
    """The format ``terracotta``."""

    name = "terracotta"
    suffix = ".sqlite"
    exact = True
    runs_code = False

    def accepts(self, value: object) -> bool:
        """Take datasets and data arrays, not those of subclasses."""
        kind = type(value)
        return (kind.__module__.partition(".")[0], kind.__qualname__) in _TYPES

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        """Write the maps, the list of them, and the schema."""
        check_options(self, options, _OPTIONS)
        with refusing(self.name, value):
            if not self.accepts(value):
                raise Loss("it is not a Dataset or DataArray, or of a subclass")
            from whorl.formats.schema.maps import write_maps

            write_maps(value, writer, options)

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:  # noqa: ARG002 - for writing only
        """Load everything."""
        from whorl.formats.schema.maps import read_maps

        return read_maps(reader)


FORMAT: Format = Terracotta()
