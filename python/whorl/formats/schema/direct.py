"""
The table of a file and the type that its reader wants come in, that type goes out without a frame of pandas between.

What comes out is what ``engines`` makes of the frame, to the last type and piece of metadata.  Where that would take
more than a look at each column, such as for objects or categories, the answer is None, and the frame is made.  On the
arrow: *decode*, where a caller asked for an ``engine``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from whorl.formats.schema.files import described_by, of_file_table
from whorl.formats.schema.frames import decode_table
from whorl.formats.schema.text import as_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pyarrow as pa

    from whorl.formats.schema.buffers import Memory
    from whorl.formats.schema.simple import Kind

_ARROW = ("pyarrow.Table", "polars.DataFrame", "polars.LazyFrame")
# Kinds of arrays whose columns in a file are, but for their types, those that pyarrow makes of them.
_ALIKE = frozenset(("numpy", "dates", "masked", "string", "zoned"))


def file_table_as(table: pa.Table, engine: str, memory: Memory | None = None) -> Any:
    """Make the Arrow table that an engine starts from, where that is possible; else the value that the table holds."""
    direct = table_as(table, described_by(table), engine)
    return of_file_table(table, memory) if direct is None else direct


def table_as(table: pa.Table, described: Kind, engine: str) -> pa.Table | None:
    """Make an Arrow table for an engine; None where there is no direct way."""
    if engine not in _ARROW:
        return None
    if "schema" in described:
        return _of_polars(table, described) if engine == "pyarrow.Table" else None
    return _as_pyarrow_has_it(table, described) if _is_alike(described, 0) else None


def parts_as(read: Callable[[str], pa.Table], names: Iterable[str], engine: str) -> pa.Table | None:
    """Make an Arrow table of partitions, one after the other; None where there is no direct way."""
    import pyarrow as pa

    found: list[pa.Table] = []
    rows = 0
    for name in names if engine in _ARROW else ():
        table = read(name)
        described = described_by(table)
        if "schema" in described or not _is_alike(described, rows):
            return None
        made = _as_pyarrow_has_it(table, described)
        if made is None:
            return None
        rows += len(table)
        found.append(made)
    is_one = bool(found) and all(part.schema.equals(found[0].schema, check_metadata=True) for part in found)
    return pa.concat_tables(found) if is_one else None


def _of_polars(table: pa.Table, described: Kind) -> pa.Table | None:
    """Give the table that polars makes of a frame; it writes the values of categories out anew."""
    import pyarrow as pa

    odd = any(pa.types.is_dictionary(kind) or pa.types.is_nested(kind) for kind in table.schema.types)
    if odd or not str(described["of"]).startswith("polars"):
        return None
    return decode_table(table, {**described, "of": "Table"})


def _is_alike(described: Kind, start: int) -> bool:
    """Whether a frame of pandas has but such columns, and an index that only counts its rows, from ``start`` on."""
    index = cast("dict[str, Any]", described["index"])
    arrays = cast("list[dict[str, Any]]", described.get("arrays", []))
    if described["of"] != "DataFrame" or "geo" in described or not arrays or index["is"] != "range":
        return False
    first, _, step = index["range"]
    counts = (first, step, index["name"]) == (start, 1, None)
    return counts and all(array["kind"]["as"] in _ALIKE and _has_usual_nans(array["kind"]) for array in arrays)


def _has_usual_nans(kind: Kind) -> bool:
    """Whether pyarrow can say which numbers are NaN: it cannot of half floats, nor has it numbers of other order."""
    return str(kind.get("dtype", ""))[-2:] != "f2" and not str(kind.get("dtype", "")).startswith(">")


def _as_pyarrow_has_it(table: pa.Table, described: Kind) -> pa.Table | None:
    """
    Give columns the types that pyarrow gives those of a frame, and null where a float of numpy is NaN.

    None for labels that pyarrow refuses.
    """
    import pyarrow as pa

    arrays = cast("list[dict[str, Any]]", described["arrays"])
    without_rows: Kind = {**cast("Kind", described["index"]), "range": [0, 0, 1]}
    empty = decode_table(table.slice(0, 0), {**described, "index": without_rows})
    try:
        schema = pa.Schema.from_pandas(empty, preserve_index=False)
    except (ValueError, TypeError):
        return None
    columns = [
        as_type(_with_gaps(table.column(array["column"]), array["kind"]), kind)
        for array, kind in zip(arrays, schema.types, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _with_gaps(column: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind["as"] != "numpy" or not pa.types.is_floating(column.type):
        return column
    is_nan = pc.is_nan(column)
    return pc.if_else(is_nan, None, column) if pc.any(is_nan).as_py() else column
