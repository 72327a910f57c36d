"""
What a root that is no local folder can do, as a protocol: whole objects, each read and written under one name.

Names are relative to the root and '/'-separated, as ``Places("")`` makes them.  An object appears whole or not at all.
Absence is ``None``; everything else that goes wrong is a ``StoreError``, within the time that the settings allow.
Nothing here remembers a listing or an object: each call asks the store.  On the arrow: below *lookup* and *commit*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Capabilities:
    """
    What a store guarantees among any number of machines.

    ``creates_once``: of several creations of one name at most one succeeds.  ``replaces_once``: of several
    replacements of one version at most one succeeds.  ``writes``: it can be written at all.  Where one of the first
    two is missing, a lock made of an object stands in: two writers may then both think that they came first, which
    costs a computation and never mixes values, for every payload has a name of its own.
    """

    creates_once: bool
    replaces_once: bool
    writes: bool = True


@dataclass(frozen=True, slots=True)
class Content:
    """An object's bytes, and the tag of this version: "" where the store has none."""

    data: bytes
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """One object of a listing: its name, its bytes, and when it was written, in seconds since 1970 by the store."""

    name: str
    size: int
    modified: float


class Objects(Protocol):
    """The objects below one root."""

    @property
    def url(self) -> str:
        """The root as messages show it: no secrets."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this kind of store guarantees; ``whorl init`` probes whether it is so."""
        ...

    def read(self, name: str, limit: int) -> Content | None:
        """Return an object, at most one byte beyond ``limit``: one request."""
        ...

    def create(self, name: str, data: bytes) -> bool:
        """
        Write an object if there is none of that name; false where there is, or may be: the answer can be lost.

        Without ``creates_once`` it looks first and then writes.
        """
        ...

    def replace(self, name: str, data: bytes, tag: str) -> bool:
        """
        Write an object in place of the version with that tag; false where it is another one, or gone.

        Without ``replaces_once`` it compares first, by ``read``, and then writes; the caller holds a lock.
        """
        ...

    def put(self, name: str, data: bytes) -> None:
        """Write an object, whatever is there."""
        ...

    def upload(self, name: str, path: str) -> None:
        """Write a local file as an object of a name that nobody else writes; it may take several requests."""
        ...

    def download(self, name: str, path: str, limit: int) -> int | None:
        """Write an object to a new local file, at most one byte beyond ``limit``; return how many bytes, or None."""
        ...

    def below(self, folder: str) -> Iterator[Listed]:
        """Yield the objects below a folder at any depth, in no particular order; none where there is no such folder."""
        ...

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders right below a folder, in no particular order."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; those that are gone already are no error."""
        ...

    def now(self) -> float:
        """Return the time by the store's own clock, which dates ``Listed.modified``, in seconds since 1970."""
        ...

    def abort_unfinished(self, before: float) -> int:
        """Give up uploads that were begun before a time and never finished; return how many."""
        ...
