"""
Keys in, revisions out: which results were computed again and came out different.

Usually there are none, and the answer costs one ``stat`` of a folder that does not exist.  New revisions are on disk
before anything is told about them, for everything downstream is led by them (keys.md, "Recompute").  On the arrow: part
of *derive* and of *commit*.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.digest import is_absent
from whorl.store.disk import digest_bytes, failure, make_folder, names_in, read_file, replace_file, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from whorl.digest import Digest
    from whorl.store.places import Places
    from whorl.store.temporary import Temporary

# A listing is read again when it is older, whatever the folder's date says (store.md).
OLDEST = 5.0
# Two changes within one tick of the file system's clock leave the same date; the coarsest clock (FAT) ticks every 2 s.
COARSEST_TICK_NS = 2_000_000_000
REVISION_LIMIT = 64
_NONCE = re.compile(rb"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class _Listing:
    changed: int
    read: float
    is_settled: bool
    revisions: Mapping[str, str]


class Ledger:
    """The revisions of one store."""

    def __init__(self, places: Places, temporary: Temporary) -> None:
        self._places = places
        self._temporary = temporary
        self._listings: dict[str, _Listing] = {}

    def revision(self, namespace: str, key: Digest) -> str:
        """Return the last revision of a key, "" when there is none."""
        return self.revisions(namespace).get(key.hex(), "")

    def revisions(self, namespace: str) -> Mapping[str, str]:
        """Return all revisions of a namespace, by the keys in hex."""
        folder = self._places.of(namespace, "r")
        if is_absent(folder):  # as nearly always, and to be told so by an exception takes five times as long
            return {}
        try:
            changed = os.stat(folder).st_mtime_ns
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise failure("read", folder, error) from error
        listing = self._listings.get(folder)
        if listing is None or not _holds(listing, changed):
            listing = self._listings[folder] = _read(folder, changed)
        return listing.revisions

    def revise(self, namespace: str, keys: Iterable[Digest]) -> dict[Digest, str]:
        """Give each key a new revision."""
        revisions = {key: os.urandom(16).hex() for key in keys}
        self.write(namespace, {key.hex(): revision for key, revision in revisions.items()})
        return revisions

    def write(self, namespace: str, revisions: Mapping[str, str]) -> None:
        """Write revisions by the hex of their keys, on disk before this returns."""
        folder = self._places.of(namespace, "r")
        make_folder(folder)
        for name, revision in revisions.items():
            data, temporary = revision.encode(), self._temporary.file()
            replace_file(f"{folder}/{name}", data, temporary=temporary, durable=True)
        sync_folder(folder)
        sync_folder(os.path.dirname(folder))
        self._listings.pop(folder, None)


def _holds(listing: _Listing, changed: int) -> bool:
    return listing.changed == changed and listing.is_settled and time.monotonic() - listing.read < OLDEST


def _read(folder: str, changed: int) -> _Listing:
    """Read a ledger; its date was taken before, so a change meanwhile is seen the next time."""
    read = time.monotonic()
    # The clock of the machine stands in for the file system's; where they differ much, every call lists the folder.
    is_settled = abs(time.time_ns() - changed) > COARSEST_TICK_NS
    return _Listing(changed, read, is_settled, {name: _revision(f"{folder}/{name}") for name in names_in(folder)})


def decode_revision(data: bytes) -> str:
    """Decode a revision as the ledger has it."""
    # What is damaged counts as yet another revision: everything downstream runs again, and nothing is stale.
    return data.decode("ascii") if _NONCE.fullmatch(data) else digest_bytes(data).hex()


def _revision(path: str) -> str:
    data = read_file(path, REVISION_LIMIT)
    return "" if data is None else decode_revision(data)
