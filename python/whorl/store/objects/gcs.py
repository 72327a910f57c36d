"""
Objects in a bucket of Google's storage: gcsfs logs in, and its JSON interface is asked directly.

Creating is one upload under ``ifGenerationMatch=0``, replacing one under ``ifGenerationMatch=<generation>``; the tag is
the generation.  Where an answer was lost, the request is sent again and told "exists": that is false here, and the
caller finds its own nonce.  Unfinished uploads need no looking after: Google forgets them within a week.  On the arrow:
below *lookup* and *commit*.
"""

from __future__ import annotations

import io
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from whorl.store.objects.asynchronous import Client, persistently, unbroken
from whorl.store.objects.base import Capabilities, Content, Listed
from whorl.store.objects.levels import folders_below
from whorl.store.objects.transfer import CHUNK, first_bytes, parts, save, size_of
from whorl.store.objects.trouble import Wording

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

# A multiple of 256 KiB, as Google asks for.
_PART = 8 << 20
_SIDE_BY_SIDE = 16
_RESUME = 308
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_NOT_THE_VERSION = frozenset({HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT})
_ONLY = "items(name,size,updated),nextPageToken"
_BINARY = {"Content-Type": "application/octet-stream"}


class GcsObjects:
    """The objects below ``gs://bucket/folder``; ``options`` are those of gcsfs."""

    def __init__(self, url: str, options: Mapping[str, Any], timeout: float) -> None:
        self._wording = Wording.of(url, options)
        self._bucket, _, folder = url.partition("://")[2].strip("/").partition("/")
        self._prefix = f"{folder}/" if folder else ""
        self._client = Client(lambda: _connect(options, timeout), timeout)
        self._timeout = timeout
        # An emulator has an address of its own, and lets everybody write.
        self._writes = options.get("token") != "anon" or "endpoint_url" in options

    @property
    def url(self) -> str:
        """The root as messages show it."""
        return self._wording.url

    @property
    def capabilities(self) -> Capabilities:
        """Both conditions; without credentials, no writing."""
        return Capabilities(creates_once=True, replaces_once=True, writes=self._writes)

    def read(self, name: str, limit: int) -> Content | None:
        """Return an object, at most one byte beyond ``limit``: one GET, which is left when there is enough."""

        def read() -> Content | None:
            answer = self._get(name)
            if answer is None:
                return None
            tag = str(answer.headers.get("x-goog-generation", ""))
            return Content(first_bytes(self._body(answer), limit), tag)

        with self._wording.worded("read", name):
            return unbroken(read)

    def create(self, name: str, data: bytes) -> bool:
        """Write an object if there is none of that name."""
        with self._writing(name):
            return self._write(name, data, ifGenerationMatch="0")

    def replace(self, name: str, data: bytes, tag: str) -> bool:
        """Write an object in place of the version with that tag."""
        with self._writing(name):
            return self._write(name, data, ifGenerationMatch=tag)

    def put(self, name: str, data: bytes) -> None:
        """Write an object, whatever is there."""
        with self._writing(name):
            self._write(name, data)

    def upload(self, name: str, path: str) -> None:
        """Write a local file: one request, or a resumable upload in parts where it is large."""
        size = size_of(path)
        if size <= _PART:
            self.put(name, b"".join(parts(path, _PART)))
            return
        with self._writing(name):
            asked = {"uploadType": "resumable", "name": self._prefix + name}
            _, headers, _ = self._ask("POST", self._uploads, asked, b"")
            done = 0
            for part in parts(path, _PART):
                last = done + len(part) - 1
                where = {"Content-Range": f"bytes {done}-{last}/{size}", **_BINARY}
                self._ask("PUT", headers["Location"], {}, part, where)
                done = last + 1

    def download(self, name: str, path: str, limit: int) -> int | None:
        """Write an object to a new local file."""
        with self._wording.worded("read", name):
            answer = self._get(name)
            return None if answer is None else save(self._body(answer), path, limit)

    def below(self, folder: str) -> Iterator[Listed]:
        """Yield the objects below a folder, a thousand per request."""
        from datetime import datetime

        asked = {"prefix": f"{self._prefix}{folder}/" if folder else self._prefix, "fields": _ONLY}
        while True:
            with self._wording.worded("list", folder):
                page = json.loads(self._ask("GET", self._objects, asked)[2])
            for item in page.get("items", ()):
                name = item["name"].removeprefix(self._prefix)
                if not name.endswith("/"):  # consoles make such objects to show a folder
                    yield Listed(name, int(item["size"]), datetime.fromisoformat(item["updated"]).timestamp())
            if not page.get("nextPageToken"):
                return
            asked["pageToken"] = page["nextPageToken"]

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders right below a folder."""
        return folders_below(folder, self.below(folder))

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects, several at a time."""
        import asyncio

        paths = [self._object(name) for name in names]
        for start in range(0, len(paths), _SIDE_BY_SIDE):
            group = paths[start : start + _SIDE_BY_SIDE]

            async def remove(system: Any, group: list[str] = group) -> None:
                await asyncio.gather(*(self._answer(system, "DELETE", path, {}) for path in group))

            with self._writing("", "remove objects below"):
                self._client.run(remove)

    def now(self) -> float:
        """Return the time by the server's answers."""
        from email.utils import parsedate_to_datetime

        with self._wording.worded("read the clock of"):
            _, headers, _ = self._ask("GET", self._object("WHORL.json"), {"fields": "name"})
            return parsedate_to_datetime(headers["Date"]).timestamp()

    def abort_unfinished(self, before: float) -> int:  # noqa: ARG002 - the protocol's signature
        """Nothing here: Google forgets them."""
        return 0

    # --- requests ------------------------------------------------------------------------------------------------

    @property
    def _objects(self) -> str:
        return f"/storage/v1/b/{self._bucket}/o"

    @property
    def _uploads(self) -> str:
        return f"/upload{self._objects}"

    def _object(self, name: str) -> str:
        from urllib.parse import quote

        return f"{self._objects}/{quote(self._prefix + name, safe='')}"

    def _writing(self, name: str, doing: str = "write") -> AbstractContextManager[None]:
        return self._wording.writing(name, allowed=self._writes, doing=doing)

    def _write(self, name: str, data: bytes, **condition: str) -> bool:
        """Write an object under a condition; false where it does not hold."""
        asked = {"uploadType": "media", "name": self._prefix + name, **condition}
        status, _, content = self._ask("POST", self._uploads, asked, data, _BINARY)
        if condition and (status in _NOT_THE_VERSION or (status == HTTPStatus.NOT_FOUND and not _is_bucket(content))):
            return False
        if status != HTTPStatus.OK:
            raise _AnswerError(status, content)
        return True

    def _get(self, name: str) -> Any:
        async def get(system: Any) -> Any:
            answer = await persistently(
                lambda: self._send(system, "GET", self._object(name), {"alt": "media"}), _passes
            )
            if answer.status == HTTPStatus.OK:
                return answer
            content = await answer.read()
            if answer.status == HTTPStatus.NOT_FOUND and not _is_bucket(content):
                return None
            raise _AnswerError(answer.status, content)

        return self._client.run(get)

    def _body(self, answer: Any) -> Generator[bytes, None, None]:
        return self._client.chunks(answer.content.iter_chunked(CHUNK), answer.close)

    def _ask(
        self, method: str, path: str, asked: dict[str, str], data: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        return self._client.run(lambda system: self._answer(system, method, path, asked, data, headers), len(data))

    async def _answer(
        self,
        system: Any,
        method: str,
        path: str,
        asked: dict[str, str],
        data: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Give a whole answer; an error where it is neither what was asked for nor that there is no such object."""

        async def ask() -> tuple[int, Mapping[str, str], bytes]:
            answer = await self._send(system, method, path, asked, data, headers)
            return answer.status, answer.headers, await answer.read()

        status, told, content = await persistently(ask, _passes)
        expected = status < HTTPStatus.MULTIPLE_CHOICES or status in {_RESUME, HTTPStatus.NOT_FOUND, *_NOT_THE_VERSION}
        if not expected or (status == HTTPStatus.NOT_FOUND and _is_bucket(content)):
            raise _AnswerError(status, content)
        return status, told, content

    async def _send(
        self,
        system: Any,
        method: str,
        path: str,
        asked: dict[str, str],
        data: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a request, with gcsfs's credentials; an error for an answer that may be another one in a moment."""
        from aiohttp import ClientTimeout
        from yarl import URL

        answer = await system.session.request(
            method,
            URL(path if path.startswith("http") else system._location + path, encoded=True),  # noqa: SLF001 - gcsfs's
            params=system._get_params(asked),  # noqa: SLF001
            headers=system._get_headers(headers),  # noqa: SLF001
            data=io.BytesIO(data) if data else None,
            allow_redirects=False,
            timeout=ClientTimeout(total=None, sock_connect=self._timeout, sock_read=self._timeout),
        )
        if answer.status in _PASSING:
            raise _AnswerError(answer.status, await answer.read())
        return answer


class _AnswerError(OSError):
    """An answer that is not what was asked for."""

    def __init__(self, status: int, content: bytes) -> None:
        words = content.decode("utf-8", "replace").strip()
        try:
            words = str(json.loads(content)["error"]["message"])
        except (ValueError, LookupError, TypeError):
            words = words.partition("\n")[0]
        super().__init__(f"the server answered {status} {words}".rstrip())
        self.status = status


def _passes(error: Exception) -> bool:
    """Whether the same request may be answered in a moment."""
    from aiohttp import ClientError

    return isinstance(error, ClientError) or getattr(error, "status", 0) in _PASSING


def _is_bucket(content: bytes) -> bool:
    """Whether a 404 is about the bucket."""
    return b"bucket does not exist" in content


def _connect(options: Mapping[str, Any], timeout: float) -> Any:
    """Log in."""
    from fsspec.asyn import sync
    from gcsfs.core import GCSFileSystem

    system = GCSFileSystem(**{**options, "use_listings_cache": False, "skip_instance_cache": True})
    sync(system.loop, system._set_session, timeout=timeout)  # noqa: SLF001 - two requests would make two of them
    return system
