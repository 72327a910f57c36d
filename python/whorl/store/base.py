"""
What every store can do, as protocols: the engine, the tiers and the command line know stores by these alone.

A store knows nothing of stages, formats or code.  A miss is ``None``; every failure of the file system or the network
is a ``StoreError``.  On the arrow: *look up* and *commit*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from whorl.digest import Digest
    from whorl.store.collectable import Collectable
    from whorl.store.lazy import LazyFiles
    from whorl.store.manifest import Manifest, PayloadFile, Slot


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which entry was last seen with a content key: a hint, to be checked against the entry itself."""

    slot: Slot
    attempt: str


class Attempt(Protocol):
    """
    A payload in the making, under a name that is never used again; formats write through it.

    ``folder`` and ``path`` are for libraries that write files of their own; what they leave in the folder belongs to
    the payload.  Top-level names ``refs`` and ``side`` are the store's.
    """

    @property
    def slot(self) -> Slot:
        """Where the entry is going to live."""
        ...

    @property
    def nonce(self) -> str:
        """The name of this attempt: 32 lower-case hex digits."""
        ...

    @property
    def folder(self) -> Path:
        """The folder that becomes the payload; asking for it ends inline storage."""
        ...

    def write(self, name: str, data: bytes | memoryview) -> None:
        """Write one whole file."""
        ...

    def path(self, name: str) -> Path:
        """Return where a library shall create one file; folders above it exist."""
        ...

    def files(self) -> tuple[PayloadFile, ...]:
        """Return the files written so far, by name, with sizes and digests."""
        ...

    def inline(self) -> Mapping[str, bytes] | None:
        """Return the files' bytes when they are small enough to stand in the manifest."""
        ...

    def complete(self, manifest: Manifest) -> Manifest:
        """Fill in ``attempt``, ``payload``, ``files`` and ``inline``."""
        ...

    def reader(self) -> Reader:
        """Return a reader of what was written."""
        ...

    def abandon(self) -> None:
        """Remove everything written; harmless after a commit, and twice."""
        ...


class Reader(Protocol):
    """The payload of one entry, checked against the manifest; ``CorruptEntryError`` where it does not agree."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files."""
        ...

    def size(self, name: str) -> int:
        """Return the bytes of one file, from the manifest."""
        ...

    def read(self, name: str) -> bytes:
        """Return one file's bytes."""
        ...

    @property
    def stays(self) -> bool:
        """Whether paths lead to where the payload is; else they go with the reader."""
        ...

    def path(self, name: str) -> Path:
        """Return one file as a local file, not to be changed; inline ones are written out first."""
        ...

    def fetch(self, name: str, path: str) -> None:
        """Write one file to a new path, for its own; the folder is there."""
        ...

    def lazy(self) -> LazyFiles:
        """Return the same files for a value that reads them later, in any process; see ``store/lazy.py``."""
        ...


class Store(Protocol):
    """Entries by slot.  A reader sees nothing, or one complete verified entry."""

    def lookup(self, slot: Slot) -> Manifest | None:
        """Return the current entry of a slot if it is sound; damage is moved aside and is a miss."""
        ...

    def candidates(self, slot: Slot) -> Iterator[Manifest]:
        """Yield the current entries of a slot in each tier, the nearest first."""
        ...

    def generations(self, slot: Slot) -> Iterator[Manifest]:
        """Yield the sound earlier entries of a slot, newest first, without the current one."""
        ...

    def begin(self, slot: Slot) -> Attempt:
        """Begin a payload for a slot."""
        ...

    def commit(self, attempt: Attempt, manifest: Manifest, *, replace: Callable[[Manifest], bool]) -> Manifest:
        """
        Publish an attempt under its slot, and return what is current afterwards.

        The fields ``attempt``, ``payload``, ``files`` and ``inline`` are filled in from the attempt.  If the slot is
        taken, ``replace(existing)`` decides: false adopts the existing entry (this payload is dropped), true makes it
        an earlier generation.
        """
        ...

    def commit_kept(
        self, manifest: Manifest, source: Manifest, *, replace: Callable[[Manifest], bool] = ...
    ) -> Manifest:
        """
        Publish a manifest that names the payload of ``source``; its ``attempt`` is filled in.

        Raises ``CorruptEntryError`` if that payload is gone.
        """
        ...

    def adopt(self, manifest: Manifest, reader: Reader, *, replace: Callable[[Manifest], bool] = ...) -> Manifest:
        """
        Publish an entry of another tier as it is, with its attempt; ``reader`` gives its payload, checked.

        Returns what is current afterwards.
        """
        ...

    def sources(self, namespace: str, content_key: Digest) -> Iterator[Manifest]:
        """Yield the entries that were last committed with a content key in each tier: they may say so no longer."""
        ...

    def reader(self, manifest: Manifest, *, heals: bool = True) -> Reader:
        """
        Return a reader of an entry's payload.

        ``heals`` is whether an entry goes aside when a part of it is found damaged later, by a lazy value.
        """
        ...

    def is_own(self, manifest: Manifest) -> bool:
        """Whether an entry was found in a store that this user alone can write."""
        ...

    def quarantine(self, manifest: Manifest, reason: str) -> None:
        """Move a damaged entry aside, if it is still the same; logs and counts it."""
        ...

    def damaged(self, slot: Slot) -> bool:
        """Return whether an entry of this slot was moved aside: its repair may give another value."""
        ...

    def lease(self, slot: Slot, *, timeout: float | None = None) -> AbstractContextManager[None]:
        """Hold a slot while computing; others wait, at most ``timeout``, then ``LeaseTimeoutError``."""
        ...

    def revision(self, namespace: str, key: Digest) -> str:
        """Return the nonce of the last recomputation of a key that gave another value, "" when there was none."""
        ...

    def revisions_of(self, namespace: str, keys: Iterable[Digest]) -> Mapping[Digest, str]:
        """Return the same for several keys at once."""
        ...

    def revise(self, namespace: str, keys: Iterable[Digest]) -> Mapping[Digest, str]:
        """Give keys new revisions, on disk before this returns."""
        ...

    def revisions(self, namespace: str) -> Mapping[str, str]:
        """Return all revisions of a namespace, by the keys in hex."""
        ...

    def write_revisions(self, namespace: str, revisions: Mapping[str, str]) -> None:
        """Write revisions of another tier as they are."""
        ...

    def namespaces(self) -> tuple[str, ...]:
        """Return the namespaces that hold entries."""
        ...

    def stages(self, namespace: str | None = None) -> tuple[str, ...]:
        """Return the stages that hold entries."""
        ...

    def entries(self, namespace: str | None = None, stage: str | None = None) -> Iterator[Manifest]:
        """Yield the current entries, in no particular order; unsound ones are skipped."""
        ...

    def recent(self, namespace: str, stage: str) -> Iterator[Manifest]:
        """Yield the newest current entries of a stage, as many as an explanation may ask a store for."""
        ...

    def nearest(self, namespace: str, stage: str) -> Manifest | None:
        """Return the newest current entry of a stage."""
        ...

    def remove(self, slot: Slot) -> bool:
        """Remove an entry with its generations, and at once the payloads that nothing else names; false if absent."""
        ...

    def collectable(self) -> Collectable | None:
        """Return what a collector works on; ``None`` where there is no store yet."""
        ...

    def write_tree(self, namespace: str, code: Digest, data: bytes) -> None:
        """Store the fingerprint tree of a code digest, once."""
        ...

    def read_tree(self, namespace: str, code: Digest) -> bytes | None:
        """Return the fingerprint tree of a code digest."""
        ...
