"""
Real servers on this machine: S3 (moto, a process of its own) and the web (http.server, a thread of the test's).

Each listens on 127.0.0.1 at a port that the system chose, and keeps a list of what it was asked.
"""

from __future__ import annotations

import http.server
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

START_WAIT = 60.0
# moto looks for the object and then writes it, in threads; S3 promises that of two conditional PUTs one wins.
_SERVE = """
import sys, threading
from moto.s3.responses import S3Response
from moto.server import ThreadedMotoServer
lock, put = threading.Lock(), S3Response._key_response_put
def put_alone(*arguments):
    with lock:
        return put(*arguments)
S3Response._key_response_put = put_alone
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""


@dataclass
class S3Server:
    """A process that speaks S3; its log says what it was asked."""

    process: subprocess.Popen[str]
    port: int
    log: Path
    buckets: int = 0

    @classmethod
    def start(cls, folder: Path) -> S3Server:
        """Start it and wait until it listens."""
        log = folder / "moto.log"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-c", _SERVE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        killer = threading.Timer(START_WAIT, process.kill)
        killer.start()
        try:
            port = process.stdout.readline()  # type: ignore[union-attr]
        finally:
            killer.cancel()
        if not port.strip().isdigit():
            process.kill()
            said = port + process.communicate()[0] + log.read_text()
            raise RuntimeError(f"moto did not start within {START_WAIT:.0f} s:\n{said}")
        return cls(process, int(port), log)

    def stop(self) -> None:
        """End the process by its handle."""
        self.process.communicate("", timeout=30)

    @property
    def options(self) -> dict[str, object]:
        """What s3fs has to know of it."""
        return {"endpoint_url": f"http://127.0.0.1:{self.port}", "key": "test", "secret": "test"}

    def asked(self) -> list[str]:
        """List the requests since the last call, as ``GET /bucket/key``."""
        import urllib.request

        mark = f"/moto-api/?{time.monotonic_ns()}"
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{mark}", timeout=30) as answer:
            answer.read()
        deadline = time.monotonic() + 30
        while mark not in (text := self.log.read_text()):
            assert time.monotonic() < deadline, "the log ends before the request"
            time.sleep(0.01)
        lines = re.findall(r'"(?:\x1b\[\d+m)*([A-Z]+ \S+) HTTP/', text)
        marks = [index for index, line in enumerate(lines) if "/moto-api/?" in line]
        start = marks[-2] + 1 if len(marks) > 1 else 0
        return lines[start : marks[-1]]


@dataclass(frozen=True)
class Bucket:
    """A bucket of its own, and a client that remembers no listings."""

    server: S3Server
    name: str
    client: Any

    @classmethod
    def make(cls, server: S3Server) -> Bucket:
        """Make a bucket that no other test knows."""
        import fsspec

        client = fsspec.filesystem("s3", **server.options, use_listings_cache=False)
        server.buckets += 1
        name = f"bucket-{server.buckets}"
        client.mkdir(name)
        return cls(server, name, client)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"s3://{self.name}"

    def put(self, key: str, content: bytes) -> str:
        """Write an object, and give its URL."""
        self.client.pipe(f"{self.name}/{key}", content)
        return f"{self.url}/{key}"

    def version(self, *, on: bool = True) -> None:
        """Switch versions on, or suspend them."""
        self.client.make_bucket_versioned(self.name, on)

    def asked(self) -> list[str]:
        """List the requests since the last call."""
        return self.server.asked()


@dataclass
class Page:
    """What a path of the web server answers; ``content`` may be called for each request, and may take its time."""

    content: bytes | Callable[[], bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    announced: int | None = None
    has_size: bool = True
    no_head: bool = False


class WebServer:
    """A server of the pages in ``pages``; ``requests`` lists what it was asked."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.requests: list[str] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def port(self) -> int:
        """The port that the system chose."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what was asked, and end."""
        self._server.shutdown()
        self._thread.join(30)
        self._server.server_close()

    def asked(self) -> list[str]:
        """List the requests since the last call, as ``GET /path``."""
        found, self.requests[:] = list(self.requests), []
        return found


def _handler(server: WebServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def do_GET(self) -> None:
            self._answer(has_body=True)

        def do_HEAD(self) -> None:
            self._answer(has_body=False)

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, *, has_body: bool) -> None:
            server.requests.append(f"{self.command} {self.path}")
            page = server.pages.get(self.path, Page(status=404))
            status = 405 if page.no_head and not has_body else page.status
            content = page.content() if callable(page.content) else page.content
            self.send_response(status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.close_connection = page.announced is not None or not page.has_size
            if page.has_size:
                self.send_header("Content-Length", str(len(content) if page.announced is None else page.announced))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if has_body and status != 405:
                try:
                    self.wfile.write(content)
                except ConnectionError:  # the client had seen enough of it
                    self.close_connection = True

    return Handler
