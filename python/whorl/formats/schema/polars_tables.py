"""
A polars frame comes in, an Arrow table goes out, and back; a lazy one is collected, and comes back as one again.

Types that Arrow has no exact form of (``Object``) are refused: polars would read them as others.  On the
arrow: *encode* and *decode*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.formats.schema.loss import Loss

if TYPE_CHECKING:
    import pyarrow as pa

LAZY = "polars.LazyFrame"


def arrow_of(frame: Any) -> pa.Table:
    """Make an Arrow table of the same columns; raise ``Loss`` for one that polars would read as another type."""
    import polars as pl

    frame = frame.lazy().collect()
    if objects := [f"column `{name}` of objects" for name, kind in frame.schema.items() if kind == pl.Object]:
        raise Loss(", ".join(objects))
    table: pa.Table = frame.to_arrow()
    read = pl.from_arrow(table)
    others = [f"column `{name}` of type {kind}" for name, kind in frame.schema.items() if read.schema[name] != kind]  # type: ignore[union-attr]
    if others:
        raise Loss(", ".join(others))
    return table


def frame_of(table: pa.Table, name: str) -> Any:
    """Make the frame again; ``name`` is that of its type."""
    import polars as pl

    frame: Any = pl.from_arrow(table)
    return frame.lazy() if name == LAZY else frame


def is_lazy_frame(value: object) -> bool:
    """Whether a value is a plan of polars'."""
    kind = type(value)
    return kind.__qualname__ == "LazyFrame" and kind.__module__.partition(".")[0] == "polars"
