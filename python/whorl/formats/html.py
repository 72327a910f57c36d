"""
A frame, a series or an Arrow table comes in, an HTML file and a schema beside it go out, and back, exactly.

===================  ==============================================================================================
DataFrame, Series    kept, through the schema: dtypes, labels, index, names, ``attrs``; dates and bytes as text
pyarrow.Table        kept, where each column has a type that text can hold
polars               frames, also lazy ones, which are collected
empty strings        refused, for an empty cell is a missing value; so are several spaces in a row
refused              tables without rows or columns, objects of several types, nested and unequal values
===================  ==============================================================================================

One table, readable in a browser.  What was written is read again and compared.  There are no options.  Values own the
memory they are read into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.formats.schema.leaves import PlainColumns, text_frame
from whorl.formats.schema.loss import require

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from whorl.formats.base import Format


def _write(leaves: pa.Table, path: Path) -> None:
    require("lxml")
    text_frame(leaves).fillna("").to_html(path, index=False, justify="left")


def _read(path: Path, columns: int) -> Any:
    import pandas as pd

    (found,) = pd.read_html(path, converters=dict.fromkeys(range(columns), str), keep_default_na=False, na_values=[""])
    return found


FORMAT: Format = PlainColumns("html", ".html", _write, _read)
