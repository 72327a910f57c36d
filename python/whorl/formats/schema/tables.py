"""
A value comes in, the answer whether it is a table goes out; nothing is imported to find that out.

On the arrow: before *encode*.
"""

from __future__ import annotations

_TABLES = ("pandas.DataFrame", "pandas.Series", "pyarrow.Table")


def is_table(value: object) -> bool:
    """Say whether a value is a pandas frame or series or an Arrow table, and not of a subclass."""
    kind = type(value)
    return f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}" in _TABLES
