"""
Manifests in, the lines of ``whorl ls`` and ``whorl rm`` out.

Beyond the arrow: pure text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whorl.report.quantities import count, spell_age, spell_seconds, spell_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from whorl.report.marks import Paint
    from whorl.store.manifest import Manifest

_COLUMNS = ("stage", "key", "age", "size", "format", "computed in", "namespace")
_RIGHT = ("age", "size", "computed in")


def draw_entries(entries: Sequence[Manifest], *, now: float, paint: Paint) -> Iterator[str]:
    """Draw a table of entries under a heading, and their totals."""
    rows = [_row(entry, now) for entry in entries]
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows, strict=True)]
    yield paint(_align(_COLUMNS, widths), "bright_black")
    for row in rows:
        yield _align(row, widths)
    yield word_totals(entries)


def word_totals(entries: Sequence[Manifest]) -> str:
    """Word how many entries there are, and what they hold; a shared payload is counted once."""
    sizes = {entry.payload: entry.size for entry in entries}
    seconds = {entry.payload: entry.seconds_computing for entry in entries}
    stages = len({entry.slot.stage for entry in entries})
    held = f"{spell_size(sum(sizes.values()))}, computed in {spell_seconds(sum(seconds.values()))}"
    return f"{count(len(entries), 'entry')} of {count(stages, 'stage')}, {held}"


def sort_entries(entries: Iterable[Manifest]) -> list[Manifest]:
    """Sort entries by stage, the newest first."""
    return sorted(entries, key=lambda entry: (entry.slot.stage, -entry.created))


def _row(entry: Manifest, now: float) -> tuple[str, ...]:
    slot = entry.slot
    return (
        slot.stage,
        slot.key.short,
        spell_age(now - entry.created),
        spell_size(entry.size),
        entry.format,
        spell_seconds(entry.seconds_computing),
        slot.namespace,
    )


def _align(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (
        f"{cell:>{width}}" if column in _RIGHT else f"{cell:<{width}}"
        for column, cell, width in zip(_COLUMNS, row, widths, strict=True)
    )
    return "   ".join(cells).rstrip()
