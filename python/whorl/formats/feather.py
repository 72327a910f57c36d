"""
A frame, a series or an Arrow table comes in, one feather file goes out, and back, exactly.

===================  ==============================================================================================
DataFrame, Series    kept: dtypes, labels of any kind, index, names, ``attrs``; columns as in ``schema.arrays``
pyarrow.Table        kept with its schema and metadata; chunks are joined
polars               frames, also lazy ones, which are collected; types that Arrow has no exact form of are refused
geopandas            kept: geometries as well-known binary, reference systems, which column is active; see ``geo``
refused              objects of several types, sparse values, subclasses
===================  ==============================================================================================

Feather (version 2) is Arrow's IPC format, compressed with lz4 as pandas writes it; ``compression`` in the options may
also be ``"zstd"`` or ``"uncompressed"``.  Values own the memory they are decompressed into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whorl.format_options import OPTIONS
from whorl.formats.base import check_options
from whorl.formats.schema.ipc import read_ipc, write_ipc
from whorl.formats.schema.loss import refusing
from whorl.formats.schema.tables import is_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whorl.formats.base import Format, PayloadReader, PayloadWriter
    from whorl.wish import Wish

_FILE = "data.feather"


class Feather:
    """The format ``feather``."""

    name = "feather"
    suffix = ".feather"
    exact = True
    runs_code = False

    def accepts(self, value: object) -> bool:
        """Take frames, series and Arrow tables."""
        return is_table(value)

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        """Write one file."""
        check_options(self, options, OPTIONS[self.name])
        chosen = str(options.get("compression", "lz4"))
        with refusing(self.name, value):
            write_ipc(value, writer, _FILE, None if chosen == "uncompressed" else chosen)

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:  # noqa: ARG002 - for writing only
        """Read the file."""
        return read_ipc(reader, _FILE)

    def decode_part(self, reader: PayloadReader, options: Mapping[str, object], wish: Wish) -> object:  # noqa: ARG002
        """Read the file for an engine, without a frame of pandas where that is possible."""
        return read_ipc(reader, _FILE, wish.engine)


FORMAT: Format = Feather()
