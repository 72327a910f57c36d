"""
Where to log in, in; sessions of SFTP out, each for one thread at a time, over one connection.

paramiko's sessions mix their answers up when threads share one, and a server allows ten or so to a connection.  A
session that broke is thrown away, and its work is done once more: the server may have closed what was idle.  No unknown
server is trusted unless the options say so.  On the arrow: below *lookup* and *commit*.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from whorl.errors import StoreError
from whorl.store.objects.forked import within

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from urllib.parse import SplitResult

T = TypeVar("T")

_SESSIONS = 8
_LOG = "whorl.sftp"
_UNKNOWN_TIP = 'name a file that knows it in the option "known_hosts" (ssh-keyscan writes such files)'


@dataclass(frozen=True, slots=True)
class Login:
    """The server, who asks, and which servers are known."""

    host: str
    arguments: Mapping[str, Any]
    known_hosts: str
    accept_unknown_hosts: bool

    @classmethod
    def of(cls, parsed: SplitResult, options: Mapping[str, Any]) -> Login:
        """Take apart a URL and options."""
        from urllib.parse import unquote

        left = dict(options)
        known, accept = str(left.pop("known_hosts", "")), bool(left.pop("accept_unknown_hosts", False))
        told = {"port": parsed.port, "username": parsed.username, "password": parsed.password}
        url = {name: unquote(value) if isinstance(value, str) else value for name, value in told.items() if value}
        safe = {"allow_agent": False, "look_for_keys": False}
        return cls(parsed.hostname or "", {**safe, **url, **left}, known, accept)

    def connect(self, timeout: float) -> Any:
        """Log in."""
        import paramiko

        client = paramiko.SSHClient()
        client.set_log_channel(_LOG)
        if self.known_hosts:
            client.load_system_host_keys(os.path.expanduser(self.known_hosts))
        if self.accept_unknown_hosts:
            client.set_missing_host_key_policy(_Accept())
        times = ("timeout", "banner_timeout", "auth_timeout", "channel_timeout")
        try:
            client.connect(self.host, **dict.fromkeys(times, timeout), **self.arguments)
        except paramiko.SSHException as error:
            client.close()
            if "known_hosts" in str(error) or isinstance(error, paramiko.BadHostKeyException):
                raise StoreError(f"the server {self.host} is not known", str(error), _UNKNOWN_TIP) from None
            raise
        except BaseException:
            client.close()
            raise
        return client


class _Accept:
    """Trust a server that nobody knows: only where the options ask for it."""

    def missing_host_key(self, client: object, hostname: str, key: object) -> None:
        """Say nothing against it."""


class Sessions:
    """The sessions of one process."""

    def __init__(self, login: Login, timeout: float) -> None:
        self._login = login
        self._timeout = timeout
        self._free = threading.Semaphore(_SESSIONS)
        self._connecting = threading.Lock()
        self._connection: Any = None
        self._idle: list[Any] = []

    def run(self, work: Callable[[Any], T]) -> T:
        """Do something with a session; once more with a new one where the old one was broken."""
        if not self._free.acquire(timeout=self._timeout):
            raise TimeoutError
        try:
            session, is_new = self._take()
            try:
                return self._with(session, work)
            except (EOFError, OSError) as error:
                if is_new or isinstance(error, (TimeoutError, StoreError)) or not _is_broken(session):
                    raise
            return self._with(self._take()[0], work)
        finally:
            self._free.release()

    def _with(self, session: Any, work: Callable[[Any], T]) -> T:
        try:
            result = work(session)
        except BaseException as error:
            # Answers may be on their way that nobody waits for any more, except where the server just said no.
            if type(error) in {OSError, FileNotFoundError, PermissionError} and not _is_broken(session):
                self._give_back(session)
            else:
                self._drop(session)
            raise
        self._give_back(session)
        return result

    def _take(self) -> tuple[Any, bool]:
        """Take an idle session, or make one."""
        while (session := self._take_idle()) is not None:
            if not _is_broken(session):
                return session, False
        connection = self._connected()
        try:
            session = within(self._timeout, connection.open_sftp)
        except BaseException:
            connection.close()  # which ends the thread that waits
            raise
        session.get_channel().settimeout(self._timeout)
        return session, True

    def _take_idle(self) -> Any:
        with suppress(IndexError):
            return self._idle.pop()
        return None

    def _connected(self) -> Any:
        """Log in, one thread for all, each of which waits no longer than for an answer."""
        if not self._connecting.acquire(timeout=self._timeout):
            raise TimeoutError
        try:
            if self._connection is None or not _is_alive(self._connection):
                self._connection = self._login.connect(self._timeout)
            return self._connection
        finally:
            self._connecting.release()

    def _give_back(self, session: Any) -> None:
        self._idle.append(session)

    def _drop(self, session: Any) -> None:
        with suppress(Exception):
            session.close()


def _is_alive(connection: Any) -> bool:
    transport = connection.get_transport()
    return transport is not None and transport.is_active()


def _is_broken(session: Any) -> bool:
    channel = session.get_channel()
    return bool(channel.closed or channel.eof_received or not channel.get_transport().is_active())


# Without a handler, Python would print what paramiko logs to whoever runs a pipeline.
logging.getLogger(_LOG).addHandler(logging.NullHandler())
