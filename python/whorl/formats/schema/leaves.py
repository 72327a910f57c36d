"""
A table value comes in, a frame of plain columns goes out that any program can read, with a schema beside it, and back.

Columns are booleans, integers, floats and texts (see ``text``), under unique names.  What was written is read again and
compared: a program's own format may hold less than it takes.  On the arrow: *encode* and *decode*.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from whorl.formats.base import check_options
from whorl.formats.schema.frames import decode_table, encode_table
from whorl.formats.schema.loss import Loss, refusing
from whorl.formats.schema.payload import Draft, check_same
from whorl.formats.schema.tables import is_table
from whorl.formats.schema.text import leaf_types, table_from, texts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pyarrow as pa

    from whorl.formats.base import PayloadReader, PayloadWriter

_SCHEMA = "schema.json"
_NAN, _GAP = "(nan)", "(gap)"
_TRUTH = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}


@dataclass(frozen=True, slots=True)
class PlainColumns:
    """
    A format that is a file of plain columns, as a program of its own has them.

    ``write`` writes them as a table of Arrow, ``read`` gets the number of columns too and gives an Arrow table, or a
    frame of pandas, in which empty rows at the end may be missing.
    """

    name: str
    suffix: str
    write: Callable[[pa.Table, Path], None]
    read: Callable[[Path, int], Any]
    runs_code: bool = False
    exact: bool = True

    def accepts(self, value: object) -> bool:
        """Take frames, series and Arrow tables."""
        return is_table(value)

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        """Write one file and the schema, and read them again."""
        check_options(self, options, ())
        draft = Draft(writer)
        with refusing(self.name, value):
            table, schema = encode_table(value)
            leaves, texts = texts_of(table)
            if not leaves.num_columns or not leaves.num_rows:
                raise Loss("a table without rows or columns", "parquet")
            _write_as_told(self.write, leaves, draft.path(f"data{self.suffix}"))
            whole = {"schema": schema, "texts": texts, "rows": leaves.num_rows, "gaps": gaps_of(leaves)}
            draft.write(_SCHEMA, json.dumps(whole, ensure_ascii=False, indent=1).encode())
            check_same(value, self.decode(draft, options))

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:  # noqa: ARG002 - it has none
        """Read the schema, and by it the value of the file."""
        whole = json.loads(reader.read(_SCHEMA))
        kinds = leaf_types(whole["texts"])
        found = self.read(reader.path(f"data{self.suffix}"), len(kinds))
        if hasattr(found, "reindex"):
            found = found.reindex(range(whole["rows"]))
        columns = [
            _column(_values(found, place), kind, has_gaps=has_gaps)
            for place, (kind, has_gaps) in enumerate(zip(kinds, whole["gaps"], strict=True))
        ]
        return decode_table(table_from(_named(columns, found), whole["texts"]), whole["schema"])


def _write_as_told(write: Callable[[pa.Table, Path], None], leaves: pa.Table, path: Path) -> None:
    """Write the file; what a library warns of, such as digits that it leaves out, is a loss."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            write(leaves, path)
        except Warning as warning:
            raise Loss(" ".join(str(warning).split())) from warning


def plain_frame(leaves: pa.Table) -> Any:
    """Make a frame of pandas of plain columns; integers with gaps stay integers."""
    return leaves.to_pandas(integer_object_nulls=True)


def marked_frame(leaves: pa.Table) -> Any:
    """Make such a frame for a program that has no missing texts: they are marked; integers with gaps are refused."""
    import pyarrow as pa

    frame = plain_frame(leaves)
    for name, column in zip(leaves.column_names, leaves.columns, strict=True):
        if column.null_count and pa.types.is_large_string(column.type):
            frame[name] = frame[name].astype(object).where(frame[name].notna(), _GAP)
        elif column.null_count and not pa.types.is_floating(column.type):
            raise Loss(f"column `{name}`: values of type {column.type} with gaps", "parquet")
    return frame


def gaps_of(leaves: pa.Table) -> list[bool]:
    """Tell of each column whether values are missing in it: else what reads as a gap is a NaN."""
    return [bool(column.null_count) for column in leaves.columns]


def text_frame(leaves: pa.Table) -> Any:
    """Make a frame of texts: numbers as Python writes them, gaps as None."""
    import pandas as pd

    texts = {name: [_text(item) for item in leaves.column(name).to_pylist()] for name in leaves.column_names}
    return pd.DataFrame(texts, dtype=object)


def _text(item: object) -> str | None:
    """Write a number as Python does, but for one that pandas would read as a gap."""
    if item is None or isinstance(item, str):
        return item
    return _NAN if item != item else repr(item)  # noqa: PLR0124 - the only one that differs from itself


def _named(columns: list[pa.ChunkedArray], found: Any) -> pa.Table:
    import pyarrow as pa

    names = list(found.column_names if isinstance(found, pa.Table) else found.columns)
    if len(names) != len(columns):
        raise ValueError(f"the file has {len(names)} columns, and {len(columns)} were written")
    return pa.table(columns, names=[str(place) for place in range(len(columns))])


def _values(found: Any, place: int) -> Any:
    import pyarrow as pa

    return found.column(place) if isinstance(found, pa.Table) else found.iloc[:, place]


def _column(values: Any, kind: pa.DataType, *, has_gaps: bool) -> pa.ChunkedArray:
    """Make a column of the type that was written, from what a program read."""
    import pandas as pd
    import pyarrow as pa

    if isinstance(values, pa.ChunkedArray):
        return values.cast(kind)
    is_gap = (pd.isna(values) | (values.astype(object) == _GAP)).to_numpy(dtype=bool)
    if not has_gaps and pa.types.is_floating(kind):
        is_gap = is_gap & False
    make = str if pa.types.is_large_string(kind) else _truth if pa.types.is_boolean(kind) else _number(kind)
    items = [None if gap else make(item) for item, gap in zip(values.tolist(), is_gap, strict=True)]
    return pa.chunked_array([pa.array(items, kind)])


def _truth(item: object) -> bool:
    return _TRUTH[str(item).lower()]


def _number(kind: pa.DataType) -> Callable[[Any], Any]:
    import pyarrow as pa

    return int if pa.types.is_integer(kind) else _float


def _float(item: Any) -> float:
    return float("nan") if item == _NAN else float(item)
