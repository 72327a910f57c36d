"""
Entries in, what ``whorl ls`` shows of them out: columns, for a hundred thousand objects cost more than their lists.

Beside the arrow: what *commit* left behind.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from whorl.store.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Listing:
    """Some entries, one per place in each of these lists; keys and payloads are hex, ``seconds`` took the computing."""

    stages: list[str]
    namespaces: list[str]
    keys: list[str]
    created: list[float]
    sizes: list[int]
    formats: list[str]
    seconds: list[float]
    payloads: list[str]

    @classmethod
    def of(cls, entries: Iterable[Manifest]) -> Listing:
        """List entries in the order given."""
        return cls.of_rows([row_of(entry) for entry in entries])

    @classmethod
    def of_rows(cls, rows: Sequence[tuple[Any, ...]]) -> Listing:
        """List rows as ``row_of`` makes them."""
        columns = zip(*rows, strict=True) if rows else ((),) * len(fields(cls))
        return cls(*map(list, columns))

    def __len__(self) -> int:
        return len(self.keys)

    def rows(self) -> list[tuple[Any, ...]]:
        """Give the entries one by one."""
        return list(zip(*(getattr(self, column.name) for column in fields(self)), strict=True))


def row_of(entry: Manifest) -> tuple[Any, ...]:
    """Give what is listed of an entry, in the order of the columns."""
    slot = entry.slot
    return (
        slot.stage,
        slot.namespace,
        slot.key.hex(),
        entry.created,
        entry.size,
        entry.format,
        entry.seconds_computing,
        entry.payload,
    )


def join(listings: Iterable[Listing]) -> Listing:
    """Join listings of one stage each, newest first, into one by stage, the newest first."""
    parts = sorted((part for part in listings if len(part)), key=lambda part: part.stages[0])
    joined = Listing.of_rows([])
    for part in parts:
        for column in fields(Listing):
            getattr(joined, column.name).extend(getattr(part, column.name))
    if len({part.stages[0] for part in parts}) == len(parts):
        return joined
    return Listing.of_rows(sorted(joined.rows(), key=lambda row: (row[0], -row[3])))  # one stage in several namespaces
