"""
Payload files in, their names, sizes and digests out: one payload in the making.

Small ones stay in memory and end up inside the manifest.  The folder on disk is made when it is first needed, below
the store's ``tmp``, so that publishing is one rename.  On the arrow: what *encode* writes through.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from whorl.digest import hash_file
from whorl.store.codec import INLINE_LIMIT
from whorl.store.disk import copy_file, digest_bytes, guarded, make_folder, remove_folder, write_file
from whorl.store.lazy import LazyFiles, Origin
from whorl.store.manifest import PayloadFile
from whorl.store.names import allowed_file
from whorl.store.reader import LocalFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whorl.store.manifest import Manifest, Slot


class LocalAttempt:
    """
    One payload of a local store; one thread writes it.

    ``make`` returns the path of a new temporary folder.  ``place`` is where the payload is on disk, if it is.
    """

    def __init__(self, slot: Slot, nonce: str, make: Callable[[], str]) -> None:
        self._slot = slot
        self._nonce = nonce
        self._make = make
        self._memory: dict[str, bytes] = {}
        self._written: dict[str, PayloadFile] = {}
        self._bytes = 0
        self._complete: tuple[PayloadFile, ...] | None = None
        self.place: str | None = None

    @property
    def slot(self) -> Slot:
        """Where the entry is going to live."""
        return self._slot

    @property
    def nonce(self) -> str:
        """The name of this attempt: 32 lower-case hex digits."""
        return self._nonce

    @property
    def folder(self) -> Path:
        """The folder that becomes the payload; asking for it ends inline storage."""
        return Path(self._on_disk())

    def write(self, name: str, data: bytes | memoryview) -> None:
        """Write one whole file."""
        self._complete = None
        view = memoryview(data).cast("B")
        before = self._written.get(allowed_file(name))
        self._written[name] = PayloadFile(name, len(view), digest_bytes(view))
        self._bytes += len(view) - (before.size if before else 0)
        if self.place is None and self._bytes <= INLINE_LIMIT:
            self._memory[name] = bytes(view)
        else:
            self._write_to_disk(name, view)

    def path(self, name: str) -> Path:
        """Return where a library shall create one file; folders above it exist."""
        self._complete = None
        self._written.pop(allowed_file(name), None)
        path = f"{self._on_disk()}/{name}"
        make_folder(os.path.dirname(path))
        return Path(path)

    def files(self) -> tuple[PayloadFile, ...]:
        """Return the files written so far, by name, with sizes and digests."""
        if self._complete is None:
            found = dict(self._written)
            if self.place is not None:
                found.update({name: self._digested(name) for name in self._on_disk_names() if name not in found})
            self._complete = tuple(found[name] for name in sorted(found))
        return self._complete

    def inline(self) -> Mapping[str, bytes] | None:
        """Return the files' bytes when they are small enough to stand in the manifest."""
        return dict(self._memory) if self.place is None else None

    def complete(self, manifest: Manifest) -> Manifest:
        """Fill in ``attempt``, ``payload``, ``files`` and ``inline``."""
        nonce = self._nonce
        return replace(manifest, attempt=nonce, payload=nonce, files=self.files(), inline=self.inline())

    def reader(self) -> AttemptReader:
        """Return a reader of what was written."""
        return AttemptReader(self)

    def abandon(self) -> None:
        """Remove everything written; harmless after a commit, and twice."""
        self._memory.clear()
        if self.place is not None:
            remove_folder(self.place)
            self.place = None

    def settle(self) -> None:
        """Note that an entry names this payload, so that nothing removes it."""
        self._memory.clear()
        self.place = None

    def _on_disk(self) -> str:
        if self.place is None:
            self.place = self._make()
            for name, data in self._memory.items():
                self._write_to_disk(name, data)
            self._memory.clear()
        return self.place

    def _write_to_disk(self, name: str, data: bytes | memoryview) -> None:
        path = f"{self._on_disk()}/{name}"
        make_folder(os.path.dirname(path))
        with guarded("write", path):
            if os.path.lexists(path):  # written twice: the last one counts
                os.unlink(path)
            write_file(path, data)

    def _on_disk_names(self) -> list[str]:
        """List every file below the folder, refusing what is neither file nor folder."""
        root, names = self._on_disk(), []
        pending = [""]
        while pending:
            prefix = pending.pop()
            with guarded("list", root + "/" + prefix), os.scandir(root + "/" + prefix) as found:
                for item in found:
                    if item.is_dir(follow_symlinks=False):
                        pending.append(f"{prefix}{item.name}/")
                    else:
                        names.append(allowed_file(prefix + item.name))
        return names

    def _digested(self, name: str) -> PayloadFile:
        path = f"{self._on_disk()}/{name}"
        with guarded("read", path):
            return PayloadFile(name, os.lstat(path).st_size, hash_file(path, stat_table=False))


@dataclass(frozen=True, slots=True)
class AttemptReader:
    """The files of an attempt, for a store that takes a copy of them: nobody else knows of this payload yet."""

    attempt: LocalAttempt

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files."""
        return tuple(file.name for file in self.attempt.files())

    def size(self, name: str) -> int:
        """Return the bytes of one file."""
        return next(file.size for file in self.attempt.files() if file.name == name)

    def read(self, name: str) -> bytes:
        """Return one file's bytes; what is inline stays so."""
        inline = self.attempt.inline()
        if inline is not None:
            return inline[name]
        path = self.path(name)
        with guarded("read", path):
            return path.read_bytes()

    @property
    def stays(self) -> bool:
        """Files are where the payload is being made."""
        return True

    def path(self, name: str) -> Path:
        """Return where one file is."""
        return self.attempt.folder / name

    def fetch(self, name: str, path: str) -> None:
        """Write one file to a new path."""
        inline = self.attempt.inline()
        if inline is not None:
            write_file(path, inline[name])
        else:
            copy_file(os.fspath(self.path(name)), path)

    def lazy(self) -> LazyFiles:
        """Return the same files for later: until the attempt is committed or abandoned."""
        files = {file.name: file for file in self.attempt.files()}
        inline = self.attempt.inline()
        folder = "" if inline is not None else os.fspath(self.attempt.folder)
        origin = Origin(self.attempt.slot, self.attempt.nonce, None)
        return LazyFiles(LocalFiles(files, inline, folder, "always"), origin)
