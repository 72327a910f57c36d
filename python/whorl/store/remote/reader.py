"""
A manifest in, the bytes and paths of its payload out, fetched from a store behind a network and checked.

Inline files come with the manifest.  On the arrow: what *decode* reads through.
"""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from whorl.digest import hash_file
from whorl.errors import CorruptEntryError
from whorl.store.disk import digest_bytes, guarded, make_folder, remove_folder, write_file
from whorl.store.reader import file_named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whorl.store.manifest import Manifest, PayloadFile
    from whorl.store.objects.base import Objects


class RemoteReader:
    """
    The payload of one entry; ``folder`` is its place among the objects, ``make`` returns a new temporary folder.

    What is fetched goes with the reader: a lazy value keeps its reader.  ``verify`` is false where digests are not
    to be compared.
    """

    def __init__(
        self, manifest: Manifest, objects: Objects, folder: str, make: Callable[[], str], *, verify: bool
    ) -> None:
        self._files: Mapping[str, PayloadFile] = {file.name: file for file in manifest.files}
        self._inline = manifest.inline
        self._objects = objects
        self._folder = folder
        self._make = make
        self._verify = verify
        self._place: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files."""
        return tuple(self._files)

    def size(self, name: str) -> int:
        """Return the bytes of one file, from the manifest."""
        return self._named(name).size

    def read(self, name: str) -> bytes:
        """Return one file's bytes."""
        file = self._named(name)
        if self._inline is not None:
            return self._inline[name]
        content = self._objects.read(f"{self._folder}/{name}", file.size)
        if content is None:
            raise CorruptEntryError(f"the stored file {name} is missing")
        self._compare(file, len(content.data), lambda: digest_bytes(content.data) == file.digest)
        return content.data

    def path(self, name: str) -> Path:
        """Return one file as a local file, fetched once, not to be changed."""
        path = f"{self._own_folder()}/{self._named(name).name}"
        if not os.path.exists(path):
            make_folder(os.path.dirname(path))
            self.fetch(name, path)
        return Path(path)

    def fetch(self, name: str, path: str) -> None:
        """Write one file to a new path."""
        file = self._named(name)
        if self._inline is not None:
            write_file(path, self._inline[name])
            return
        size = self._objects.download(f"{self._folder}/{name}", path, file.size)
        if size is None:
            raise CorruptEntryError(f"the stored file {name} is missing")
        try:
            with guarded("read", path):
                self._compare(file, size, lambda: hash_file(path, stat_table=False) == file.digest)
        except CorruptEntryError:
            os.unlink(path)
            raise

    def _compare(self, file: PayloadFile, size: int, agrees: Callable[[], bool]) -> None:
        if size != file.size:
            raise CorruptEntryError(f"the stored file {file.name} is damaged", f"it does not have {file.size} bytes")
        if self._verify and not agrees():
            raise CorruptEntryError(f"the stored file {file.name} is damaged", f"its digest is not {file.digest.hex()}")

    def _named(self, name: str) -> PayloadFile:
        return file_named(self._files, name)

    def _own_folder(self) -> str:
        if self._place is None:
            self._place = self._make()
            weakref.finalize(self, remove_folder, self._place)
        return self._place
