"""
A frame, a series or an Arrow table comes in, an HDF5 file and a schema beside it go out, and back, exactly.

===================  ==============================================================================================
DataFrame, Series    kept, through the schema: dtypes, labels, index, names, ``attrs``; dates and bytes as text
pyarrow.Table        kept, where each column has a type that text can hold
polars               frames, also lazy ones, which are collected
integers with gaps   refused
refused              tables without rows or columns, objects of several types, nested and unequal values
===================  ==============================================================================================

PyTables reads attributes by unpickling them, so that decoding may run code: the rules for pickles hold.  What was
written is read again and compared.  There are no options.  Values own the memory they are read into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.formats.schema.leaves import PlainColumns, marked_frame
from whorl.formats.schema.loss import require

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from whorl.formats.base import Format


def _write(leaves: pa.Table, path: Path) -> None:
    require("tables")
    frame = marked_frame(leaves)
    frame.columns = range(frame.shape[1])
    frame.to_hdf(path, key="data", mode="w", format="table")


def _read(path: Path, _: int) -> Any:
    import pandas as pd

    return pd.read_hdf(path, key="data")


FORMAT: Format = PlainColumns("hdf", ".h5", _write, _read, runs_code=True)
