"""
A manifest in, the bytes and paths of its payload out, each file checked against its size and digest.

Inline files are checked when the manifest is decoded and served from memory.  On the arrow: what *decode* reads
through.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from whorl.digest import hash_file
from whorl.errors import CorruptEntryError, StoreError
from whorl.store.disk import copy_file, digest_bytes, failure, guarded, make_folder, read_exactly, replace_file
from whorl.store.lazy import LazyFiles, Origin, file_named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whorl.store.base import Store
    from whorl.store.manifest import Manifest, PayloadFile
    from whorl.store.temporary import Temporary

VERIFY = ("always", "first", "never")
# Files that passed under verify="first", as they were then; forgotten with the process.
_passed: set[tuple[str, int, int, int]] = set()


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """The payload files of one entry in a local store: where they are, and what they have to be; can be pickled."""

    files: Mapping[str, PayloadFile]
    inline: Mapping[str, bytes] | None
    folder: str
    verify: str

    def read(self, name: str) -> bytes:
        """Return one file's bytes."""
        file = self.named(name)
        if self.inline is not None:
            return self.inline[name]
        path = self._checked_place(name)
        data = read_exactly(path, file.size)
        if self._must_verify(path):
            self._compare(path, file, digest_bytes(data) == file.digest)
        return data

    def path(self, name: str) -> str:
        """Return where one file is that is not inline."""
        file = self.named(name)
        path = self._checked_place(name)
        self._check_size(path, file)
        if self._must_verify(path):
            with guarded("read", path):
                # Damage to a disk does not show in dates.
                digest = hash_file(path, stat_table=False)
            self._compare(path, file, digest == file.digest)
        return path

    def named(self, name: str) -> PayloadFile:
        """Return what the manifest says of one file."""
        return file_named(self.files, name)

    def _checked_place(self, name: str) -> str:
        """Return a file's path, having followed no links on the way to it."""
        folders = name.split("/")[:-1]
        for depth in range(1, len(folders) + 1):
            path = "/".join((self.folder, *folders[:depth]))
            if not stat.S_ISDIR(_status(path).st_mode):
                raise CorruptEntryError(f"the stored folder {path} is no folder")
        return f"{self.folder}/{name}"

    def _check_size(self, path: str, file: PayloadFile) -> None:
        status = _status(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size != file.size:
            raise CorruptEntryError(f"the stored file {path} is damaged", f"it does not have {file.size} bytes")

    def _must_verify(self, path: str) -> bool:
        return self.verify == "always" or (self.verify == "first" and _version(path) not in _passed)

    def _compare(self, path: str, file: PayloadFile, agrees: bool) -> None:  # noqa: FBT001 - what was found
        if not agrees:
            raise CorruptEntryError(f"the stored file {path} is damaged", f"its digest is not {file.digest.hex()}")
        if self.verify == "first":
            _passed.add(_version(path))


class LocalReader:
    """
    The payload of one entry in a local store.

    ``folder`` is where it is, ``verify`` one of ``VERIFY``; ``home`` opens the store that a lazy value tells of damage.
    """

    def __init__(
        self, manifest: Manifest, folder: str, verify: str, temporary: Temporary, home: Callable[[], Store] | None
    ) -> None:
        files = {file.name: file for file in manifest.files}
        self._files = LocalFiles(files, manifest.inline, folder, verify)
        self._origin = Origin(manifest.slot, manifest.attempt, home)
        self._temporary = temporary

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files."""
        return tuple(self._files.files)

    def size(self, name: str) -> int:
        """Return the bytes of one file, from the manifest."""
        return self._files.named(name).size

    def read(self, name: str) -> bytes:
        """Return one file's bytes."""
        return self._files.read(name)

    @property
    def stays(self) -> bool:
        """Files are where the payload is; what is inline is written out for longer than the reader lives."""
        return True

    def path(self, name: str) -> Path:
        """Return one file as a local file, not to be changed; inline ones are written out first."""
        inline = self._files.inline
        if inline is not None:
            return Path(self._written_out(self._files.named(name).name, inline[name]))
        return Path(self._files.path(name))

    def fetch(self, name: str, path: str) -> None:
        """Write one file to a new path."""
        copy_file(os.fspath(self.path(name)), path)

    def lazy(self) -> LazyFiles:
        """Return the same files for a value that reads them later."""
        return LazyFiles(self._files, self._origin)

    def _written_out(self, name: str, data: bytes) -> str:
        """Write an inline file where its payload would be, for the next time too; else where it goes at exit."""
        try:
            if _leads_elsewhere(self._files.folder, name):
                return self._write_out(self._temporary.outside(), name, data)
            return self._write_out(self._files.folder, name, data)
        except StoreError:  # read-only, or full
            return self._write_out(self._temporary.outside(), name, data)

    def _write_out(self, folder: str, name: str, data: bytes) -> str:
        path = f"{folder}/{name}"
        if not _holds(path, data):
            temporary = self._temporary.file() if folder == self._files.folder else f"{path}~"
            make_folder(os.path.dirname(path))
            replace_file(path, data, temporary=temporary)
        return path


def _leads_elsewhere(folder: str, name: str) -> bool:
    """Whether there is a link on the way to a file of a payload: whoever planted it must not choose where we write."""
    above = (os.path.dirname(os.path.dirname(folder)), os.path.dirname(folder), folder)
    parts = name.split("/")[:-1]
    below = ("/".join((folder, *parts[: depth + 1])) for depth in range(len(parts)))
    return any(os.path.islink(path) for path in (*above, *below))


def _holds(path: str, data: bytes) -> bool:
    try:
        return read_exactly(path, len(data)) == data
    except CorruptEntryError:
        return False


def _status(path: str) -> os.stat_result:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CorruptEntryError(f"the stored file {path} is missing") from error
    except OSError as error:
        raise failure("read", path, error) from error


def _version(path: str) -> tuple[str, int, int, int]:
    status = _status(path)
    return path, status.st_ino, status.st_size, status.st_mtime_ns
