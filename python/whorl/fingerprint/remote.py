"""
Objects behind a URL in, the digests that stand for their contents out: the one module that asks fsspec about inputs.

An object counts by what its store says of its content (``remote_tokens.py``), and is not read; else by its content,
which is streamed.  Nothing that was told before is believed: listings are asked for anew each time.  On the arrow:
*digest files*.
"""

from __future__ import annotations

import io
import os
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from whorl.digest import hash_stream
from whorl.errors import InputChangedError, InputUnreadableError, WhorlError
from whorl.fingerprint.inputs import InputFile
from whorl.fingerprint.remote_errors import worded
from whorl.fingerprint.remote_tokens import find_token, size_of, stamp
from whorl.fingerprint.urls import HTTP, hide_secrets, last_segment, protocols, split_chain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from whorl.digest import Digest

    Info: TypeAlias = Mapping[str, Any]
    Infos: TypeAlias = Mapping[str, Info]

# Clients that remember nothing but listings: one told not to is used again, which saves 0.13 s of setting S3 up.
_STATELESS = frozenset({"http", "https", "s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"})
# What s3fs raises for an object that changed, and aiohttp for an answer that broke off, while it was read.
_BROKEN_OFF = frozenset({"FileExpired", "ClientPayloadError"})
_ATTEMPTS = 3
_STREAMS = 8
_WORTH_THREADS = 2
# Seconds without a connection, and without a byte.  aiohttp would allow 300 for the whole of a download.
_CONNECTING, _SILENCE = 30.0, 300.0


@dataclass(frozen=True, slots=True)
class Store:
    """A file system of fsspec, and the path in it that a URL names."""

    url: str
    protocol: str
    system: Any
    path: str

    @classmethod
    def at(cls, url: str) -> Store:
        """Reach the store of a URL; every store of a chain (``zip://a.csv::s3://…``) is asked anew."""
        import fsspec

        names = protocols(url)
        system, path = fsspec.core.url_to_fs(url, **{name: _forgetful(name) for name in names})
        return cls(url, names[0], system, path)

    def info(self, path: str) -> Info:
        """Ask what the store says of a path now."""
        self.system.invalidate_cache()
        found: Info = self.system.info(path)
        return found

    def exists(self, path: str) -> bool:
        """Whether there is an object, or a folder, of exactly this name."""
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def match(self) -> Infos:
        """List the objects that match the path, with what the listing says of each."""
        return self._objects(self.system.glob(self.path, detail=True))

    def find(self) -> Infos:
        """List the objects below the path, likewise."""
        return self._objects(self.system.find(self.path, detail=True))

    def urls(self, paths: Iterable[str]) -> list[str]:
        """Give the URLs of some paths, written as the URL they were found by."""
        first, chain = split_chain(self.url)
        written = first.removesuffix(self.path.lstrip("/"))
        if written == first:
            return [self.system.unstrip_protocol(path) + chain for path in paths]
        return [written + path.lstrip("/") + chain for path in paths]

    def digest(self, path: str, info: Info | None = None, halt: threading.Event | None = None) -> InputFile:
        """Digest an object by its token where it has one, else by its content."""
        known = self._by_token(path, self.info(path) if info is None else info)
        return self.read(path, halt) if known is None else known

    def digest_all(self, infos: Infos, base: str) -> tuple[InputFile, ...]:
        """Digest some objects, a few at a time, sorted by their names below a folder."""
        found = {path: self._by_token(path, info) for path, info in infos.items()}
        unknown = [path for path, known in found.items() if known is None]
        found.update(zip(unknown, self._each(unknown), strict=True))
        named = (replace(file, name=path.removeprefix(base).lstrip("/")) for path, file in found.items() if file)
        return tuple(sorted(named, key=lambda file: os.fsencode(file.name)))

    def read(self, path: str, halt: threading.Event | None = None) -> InputFile:
        """
        Digest the content of an object; ``halt`` ends it early.

        Raises InputChangedError where it was another one each time, and InputUnreadableError where it came cut off.
        """
        for _ in range(_ATTEMPTS):
            found = self._read_once(path, halt or threading.Event())
            if isinstance(found, InputFile):
                return found
            trouble = found
        raise trouble

    def _read_once(self, path: str, halt: threading.Event) -> InputFile | WhorlError:
        """Read an object from front to end; give the error instead where the bytes are not those of one version."""
        source = self._again()
        before = source.info(path)
        try:
            size, digest = _digest_content(source, path, before, halt)
        except Exception as error:
            if type(error).__name__ not in _BROKEN_OFF:
                raise
            return self._changed(path) if isinstance(error, OSError) else self._cut_off(path, str(error))
        if stamp(before) != stamp(self._again().info(path)):
            return self._changed(path)
        announced = size_of(before)
        if announced not in (None, size):
            return self._cut_off(path, f"{announced} bytes were announced, {size} came")
        return InputFile(last_segment(path, self.protocol), size, digest)

    def _again(self) -> Store:
        """Reach the store anew where it is an archive in another one, which it opened once."""
        return Store.at(self.url) if "::" in self.url else self

    def _by_token(self, path: str, info: Info) -> InputFile | None:
        token, size = find_token(info, path, self.protocol), size_of(info)
        if token is None:
            return None
        return InputFile(last_segment(path, self.protocol), size or 0, token.digest(size))

    def _each(self, paths: list[str]) -> list[InputFile]:
        """Digest objects side by side where the library can: those of synchronous ones may share a connection."""
        halt = threading.Event()
        if len(paths) < _WORTH_THREADS or not self.system.async_impl:
            return [self._digest_apart(path, halt) for path in paths]
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(min(_STREAMS, len(paths)), "whorl-remote")
        try:
            return list(pool.map(lambda path: self._digest_apart(path, halt), paths))
        except BaseException:
            halt.set()
            raise
        finally:
            pool.shutdown(wait=not halt.is_set(), cancel_futures=True)

    def _digest_apart(self, path: str, halt: threading.Event) -> InputFile:
        """Digest one of several objects; what goes wrong is worded with its own URL."""
        with worded(self.urls([path])[0]):
            return self.digest(path, halt=halt)

    def _objects(self, infos: Infos) -> Infos:
        """Leave folders out, and the links of a web page that only sort it."""
        files = {path: info for path, info in infos.items() if info.get("type", "directory") != "directory"}
        return {path: info for path, info in files.items() if not self._sorts(path)}

    def _sorts(self, path: str) -> bool:
        return self.protocol in HTTP and "?" in path and "?" not in self.path

    def _shown(self, path: str) -> str:
        return hide_secrets(self.urls([path])[0])

    def _changed(self, path: str) -> WhorlError:
        message = f"{self._shown(path)} changed each time while it was read"
        return InputChangedError(message, "someone writes to it", "wait until it is complete, or read a copy")

    def _cut_off(self, path: str, cause: str) -> WhorlError:
        return InputUnreadableError(f"{self._shown(path)} broke off each time while it was read", hide_secrets(cause))


