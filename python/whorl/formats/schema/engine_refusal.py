"""
A type, the one that was asked for and why it cannot be in, the error that says so out.

On the arrow: the end of *decode*, where a caller asked for an ``engine``.
"""

from __future__ import annotations

from whorl.errors import FormatError


def unreadable_as(has: str, wanted: str, cause: str, tip: str = "") -> FormatError:
    """Word that a value cannot be had as another type."""
    article = "an" if has.startswith("x") else "a"
    return FormatError(f"{article} {has} cannot be read as {wanted}", cause, tip)
