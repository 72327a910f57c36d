"""
A store's folders in, listings out: manifests that the index knows are not read again.

A folder whose date is the one it was listed at holds the same manifests, since each comes, goes and is replaced by a
change of the folder.  In another, those of a known name, date and size are taken to be what they were.  Dates as young
as the clock's tick prove nothing and are not relied on.  Beside the arrow: for ``whorl ls``.
"""

from __future__ import annotations

import os
import time
from array import array
from contextlib import suppress
from typing import TYPE_CHECKING

from whorl.store.disk import guarded
from whorl.store.index import Index, Known
from whorl.store.ledger import COARSEST_TICK_NS
from whorl.store.listing import Listing, row_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from whorl.store.manifests import Manifests


class Lister:
    """Lists the entries of one local store; ``entries`` is the folder of its namespaces."""

    def __init__(self, entries: str, index: str, manifests: Manifests) -> None:
        self._entries = entries
        self._index = Index(index)
        self._manifests = manifests

    def listings(self, spaces: list[str]) -> Iterator[Listing]:
        """Yield the entries of all namespaces, stage by stage, the newest first; unsound ones are left out."""
        known = self._index.read()
        new, present = {}, set()
        for space in spaces:
            for folder in self._manifests.stage_folders(space):
                place = space, folder
                found = self._list(space, folder, known.get(place))
                if found is None or not len(found.listing):
                    continue
                present.add(place)
                if found is not known.get(place):
                    new[place] = found
                yield found.listing
        gone = known.keys() - present
        if new or gone:
            self._index.write(new, gone)

    def _list(self, space: str, folder: str, known: Known | None) -> Known | None:
        path = f"{self._entries}/{space}/m/{folder}"
        with guarded("list", path), suppress(FileNotFoundError, NotADirectoryError):
            changed = os.stat(path).st_mtime_ns  # before it is listed: a change meanwhile is seen the next time
            if known is not None and known.changed == changed:
                return known
            settled = time.time_ns() - COARSEST_TICK_NS
            rows = sorted(self._rows(space, path, known, settled), key=lambda row: -row[3])
            *_, dates, lengths = zip(*rows, strict=True) if rows else ((), ())
            listing = Listing.of_rows([row[:-2] for row in rows])
            return Known(changed if changed < settled else 0, listing, array("q", dates), array("q", lengths))
        return None

    def _rows(self, space: str, path: str, known: Known | None, settled: int) -> Iterator[tuple[Any, ...]]:
        """Yield what is listed of each manifest of a folder, with date and length of its file."""
        rows = known.listing.rows() if known else []
        at = {row[2]: place for place, row in enumerate(rows)}
        with os.scandir(path) as found:
            for item in found:
                try:
                    status = item.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                date, place = status.st_mtime_ns, at.get(item.name)
                if known and place is not None and (known.dates[place], known.lengths[place]) == (date, status.st_size):
                    yield (*rows[place], date, status.st_size)
                    continue
                manifest = self._manifests.found(space, f"{path}/{item.name}")
                if manifest is not None:
                    yield (*row_of(manifest), date if date < settled else 0, status.st_size)
