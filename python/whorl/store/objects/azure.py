"""
Objects in a container of Azure's storage: adlfs logs in, and its service client is asked directly.

Creating is one upload under ``If-None-Match: *``, replacing one under ``If-Match``; the tag is the ETag.  Azure's
client would wait 15 s before it asks again, so it is told not to; that happens here.  Unfinished uploads need no
looking after: Azure forgets blocks that nobody committed within a week.  On the arrow: below *lookup* and *commit*.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from whorl.errors import ConfigError
from whorl.store.objects.asynchronous import Client, persistently, unbroken
from whorl.store.objects.base import Capabilities, Content, Listed
from whorl.store.objects.levels import folders_below
from whorl.store.objects.transfer import first_bytes, parts, save, size_of
from whorl.store.objects.trouble import Wording

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

T = TypeVar("T")

# Azure: at most 50,000 blocks of an object.
_PART, _MOST_PARTS = 8 << 20, 50_000
# Beyond it, aiohttp wants a stream, which Azure's client only passes on for blocks.
_AT_ONCE = 1 << 20
_SIDE_BY_SIDE = 16
# What one answer brings; Azure's client would ask for 32 MiB at first.
_GET = 4 << 20
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_NOT_THE_VERSION = frozenset({HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED})


class AzureObjects:
    """
    The objects below ``az://container/folder`` or ``abfs://container@account.dfs.core.windows.net/folder``.

    ``options`` are those of adlfs.
    """

    def __init__(self, url: str, options: Mapping[str, Any], timeout: float) -> None:
        self._wording = Wording.of(url, options)
        self._container, folder, account = _split(url)
        if not self._container:
            raise ConfigError(f"{self._wording.url} names no container", tip="write az://container/folder")
        self._prefix = f"{folder}/" if folder else ""
        self._client = Client(lambda: _connect({**account, **options}), timeout)
        self._writes = not options.get("anon", False)
        self._times = {"connection_timeout": timeout, "read_timeout": timeout, "retry_total": 0}

    @property
    def url(self) -> str:
        """The root as messages show it."""
        return self._wording.url

    @property
    def capabilities(self) -> Capabilities:
        """Both conditions; without credentials, no writing."""
        return Capabilities(creates_once=True, replaces_once=True, writes=self._writes)

    def read(self, name: str, limit: int) -> Content | None:
        """Return an object, at most one byte beyond ``limit``: one GET of a range, or more where it is large."""

        def read() -> Content | None:
            found = self._get(name, limit)
            return None if found is None else Content(first_bytes(self._body(found), limit), found.properties.etag)

        with self._wording.worded("read", name):
            return unbroken(read)

    def create(self, name: str, data: bytes) -> bool:
        """Write an object if there is none of that name."""
        return self._write(name, data, overwrite=False)

    def replace(self, name: str, data: bytes, tag: str) -> bool:
        """Write an object in place of the version with that tag."""
        from azure.core import MatchConditions

        return self._write(name, data, overwrite=True, etag=tag, match_condition=MatchConditions.IfNotModified)

    def put(self, name: str, data: bytes) -> None:
        """Write an object, whatever is there."""
        if len(data) > _AT_ONCE:
            self._put_blocks(name, (data[start : start + _PART] for start in range(0, len(data), _PART)))
            return
        with self._writing(name):
            self._do(name, lambda blob: blob.upload_blob(data, overwrite=True, **self._one(data)), len(data))

    def upload(self, name: str, path: str) -> None:
        """Write a local file: one request, or blocks that are committed at the end where it is large."""
        size = size_of(path)
        if size <= _AT_ONCE:
            self.put(name, b"".join(parts(path)))
        else:
            self._put_blocks(name, parts(path, max(_PART, -(-size // _MOST_PARTS))))

    def download(self, name: str, path: str, limit: int) -> int | None:
        """Write an object to a new local file."""
        with self._wording.worded("read", name):
            found = self._get(name, limit)
            return None if found is None else save(self._body(found), path, limit)

    def below(self, folder: str) -> Iterator[Listed]:
        """Yield the objects below a folder, some thousands per request."""
        prefix = f"{self._prefix}{folder}/" if folder else self._prefix
        token: str | None = None
        while True:
            with self._wording.worded("list", folder):
                page, token = self._client.run(lambda system, token=token: self._page(system, prefix, token))  # type: ignore[misc]
            for item in page:
                yield Listed(item.name.removeprefix(self._prefix), int(item.size), item.last_modified.timestamp())
            if not token:
                return

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders right below a folder."""
        return folders_below(folder, self.below(folder))

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects, several at a time."""
        import asyncio

        wanted = list(names)
        for start in range(0, len(wanted), _SIDE_BY_SIDE):
            group = wanted[start : start + _SIDE_BY_SIDE]

            async def remove(system: Any, group: list[str] = group) -> None:
                await asyncio.gather(*(self._remove(system, name) for name in group))

            with self._writing("", "remove objects below"):
                self._client.run(remove)

    def now(self) -> float:
        """Return the time by the server's answers."""
        from email.utils import parsedate_to_datetime

        told: list[str] = []

        def note(answer: Any) -> None:
            told.append(answer.http_response.headers.get("Date", ""))

        with self._wording.worded("read the clock of"):
            self._do("WHORL.json", lambda blob: blob.exists(raw_response_hook=note, **self._times))
            return parsedate_to_datetime(told[-1]).timestamp()

    def abort_unfinished(self, before: float) -> int:  # noqa: ARG002 - the protocol's signature
        """Nothing here: Azure forgets them."""
        return 0

    # --- requests ------------------------------------------------------------------------------------------------

    def _do(self, name: str, work: Callable[[Any], Coroutine[Any, Any, T]], size: int = 0) -> T:
        """Ask something of one object; once more where the trouble may pass."""
        return self._client.run(lambda system: persistently(lambda: work(self._blob(system, name)), _passes), size)

    def _blob(self, system: Any, name: str) -> Any:
        return system.service_client.get_blob_client(self._container, self._prefix + name)

    def _one(self, data: bytes) -> dict[str, Any]:
        """Options that make an upload one request: one of several would check its condition at the end."""
        return {**self._times, "length": len(data), "max_concurrency": 1}

    def _writing(self, name: str, doing: str = "write") -> AbstractContextManager[None]:
        return self._wording.writing(name, allowed=self._writes, doing=doing)

    def _write(self, name: str, data: bytes, **condition: object) -> bool:
        """Write an object under a condition; false where it does not hold."""
        from azure.core.exceptions import HttpResponseError

        with self._writing(name):
            try:
                self._do(name, lambda blob: blob.upload_blob(data, **self._one(data), **condition), len(data))
            except HttpResponseError as error:
                if error.status_code in _NOT_THE_VERSION or _code(error) == "BlobNotFound":
                    return False
                raise
        return True

    def _get(self, name: str, limit: int) -> Any:
        from azure.core.exceptions import HttpResponseError

        try:
            return self._do(name, lambda blob: blob.download_blob(offset=0, length=limit + 1, **self._times), _GET)
        except HttpResponseError as error:
            if error.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:  # it is empty
                return self._do(name, lambda blob: blob.download_blob(**self._times))
            if error.status_code != HTTPStatus.NOT_FOUND or _code(error) == "ContainerNotFound":
                raise
            return None

    def _body(self, found: Any) -> Generator[bytes, None, None]:
        return self._client.chunks(found.chunks(), lambda: None)

    def _put_blocks(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write an object in parts, which appear when they are committed."""
        import io

        from azure.storage.blob import BlobBlock

        blocks = []
        with self._writing(name):
            for number, piece in enumerate(pieces):
                block, size = f"{number:08}", len(piece)

                def stage(blob: Any, block: str = block, piece: bytes = piece) -> Coroutine[Any, Any, object]:
                    call: Coroutine[Any, Any, object] = blob.stage_block(
                        block, io.BytesIO(piece), length=len(piece), **self._times
                    )
                    return call

                self._do(name, stage, size)
                blocks.append(BlobBlock(block_id=block))
            self._do(name, lambda blob: blob.commit_block_list(blocks, **self._times))

    async def _page(self, system: Any, prefix: str, token: str | None) -> tuple[list[Any], str | None]:
        container = system.service_client.get_container_client(self._container)

        async def page() -> tuple[list[Any], str | None]:
            pages = container.list_blobs(name_starts_with=prefix, **self._times).by_page(token)
            async for found in pages:
                return [item async for item in found], pages.continuation_token
            return [], None

        return await persistently(page, _passes)

    async def _remove(self, system: Any, name: str) -> None:
        from azure.core.exceptions import ResourceNotFoundError

        try:
            await persistently(lambda: self._blob(system, name).delete_blob(**self._times), _passes)
        except ResourceNotFoundError as error:
            if _code(error) == "ContainerNotFound":
                raise


def _split(url: str) -> tuple[str, str, dict[str, str]]:
    """Give the container and the folder, and the account where the URL names it."""
    from urllib.parse import urlsplit

    parsed = urlsplit(url)
    folder = parsed.path.strip("/")
    if parsed.username:  # abfs://container@account.dfs.core.windows.net/folder
        return parsed.username, folder, {"account_name": (parsed.hostname or "").partition(".")[0]}
    return parsed.netloc, folder, {}


def _connect(options: Mapping[str, Any]) -> Any:
    """Log in."""
    import fsspec

    system = fsspec.filesystem("abfs", **{**options, "use_listings_cache": False, "skip_instance_cache": True})
    system.service_client._config.max_single_get_size = _GET  # noqa: SLF001 - adlfs has no option for it
    return system


def _code(error: BaseException) -> str:
    return str(getattr(getattr(error, "error_code", ""), "value", getattr(error, "error_code", "")))


def _passes(error: Exception) -> bool:
    """Whether the same request may be answered in a moment."""
    from azure.core.exceptions import ServiceRequestError, ServiceResponseError

    broken = isinstance(error, (ServiceRequestError, ServiceResponseError))
    return broken or getattr(error, "status_code", 0) in _PASSING
