"""
A cache folder of Nuthatch in, its records out: what was stored under which key, by what, and when.

As the versions lay it out, seen by running them:

    nuthatch_metadata.nut/<function>/<arguments>[/<namespace>]/<backend>.parquet   a record (0.2.1 to 0.4.11)
    nuthatch_metadata.nut/<function>/<arguments>[/<namespace>].null               a result that is None
    nuthatch_metadata.delta                                                       a table of records (0.1.1)
    [<namespace>/]<function>/<arguments>.<suffix>                                 the payload

A record says the whole key, so that one which an argument with ``../`` or ``/`` in it moved elsewhere is found out.
Beside the arrow: what was computed elsewhere.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.adoption.offers import Skipped, UnfitError, worded
from whorl.adoption.payloads import read_table
from whorl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

RECORDS, TABLE = "nuthatch_metadata.nut", "nuthatch_metadata.delta"
SUFFIXES: Mapping[str, str] = {"basic": "pkl", "parquet": "parquet", "zarr": "zarr", "delta": "delta"}
_ELSEWHERE: Mapping[str, str] = {
    "sql": "its rows are in a database, not in this folder",
    "terracotta": "it is a picture of the result, which Nuthatch does not read back",
}
_COLUMNS = ("cache_key", "namespace", "version", "backend", "state", "last_modified")
_CHECKS = "write_check"  # of whether the folder can be written; in it are no records


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One result of a function; ``backend`` is empty for None.

    ``is_mark`` is for a None of which only a path is known, not where in it a namespace begins, nor the version.
    """

    key: str
    namespace: str
    backend: str
    version: str | None
    made: float
    is_mark: bool = False

    @property
    def label(self) -> str:
        """What a person calls it."""
        key = self.key.removesuffix("/")
        return f"{key} in {self.namespace}" if self.namespace else key

    @property
    def place(self) -> str:
        """The folder of its record; of a mark, what its path would be the folder of."""
        return "/".join((self.key.removesuffix("/"), *([self.namespace] if self.namespace else [])))

    @property
    def payload(self) -> str:
        """The path of its payload below the cache."""
        return os.path.join(self.namespace, self.key) + f".{SUFFIXES[self.backend]}"


def read_entries(folder: str, backend: str = "") -> tuple[list[Entry], list[Skipped]]:
    """Read the records of a cache, or of one backend in it, and say which make no sense."""
    skipped: list[Skipped] = []
    entries = list(_from_files(os.path.join(folder, RECORDS), skipped))
    newer = {entry.place for entry in entries}
    older = _from_table(os.path.join(folder, TABLE), skipped)
    entries += [entry for entry in older if entry.place not in newer]
    return [entry for entry in entries if backend in ("", entry.backend)], skipped


def crowded(entries: Sequence[Entry]) -> dict[Entry, str]:
    """Find entries that share a place or a payload: which of them Nuthatch would serve depends on how it is asked."""
    places: dict[str, list[Entry]] = {}
    payloads: dict[str, list[Entry]] = {}
    for entry in entries:
        places.setdefault(entry.place, []).append(entry)
        if entry.backend:
            payloads.setdefault(os.path.normpath(entry.payload), []).append(entry)
    reasons: dict[Entry, str] = {}
    for several in payloads.values():
        if len(several) > 1:
            reasons |= dict.fromkeys(several, "another entry has the same payload")
    for several in places.values():
        if len(several) > 1:
            kinds = " and as ".join(entry.backend or "None" for entry in several)
            reasons |= dict.fromkeys(several, f"it is stored as {kinds}, which may differ: --backend chooses")
    return reasons


def _from_files(root: str, skipped: list[Skipped]) -> Iterator[Entry]:
    for path in _paths(root) if os.path.isdir(root) else ():
        try:
            if path.endswith(".null"):
                made = os.lstat(os.path.join(root, path)).st_mtime
                yield Entry(path.removesuffix(".null"), "", "", None, made, is_mark=True)
                continue
            entry = _entry(_read_file(os.path.join(root, path)))
            _check_place(entry, path)
        except UnfitError as error:
            skipped.append(Skipped(path, str(error)))
        else:
            yield entry


def _paths(root: str) -> Iterator[str]:
    """Yield the paths of records and marks, which lie in folders of functions."""
    for place, folders, names in os.walk(root, onerror=_complain):
        folders.sort()
        if place == root:
            folders[:] = [name for name in folders if name != _CHECKS]
            continue
        for name in sorted(names):
            if name.endswith((".parquet", ".null")):
                yield os.path.relpath(os.path.join(place, name), root).replace(os.sep, "/")


def _complain(error: OSError) -> None:
    raise ConfigError(f"{error.filename} cannot be read", error.strerror or "") from error


def _read_file(path: str) -> Mapping[str, object]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        (record,) = pq.ParquetFile(path).read().to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnfitError(_unreadable(error)) from error
    return dict(record)


def _from_table(path: str, skipped: list[Skipped]) -> Iterator[Entry]:
    """Read the records of the first version, which writes None as a text."""
    if not os.path.isdir(path):
        return
    try:
        rows = read_table(path).to_pylist()
    except Exception as error:  # noqa: BLE001 - of a library that reads delta, about a damaged one
        skipped.append(Skipped(TABLE, _unreadable(error)))
        return
    for row in rows:
        record = {name: None if value == "None" else value for name, value in row.items()}
        try:
            entry = _entry(record)
            _check_key(entry)
        except UnfitError as error:
            skipped.append(Skipped(str(record.get("cache_key")), str(error)))
        else:
            yield entry


def _check_place(entry: Entry, path: str) -> None:
    if f"{entry.place}/{entry.backend}.parquet" != path:
        raise UnfitError(f"its record is of another key: {entry.key}")


def _check_key(entry: Entry) -> None:
    if any(part in ("", ".", "..") for part in entry.place.split("/")):
        raise UnfitError("its key leads elsewhere")


def _entry(record: Mapping[str, object]) -> Entry:
    """Make an entry of a record that is complete."""
    try:
        key, namespace, version, backend, state, modified = (record[name] for name in _COLUMNS)
        made = float(str(modified)) / 1e6
    except (KeyError, ValueError) as error:
        raise UnfitError(_unreadable(error)) from error
    if not (isinstance(key, str) and "/" in key and math.isfinite(made)):
        raise UnfitError("its record cannot be read")
    if state not in ("confirmed", "null"):
        raise UnfitError(f"its record is {state}")
    if state == "confirmed" and backend not in SUFFIXES:
        raise UnfitError(_ELSEWHERE.get(str(backend), f"whorl does not know the backend {backend}"))
    known = None if version is None else str(version)
    return Entry(key, str(namespace or ""), str(backend) if state == "confirmed" else "", known, made)


def _unreadable(error: Exception) -> str:
    return f"its record cannot be read: {worded(error)}"
