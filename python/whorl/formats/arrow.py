"""
A frame, a series or an Arrow table comes in, one uncompressed Arrow IPC file goes out, and back, exactly.

===================  ==============================================================================================
DataFrame, Series    kept: dtypes, labels of any kind, index, names, ``attrs``; columns as in ``schema.arrays``
pyarrow.Table        kept with its schema and metadata; chunks are joined
polars               frames, also lazy ones, which are collected; types that Arrow has no exact form of are refused
geopandas            kept: geometries as well-known binary, reference systems, which column is active; see ``geo``
refused              objects of several types, sparse values, subclasses
===================  ==============================================================================================

The fastest of the table formats: writing copies memory to the file, and reading a large file maps it, so that columns
are read when they are touched.  Values share memory with nobody: the mapping is private and copy-on-write.  There are
no options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whorl.formats.base import check_options
from whorl.formats.schema.ipc import read_ipc, write_ipc
from whorl.formats.schema.loss import refusing
from whorl.formats.schema.tables import is_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whorl.formats.base import Format, PayloadReader, PayloadWriter
    from whorl.wish import Wish

_FILE = "data.arrow"


class Arrow:
    """The format ``arrow``."""

    name = "arrow"
    suffix = ".arrow"
    exact = True
    runs_code = False

    def accepts(self, value: object) -> bool:
        """Take frames, series and Arrow tables."""
        return is_table(value)

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        """Write one file."""
        check_options(self, options, ())
        with refusing(self.name, value):
            write_ipc(value, writer, _FILE, None)

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:  # noqa: ARG002 - it has none
        """Map or read the file."""
        return read_ipc(reader, _FILE)

    def decode_part(self, reader: PayloadReader, options: Mapping[str, object], wish: Wish) -> object:  # noqa: ARG002
        """Read the file for an engine, without a frame of pandas where that is possible."""
        return read_ipc(reader, _FILE, wish.engine)


FORMAT: Format = Arrow()
