"""
A manifest in, the bytes and paths of its payload out, fetched from a store behind a network and checked.

Inline files come with the manifest.  On the arrow: what *decode* reads through.
"""

from __future__ import annotations

import os
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from whorl.digest import hash_file
from whorl.errors import CorruptEntryError
from whorl.store.disk import digest_bytes, guarded, make_folder, remove_folder, write_file
from whorl.store.lazy import LazyFiles, Origin, file_named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whorl.store.manifest import PayloadFile
    from whorl.store.objects.opening import Reached


@dataclass(frozen=True, slots=True)
class RemoteFiles:
    """The payload files of one entry behind a network: where they are, and what they have to be; can be pickled."""

    files: Mapping[str, PayloadFile]
    inline: Mapping[str, bytes] | None
    reached: Reached
    folder: str
    verify: bool

    def read(self, name: str) -> bytes:
        """Return one file's bytes."""
        file = self.named(name)
        if self.inline is not None:
            return self.inline[name]
        content = self.reached.objects.read(f"{self.folder}/{name}", file.size)
        if content is None:
            raise CorruptEntryError(f"the stored file {name} is missing")
        self._compare(file, len(content.data), lambda: digest_bytes(content.data) == file.digest)
        return content.data

    def download(self, name: str, path: str) -> None:
        """Write one file that is not inline to a new path."""
        file = self.named(name)
        size = self.reached.objects.download(f"{self.folder}/{name}", path, file.size)
        if size is None:
            raise CorruptEntryError(f"the stored file {name} is missing")
        try:
            with guarded("read", path):
                self._compare(file, size, lambda: hash_file(path, stat_table=False) == file.digest)
        except CorruptEntryError:
            os.unlink(path)
            raise

    def named(self, name: str) -> PayloadFile:
        """Return what the manifest says of one file."""
        return file_named(self.files, name)

    def _compare(self, file: PayloadFile, size: int, agrees: Callable[[], bool]) -> None:
        if size != file.size:
            raise CorruptEntryError(f"the stored file {file.name} is damaged", f"it does not have {file.size} bytes")
        if self.verify and not agrees():
            raise CorruptEntryError(f"the stored file {file.name} is damaged", f"its digest is not {file.digest.hex()}")


class RemoteReader:
    """
    The payload of one entry; ``origin`` is whose it is, ``make`` returns a new temporary folder.

    What is fetched as a file goes with the reader: a value that maps it keeps its reader.
    """

    def __init__(self, files: RemoteFiles, origin: Origin, make: Callable[[], str]) -> None:
        self._files = files
        self._origin = origin
        self._make = make
        self._place: str | None = None

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
        """What was fetched goes with the reader."""
        return False

    def path(self, name: str) -> Path:
        """Return one file as a local file, fetched once, not to be changed."""
        path = f"{self._own_folder()}/{self._files.named(name).name}"
        if not os.path.exists(path):
            make_folder(os.path.dirname(path))
            self.fetch(name, path)
        return Path(path)

    def fetch(self, name: str, path: str) -> None:
        """Write one file to a new path."""
        if self._files.inline is not None:
            write_file(path, self._files.inline[self._files.named(name).name])
        else:
            self._files.download(name, path)

    def lazy(self) -> LazyFiles:
        """Return the same files for a value that reads them later, each fetched when it is."""
        return LazyFiles(self._files, self._origin)

    def _own_folder(self) -> str:
        if self._place is None:
            self._place = self._make()
            weakref.finalize(self, remove_folder, self._place)
        return self._place
