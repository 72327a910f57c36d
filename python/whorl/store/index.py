"""
Listings in, the same listings out in the next process: what manifests said, so that not all are read again.

A convenience of one machine: it can be removed at any time, and what is damaged, locked or cannot be written counts as
absent.  It is never on the way of a lookup.  One SQLite file beside the store, one row per folder of a stage.  Beside
the arrow: for ``whorl ls``.
"""

from __future__ import annotations

import json
import os
from array import array
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.errors import StoreError
from whorl.store.disk import digest_bytes, is_there, make_folder, write_file
from whorl.store.listing import Listing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping

    Place = tuple[str, str]

_FILE = "listing-1.sqlite"  # the number is the layout's
_PATIENCE = 0.2  # seconds to wait for another process that writes
_SCHEMA = """
    create table if not exists stages (
        space text, folder text, changed integer, texts text, numbers blob, digest text, primary key (space, folder)
    )
"""


@dataclass(frozen=True, slots=True)
class Known:
    """
    One folder of manifests as it was listed, the newest entry first.

    ``changed`` is the folder's date then, in ns; ``dates`` and ``lengths`` are those of the manifests' files.  A date
    that could not be relied on is 0.
    """

    changed: int
    listing: Listing
    dates: array[int]
    lengths: array[int]


class Index:
    """The listings of one store; ``folder`` is made when something is written."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._path = f"{folder}/{_FILE}"

    def read(self) -> dict[Place, Known]:
        """Return what is known of each folder: nothing where the index cannot be read."""
        import sqlite3  # a hit needs none of it

        if not os.path.exists(self._path):
            return {}
        try:
            with closing(self._open("ro")) as database:
                return dict(_known(database))
        except sqlite3.OperationalError:  # locked
            return {}
        except sqlite3.DatabaseError:
            self._discard()
            return {}

    def write(self, found: Mapping[Place, Known], gone: Iterable[Place]) -> None:
        """Keep listings, and drop those of folders that are gone; where that cannot be done, nothing happens."""
        import sqlite3

        rows = [_row(place, known) for place, known in found.items()]
        try:
            make_folder(self._folder)
            if not is_there(self._path):
                write_file(self._path, b"")  # SQLite would make it readable for everyone
            with closing(self._open("rwc")) as database, database:
                database.execute("pragma synchronous = off")  # each row has a digest
                database.execute(_SCHEMA)
                database.executemany("delete from stages where space = ? and folder = ?", list(gone))
                database.executemany("insert or replace into stages values (?, ?, ?, ?, ?, ?)", rows)
        except sqlite3.OperationalError:
            return
        except sqlite3.DatabaseError:
            self._discard()
        except StoreError:
            return

    def _open(self, mode: str) -> sqlite3.Connection:
        import sqlite3
        from urllib.parse import quote

        return sqlite3.connect(f"file:{quote(self._path)}?mode={mode}", timeout=_PATIENCE, uri=True)

    def _discard(self) -> None:
        with suppress(OSError):
            os.unlink(self._path)


def _row(place: Place, known: Known) -> tuple[str, str, int, str, bytes, str]:
    listing = known.listing
    columns = [listing.stages[0], listing.namespaces[0], " ".join(listing.keys), " ".join(listing.payloads)]
    texts = json.dumps([*columns, listing.formats])
    floats = array("d", [*listing.created, *listing.seconds])
    numbers = floats.tobytes() + array("q", listing.sizes).tobytes() + known.dates.tobytes() + known.lengths.tobytes()
    return (*place, known.changed, texts, numbers, _digest(known.changed, texts, numbers))


def _digest(changed: int, texts: str, numbers: bytes) -> str:
    return digest_bytes(b"\n".join((b"%d" % changed, texts.encode(), numbers))).hex()


def _known(database: sqlite3.Connection) -> Iterator[tuple[Place, Known]]:
    for space, folder, changed, texts, numbers, digest in database.execute("select * from stages"):
        with suppress(TypeError, ValueError, AttributeError):  # a damaged row is none
            if _digest(changed, texts, numbers) == digest:
                yield (space, folder), _parse(changed, texts, numbers)


def _parse(changed: int, texts: str, numbers: bytes) -> Known:
    stage, namespace, keys, payloads, formats = json.loads(texts)
    names = keys.split(" ")
    size = len(names)
    floats: array[float] = array("d")
    integers: array[int] = array("q")
    floats.frombytes(numbers[: 16 * size])
    integers.frombytes(numbers[16 * size :])
    sizes, dates, lengths = (integers[at * size : (at + 1) * size] for at in range(3))
    created, seconds = floats[:size].tolist(), floats[size:].tolist()
    stages, namespaces = [stage] * size, [namespace] * size
    listing = Listing(stages, namespaces, names, created, sizes.tolist(), formats, seconds, payloads.split(" "))
    return Known(changed, listing, dates, lengths)
