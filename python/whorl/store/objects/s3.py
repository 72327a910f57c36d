"""
Objects in a bucket of S3, or of a server that speaks like it, through s3fs.

Creating is one conditional PUT (``If-None-Match: *``), replacing another (``If-Match``); the tag is the ETag.  Where an
answer was lost, botocore asks again and is told "exists": that is false here, and the caller finds its own nonce.  A
server without conditional PUTs (OpenStack Swift answers 501) loses the capability, and is written to unconditionally.
Checksums beyond those that S3 demands are left out: every payload has its digests, and older servers refuse them.  On
the arrow: below *lookup* and *commit*.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from whorl.errors import StoreError
from whorl.store.objects.asynchronous import Client, unbroken
from whorl.store.objects.base import Capabilities, Content, Listed
from whorl.store.objects.looking import create_unseen, replace_seen
from whorl.store.objects.transfer import CHUNK, first_bytes, parts, save, size_of
from whorl.store.objects.trouble import Wording

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator, Iterable, Iterator, Mapping

# S3: at most 10,000 parts of an upload, 1,000 names in one request to remove them.
_PART, _MOST_PARTS, _MOST_NAMES = 8 << 20, 10_000, 1000
_SIDE_BY_SIDE = 4
_ATTEMPTS = 3
_NOT_THE_VERSION = frozenset({HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED})
_ONE_BY_ONE = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED})
_LIST_TIP = "allow s3:ListBucket as well: without it S3 answers 403 for objects that are not there"


class S3Objects:
    """The objects below ``s3://bucket/folder``; ``options`` are those of s3fs."""

    def __init__(self, url: str, options: Mapping[str, Any], timeout: float) -> None:
        self._wording = Wording.of(url, options)
        self._bucket, _, folder = url.partition("://")[2].strip("/").partition("/")
        self._prefix = f"{folder}/" if folder else ""
        self._client = Client(lambda: _connect(options, timeout), timeout)
        self._writes = not options.get("anon", False)
        self._creates_once = self._replaces_once = self._quotes = True

    @property
    def url(self) -> str:
        """The root as messages show it."""
        return self._wording.url

    @property
    def capabilities(self) -> Capabilities:
        """Both conditions, until the server says that it does not know them; without credentials, no writing."""
        return Capabilities(self._creates_once, self._replaces_once, self._writes)

    def read(self, name: str, limit: int) -> Content | None:
        """Return an object, at most one byte beyond ``limit``: one GET, which is left when there is enough."""

        def read() -> Content | None:
            found = self._get(name)
            return None if found is None else Content(first_bytes(self._body(found), limit), str(found["ETag"]))

        with self._wording.worded("read", name):
            return unbroken(read)

    def create(self, name: str, data: bytes) -> bool:
        """Write an object if there is none of that name."""
        if self._creates_once:
            created = self._put_if(name, data, IfNoneMatch="*")
            if created is not None:
                return created
            self._creates_once = False
        return create_unseen(self, name, data)

    def replace(self, name: str, data: bytes, tag: str) -> bool:
        """Write an object in place of the version with that tag."""
        if self._replaces_once:
            replaced = self._replace_if(name, data, tag)
            if replaced is not None:
                return replaced
            self._replaces_once = False
        return replace_seen(self, name, data, tag, limit=0)

    def put(self, name: str, data: bytes) -> None:
        """Write an object, whatever is there."""
        with self._writing(name):
            self._ask("put_object", size=len(data), Key=self._prefix + name, Body=data)

    def upload(self, name: str, path: str) -> None:
        """Write a local file: one PUT, or parts where it is large; those of a failed upload are removed."""
        size = size_of(path)
        if size <= _PART:
            self.put(name, b"".join(parts(path, _PART)))
            return
        with self._writing(name):
            where: dict[str, Any] = {"Key": self._prefix + name}
            where["UploadId"] = self._ask("create_multipart_upload", **where)["UploadId"]
            try:
                done = self._upload_parts(path, max(_PART, -(-size // _MOST_PARTS)), where)
                self._ask("complete_multipart_upload", **where, MultipartUpload={"Parts": done})
            except BaseException:
                self._ask("abort_multipart_upload", **where)
                raise

    def download(self, name: str, path: str, limit: int) -> int | None:
        """Write an object to a new local file."""
        with self._wording.worded("read", name):
            found = self._get(name)
            return None if found is None else save(self._body(found), path, limit)

    def below(self, folder: str) -> Iterator[Listed]:
        """Yield the objects below a folder, a thousand per request."""
        for page in self._pages(folder):
            for item in page.get("Contents", ()):
                name = item["Key"].removeprefix(self._prefix)
                if not name.endswith("/"):  # consoles make such objects to show a folder
                    yield Listed(name, int(item["Size"]), item["LastModified"].timestamp())

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders right below a folder."""
        found = (item for page in self._pages(folder, Delimiter="/") for item in page.get("CommonPrefixes", ()))
        return [item["Prefix"].rstrip("/").rpartition("/")[2] for item in found]

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects, a thousand per request where the server can."""
        keys = [self._prefix + name for name in names]
        for start in range(0, len(keys), _MOST_NAMES):
            batch = keys[start : start + _MOST_NAMES]
            with self._writing(batch[0].removeprefix(self._prefix), "remove"):
                if len(batch) == 1 or not self._remove_batch(batch):
                    for key in batch:
                        self._ask("delete_object", Key=key)

    def now(self) -> float:
        """Return the time by the server's answers."""
        from email.utils import parsedate_to_datetime

        with self._wording.worded("read the clock of"):
            try:
                answer = self._ask("head_object", Key=f"{self._prefix}WHORL.json")
            except OSError as error:
                if "date" not in _headers(_response(error)):
                    raise
                answer = _response(error)
            return parsedate_to_datetime(_headers(answer)["date"]).timestamp()

    def abort_unfinished(self, before: float) -> int:
        """Give up uploads that were begun before a time."""
        count = 0
        more: dict[str, Any] = {}
        with self._wording.worded("list the unfinished uploads of"):
            while True:
                page = self._ask("list_multipart_uploads", Prefix=self._prefix, **more)
                for item in page.get("Uploads", ()):
                    if item["Initiated"].timestamp() < before:
                        self._ask("abort_multipart_upload", Key=item["Key"], UploadId=item["UploadId"])
                        count += 1
                if not page.get("IsTruncated"):
                    return count
                more = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}

    def _pages(self, folder: str, **how: str) -> Iterator[dict[str, Any]]:
        prefix = f"{self._prefix}{folder}/" if folder else self._prefix
        more: dict[str, Any] = dict(how)
        while True:
            with self._wording.worded("list", folder):
                page = self._ask("list_objects_v2", Prefix=prefix, **more)
            yield page
            if not page.get("IsTruncated"):
                return
            more["ContinuationToken"] = page["NextContinuationToken"]

    # --- requests ------------------------------------------------------------------------------------------------

    def _ask(self, method: str, size: int = 0, **arguments: Any) -> dict[str, Any]:
        return self._client.run(lambda system: self._call(system, method, arguments), size)

    def _call(self, system: Any, method: str, arguments: dict[str, Any]) -> Coroutine[Any, Any, dict[str, Any]]:
        call: Coroutine[Any, Any, dict[str, Any]] = system._call_s3(method, Bucket=self._bucket, **arguments)  # noqa: SLF001 - its coroutine
        return call

    def _get(self, name: str) -> dict[str, Any] | None:
        try:
            return self._ask("get_object", Key=self._prefix + name)
        except FileNotFoundError as error:
            if _code(error) == "NoSuchBucket":
                raise
            return None
        except PermissionError as error:
            message = f"the store could not read {self.url}/{name}"
            raise StoreError(message, self._wording.clean(str(error)), _LIST_TIP) from None

    def _body(self, found: dict[str, Any]) -> Generator[bytes, None, None]:
        body = found["Body"]
        return self._client.chunks(body.iter_chunks(CHUNK), body.close)

    def _put_if(self, name: str, data: bytes, **condition: str) -> bool | None:
        """Write under a condition; false where it does not hold, ``None`` where the server or botocore has none."""
        with self._writing(name):
            if not _knows(self._client.system, *condition):
                return None
            try:
                self._ask("put_object", size=len(data), Key=self._prefix + name, Body=data, **condition)
            except OSError as error:
                status = _status(error)
                if status == HTTPStatus.NOT_IMPLEMENTED:
                    return None
                is_gone = "IfMatch" in condition and _code(error) == "NoSuchKey"
                if is_gone or isinstance(error, FileExistsError) or status in _NOT_THE_VERSION:
                    return False
                raise
        return True

    def _replace_if(self, name: str, data: bytes, tag: str) -> bool | None:
        """Replace a version; Ceph compares tags without the quotes that it gives them."""
        for written in (tag, tag.strip('"')) if self._quotes else (tag.strip('"'),):
            replaced = self._put_if(name, data, IfMatch=written)
            if replaced:
                self._quotes = written == tag
            if replaced is not False:
                return replaced
        return False

    def _upload_parts(self, path: str, size: int, where: dict[str, Any]) -> list[dict[str, object]]:
        done: list[dict[str, object]] = []
        waiting: list[bytes] = []
        for part in parts(path, size):
            waiting.append(part)
            if len(waiting) == _SIDE_BY_SIDE:
                done += self._upload_some(waiting, len(done) + 1, where)
                waiting = []
        return done + (self._upload_some(waiting, len(done) + 1, where) if waiting else [])

    def _upload_some(self, group: list[bytes], first: int, where: dict[str, Any]) -> list[dict[str, object]]:
        import asyncio

        async def upload(system: Any) -> list[dict[str, Any]]:
            numbered = ({**where, "PartNumber": number, "Body": part} for number, part in enumerate(group, first))
            return await asyncio.gather(*(self._call(system, "upload_part", arguments) for arguments in numbered))

        answers = self._client.run(upload, sum(map(len, group)))
        return [{"PartNumber": number, "ETag": answer["ETag"]} for number, answer in enumerate(answers, first)]

    def _remove_batch(self, keys: list[str]) -> bool:
        """Remove several objects by one request; false where the server does not know it."""
        try:
            answer = self._ask("delete_objects", Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
        except OSError as error:
            if _status(error) in _ONE_BY_ONE:
                return False
            raise
        errors = [item for item in answer.get("Errors", ()) if item.get("Code") != "NoSuchKey"]
        if errors:
            raise OSError(f"{errors[0].get('Key')}: {errors[0].get('Code')}: {errors[0].get('Message')}")
        return True

    def _writing(self, name: str, doing: str = "write") -> Any:
        return self._wording.writing(name, allowed=self._writes, doing=doing)


def _connect(options: Mapping[str, Any], timeout: float) -> Any:
    """Make a client that remembers nothing and gives up in time."""
    import fsspec
    from fsspec.asyn import sync

    given = dict(options)
    settings = {
        "connect_timeout": timeout,
        "read_timeout": timeout,
        "retries": {"mode": "standard", "max_attempts": _ATTEMPTS},
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        **given.pop("config_kwargs", {}),
    }
    system = fsspec.filesystem(
        "s3", **{**given, "config_kwargs": settings, "use_listings_cache": False, "skip_instance_cache": True}
    )
    system.retries = 1  # botocore does it
    sync(system.loop, system.set_session, timeout=timeout)
    return system


def _knows(system: Any, *conditions: str) -> bool:
    """Whether botocore knows the conditions of a PUT: s3fs leaves out what it does not know."""
    members = system._s3.meta.service_model.operation_model("PutObject").input_shape.members  # noqa: SLF001
    return set(conditions) <= set(members)


def _response(error: BaseException) -> dict[str, Any]:
    """Give the server's answer that an error stands for, if it is one."""
    found = getattr(error.__cause__, "response", None)
    return found if isinstance(found, dict) else {}


def _headers(answer: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return found


def _status(error: BaseException) -> int:
    return int(_response(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _code(error: BaseException) -> str:
    return str(_response(error).get("Error", {}).get("Code", ""))
