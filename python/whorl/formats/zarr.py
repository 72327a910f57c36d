"""
An xarray dataset or array comes in, one zarr goes out, and back: its variables are read when somebody looks at them.

=================================  ========================================================================
bool, int, float, complex          kept to the last bit: NaN, -0.0, byte order
datetime64, timedelta64            kept with their unit; other readers find CF's units and calendar
strings (``U``, objects)           kept as zarr strings; ``S`` and ``V`` as bytes on an axis of their own
other objects                      if they are plain (None, NaN, dates, Decimal …): as JSON, one by one; else refused
coordinates, names, attributes     kept with their types and order
indexes                            pandas' own, the frequency of dates, MultiIndex; others refused
dask arrays                        written block by block, never gathered; they come back as dask arrays
numpy.ndarray                      when asked for: by the rules above; it is loaded when it comes back
``encoding``                       left out: it is no part of a value
pandas' arrays, units, sparse      refused, as are subclasses, repeated dimensions and structured dtypes
=================================  ========================================================================

One payload file is one key of the zarr (format 3): metadata of everything is in ``zarr.json``, so that opening reads
that and the coordinates that an index is made of.  Every other chunk is checked against the manifest when it is read;
one that is listed and cannot be read raises, one that is not listed is zarr's fill value.  Options: ``compression``
(zstd, the default, blosc, gzip or none) and those of ``schema/chunking.py``.  On the arrow: *encode* and *decode*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whorl.format_options import OPTIONS
from whorl.formats.base import check_options
from whorl.formats.schema.chunking import check_blocks, check_values, chunk_options
from whorl.formats.schema.loss import Loss, refusing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whorl.formats.base import Format, PayloadReader, PayloadWriter

_OPTIONS = OPTIONS["zarr"]
_TYPES = (("xarray", "Dataset"), ("xarray", "DataArray"), ("numpy", "ndarray"))


class Zarr:
    """The format ``zarr``."""

    name = "zarr"
    suffix = ".zarr"
    exact = True
    runs_code = False

    def accepts(self, value: object) -> bool:
        """Take datasets, data arrays and arrays of numpy, not those of subclasses."""
        kind = type(value)
        return (kind.__module__.partition(".")[0], kind.__qualname__) in _TYPES

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        """Write one file for each chunk that is not all fill value, and the metadata."""
        check_options(self, options, _OPTIONS)
        check_values(options)
        with refusing(self.name, value):
            if not self.accepts(value):
                raise Loss("it is not a Dataset, DataArray or ndarray, or of a subclass")
            from whorl.formats.schema.datasets import write_dataset

            write_dataset(value, writer, options)

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:
        """Read the metadata and what indexes are made of; the rest is read when it is needed."""
        from whorl.formats.schema.datasets import open_dataset

        return open_dataset(reader, options)

    def gives_other_arrays(self, options: Mapping[str, object]) -> bool:
        """Whether options make arrays of dask of whatever was stored."""
        return check_blocks(options) is not None

    def options_for(self, options: Mapping[str, object], arguments: Mapping[str, object]) -> Mapping[str, object]:
        """Settle ``chunk_by_arg`` by the arguments of a call."""
        return chunk_options(options, arguments)


FORMAT: Format = Zarr()
