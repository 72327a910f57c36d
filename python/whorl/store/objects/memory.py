"""
Objects in fsspec's ``memory://``: shared by everything in one process, gone with it.

One lock makes creating and replacing what the protocol asks for; the digest of the content serves as the tag.  On the
arrow: below *lookup* and *commit*.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

from whorl.errors import StoreError
from whorl.store.disk import digest_bytes
from whorl.store.objects.base import Capabilities, Content, Listed
from whorl.store.objects.levels import folders_below
from whorl.store.objects.transfer import parts, save

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_lock = threading.Lock()
if hasattr(os, "register_at_fork"):  # another thread of the parent's may hold it
    os.register_at_fork(after_in_child=lambda: globals().update(_lock=threading.Lock()))


class MemoryObjects:
    """The objects below one path of the process's memory file system."""

    def __init__(self, url: str) -> None:
        import fsspec

        self.url = url.rstrip("/")
        self._system: Any = fsspec.filesystem("memory")
        self._root = self._system._strip_protocol(self.url)  # noqa: SLF001 - fsspec's way

    @property
    def capabilities(self) -> Capabilities:
        """Everything, among the threads of one process."""
        return Capabilities(creates_once=True, replaces_once=True)

    def read(self, name: str, limit: int) -> Content | None:
        """Return an object, at most one byte beyond ``limit``."""
        with _lock:
            data = self._bytes(name)
        return None if data is None else Content(data[: limit + 1], digest_bytes(data).hex())

    def create(self, name: str, data: bytes) -> bool:
        """Write an object if there is none of that name."""
        with _lock:
            if self._bytes(name) is not None:
                return False
            self._write(name, data)
            return True

    def replace(self, name: str, data: bytes, tag: str) -> bool:
        """Write an object in place of the version with that tag."""
        with _lock:
            current = self._bytes(name)
            if current is None or digest_bytes(current).hex() != tag:
                return False
            self._write(name, data)
            return True

    def put(self, name: str, data: bytes) -> None:
        """Write an object, whatever is there."""
        with _lock:
            self._write(name, data)

    def upload(self, name: str, path: str) -> None:
        """Write a local file as an object."""
        self.put(name, b"".join(parts(path)))

    def download(self, name: str, path: str, limit: int) -> int | None:
        """Write an object to a new local file."""
        with _lock:
            data = self._bytes(name)
        return None if data is None else save((piece for piece in (data,)), path, limit)

    def below(self, folder: str) -> Iterator[Listed]:
        """Yield the objects below a folder."""
        start = f"{self._root}/{folder}/" if folder else f"{self._root}/"
        with _lock:
            found = [(path, file) for path, file in self._system.store.items() if path.startswith(start)]
        for path, file in found:
            yield Listed(path[len(self._root) + 1 :], file.getbuffer().nbytes, file.modified.timestamp())

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders right below a folder."""
        return folders_below(folder, self.below(folder))

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects."""
        with _lock:
            for name in names:
                self._system.store.pop(f"{self._root}/{name}", None)

    def now(self) -> float:
        """Return this process's time."""
        return time.time()

    def abort_unfinished(self, before: float) -> int:  # noqa: ARG002 - the protocol's signature
        """Nothing is ever unfinished."""
        return 0

    def _bytes(self, name: str) -> bytes | None:
        file = self._system.store.get(f"{self._root}/{name}")
        return None if file is None else bytes(file.getvalue())

    def _write(self, name: str, data: bytes) -> None:
        try:
            self._system.pipe_file(f"{self._root}/{name}", bytes(data))
        except OSError as error:
            raise StoreError(f"the store could not write {self.url}/{name}", str(error)) from error
