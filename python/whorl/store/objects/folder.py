"""
Objects in a local folder: the files of a local store, for those who look after any kind of store.

Creating is ``link()``, which has one winner, and a rename under a lock where there are no links.  Replacing compares
first, so the caller holds the key's lock, as for every store that cannot replace one version.  On the arrow: below
*lookup* and *commit*.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from whorl.store.disk import (
    digest_bytes,
    failure,
    guarded,
    link_once,
    make_folder,
    read_file,
    remove_file,
    replace_file,
    write_file,
)
from whorl.store.lock import locked
from whorl.store.objects.base import Capabilities, Content, Listed
from whorl.store.objects.looking import ANY_SIZE, replace_seen
from whorl.store.objects.transfer import CHUNK, first_bytes, parts, save

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_LOCK_WAIT = 30.0


class FolderObjects:
    """The files below one folder; ``temporary`` gives names for what is being written, on the same file system."""

    def __init__(self, root: str, temporary: Callable[[], str]) -> None:
        self.url = root
        self._temporary = temporary

    @property
    def capabilities(self) -> Capabilities:
        """One creation wins; replacing needs the key's lock."""
        return Capabilities(creates_once=True, replaces_once=False)

    def read(self, name: str, limit: int) -> Content | None:
        """Return a file's bytes, at most one byte beyond ``limit``."""
        path = self._path(name)
        if limit <= CHUNK:
            data = None if os.path.isdir(path) else read_file(path, limit)
        else:  # read_file takes memory for the limit
            data = first_bytes(parts(path), limit) if os.path.isfile(path) else None
        return None if data is None else Content(data, digest_bytes(data).hex())

    def create(self, name: str, data: bytes) -> bool:
        """Write a file if there is none of that name."""
        path, temporary = self._path(name), self._temporary()
        make_folder(os.path.dirname(path))
        try:
            write_file(temporary, data)
            with guarded("write", path):
                created = link_once(temporary, path)
            return _create_by_rename(temporary, path) if created is None else created
        finally:
            remove_file(temporary)

    def replace(self, name: str, data: bytes, tag: str) -> bool:
        """Write a file in place of the version with that tag."""
        return replace_seen(self, name, data, tag)

    def put(self, name: str, data: bytes) -> None:
        """Write a file, whatever is there."""
        path = self._path(name)
        make_folder(os.path.dirname(path))
        replace_file(path, data, temporary=self._temporary())

    def upload(self, name: str, path: str) -> None:
        """Copy a file to a new name."""
        target, temporary = self._path(name), self._temporary()
        make_folder(os.path.dirname(target))
        try:
            save(parts(path), temporary, ANY_SIZE)
            with guarded("write", target):
                os.replace(temporary, target)
        finally:
            remove_file(temporary)

    def download(self, name: str, path: str, limit: int) -> int | None:
        """Copy a file to a new one."""
        source = self._path(name)
        return save(parts(source), path, limit) if os.path.isfile(source) else None

    def below(self, folder: str) -> Iterator[Listed]:
        """Yield the files below a folder; links are files, and are not followed."""
        start = self._path(folder) if folder else self.url
        for path, _, names in os.walk(start, onerror=_pass_on):
            for name in names:
                with guarded("list", path), suppress(FileNotFoundError):
                    status = os.lstat(f"{path}/{name}")
                    inside = f"{path}/{name}"[len(self.url) + 1 :].replace(os.sep, "/")
                    yield Listed(inside, status.st_size, status.st_mtime)

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders right below a folder that have a file at any depth."""
        path, names = self._path(folder) if folder else self.url, []
        with guarded("list", path), suppress(FileNotFoundError, NotADirectoryError), os.scandir(path) as found:
            names = [item.name for item in found if item.is_dir(follow_symlinks=False)]
        return [name for name in names if next(self.below(f"{folder}/{name}".lstrip("/")), None) is not None]

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; folders that became empty stay, for someone may be about to write into them."""
        for name in names:
            remove_file(self._path(name))

    def now(self) -> float:
        """Return the time by the file system's clock, which may be another machine's."""
        path = self._temporary()
        write_file(path, b"")
        try:
            with guarded("read", path):
                return os.lstat(path).st_mtime
        finally:
            remove_file(path)

    def abort_unfinished(self, before: float) -> int:  # noqa: ARG002 - the protocol's signature
        """Nothing here: ``tmp`` is swept at the first write of each process."""
        return 0

    def _path(self, name: str) -> str:
        return f"{self.url}/{name}"


def _pass_on(error: OSError) -> None:
    """Go on without a folder that is gone; one that cannot be listed must not look empty."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise failure("list", error.filename or "", error) from error


def _create_by_rename(temporary: str, path: str) -> bool:
    """Give a file its name where the file system has no links, safe among those who take the lock."""
    with locked(f"{path}.w", path, _LOCK_WAIT), guarded("write", path):
        if os.path.lexists(path):
            return False
        os.rename(temporary, path)
    return True
