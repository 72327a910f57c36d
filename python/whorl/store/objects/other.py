"""
Objects in any other file system of fsspec, which promises nothing to several writers.

What is written gets a temporary name (``tmp/…``) first, and its own by ``mv``, for some file systems show half-written
files.  Creating looks first.  The library's own limits of time hold, and beyond them each call is left behind in a
thread of its own when the time is over.  On the arrow: below *lookup* and *commit*.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from whorl.store.disk import digest_bytes
from whorl.store.objects.asynchronous import SLOWEST
from whorl.store.objects.base import Capabilities, Content, Listed
from whorl.store.objects.forked import PerProcess, within
from whorl.store.objects.levels import folders_below
from whorl.store.objects.looking import create_unseen, replace_seen
from whorl.store.objects.transfer import CHUNK, first_bytes, parts, save, size_of
from whorl.store.objects.trouble import Wording

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

T = TypeVar("T")

_TEMPORARY = "tmp"
# What a file system calls the time of writing.
_DATES = ("mtime", "LastModified", "last_modified", "modified", "updated", "created")


class OtherObjects:
    """The files below a URL that fsspec understands; ``options`` are those of its file system."""

    def __init__(self, url: str, options: Mapping[str, Any], timeout: float) -> None:
        self._wording = Wording.of(url, options)
        self._timeout = timeout
        self._each = PerProcess(lambda: _open(url, options))

    @property
    def url(self) -> str:
        """The root as messages show it."""
        return self._wording.url

    @property
    def capabilities(self) -> Capabilities:
        """Nothing among several machines."""
        return Capabilities(creates_once=False, replaces_once=False)

    def read(self, name: str, limit: int) -> Content | None:
        """Return a file's bytes, at most one byte beyond ``limit``."""

        def read(system: Any, root: str) -> bytes | None:
            chunks = _chunks(system, f"{root}/{name}")
            return None if chunks is None else first_bytes(chunks, limit)

        data = self._do("read", name, read, min(limit, CHUNK))
        return None if data is None else Content(data, digest_bytes(data).hex())

    def create(self, name: str, data: bytes) -> bool:
        """Write a file if there is none of that name, by looking first."""
        return create_unseen(self, name, data)

    def replace(self, name: str, data: bytes, tag: str) -> bool:
        """Write a file in place of the version with that tag, by comparing first."""
        return replace_seen(self, name, data, tag)

    def put(self, name: str, data: bytes) -> None:
        """Write a file, whatever is there."""
        self._do("write", name, lambda system, root: _write(system, root, name, iter((data,))), len(data))

    def upload(self, name: str, path: str) -> None:
        """Write a local file."""
        size = size_of(path)
        self._do("write", name, lambda system, root: _write(system, root, name, parts(path)), size)

    def download(self, name: str, path: str, limit: int) -> int | None:
        """Write a file to a new local one."""

        def download(system: Any, root: str) -> int | None:
            chunks = _chunks(system, f"{root}/{name}")
            return None if chunks is None else save(chunks, path, limit)

        return self._do("read", name, download, limit)

    def below(self, folder: str) -> Iterator[Listed]:
        """Yield the files below a folder."""

        def find(system: Any, root: str) -> list[Listed]:
            system.invalidate_cache()
            start = f"{root}/{folder}" if folder else root
            with suppress(FileNotFoundError):
                found = system.find(start, detail=True)
                return [Listed(_below(path, root), int(info["size"] or 0), _date(info)) for path, info in found.items()]
            return []

        for item in self._do("list", folder, find):
            if not item.name.startswith(f"{_TEMPORARY}/") and (not folder or item.name.startswith(f"{folder}/")):
                yield item

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders right below a folder."""
        return folders_below(folder, self.below(folder))

    def remove(self, names: Iterable[str]) -> None:
        """Remove files."""
        for name in names:

            def remove(system: Any, root: str, name: str = name) -> None:
                with suppress(FileNotFoundError):
                    system.rm_file(f"{root}/{name}")

            self._do("remove", name, remove)

    def now(self) -> float:
        """Return the time by the files of the store, or of this machine where files have no dates."""

        def touch(system: Any, root: str) -> float:
            path = f"{root}/{_TEMPORARY}/{os.urandom(12).hex()}"
            system.makedirs(f"{root}/{_TEMPORARY}", exist_ok=True)
            system.pipe_file(path, b"")
            try:
                system.invalidate_cache()
                return _date(system.info(path)) or time.time()
            finally:
                system.rm_file(path)

        return self._do("read the clock of", "", touch)

    def abort_unfinished(self, before: float) -> int:
        """Remove temporary files of before a time, which their writers left."""

        def sweep(system: Any, root: str) -> int:
            system.invalidate_cache()
            found: dict[str, Any] = {}
            with suppress(FileNotFoundError):
                found = system.find(f"{root}/{_TEMPORARY}", detail=True)
            old = [path for path, info in found.items() if _date(info) < before]
            for path in old:
                with suppress(FileNotFoundError):
                    system.rm_file(path)
            return len(old)

        return self._do("remove the unfinished files of", "", sweep)

    def _do(self, doing: str, name: str, work: Callable[[Any, str], T], size: int = 0) -> T:
        with self._wording.worded(doing, name):
            return within(self._timeout + size / SLOWEST, lambda: work(*self._each.get()))


def _open(url: str, options: Mapping[str, Any]) -> tuple[Any, str]:
    """Reach the file system, without what another one like it was told, and name the root in it."""
    import fsspec

    forgetful = {"use_listings_cache": False, "skip_instance_cache": True}
    system, root = fsspec.core.url_to_fs(url, **{**options, **forgetful})
    return system, root.rstrip("/")


def _write(system: Any, root: str, name: str, data: Iterator[bytes]) -> None:
    temporary, path = f"{root}/{_TEMPORARY}/{os.urandom(12).hex()}", f"{root}/{name}"
    system.makedirs(f"{root}/{_TEMPORARY}", exist_ok=True)
    system.makedirs(path.rpartition("/")[0], exist_ok=True)
    try:
        with system.open(temporary, "wb") as file:
            for chunk in data:
                file.write(chunk)
        _move(system, temporary, path)
    except BaseException:
        with suppress(Exception):
            system.rm_file(temporary)
        raise


def _move(system: Any, temporary: str, path: str) -> None:
    """Give a file its name; some file systems do not move onto one that is there."""
    try:
        system.mv(temporary, path)
    except OSError:
        if not system.exists(path):
            raise
        system.rm_file(path)
        system.mv(temporary, path)


def _chunks(system: Any, path: str) -> Generator[bytes, None, None] | None:
    """Open a file; ``None`` where there is none."""
    system.invalidate_cache()
    try:
        file = system.open(path, "rb")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None

    def chunks() -> Generator[bytes, None, None]:
        with file:
            while chunk := file.read(CHUNK):
                yield chunk

    return chunks()


def _below(path: str, root: str) -> str:
    return path.strip("/").removeprefix(root.strip("/")).lstrip("/")


def _date(info: Mapping[str, Any]) -> float:
    """Give the time of writing that a file system tells; 0 where it tells none."""
    for name in _DATES:
        value = info.get(name)
        if isinstance(value, (int, float)):
            return float(value)
        if isinstance(value, datetime):
            return value.timestamp()
    return 0.0
