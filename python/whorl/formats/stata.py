"""
A frame, a series or an Arrow table comes in, a Stata file and a schema beside it go out, and back, exactly.

===================  ==============================================================================================
DataFrame, Series    kept, through the schema: dtypes, labels, index, names, ``attrs``; dates and bytes as text
pyarrow.Table        kept, where each column has a type that text can hold
polars               frames, also lazy ones, which are collected
integers             up to 32 bits; with gaps refused
refused              tables without rows or columns, objects of several types, nested and unequal values
===================  ==============================================================================================

Version 118, texts in Unicode; columns whose names Stata does not allow are numbered.  What was written is read again
and compared.  There are no options.  Values own the memory they are read into.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from whorl.formats.schema.leaves import PlainColumns, marked_frame

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from whorl.formats.base import Format

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}")


def _write(leaves: pa.Table, path: Path) -> None:
    frame = marked_frame(leaves)
    frame.columns = [name if _NAME.fullmatch(name) else f"column_{place}" for place, name in enumerate(frame.columns)]
    frame.to_stata(path, write_index=False, version=118)


def _read(path: Path, _: int) -> Any:
    import pandas as pd

    return pd.read_stata(path, convert_categoricals=False, convert_dates=False)


FORMAT: Format = PlainColumns("stata", ".dta", _write, _read)
