"""
A frame, a series or an Arrow table comes in, an Excel file and a schema beside it go out, and back, exactly.

===================  ==============================================================================================
DataFrame, Series    kept, through the schema: dtypes, labels, index, names, ``attrs``; dates and bytes as text
pyarrow.Table        kept, where each column has a type that text can hold
polars               frames, also lazy ones, which are collected
empty strings        refused, for a cell that is empty is a missing value
refused              tables without rows or columns, objects of several types, nested and unequal values
===================  ==============================================================================================

One sheet, the first row has the names.  What was written is read again and compared.  There are no options.  Values own
the memory they are read into.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from whorl.formats.schema.leaves import PlainColumns, plain_frame
from whorl.formats.schema.loss import Loss, require

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from whorl.formats.base import Format


def _write(leaves: pa.Table, path: Path) -> None:
    require("openpyxl")
    sheet = io.BytesIO()  # on a full disk its library would leave a file open
    try:
        plain_frame(leaves).to_excel(sheet, index=False, engine="openpyxl")
    except require("openpyxl.utils.exceptions").IllegalCharacterError as error:
        raise Loss("a text with a control character", "parquet") from error
    path.write_bytes(sheet.getbuffer())


def _read(path: Path, _: int) -> Any:
    import pandas as pd

    return pd.read_excel(path, dtype=object, keep_default_na=False, na_values=[""], engine="openpyxl")


FORMAT: Format = PlainColumns("excel", ".xlsx", _write, _read)
