"""
A frame, a series or an Arrow table comes in, an HTML file and a schema beside it go out, and back, exactly.

===================  ==============================================================================================
DataFrame, Series    kept, through the schema: dtypes, labels, index, names, ``attrs``; dates and bytes as text
pyarrow.Table        kept, where each column has a type that text can hold
polars               frames, also lazy ones, which are collected
texts                kept with their spaces; an empty one is marked, for an empty cell is a missing value
refused              tables without rows or columns, objects of several types, nested and unequal values, control
                     characters
===================  ==============================================================================================

One table, readable in a browser.  What was written is read again and compared.  There are no options.  Values own the
memory they are read into.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from whorl.formats.schema.leaves import PlainColumns, text_frame
from whorl.formats.schema.loss import require

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from whorl.formats.base import Format


_HEAD = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><style>td { white-space: pre-wrap }</style></head><body>
<table border="1" class="dataframe">
"""
_FOOT = "</tbody></table></body></html>\n"
# A cell without text is a missing value.
_EMPTY = "empty"


def _write(leaves: pa.Table, path: Path) -> None:
    require("lxml")
    frame = text_frame(leaves)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(_HEAD)
        file.write(
            f"<thead><tr>{''.join(f'<th>{_escaped(name)}</th>' for name in frame.columns)}</tr></thead><tbody>\n"
        )
        for row in zip(*(frame[name] for name in frame.columns), strict=True):
            file.write(f"<tr>{''.join(map(_cell, row))}</tr>\n")
        file.write(_FOOT)


def _cell(text: str | None) -> str:
    return f'<td class="{_EMPTY}"></td>' if text == "" else f"<td>{_escaped(text or '')}</td>"


def _escaped(text: str) -> str:
    return escape(text).replace("\r", "&#13;")


def _read(path: Path, _: int) -> Any:
    """Read the cells as they are, whatever reads like a gap or a number; ``pandas.read_html`` joins spaces."""
    import pandas as pd

    html = require("lxml.html")
    root = html.parse(str(path), html.HTMLParser(encoding="utf-8", huge_tree=True))
    names, *rows = ([_text(cell) for cell in row] for row in root.iter("tr"))
    return pd.DataFrame(rows, columns=range(len(names)), dtype=object)


def _text(cell: Any) -> str | None:
    return cell.text_content() or ("" if cell.get("class") == _EMPTY else None)


FORMAT: Format = PlainColumns("html", ".html", _write, _read)
