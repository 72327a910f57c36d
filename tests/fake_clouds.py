"""
What Google's and Azure's storage answer, as far as whorl asks: objects with versions, and conditions that are kept.

No emulator of either keeps the conditions of a write.  ``asked`` lists the requests with their conditions, for tests
of what is sent; how the real services answer is taken from their reference.
"""

from __future__ import annotations

import http.server
import json
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "c2VjcmV0IG9mIHRoZSBhY2NvdW50"
CONDITIONS = ("ifGenerationMatch", "If-None-Match", "If-Match")


@dataclass(frozen=True)
class Stored:
    """One version of an object."""

    data: bytes
    version: int
    written: datetime


@dataclass(frozen=True)
class Answer:
    """What a request is answered."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Request:
    """What was asked, taken apart."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes

    def conditions(self) -> dict[str, str]:
        """Pick the conditions."""
        found = {name: self.query.get(name) or self.headers.get(name) for name in CONDITIONS}
        return {name: value for name, value in found.items() if value is not None}


class Cloud:
    """A server with one bucket ``bkt``, on a thread of its own."""

    def __init__(self) -> None:
        self.objects: dict[str, Stored] = {}
        self.pending: dict[str, bytes] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.page = 400
        self.lock = threading.Lock()
        self._versions = 1_700_000_000_000_000
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that the system chose."""
        return int(self._server.server_address[1])

    def stop(self) -> None:
        """End."""
        self._server.shutdown()
        self._thread.join(30)
        self._server.server_close()

    def store(self, name: str, data: bytes) -> Stored:
        """Write a version."""
        self._versions += 1
        self.objects[name] = Stored(data, self._versions, datetime.now(UTC))
        return self.objects[name]

    def listed(self, prefix: str, marker: str) -> tuple[list[tuple[str, Stored]], str]:
        """Give a page of a listing, and where the next one begins."""
        names = sorted(name for name in self.objects if name.startswith(prefix) and name >= marker)
        found = [(name, self.objects[name]) for name in names]
        return found[: self.page], found[self.page][0] if len(found) > self.page else ""

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        raise NotImplementedError


class GoogleCloud(Cloud):
    """The JSON interface."""

    @property
    def options(self) -> dict[str, object]:
        """What gcsfs has to know of it."""
        return {"endpoint_url": f"http://127.0.0.1:{self.port}", "token": "anon", "project": "test"}

    def answer(self, request: Request) -> Answer:
        if "/b/bkt/" not in request.path:
            return Answer(404, b'{"error": {"code": 404, "message": "The specified bucket does not exist."}}')
        name = unquote(request.path.partition("/o/")[2])
        if request.path.startswith("/upload/"):
            return self._upload(request)
        if not name:
            return self._list(request)
        found = self.objects.get(name)
        if found is None:
            return Answer(404, b'{"error": {"code": 404, "message": "No such object"}}')
        if request.method == "DELETE":
            del self.objects[name]
            return Answer(204)
        content = found.data if request.query.get("alt") == "media" else b"{}"
        return Answer(200, content, {"x-goog-generation": str(found.version)})

    def _upload(self, request: Request) -> Answer:
        name = request.query["name"]
        if request.query["uploadType"] == "resumable":
            return self._resume(request, name)
        wanted = request.query.get("ifGenerationMatch")
        current = self.objects.get(name)
        if wanted is not None and int(wanted) != (current.version if current else 0):
            return Answer(412, b'{"error": {"code": 412, "message": "conditionNotMet"}}')
        stored = self.store(name, request.body)
        return Answer(200, json.dumps({"name": name, "generation": str(stored.version)}).encode())

    def _resume(self, request: Request, name: str) -> Answer:
        if request.method == "POST":
            self.pending[name] = b""
            location = f"http://127.0.0.1:{self.port}{request.path}?uploadType=resumable&name={name}"
            return Answer(200, b"", {"Location": location})
        span = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", request.headers["Content-Range"])
        assert span is not None
        first, last, size = map(int, span.groups())
        assert (first, last - first + 1) == (len(self.pending[name]), len(request.body))
        self.pending[name] += request.body
        if last + 1 < size:
            assert len(request.body) % (256 << 10) == 0
            return Answer(308, b"", {"Range": f"bytes=0-{last}"})
        self.store(name, self.pending.pop(name))
        return Answer(200, b"{}")

    def _list(self, request: Request) -> Answer:
        found, marker = self.listed(request.query.get("prefix", ""), request.query.get("pageToken", ""))
        items = [
            {"name": name, "size": str(len(item.data)), "updated": item.written.isoformat()} for name, item in found
        ]
        return Answer(200, json.dumps({"items": items, **({"nextPageToken": marker} if marker else {})}).encode())


class AzureCloud(Cloud):
    """The REST interface of blobs."""

    @property
    def options(self) -> dict[str, object]:
        """What adlfs has to know of it."""
        told = f"AccountName=acct;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:{self.port}/acct"
        return {"connection_string": f"DefaultEndpointsProtocol=http;{told}"}

    def answer(self, request: Request) -> Answer:
        inside = request.path.removeprefix("/acct/bkt")
        if inside == request.path:
            return _refusal(404, "ContainerNotFound")
        name = unquote(inside.lstrip("/"))
        if request.query.get("comp") == "list":
            return self._list(request)
        if request.method == "PUT":
            return self._put(request, name)
        found = self.objects.get(name)
        if found is None:
            return _refusal(404, "BlobNotFound")
        if request.method == "DELETE":
            del self.objects[name]
            return Answer(202)
        return self._get(request, found)

    def _put(self, request: Request, name: str) -> Answer:
        if request.query.get("comp") == "block":
            self.pending[f"{name}\n{request.query['blockid']}"] = request.body
            return Answer(201)
        current = self.objects.get(name)
        if request.headers.get("If-None-Match") == "*" and current is not None:
            return _refusal(409, "BlobAlreadyExists")
        wanted = request.headers.get("If-Match")
        if wanted is not None and (current is None or wanted != f'"0x{current.version:X}"'):
            return _refusal(412, "ConditionNotMet")
        body = request.body
        if request.query.get("comp") == "blocklist":
            blocks = re.findall(r"<Latest>(.*?)</Latest>", body.decode())
            body = b"".join(self.pending.pop(f"{name}\n{block}") for block in blocks)
        return Answer(201, b"", _described(self.store(name, body)))

    def _get(self, request: Request, found: Stored) -> Answer:
        asked = request.headers.get("x-ms-range") or request.headers.get("Range") or ""
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", asked)
        if span is None:
            return Answer(200, found.data, _described(found))
        first, last = int(span[1]), int(span[2] or len(found.data) - 1)
        if first >= len(found.data):
            return _refusal(416, "InvalidRange")
        piece, total = found.data[first : last + 1], len(found.data)
        where = {"Content-Range": f"bytes {first}-{first + len(piece) - 1}/{total}"}
        return Answer(206, piece, {**_described(found), **where})

    def _list(self, request: Request) -> Answer:
        found, marker = self.listed(request.query.get("prefix", ""), request.query.get("marker", ""))
        blobs = "".join(
            f"<Blob><Name>{escape(name)}</Name><Properties><Content-Length>{len(item.data)}</Content-Length>"
            f"<Last-Modified>{format_datetime(item.written, usegmt=True)}</Last-Modified>"
            "<BlobType>BlockBlob</BlobType></Properties></Blob>"
            for name, item in found
        )
        inside = f"<Blobs>{blobs}</Blobs><NextMarker>{marker}</NextMarker>"
        text = f"<?xml version='1.0'?><EnumerationResults ContainerName='bkt'>{inside}</EnumerationResults>"
        return Answer(200, text.encode(), {"Content-Type": "application/xml"})


def _described(stored: Stored) -> dict[str, str]:
    return {
        "ETag": f'"0x{stored.version:X}"',
        "Last-Modified": format_datetime(stored.written, usegmt=True),
        "x-ms-blob-type": "BlockBlob",
        "Content-Type": "application/octet-stream",
    }


def _refusal(status: int, code: str) -> Answer:
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>"
    return Answer(status, text.encode(), {"x-ms-error-code": code, "Content-Type": "application/xml"})


def _handler(cloud: Cloud) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer()

        do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            pass

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                pieces = []
                while size := int(self.rfile.readline(), 16):
                    pieces.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(pieces)
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def _answer(self) -> None:
            parsed = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parsed.query, keep_blank_values=True).items()}
            request = Request(self.command, parsed.path, query, self.headers, self._body())
            with cloud.lock:
                cloud.asked.append((self.command, unquote(parsed.path), request.conditions()))
                answer = cloud.answer(request)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                try:
                    self.wfile.write(answer.body)
                except ConnectionError:  # the client had seen enough
                    self.close_connection = True

    return Handler
