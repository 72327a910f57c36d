"""
A bad network in front of an HTTP server on this machine: what it does to each request is decided when that comes.

``BadNetwork`` listens on a port of its own and counts the requests; ``trouble`` gets the number of a request, from 0,
and its first line, and says what becomes of it.
"""

from __future__ import annotations

import asyncio
import re
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_BEGIN = re.compile(rb"(GET|HEAD|PUT|POST|DELETE|OPTIONS) \S+ HTTP/1\.[01]\r\n")
_INTERIM = b"HTTP/1.1 100"
_CHUNK = 65536


class Kind(Enum):
    """What becomes of a request."""

    PASS = auto()
    """It is answered."""
    CUT = auto()
    """Some bytes of the answer come, then the connection ends."""
    DROP = auto()
    """The server gets it and does what it asks; the connection ends before a byte of the answer."""
    LOSE = auto()
    """The connection ends before the server gets it."""
    STALL = auto()
    """The server gets it; no answer comes, and the connection stays open."""


@dataclass(frozen=True)
class Trouble:
    """What becomes of a request, and after how many bytes of its answer."""

    kind: Kind
    after: int = 0


PASS = Trouble(Kind.PASS)


def always(trouble: Trouble) -> Callable[[int, str], Trouble]:
    """Treat all requests alike."""
    return lambda _number, _line: trouble


def only(number: int, trouble: Trouble) -> Callable[[int, str], Trouble]:
    """Treat one request so, and let the others pass."""
    return lambda index, _line: trouble if index == number else PASS


@dataclass
class BadNetwork:
    """A proxy on a thread of its own, between its port and a server's."""

    server: int
    trouble: Callable[[int, str], Trouble] = field(default=always(PASS))
    requests: list[str] = field(default_factory=list)
    port: int = 0

    def start(self) -> BadNetwork:
        """Begin to listen."""
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), name="bad-network")
        self._thread.start()
        assert ready.wait(30)
        return self

    def stop(self) -> None:
        """End all connections."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(30)
        assert not self._thread.is_alive()

    def begin(self, trouble: Callable[[int, str], Trouble]) -> None:
        """Count anew, with other troubles."""
        self.requests.clear()
        self.trouble = trouble

    @property
    def count(self) -> int:
        """How many requests there were."""
        return len(self.requests)

    def _serve(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._run(ready))
        finally:
            self._loop.close()

    async def _run(self, ready: threading.Event) -> None:
        self._ended = asyncio.Event()
        listener = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = listener.sockets[0].getsockname()[1]
        ready.set()
        await self._ended.wait()
        listener.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._between(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes both ways until one side ends, or the trouble of a request ends it."""
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self.server)
        now = [PASS]
        there = asyncio.create_task(self._carry_requests(reader, to_server, now))
        back = asyncio.create_task(self._carry_answers(from_server, writer, now))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            to_server.close()  # first: the end may come while the tasks are waited for
            for task in (there, back):
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)

    async def _carry_requests(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, now: list[Trouble]
    ) -> None:
        while data := await source.read(_CHUNK):
            begin = _BEGIN.match(data)
            if begin is not None:
                line = begin[0].decode().rpartition(" ")[0]
                now[0] = self.trouble(len(self.requests), line)
                self.requests.append(line)
            if now[0].kind is Kind.LOSE:
                return
            target.write(data)
            await target.drain()

    async def _carry_answers(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, now: list[Trouble]
    ) -> None:
        done = 0
        while data := await source.read(_CHUNK):
            trouble = now[0]
            is_interim = data.startswith(_INTERIM) and data.endswith(b"\r\n\r\n")
            if trouble.kind is Kind.STALL and not is_interim:
                await asyncio.Event().wait()
            if trouble.kind is Kind.DROP and not is_interim:
                return
            if trouble.kind is Kind.CUT and not is_interim:
                data = data[: trouble.after - done]
                done += len(data)
            target.write(data)
            with suppress(ConnectionError):
                await target.drain()
            if trouble.kind is Kind.CUT and done >= trouble.after:
                return
