"""
Manifests in, the lines of ``whorl ls`` and ``whorl rm`` out.

Beyond the arrow: pure text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.report.quantities import count, spell_age, spell_seconds, spell_size
from whorl.store.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from whorl.report.marks import Paint
    from whorl.store.manifest import Manifest

_COLUMNS = ("stage", "key", "age", "size", "format", "computed in", "namespace")
_RIGHT = ("age", "size", "computed in")
_DIGITS = 12  # of a key, as Digest.short has it


def draw_entries(entries: Sequence[Manifest], *, now: float, paint: Paint) -> Iterator[str]:
    """Draw a table of entries under a heading, and their totals."""
    return draw_listing(Listing.of(entries), now=now, paint=paint)


def draw_listing(listing: Listing, *, now: float, paint: Paint) -> Iterator[str]:
    """Do so from a listing: column by column, which is what makes many entries quick."""
    columns = (
        listing.stages,
        [key[:_DIGITS] for key in listing.keys],
        _spelled(spell_age, [int(now - created) for created in listing.created]),
        _spelled(spell_size, listing.sizes),
        listing.formats,
        _spelled(_spell_computing, listing.seconds),
        listing.namespaces,
    )
    widths = [max(map(len, (name, *column))) for name, column in zip(_COLUMNS, columns, strict=True)]
    *cells, _ = (f"%{'' if name in _RIGHT else '-'}{width}s" for name, width in zip(_COLUMNS, widths, strict=True))
    row = "   ".join((*cells, "%s"))
    yield paint(row % _COLUMNS, "bright_black")
    yield from map(row.__mod__, zip(*columns, strict=True))
    yield word_listing(listing)


def word_totals(entries: Sequence[Manifest]) -> str:
    """Word how many entries there are, and what they hold; a shared payload is counted once."""
    return word_listing(Listing.of(entries))


def word_listing(listing: Listing) -> str:
    """Do so for a listing."""
    sizes = dict(zip(listing.payloads, listing.sizes, strict=True))
    seconds = dict(zip(listing.payloads, listing.seconds, strict=True))
    stages = len(set(listing.stages))
    held = f"{spell_size(sum(sizes.values()))}, computed in {spell_seconds(sum(seconds.values()))}"
    return f"{count(len(listing), 'entry')} of {count(stages, 'stage')}, {held}"


def _spelled(spell: Callable[[Any], str], amounts: Sequence[float]) -> list[str]:
    """Spell amounts, each different one once."""
    texts = {amount: spell(amount) for amount in set(amounts)}
    return [texts[amount] for amount in amounts]


def _spell_computing(seconds: float) -> str:
    """Spell how long a value took; it is 0 for one that was adopted, since nobody knows."""
    return spell_seconds(seconds) if seconds else "adopted"


def sort_entries(entries: Iterable[Manifest]) -> list[Manifest]:
    """Sort entries by stage, the newest first."""
    return sorted(entries, key=lambda entry: (entry.slot.stage, -entry.created))
