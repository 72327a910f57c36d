"""
An xarray dataset or array comes in, one netCDF file and its schema go out, and back, exactly: an array is one again.

=================================  ========================================================================
bool, int, float (not of 2 bytes)  kept to the last bit; bool as bytes that xarray reads as bool
datetime64, timedelta64            kept with their unit, as int64 with the units of CF
strings (``U``, objects)           kept, as strings of netCDF; with a NUL in them refused
``S`` and ``V``                    kept, as bytes on an axis of their own
other objects                      if they are plain (None, NaN, dates, Decimal …): as JSON, one by one
coordinates, names, attributes     kept with their types and order
indexes                            pandas' own, the frequency of dates, MultiIndex; others refused
dask arrays                        written some blocks at a time; they come back as dask arrays of one block
complex, float16, long double      refused, as are structured dtypes, units, sparse, subclasses
``encoding``                       left out: it is no part of a value
=================================  ========================================================================

What netCDF has no words for stands in ``schema.json`` beside the file (``schema/described.py``).  Attributes that
netCDF has are written into the file, too, so that other readers find what they know.  The value is loaded when it is
decoded; zarr is for what is larger than memory.  The one option is ``compression``: none (the default) or zlib.  On the
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


class NetCdf:
    """The format ``netcdf``."""

    name = "netcdf"
    suffix = ".nc"
    exact = True
    runs_code = False

    def accepts(self, value: object) -> bool:
        """Take datasets and data arrays, not those of subclasses."""
        kind = type(value)
        return (kind.__module__.partition(".")[0], kind.__qualname__) in _TYPES

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        """Write the file and its schema."""
        check_options(self, options, OPTIONS[self.name])
        with refusing(self.name, value):
            compression = options.get("compression", "none")
            if not self.accepts(value):
                raise Loss("it is not a Dataset or DataArray, or of a subclass")
            from whorl.formats.schema.hdf import write_netcdf

            write_netcdf(value, writer, is_compressed=compression == "zlib")

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:  # noqa: ARG002 - for writing only
        """Load everything."""
        from whorl.formats.schema.hdf import read_netcdf

        return read_netcdf(reader)


FORMAT: Format = NetCdf()
