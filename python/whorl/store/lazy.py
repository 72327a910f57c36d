"""
The files of a payload in, the same for a value that reads them long after the call, perhaps in another process, out.

Each file is checked when it is read, as the store checks what it reads at once.  Nothing that is listed is ever
answered by anything but its bytes: damage found late moves the entry aside, so that the next call computes it anew, and
raises.  On the arrow: what lazy values read through after *decode*.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from whorl.errors import CorruptEntryError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whorl.store.base import Store
    from whorl.store.manifest import PayloadFile, Slot

_log = logging.getLogger("whorl")


class Files(Protocol):
    """Payload files that can be read and pickled."""

    @property
    def files(self) -> Mapping[str, PayloadFile]:
        """What the manifest says of each."""
        ...

    def read(self, name: str) -> bytes:
        """Return one file's bytes; ``CorruptEntryError`` where they are not what the manifest says."""
        ...


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose files they are; ``home`` opens the store that is to be told of damage, in any process."""

    slot: Slot
    attempt: str
    home: Callable[[], Store] | None

    def judge(self, what: str, error: CorruptEntryError) -> CorruptEntryError:
        """Say what became of ``what`` cannot be read, and move the entry aside if it still says otherwise."""
        stage = self.slot.stage
        if self.home is None:
            tip = "the store is only read: whoever writes it can repair the entry by whorl verify --repair"
            return CorruptEntryError(f"{what} of a result of {stage} is damaged", _reason(error), tip)
        try:
            is_there = self._move_aside(self.home(), error)
        except StoreError as refusal:
            _log.debug("an entry of %s could not be moved aside: %s", stage, refusal)
            return CorruptEntryError(f"{what} of a result of {stage} is damaged", _reason(error))
        if is_there:
            tip = "its entry was moved aside: call the stage again, and it is computed anew"
            return CorruptEntryError(f"{what} of a result of {stage} is damaged", _reason(error), tip)
        return CorruptEntryError(
            f"{what} of a result of {stage} is gone",
            f"{error.message}; its entry was removed or replaced after it was looked up, and its files are collected "
            "after the grace",
            "call the stage again; whorl gc --grace says how long files outlive their entries",
        )

    def _move_aside(self, store: Store, error: CorruptEntryError) -> bool:
        """Move the entry aside if it is still there, current or earlier; false where it is gone for another reason."""
        entries = chain(store.candidates(self.slot), store.generations(self.slot))
        found = next((entry for entry in entries if entry.attempt == self.attempt), None)
        if found is not None:
            store.quarantine(found, error.message)
        # Another thread may have found another damaged file a moment ago.
        return found is not None or store.damaged(self.slot)


@dataclass(frozen=True, slots=True)
class LazyFiles:
    """The files of one payload, read when they are needed."""

    files: Files
    origin: Origin

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files."""
        return tuple(self.files.files)

    def size(self, name: str) -> int:
        """Return the bytes of one file, from the manifest."""
        return file_named(self.files.files, name).size

    def read(self, name: str) -> bytes:
        """Read one whole file, checked now."""
        try:
            return self.files.read(name)
        except CorruptEntryError as error:
            raise self.origin.judge(f"the file {name}", error) from error

    def refuted(self, what: str, error: CorruptEntryError) -> CorruptEntryError:
        """Have the entry moved aside for ``what`` the files lead to; give the error that says so."""
        return self.origin.judge(what, error)


def file_named(files: Mapping[str, PayloadFile], name: str) -> PayloadFile:
    """Return one of an entry's files; ``CorruptEntryError`` where the manifest has none of that name."""
    file = files.get(name)
    if file is None:
        raise CorruptEntryError(f"the entry has no payload file {name!r}", f"it has {', '.join(files)}")
    return file


def _reason(error: CorruptEntryError) -> str:
    return f"{error.message}: {error.cause}" if error.cause else error.message
