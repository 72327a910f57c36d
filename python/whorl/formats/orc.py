"""
A frame, a series or an Arrow table comes in, an ORC file and a schema beside it go out, and back, exactly.

===================  ==============================================================================================
DataFrame, Series    kept, through the schema: dtypes, labels, index, names, ``attrs``; dates and bytes as text
pyarrow.Table        kept, where each column has a type that text can hold
polars               frames, also lazy ones, which are collected
refused              tables without rows or columns, objects of several types, nested and unequal values
===================  ==============================================================================================

What was written is read again and compared.  There are no options.  Values own the memory they are read into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.formats.schema.leaves import PlainColumns

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from whorl.formats.base import Format


def _write(leaves: pa.Table, path: Path) -> None:
    import pyarrow as pa
    from pyarrow import orc

    # In memory first: its library ends the process where a disk is full.
    sink = pa.BufferOutputStream()
    orc.write_table(leaves, sink)
    path.write_bytes(sink.getvalue())


def _read(path: Path, _: int) -> Any:
    from pyarrow import orc

    return orc.read_table(str(path))


FORMAT: Format = PlainColumns("orc", ".orc", _write, _read)
