"""
A table and its schema come in, the metadata by which pandas reads a file of it goes out.

It serves other readers alone, ``whorl`` never reads it; where pandas has no way to say something, its natural frame
shows the columns as the file has them.  The form is that of "Storing pandas DataFrame objects" in pandas' developer
guide.  On the arrow: part of *encode*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from whorl.formats.schema.labels import labels_of

if TYPE_CHECKING:
    import pyarrow as pa

    from whorl.formats.schema.simple import Kind


def pandas_metadata(table: pa.Table, described: Kind) -> dict[str, object]:
    """Describe the index, the labels and the columns of a table to pandas."""
    import pandas as pd
    import pyarrow as pa

    index = cast("Kind", described["index"])
    count = _index_width(index)
    return {
        "index_columns": _index_columns(table, index, count),
        "column_indexes": _column_indexes(described),
        "columns": [_column(field, level=place < count) for place, field in enumerate(table.schema)],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": pd.__version__,
    }


def _index_width(index: Kind) -> int:
    return {"range": 0, "array": 1}.get(cast("str", index["is"]), len(cast("list[Kind]", index.get("levels", []))))


def _index_columns(table: pa.Table, index: Kind, count: int) -> list[object]:
    if index["is"] != "range":
        return list(table.column_names[:count])
    start, stop, step = cast("tuple[int, int, int]", index["range"])
    name = index["name"] if isinstance(index["name"], str) else None
    return [{"kind": "range", "name": name, "start": start, "stop": stop, "step": step}]


def _column_indexes(described: Kind) -> list[object]:
    """Say of what type labels were that stand as text in the file: whole numbers alone are read back."""
    if described["of"] != "DataFrame":
        return []
    labels = labels_of(cast("Kind", described["columns"]))
    whole = labels.nlevels == 1 and labels.dtype.kind in "iu"
    kind = labels.dtype.name if whole else "unicode"
    name = labels.name if isinstance(labels.name, str) else None
    numpy_type = kind if whole else "object"
    return [{"name": name, "field_name": name, "pandas_type": kind, "numpy_type": numpy_type, "metadata": None}]


def _column(field: pa.Field, *, level: bool) -> dict[str, object]:
    unnamed = level and field.name.startswith("__index_level_")
    pandas_type, numpy_type, more = _types(field.type)
    return {
        "name": None if unnamed else field.name,
        "field_name": field.name,
        "pandas_type": pandas_type,
        "numpy_type": numpy_type,
        "metadata": more,
    }


def _types(kind: pa.DataType) -> tuple[str, str, dict[str, object] | None]:
    import pyarrow as pa

    is_ = pa.types
    if is_.is_dictionary(kind):
        return "categorical", str(kind.index_type), {"num_categories": None, "ordered": kind.ordered}
    if is_.is_timestamp(kind):
        more: dict[str, object] | None = {"timezone": kind.tz} if kind.tz else None
        return ("datetimetz" if kind.tz else "datetime"), f"datetime64[{kind.unit}]", more
    if is_.is_duration(kind):
        return "timedelta", f"timedelta64[{kind.unit}]", None
    if is_.is_integer(kind) or is_.is_boolean(kind) or is_.is_floating(kind):
        name = kind.to_pandas_dtype().__name__
        return name, name, None
    return ("unicode" if is_.is_string(kind) or is_.is_large_string(kind) else "object"), "object", None