@dataclass(slots=True)
class _Meter:
    """How many bytes were digested; and the way to tell a thread, which Ctrl-C does not reach, that it may end."""

    halt: threading.Event
    done: int = 0

    def __call__(self, done: int, _: int | None) -> None:
        self.done = done
        if self.halt.is_set():
            raise InterruptedError


def _forgetful(protocol: str) -> dict[str, object]:
    """Options with which a file system believes nothing that it, or another one like it, was told before."""
    return {"use_listings_cache": False} if protocol in _STATELESS else {"skip_instance_cache": True}


def _digest_content(store: Store, path: str, info: Info, halt: threading.Event) -> tuple[int, Digest]:
    meter = _Meter(halt)
    with store.system.open(path, "rb", **_opening(store, info)) as stream:
        # A memory file system hands out the object that it keeps, whose position other readers move.
        own = io.BytesIO(stream.getvalue()) if isinstance(stream, io.BytesIO) else stream
        digest = hash_stream(own, progress=meter)
    return meter.done, digest


def _opening(store: Store, info: Info) -> dict[str, object]:
    """Options that make one pass: on the web, one request for the whole, so that it is of one version."""
    if store.protocol in {"s3", "s3a"}:  # it would read 50 MiB ahead, for each of 8 streams
        return {"block_size": 8 << 20, "cache_type": "readahead"}
    if type(store.system).__module__ != "fsspec.implementations.http":
        return {}
    from aiohttp import ClientTimeout

    # A stream needs no size; given any, it does not ask for one.
    options: dict[str, object] = {"block_size": 0, "size": size_of(info) or 1}
    if "timeout" not in {*store.system.client_kwargs, *store.system.kwargs}:
        options["timeout"] = ClientTimeout(total=None, sock_connect=_CONNECTING, sock_read=_SILENCE)
    return options
