"""
Hits in, a small record of last uses out: one file per store on this machine, which collecting and ``stats`` read.

Noting a hit changes a dictionary.  The file is written at exit and, in a thread of its own, when many hits have come
together; it is a line of JSON each time, and one that cannot be written is lost without a word: last uses are a help
for choosing what to collect, nothing more.  Beside the arrow: after a *hit*.
"""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whorl.errors import CorruptEntryError, LeaseTimeoutError, StoreError
from whorl.store import fields
from whorl.store.disk import make_folder, read_large, remove_file, replace_file
from whorl.store.lock import locked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from whorl.store.manifest import Slot

_MANY = 4096
_COMPACT_FROM = 1 << 20
_LIMIT = 1 << 30
_WAIT = 2.0


@dataclass(slots=True)
class Used:
    """How one slot was used: when last, by this machine's clock, how often, and the seconds that it saved."""

    last: float = 0.0
    hits: int = 0
    saved: float = 0.0

    def add(self, other: Used) -> None:
        """Add uses to these."""
        self.last = max(self.last, other.last)
        self.hits += other.hits
        self.saved += other.saved


@dataclass(slots=True)
class Uses:
    """The uses of one store; ``path`` is the file, None where none is kept."""

    path: str | None
    _noted: dict[Slot, Used] = field(default_factory=dict)
    _number: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, slot: Slot, saved: float) -> None:
        """Note that an entry was used instead of computing; ``saved`` is net of loading it."""
        with self._lock:
            used = self._noted.get(slot)
            if used is None:
                used = self._noted[slot] = Used()
            used.last = time.time()
            used.hits += 1
            used.saved += saved
            self._number += 1
            is_full = self._number % _MANY == 0
        if is_full:
            threading.Thread(target=self.flush, name="whorl-uses", daemon=True).start()

    def flush(self) -> None:
        """Append what was noted to the file."""
        with self._lock:
            noted, self._noted = self._noted, {}
        if noted:
            self._change(lambda path: _append(path, noted))

    def drop(self, slots: Iterable[Slot]) -> None:
        """Forget slots that are gone; a record of nothing is removed."""
        gone = set(slots)
        self.flush()
        if gone and self.path is not None and os.path.exists(self.path):
            left = {slot: used for slot, used in self.read().items() if slot not in gone}
            self._change(lambda path: _write_anew(path, left))

    def read(self) -> dict[Slot, Used]:
        """Return what the file says, and what was noted since; a record that cannot be read says nothing."""
        found: dict[Slot, Used] = {}
        with suppress(StoreError):
            for slot, used in _lines(read_large(self.path, _LIMIT) if self.path else None):
                found.setdefault(slot, Used()).add(used)
        with self._lock:
            for slot, used in self._noted.items():
                found.setdefault(slot, Used()).add(used)
        return found

    def ages(self) -> dict[Slot, float]:
        """Return the seconds since each slot was last used, by one and the same clock."""
        now = time.time()
        return {slot: max(0.0, now - used.last) for slot, used in self.read().items()}

    def _change(self, change: Callable[[str], None]) -> None:
        """Change the file under its lock, unless the store that it belongs to is gone."""
        if self.path is None or not os.path.isdir(os.path.dirname(os.path.dirname(self.path))):
            return
        with suppress(StoreError, LeaseTimeoutError, OSError):
            make_folder(os.path.dirname(self.path))
            with locked(f"{self.path}.lock", "the record of last uses", _WAIT):
                change(self.path)


def _append(path: str, noted: Mapping[Slot, Used]) -> None:
    if os.path.exists(path) and os.path.getsize(path) > _COMPACT_FROM:
        _write_anew(path, Uses(path, dict(noted)).read())
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with open(descriptor, "wb", buffering=0) as file:
        file.write(_line(noted))


def _write_anew(path: str, noted: Mapping[Slot, Used]) -> None:
    if noted:
        replace_file(path, _line(noted), temporary=f"{path}~{os.urandom(8).hex()}")
    else:
        remove_file(path)


def _line(noted: Mapping[Slot, Used]) -> bytes:
    rows = [
        [[slot.namespace, slot.stage, slot.key.hex()], used.last, used.hits, used.saved] for slot, used in noted.items()
    ]
    return json.dumps({"used": rows}, separators=(",", ":")).encode() + b"\n"


def _lines(data: bytes | None) -> Iterator[tuple[Slot, Used]]:
    for line in (data or b"").splitlines():
        with suppress(CorruptEntryError):  # cut off when a machine went down
            yield from fields.many(fields.parse(line).get("used"), _row)


def _row(value: object) -> tuple[Slot, Used]:
    slot, last, hits, saved = fields.row(value, 4)
    return fields.slot(slot), Used(fields.number(last), fields.size(hits), fields.number(saved))
