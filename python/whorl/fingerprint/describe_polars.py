"""
polars frames, series and expressions in, descriptions out.

- DataFrame: names, types and number of rows, and each column.  Series: its name, its type, and the values.
- Categorical columns count by their text and the kind of their categories, not by the numbers that this process has
  given to them; Enum columns count with all their categories in order.
- Object columns: each object as a value.  Objects inside lists, arrays and structs are refused: polars shows them as
  addresses only.
- Expr: what it says; refused if it calls a Python function, whose code polars would not show.
- LazyFrame: refused.  It is a plan, whose files may hold something else tomorrow.
- Data types, schemas and whatever else polars has: like instances of any class.

Chunks, offsets, what lies under nulls and flags such as "sorted" do not count (``rust/core/src/columns``).  On the
arrow: inside *digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.digest import digest_arrow
from whorl.fingerprint.describe_instance import describer_of_instances, refuse, refuse_plan
from whorl.fingerprint.description import Described, attributes, node
from whorl.fingerprint.subclasses import besides, class_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whorl.fingerprint.description import Describer, Description, Parts

# As in the Rust module.
_DEPTH = 256
# Where polars keeps the Rust side of its objects.
_KEPT = ("_df", "_s", "_pyexpr")
# What a pickled function in a serialized expression starts with; older versions of polars wrote PLPYUDF.
_FUNCTION = b"PLPY"


def describer_of(kind: type) -> Describer | None:
    """Return what describes a type of polars' family; None for what is an instance like any other."""
    import polars as pl

    for base, describer in (
        (pl.DataFrame, _describe_frame),
        (pl.Series, _describe_series),
        (pl.LazyFrame, _refuse_plan),
        (pl.Expr, _describe_expression),
    ):
        if issubclass(kind, base):
            return describer
    return None


def _describe_frame(frame: Any) -> Description:
    import polars as pl
    from polars import selectors

    objects = [name for name, dtype in frame.schema.items() if dtype == pl.Object]
    # By type: a name may read like a pattern.
    others = frame.drop(selectors.by_dtype(pl.Object)) if objects else frame
    parts = [(f'["{name}"]', frame.get_column(name)) for name in objects]
    held = besides(frame, "polars", _KEPT)
    return node(_name(frame, "DataFrame"), [(".columns", frame.columns), *_parts_of(others), *parts, *held])


def _describe_series(series: Any) -> Description:
    import polars as pl

    name, others = _name(series, "Series"), besides(series, "polars", _KEPT)
    if series.dtype == pl.Object:
        return node(name, [*attributes(series, "name"), ("", series.to_list()), *others])
    return node(name, [*_parts_of(series.to_frame()), *others])


def _parts_of(frame: Any) -> Parts:
    """Take columns through Arrow's interface, and types besides: older versions of polars leave some out there."""
    _check(type(frame), frame.dtypes)
    return [(".dtypes", [repr(dtype) for dtype in frame.dtypes]), (".height", frame.height), ("", digest_arrow(frame))]


def _name(obj: object, name: str) -> str:
    return f"arrow {class_name(obj, 'polars', name)}"


def _check(kind: type, dtypes: Iterable[Any]) -> None:
    """Refuse what cannot be seen through Arrow's interface, or is nested so deeply that looking would crash."""
    import polars as pl

    level = list(dtypes)
    for _ in range(_DEPTH):
        if any(dtype == pl.Object for dtype in level):
            raise refuse(kind, "polars shows objects inside other values as addresses only")
        level = [inner for dtype in level for inner in _types_in(dtype)]
        if not level:
            return
    raise refuse(kind, f"its type is nested more than {_DEPTH} levels deep")


def _types_in(dtype: Any) -> list[Any]:
    fields = getattr(dtype, "fields", None)
    if fields is not None:
        return [field.dtype for field in fields]
    return [getattr(dtype, name) for name in ("inner", "key", "value") if hasattr(dtype, name)]


def _describe_expression(expression: Any) -> Description:
    if _FUNCTION in expression.meta.serialize():
        raise refuse(type(expression), "it calls a Python function, whose code does not show in it")
    held = besides(expression, "polars", _KEPT)
    described = describer_of_instances(type(expression))(expression)
    return node("polars.Expr with more", [("", Described(described)), *held]) if held else described


def _refuse_plan(plan: Any) -> Description:
    raise refuse_plan(type(plan), "collect() it, and pass the DataFrame")
