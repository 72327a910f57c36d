"""Figures in, the words of a table out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNITS = ((1e-6, "ns", 1e9), (1e-3, "µs", 1e6), (1.0, "ms", 1e3))


def in_words(seconds: float) -> str:
    """Word a duration with three digits."""
    for bound, unit, factor in _UNITS:
        if seconds < bound:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.3g} s"


def in_mebibytes(size: float) -> str:
    """Word a size in memory."""
    return f"{size / 2**20:.1f} MiB"


def laid_out(rows: Sequence[Sequence[str]], left: frozenset[int]) -> list[str]:
    """Align the columns of a table, those in ``left`` to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["   ".join(_padded(row, widths, left)).rstrip() for row in rows]


def _padded(row: Sequence[str], widths: Sequence[int], left: frozenset[int]) -> list[str]:
    return [
        cell.ljust(width) if column in left else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
