"""
A frame, a series or an Arrow table comes in, an XML file and a schema beside it go out, and back, exactly.

===================  ==============================================================================================
DataFrame, Series    kept, through the schema: dtypes, labels, index, names, ``attrs``; dates and bytes as text
pyarrow.Table        kept, where each column has a type that text can hold
polars               frames, also lazy ones, which are collected
empty strings        refused, for an element that is empty is a missing value
refused              tables without rows or columns, objects of several types, nested and unequal values
===================  ==============================================================================================

One element ``row`` per row; columns whose names are no names in XML are numbered.  What was written is read again and
compared.  There are no options.  Values own the memory they are read into.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from whorl.formats.schema.leaves import PlainColumns, text_frame
from whorl.formats.schema.loss import require

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from whorl.formats.base import Format

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def _write(leaves: pa.Table, path: Path) -> None:
    require("lxml")
    frame = text_frame(leaves)
    frame.columns = [name if _NAME.fullmatch(name) else f"column-{place}" for place, name in enumerate(frame.columns)]
    frame.to_xml(path, index=False, parser="lxml")


def _read(path: Path, _: int) -> Any:
    """Read the texts as they are: ``pandas.read_xml`` takes some, such as NA, for gaps."""
    import pandas as pd

    etree = require("lxml.etree")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True)
    rows = [[cell.text for cell in row] for row in etree.parse(str(path), parser).getroot()]
    return pd.DataFrame(rows, dtype=object)


FORMAT: Format = PlainColumns("xml", ".xml", _write, _read)
