"""
Objects as files of an SFTP server, through paramiko.

What is written gets a temporary name (``tmp/…``) first.  Creating is SFTP's rename, which does not overwrite; writing
over is OpenSSH's ``posix-rename``.  The tag is a digest of the content, so replacing compares first, and its caller
holds a lock.  Nothing of ``~/.ssh`` is used that the options do not name: ``username``, ``key_filename``,
``passphrase``, ``password``, ``port``, ``known_hosts`` (a file), ``accept_unknown_hosts``, ``allow_agent``.  On the
arrow: below *lookup* and *commit*.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from whorl.errors import ConfigError
from whorl.store.disk import digest_bytes
from whorl.store.objects.base import Capabilities, Content, Listed
from whorl.store.objects.forked import PerProcess
from whorl.store.objects.levels import folders_below
from whorl.store.objects.looking import replace_seen
from whorl.store.objects.sftp_sessions import Login, Sessions
from whorl.store.objects.transfer import CHUNK, first_bytes, parts, save, size_of
from whorl.store.objects.trouble import Wording

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

T = TypeVar("T")

_TEMPORARY = "tmp"
# What one request carries; beyond it, several are on the way at once.
_REQUEST = 32 * 1024
# The server says "failure" where a file exists; one that is gone when it is looked for was removed in between.
_RENAMES = 20


class SftpObjects:
    """The files below ``sftp://user@host:port/folder``."""

    def __init__(self, url: str, options: Mapping[str, Any], timeout: float) -> None:
        from urllib.parse import unquote, urlsplit

        parsed = urlsplit(url)
        if not parsed.hostname:
            raise ConfigError(f"{Wording.of(url, {}).url} names no host", tip="write sftp://user@host/folder")
        given = {"password": unquote(parsed.password)} if parsed.password else {}
        self._wording = Wording.of(url, {**given, **options})
        self._root = unquote(parsed.path).rstrip("/")
        login = Login.of(parsed, options)
        self._sessions = PerProcess(lambda: Sessions(login, timeout))

    @property
    def url(self) -> str:
        """The root as messages show it."""
        return self._wording.url

    @property
    def capabilities(self) -> Capabilities:
        """One creation wins; replacing needs the key's lock."""
        return Capabilities(creates_once=True, replaces_once=False)

    def read(self, name: str, limit: int) -> Content | None:
        """Return a file's bytes, at most one byte beyond ``limit``."""

        def read(client: Any) -> bytes | None:
            chunks = self._open(client, name, limit)
            return None if chunks is None else first_bytes(chunks, limit)

        data = self._do("read", name, read)
        return None if data is None else Content(data, digest_bytes(data).hex())

    def create(self, name: str, data: bytes) -> bool:
        """Write a file if there is none of that name."""

        def create(client: Any) -> bool:
            temporary = self._write(client, iter((data,)))
            try:
                is_made = self._rename_new(client, temporary, name)
            except BaseException:
                with suppress(Exception):
                    client.remove(temporary)
                raise
            if not is_made:
                with suppress(FileNotFoundError):
                    client.remove(temporary)
            return is_made

        return self._do("write", name, create)

    def replace(self, name: str, data: bytes, tag: str) -> bool:
        """Write a file in place of the version with that tag."""
        return replace_seen(self, name, data, tag)

    def put(self, name: str, data: bytes) -> None:
        """Write a file, whatever is there."""
        self._do("write", name, lambda client: self._put(client, name, iter((data,))))

    def upload(self, name: str, path: str) -> None:
        """Write a local file."""
        size_of(path)  # an error of this machine's before the server is asked
        self._do("write", name, lambda client: self._put(client, name, parts(path)))

    def download(self, name: str, path: str, limit: int) -> int | None:
        """Write a file to a new local one."""

        def download(client: Any) -> int | None:
            chunks = self._open(client, name, limit)
            return None if chunks is None else save(chunks, path, limit)

        return self._do("read", name, download)

    def below(self, folder: str) -> Iterator[Listed]:
        """Yield the files below a folder, one request or more for each folder."""
        waiting = [folder]
        while waiting:
            inside = waiting.pop()
            for entry in self._do("list", inside, lambda client, inside=inside: self._list(client, inside)):  # type: ignore[misc]
                name = f"{inside}/{entry.filename}" if inside else entry.filename
                if not stat.S_ISDIR(entry.st_mode or 0):
                    yield Listed(name, int(entry.st_size or 0), float(entry.st_mtime or 0))
                elif name != _TEMPORARY:
                    waiting.append(name)

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders right below a folder."""
        return folders_below(folder, self.below(folder))

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; folders that became empty stay, for someone may be about to write into them."""
        for name in names:

            def remove(client: Any, name: str = name) -> None:
                with suppress(FileNotFoundError):
                    client.remove(self._path(name))

            self._do("remove", name, remove)

    def now(self) -> float:
        """Return the time by the server's files."""

        def touch(client: Any) -> float:
            temporary = self._write(client, iter(()))
            try:
                return float(client.stat(temporary).st_mtime)
            finally:
                client.remove(temporary)

        return self._do("read the clock of", "", touch)

    def abort_unfinished(self, before: float) -> int:
        """Remove temporary files of before a time, which their writers left."""

        def sweep(client: Any) -> int:
            old = [entry.filename for entry in self._list(client, _TEMPORARY) if (entry.st_mtime or 0) < before]
            for name in old:
                with suppress(FileNotFoundError):
                    client.remove(self._path(f"{_TEMPORARY}/{name}"))
            return len(old)

        return self._do("remove the unfinished files of", "", sweep)

    # --- requests ------------------------------------------------------------------------------------------------

    def _do(self, doing: str, name: str, work: Callable[[Any], T]) -> T:
        with self._wording.worded(doing, name):
            return self._sessions.get().run(work)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _open(self, client: Any, name: str, limit: int) -> Generator[bytes, None, None] | None:
        """Open a file; ``None`` where there is none.  All that will be read is asked for at once."""
        try:
            file = client.open(self._path(name), "rb")
        except FileNotFoundError:
            return None
        status = file.stat()
        if stat.S_ISDIR(status.st_mode):
            file.close()
            return None
        wanted = min(status.st_size, limit + 1)
        if wanted > _REQUEST:
            file.prefetch(wanted)
        return _chunks(file, wanted)

    def _put(self, client: Any, name: str, data: Iterator[bytes]) -> None:
        temporary = self._write(client, data)
        try:
            self._rename(client, client.posix_rename, temporary, name)
        except BaseException:
            with suppress(Exception):
                client.remove(temporary)
            raise

    def _write(self, client: Any, data: Iterator[bytes]) -> str:
        """Write a temporary file, and see that all of it arrived."""
        path, size = self._path(f"{_TEMPORARY}/{os.urandom(12).hex()}"), 0
        with _made(client, path, lambda: client.open(path, "wx")) as file:
            file.set_pipelined(True)
            for chunk in data:
                file.write(chunk)
                size += len(chunk)
        found = client.stat(path).st_size
        if found != size:
            client.remove(path)
            raise OSError(f"{size} bytes were sent, {found} arrived")
        return path

    def _rename_new(self, client: Any, temporary: str, name: str) -> bool:
        """Rename where there is no file of that name; false where there is one."""
        for left in range(_RENAMES, 0, -1):
            try:
                self._rename(client, client.rename, temporary, name)
            except OSError as error:
                if error.errno in {errno.ENOENT, errno.EACCES}:
                    raise
                if _exists(client, self._path(name)):
                    return False
                if left == 1:
                    raise
            else:
                break
        return True

    def _rename(self, client: Any, rename: Callable[[str, str], object], temporary: str, name: str) -> None:
        path = self._path(name)
        _made(client, path, lambda: rename(temporary, path))

    def _list(self, client: Any, folder: str) -> list[Any]:
        try:
            return list(client.listdir_attr(self._path(folder)))
        except FileNotFoundError:
            return []


def _chunks(file: Any, size: int) -> Generator[bytes, None, None]:
    with file:
        while size > 0 and (chunk := file.read(min(size, CHUNK))):
            size -= len(chunk)
            yield chunk


def _made(client: Any, path: str, work: Callable[[], T]) -> T:
    """Do something with a path, and once more when its folder was made."""
    try:
        return work()
    except FileNotFoundError:
        _make_folder(client, posixpath.dirname(path))
        return work()


def _make_folder(client: Any, path: str) -> None:
    if _exists(client, path):
        return
    _make_folder(client, posixpath.dirname(path))
    try:
        client.mkdir(path)
    except OSError:  # someone else made it
        if not _exists(client, path):
            raise


def _exists(client: Any, path: str) -> bool:
    try:
        client.lstat(path)
    except FileNotFoundError:
        return False
    return True
