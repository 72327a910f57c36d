"""
A class in, its name by its distribution's top module out: ``pandas.DataFrame`` for ``pandas.core.frame.DataFrame``.

By such a name a value is told from others without importing the library that it comes from.  Beside the arrow: formats,
processors and the tier in memory ask.
"""

from __future__ import annotations


def type_name(kind: type) -> str:
    """Name a class."""
    return f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"
