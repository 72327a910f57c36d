"""
Objects in a bucket that speaks S3, through s3fs: creating and replacing are conditional PUTs, each one request.

s3fs tries requests again, so an object that this very call wrote may be reported as there already; whoever creates
reads it then and knows its own.  Stores without conditional PUT (OpenStack Swift answers 501) are found out at the
first one, and looked at before writing from then on.  On the arrow: below *lookup* and *commit*.
"""

from __future__ import annotations

import os
import threading
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, Any

from whorl.store.disk import guarded
from whorl.store.objects.base import Capabilities, Content, Listed
from whorl.store.objects.failures import worded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping

# 412 and 409 say that a condition did not hold; AWS answers 409 where two conditional requests met.
_LOST = frozenset({HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT})
_TRIALS = 2
_BATCH = 1000
_PIECE = 1 << 20


class S3Objects:
    """The objects below one prefix of a bucket; ``options`` are those of ``s3fs.S3FileSystem``."""

    def __init__(self, url: str, options: Mapping[str, object], timeout: float) -> None:
        import_module("s3fs")  # missing, it is told at once

        path = url.partition("://")[2].strip("/")
        self.url = f"s3://{path}"
        self._bucket, _, self._prefix = path.partition("/")
        self._options = dict(options)
        self._timeout = timeout
        self._is_conditional = not options.get("anon")
        self._writes = not options.get("anon")
        self._client: tuple[int, Any] | None = None
        self._lock = threading.Lock()

    @property
    def capabilities(self) -> Capabilities:
        """Conditional writes, unless the store has said that it has none."""
        return Capabilities(self._is_conditional, self._is_conditional, self._writes)

    def read(self, name: str, limit: int) -> Content | None:
        """Return an object, at most one byte beyond ``limit``."""

        async def get() -> Content:
            answer = await self._call("get_object", Key=self._key(name))
            async with answer["Body"] as body:
                pieces = [piece async for piece in _pieces(body, limit)]
            return Content(b"".join(pieces), str(answer.get("ETag", "")))

        found: Content | None = self._run("read", name, get, missing=None)
        return found

    def create(self, name: str, data: bytes) -> bool:
        """Write an object if there is none of that name."""
        if self._is_conditional:
            return self._put_if(name, data, IfNoneMatch="*")
        if self.read(name, 0) is not None:
            return False
        self.put(name, data)
        return True

    def replace(self, name: str, data: bytes, tag: str) -> bool:
        """Write an object in place of the version with that tag."""
        if self._is_conditional:
            return self._put_if(name, data, IfMatch=tag)
        current = self.read(name, 0)
        if current is None or current.tag != tag:
            return False
        self.put(name, data)
        return True

    def put(self, name: str, data: bytes) -> None:
        """Write an object, whatever is there."""
        self._ask("write", name, "put_object", Key=self._key(name), Body=data)

    def upload(self, name: str, path: str) -> None:
        """Write a local file as an object; large ones in parts."""
        target = f"{self._bucket}/{self._key(name)}"
        self._run("write", name, partial(self._system()._put_file, path, target), timeout=None)  # noqa: SLF001

    def download(self, name: str, path: str, limit: int) -> int | None:
        """Write an object to a new local file."""

        async def get() -> int:
            answer = await self._call("get_object", Key=self._key(name))
            size = 0
            async with answer["Body"] as body:
                with guarded("write", path), open(path, "xb") as file:
                    async for piece in _pieces(body, limit):
                        size += file.write(piece)
            return size

        size: int | None = self._run("read", name, get, timeout=None, missing=None)
        return size

    def below(self, folder: str) -> Iterator[Listed]:
        """Yield the objects below a folder."""
        start = len(self._key("x")) - 1
        for page in self._pages(folder):
            for item in page.get("Contents", ()):
                yield Listed(item["Key"][start:], item["Size"], item["LastModified"].timestamp())

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders right below a folder."""
        found = (item for page in self._pages(folder, Delimiter="/") for item in page.get("CommonPrefixes", ()))
        return [item["Prefix"].rstrip("/").rpartition("/")[2] for item in found]

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects."""
        keys = [self._key(name) for name in names]
        for start in range(0, len(keys), _BATCH):
            some = [{"Key": key} for key in keys[start : start + _BATCH]]
            self._ask("remove objects from", "", "delete_objects", Delete={"Objects": some, "Quiet": True})

    def now(self) -> float:
        """Return the time by the store's clock, in whole seconds."""
        answer = self._ask("read", "", "list_objects_v2", Prefix=self._key(""), MaxKeys=1)
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp()

    def abort_unfinished(self, before: float) -> int:
        """Give up uploads that were begun before a time and never finished."""
        answer = self._ask("list", "", "list_multipart_uploads", Prefix=self._key(""))
        old = [item for item in answer.get("Uploads", ()) if item["Initiated"].timestamp() < before]
        for item in old:
            key = item["Key"]
            self._ask("remove", key, "abort_multipart_upload", Key=key, UploadId=item["UploadId"])
        return len(old)

    def _put_if(self, name: str, data: bytes, **condition: str) -> bool:
        """Write an object under a condition; false where it did not hold, or where the answer was lost."""

        async def put() -> bool:
            try:
                await self._call("put_object", Key=self._key(name), Body=data, **condition)
            except OSError as error:
                status = _status_of(error)
                if isinstance(error, FileExistsError) or status in _LOST:
                    return False
                if "IfMatch" in condition and isinstance(error, FileNotFoundError):
                    return False
                if status == HTTPStatus.NOT_IMPLEMENTED:
                    self._is_conditional = False
                    return False
                raise
            return True

        done: bool = self._run("write", name, put)
        if done or self._is_conditional:
            return done
        return self.create(name, data) if "IfNoneMatch" in condition else self.replace(name, data, condition["IfMatch"])

    def _pages(self, folder: str, **how: str) -> Iterator[Mapping[str, Any]]:
        prefix = self._key(f"{folder}/" if folder else "")
        more: dict[str, str] = {}
        while True:
            page = self._ask("list", folder, "list_objects_v2", Prefix=prefix, **how, **more)
            yield page
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    async def _call(self, method: str, **arguments: object) -> Any:
        return await self._system()._call_s3(method, Bucket=self._bucket, **arguments)  # noqa: SLF001

    def _ask(self, doing: str, name: str, method: str, **arguments: object) -> Any:
        return self._run(doing, name, partial(self._call, method, **arguments))

    def _run(
        self,
        doing: str,
        name: str,
        action: Callable[[], Awaitable[object]],
        *,
        timeout: float | None = -1,
        missing: object = ...,
    ) -> Any:
        """Run a coroutine of the client's; ``missing`` is what stands for an object that is not there."""
        from fsspec.asyn import sync

        bound = self._timeout * (_TRIALS + 1) if timeout == -1 else timeout
        with worded(doing, f"{self.url}/{name}", *self._secrets()):
            try:
                return sync(self._system().loop, action, timeout=bound)
            except FileNotFoundError:
                if missing is ...:
                    raise
                return missing

    def _system(self) -> Any:
        """Return the client of this process: one that was made before a fork is not used in the child."""
        with self._lock:
            if self._client is None or self._client[0] != os.getpid():
                self._client = os.getpid(), self._connect()
            return self._client[1]

    def _connect(self) -> Any:
        import fsspec

        given: Any = self._options.get("config_kwargs", {})
        bounds = {"connect_timeout": self._timeout, "read_timeout": self._timeout, "retries": {"max_attempts": 0}}
        options = {**self._options, "config_kwargs": {**bounds, **given}}
        system = fsspec.filesystem("s3", **options, use_listings_cache=False, skip_instance_cache=True)
        system.retries = _TRIALS
        return system

    def _secrets(self) -> tuple[str, ...]:
        return tuple(str(self._options.get(name) or "") for name in ("secret", "token", "password"))


async def _pieces(body: Any, limit: int) -> AsyncIterator[bytes]:
    """Yield an answer's bytes, at most one beyond ``limit``: each reading gives what has come so far."""
    left = limit + 1
    while left and (piece := await body.read(min(_PIECE, left))):
        left -= len(piece)
        yield piece


def _status_of(error: OSError) -> int | None:
    """Find the status of an answer behind what s3fs made of it."""
    response = getattr(error.__cause__, "response", None) or {}
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status if isinstance(status, int) else None
