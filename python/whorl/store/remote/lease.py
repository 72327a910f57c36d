"""
A name in, a lease out: an object that says who computes, kept alive by a beat, taken over when the beat stops.

The object holds owner, nonce and the number of the last beat.  Whoever waits watches whether it changes, by its own
monotonic clock alone: no two machines' clocks are ever compared.  A lease is an optimisation: where two hold one, a
value is computed twice, and nothing breaks.  On the arrow: around *compute*, and around changes of manifests where a
store cannot replace one version.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whorl.errors import CorruptEntryError, LeaseTimeoutError, StoreError
from whorl.store import fields
from whorl.store.lock import among_threads
from whorl.store.process import host_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whorl.store.objects.base import Content, Objects

_log = logging.getLogger("whorl")

# store.md: beaten every ttl/3; others may take a lease that has not changed for 1.5 ttl.
_BEATS, _PATIENCE = 3.0, 1.5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
# Where a store cannot create once: how long after the look another's write may arrive.  A slower one costs a
# computation, nothing more.
_SETTLING = 0.1
_LIMIT = 4 << 10


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a lease, as its object says: damaged ones are held by nobody known, and age all the same."""

    nonce: str
    host: str
    process: int

    @classmethod
    def read(cls, data: bytes) -> Owner:
        """Read the owner from an object's bytes."""
        try:
            found = fields.parse(data)
            host, process = fields.text(fields.member(found, "host")), fields.size(fields.member(found, "process"))
            return cls(fields.text(fields.member(found, "nonce")), host, process)
        except CorruptEntryError:
            return cls("", "an unknown machine", 0)

    def encode(self, beat: int) -> bytes:
        """Write the object's bytes at one beat."""
        return json.dumps({"nonce": self.nonce, "host": self.host, "process": self.process, "beat": beat}).encode()


class Leases:
    """
    The leases of one store; ``capabilities`` are what it guarantees.

    ``ttl`` is in seconds; how long a dead holder is waited for is 1.5 times that.
    """

    def __init__(self, objects: Objects, ttl: float) -> None:
        self._objects = objects
        self._ttl = ttl
        self.capabilities = objects.capabilities

    @contextmanager
    def held(self, name: str, what: str, timeout: float) -> Iterator[None]:
        """
        Hold a name; wait ``timeout`` seconds at most, then raise ``LeaseTimeoutError`` naming the holder.

        Not re-entrant.  The beat ends with the block, and in a forked child it never begins.
        """
        started = time.monotonic()
        with among_threads(f"{self._objects.url}/{name}", what, started + timeout, timeout):
            owner = self._acquire(name, what, started, timeout)
            beat = _Beat(self._objects, name, owner, self._ttl / _BEATS)
            try:
                yield
            finally:
                if owner.process == os.getpid():
                    beat.end()
                    self._release(name, owner)

    def _acquire(self, name: str, what: str, started: float, timeout: float) -> Owner:
        owner = Owner(os.urandom(16).hex(), host_name(), os.getpid())
        seen, since, pause = b"", started, _FIRST_PAUSE
        while not self._create(name, owner):
            there, now = self._objects.read(name, _LIMIT), time.monotonic()
            holder = Owner.read(b"" if there is None else there.data)
            if there is None:  # given back a moment ago
                seen = b""
            elif holder.nonce == owner.nonce:  # the answer to our own request was lost
                break
            elif there.data != seen:
                seen, since = there.data, now
            elif now - since >= _PATIENCE * self._ttl and self._take_over(name, owner, there):
                _log.info("took over %s from process %d on %s, which has stopped", what, holder.process, holder.host)
                break
            left = started + timeout - now
            if left <= 0:
                raise _timed_out(what, timeout, holder, now - started)
            time.sleep(min(pause, left))
            pause = min(1.5 * pause, _LONGEST_PAUSE, self._ttl / _BEATS)
        return owner

    def _create(self, name: str, owner: Owner) -> bool:
        """Create a lease; where several may have done so at once, the last of them has it."""
        is_conditional = self.capabilities.creates_once
        if not is_conditional and self._objects.read(name, 0) is not None:  # the condition may be ignored
            return False
        if not self._objects.create(name, owner.encode(0)):
            return False
        if is_conditional:
            return True
        time.sleep(_SETTLING)
        return self._is_held(name, owner)

    def _take_over(self, name: str, owner: Owner, stopped: Content) -> bool:
        """Replace a lease that no longer changes; of several who try, one wins where the store can tell versions."""
        if not self._objects.replace(name, owner.encode(0), stopped.tag):
            return False
        if not self.capabilities.replaces_once:
            time.sleep(_SETTLING)
        return self._is_held(name, owner)

    def _is_held(self, name: str, owner: Owner) -> bool:
        there = self._objects.read(name, _LIMIT)
        return there is not None and Owner.read(there.data).nonce == owner.nonce

    def _release(self, name: str, owner: Owner) -> None:
        try:
            if self._is_held(name, owner):
                self._objects.remove([name])
        except StoreError as error:  # it ages, and others take it over
            _log.debug("a lease could not be given back: %s", error)


@dataclass(slots=True)
class _Beat:
    """Shows that the holder of a lease lives, from a thread of its own, until it ends or the lease is another's."""

    objects: Objects
    name: str
    owner: Owner
    pause: float
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="whorl lease", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop, and wait for a beat that is under way: it must not write the object again after its removal."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        beat = 0
        while not self._ended.wait(self.pause):
            beat += 1
            try:
                there = self.objects.read(self.name, _LIMIT)
                if there is None or Owner.read(there.data).nonce != self.owner.nonce:
                    return
                self.objects.replace(self.name, self.owner.encode(beat), there.tag)
            except StoreError as error:  # the next beat may pass
                _log.debug("a lease could not be kept alive: %s", error)


def _timed_out(what: str, timeout: float, holder: Owner, waited: float) -> LeaseTimeoutError:
    return LeaseTimeoutError(
        f"waited {timeout:.3g} s for {what}",
        f"it is held by process {holder.process} on {holder.host}, for {waited:.0f} s at least",
        "wait longer with wait_timeout, or end that process; its lease is free soon after it ends",
    )
