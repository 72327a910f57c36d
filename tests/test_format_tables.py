"""The formats of frames, series and Arrow tables against the suite that every format passes."""

from __future__ import annotations

from contracts.round_trips import RoundTrips
from contracts.tables import arrow_tables, frames, series

_OBJECTS = (
    "array",
    "an odd nan and str",
    "dict",
    "huge int",
    "int and bool",
    "int and float",
    "int and str",
    "list",
    "lone surrogate",
    "numpy scalar",
    "numpy str",
    "set",
    "Timestamp",
    "tuple",
    "zoned datetime",
)
_COLUMNS = frozenset(("column of sparse", *(f"objects: {name}" for name in _OBJECTS)))
_NO_TABLE = frozenset(
    (
        *_COLUMNS,
        *(f"series: {name}" for name in _COLUMNS),
        "attrs that are not plain",
        "a custom frequency",
        "a subclass",
    )
)
_NO_TEXT_COLUMNS = frozenset(
    ("column of Arrow list", "column of Arrow struct", "column of Arrow map", "column of dates beyond the year 9999")
)
_NO_TEXT = _NO_TABLE | _NO_TEXT_COLUMNS | {f"series: {name}" for name in _NO_TEXT_COLUMNS} | {"nested", "everything"}


def _tables() -> dict[str, object]:
    return frames() | series() | arrow_tables()


class TestParquet(RoundTrips):
    """The default of tables."""

    name = "parquet"
    values = staticmethod(_tables)
    refused = _NO_TABLE


class TestArrow(RoundTrips):
    """The fastest."""

    name = "arrow"
    values = staticmethod(_tables)
    refused = _NO_TABLE


class TestFeather(RoundTrips):
    """The same as arrow, compressed."""

    name = "feather"
    values = staticmethod(_tables)
    refused = _NO_TABLE


class TestCsv(RoundTrips):
    """Text with a schema beside it."""

    name = "csv"
    values = staticmethod(_tables)
    refused = _NO_TEXT


class TestJson(RoundTrips):
    """Tables as JSON, when asked for."""

    name = "json"
    values = staticmethod(_tables)
    refused = _NO_TEXT


class TestPickle(RoundTrips):
    """What takes every table but one of a class that cannot be found by name."""

    name = "pickle"
    values = staticmethod(_tables)
    refused = frozenset({"a subclass"})
    repeatable = False  # what pandas remembers within an index is pickled with it
