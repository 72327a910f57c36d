"""
Objects behind a plain HTTP(S) address, read only: a folder of a web server, or a public bucket's address.

The web has no listings.  A mirror may hold an index object instead, ``WHORL-INDEX.json``, which whoever fills the
mirror writes last (``index_of``): ``{"whorl": 1, "folders": [folder, …], "objects": [[name, size, modified], …]}``.
It names all objects below its folders, as a rule the ledgers (``v1/<namespace>/r``).  What is not below one of them,
and everything where there is no index, is listed as nothing: such a mirror has no ledger.  Absent is what the server
answers 404 or 410 to.  A user and password in the URL, and the option ``headers``, go to this server only, not along
with redirects.  On the arrow: below *lookup*.
"""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from whorl.errors import StoreError
from whorl.store.objects.base import Capabilities, Content, Listed
from whorl.store.objects.levels import folders_below
from whorl.store.objects.transfer import CHUNK, first_bytes, save
from whorl.store.objects.trouble import Wording

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from whorl.store.objects.base import Objects

INDEX = "WHORL-INDEX.json"
_FORMAT = 1
_INDEX_LIMIT = 64 << 20
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


class WebObjects:
    """The objects below ``https://host/folder``; a query (``?sv=…&sig=…``) goes along with each request."""

    def __init__(self, url: str, options: Mapping[str, Any], timeout: float) -> None:
        from urllib.parse import unquote, urlsplit

        parsed = urlsplit(url)
        user, _, host = parsed.netloc.rpartition("@")
        self._parsed = parsed._replace(netloc=host, path=parsed.path.rstrip("/"), fragment="")
        given = {"password": unquote(user.partition(":")[2]), "query_key": parsed.query, "user_key": unquote(user)}
        self._wording = Wording.of(parsed._replace(netloc=host, query="", fragment="").geturl(), {**given, **options})
        self._headers = {**_login(unquote(user)), **options.get("headers", {})}
        self._timeout = timeout

    @property
    def url(self) -> str:
        """The root as messages show it."""
        return self._wording.url

    @property
    def capabilities(self) -> Capabilities:
        """Reading, and nothing else."""
        return Capabilities(creates_once=False, replaces_once=False, writes=False)

    def read(self, name: str, limit: int) -> Content | None:
        """Return an object, at most one byte beyond ``limit``: one GET, which is left when there is enough."""
        with self._wording.worded("read", name):
            answer = self._get(name)
            if answer is None:
                return None
            tag = str(answer.headers.get("ETag", ""))
            return Content(first_bytes(self._chunks(answer, time.monotonic() + self._timeout), limit), tag)

    def create(self, name: str, data: bytes) -> bool:  # noqa: ARG002 - the protocol's signature
        """Refuse."""
        raise self._wording.read_only(name)

    def replace(self, name: str, data: bytes, tag: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """Refuse."""
        raise self._wording.read_only(name)

    def put(self, name: str, data: bytes) -> None:  # noqa: ARG002 - the protocol's signature
        """Refuse."""
        raise self._wording.read_only(name)

    def upload(self, name: str, path: str) -> None:  # noqa: ARG002 - the protocol's signature
        """Refuse."""
        raise self._wording.read_only(name)

    def download(self, name: str, path: str, limit: int) -> int | None:
        """Write an object to a new local file."""
        with self._wording.worded("read", name):
            answer = self._get(name)
            return None if answer is None else save(self._chunks(answer), path, limit)

    def below(self, folder: str) -> Iterator[Listed]:
        """Yield what the index says of a folder."""
        content = self.read(INDEX, _INDEX_LIMIT)
        if content is None:
            return
        try:
            found = _parse(content.data, folder)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            message = f"the index {self.url}/{INDEX} is damaged"
            raise StoreError(message, self._wording.clean(str(error)), "write it again") from None
        yield from found

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders right below a folder."""
        return folders_below(folder, self.below(folder))

    def remove(self, names: Iterable[str]) -> None:
        """Refuse."""
        for name in names:
            raise self._wording.read_only(name)

    def now(self) -> float:
        """Return the time by the server's answers, or this machine's where they have none."""
        from email.utils import parsedate_to_datetime

        with self._wording.worded("read the clock of"), self._open("WHORL.json", "HEAD") as answer:
            date = answer.headers.get("Date")
            return parsedate_to_datetime(date).timestamp() if date else time.time()

    def abort_unfinished(self, before: float) -> int:  # noqa: ARG002 - the protocol's signature
        """Nothing is ever begun."""
        return 0

    def _get(self, name: str) -> Any:
        answer = self._open(name, "GET")
        is_folder = answer.url.partition("?")[0].endswith("/")  # which servers redirect to
        if answer.status == HTTPStatus.OK and not is_folder:
            return answer
        with answer:
            if answer.status in _GONE or is_folder:
                return None
            raise _RefusedError(answer.status, answer.reason)

    def _open(self, name: str, method: str) -> Any:
        """Ask the server; what it answers, refusals included."""
        import urllib.error
        from urllib.parse import quote
        from urllib.request import Request, urlopen

        url = self._parsed._replace(path=f"{self._parsed.path}/{quote(name)}").geturl()
        request = Request(url, method=method)  # noqa: S310 - opening.py looked at the scheme
        for key, value in {"User-Agent": "whorl", "Accept-Encoding": "identity", **self._headers}.items():
            request.add_unredirected_header(key, str(value))
        try:
            return urlopen(request, timeout=self._timeout)  # noqa: S310
        except urllib.error.HTTPError as error:
            return error
        except urllib.error.URLError as error:
            raise error.reason if isinstance(error.reason, OSError) else error from None

    def _chunks(self, answer: Any, deadline: float = float("inf")) -> Generator[bytes, None, None]:
        """Yield what an answer brings; an error where it ends before the size that it announced."""
        with answer:
            announced, done = answer.headers.get("Content-Length"), 0
            while chunk := answer.read1(CHUNK):
                done += len(chunk)
                yield chunk
                if time.monotonic() > deadline:
                    raise TimeoutError
            if announced is not None and done != int(announced):
                raise OSError(f"{announced} bytes were announced, {done} came")


class _RefusedError(OSError):
    """An answer that is neither the object nor its absence."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"the server answered {status} {reason}".rstrip())
        self.status = status


def index_of(objects: Objects, folders: Iterable[str]) -> bytes:
    """List all objects below some folders for ``WHORL-INDEX.json`` beside them."""
    named = sorted(folders)
    found = sorted([item.name, item.size, item.modified] for folder in named for item in objects.below(folder))
    return json.dumps({"whorl": _FORMAT, "folders": named, "objects": found}, separators=(",", ":")).encode()


def _parse(data: bytes, folder: str) -> list[Listed]:
    content = json.loads(data)
    if content["whorl"] != _FORMAT:
        raise ValueError(f"its format is {content['whorl']!r}")
    if not any(f"{folder}/".startswith(f"{covered}/") for covered in content["folders"]):
        return []
    named = (Listed(str(name), int(size), float(modified)) for name, size, modified in content["objects"])
    return [item for item in named if item.name.startswith(f"{folder}/")]


def _login(user: str) -> dict[str, str]:
    if not user:
        return {}
    import base64

    return {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()}
