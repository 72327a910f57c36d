"""
Objects in, a store out: one that many machines share, safe without a server of its own.

Each promise is kept by one module: what is current (``entries.py``), how it becomes so (``publish.py``), what was
revised (``ledger.py``), who computes (``lease.py``).  On the arrow: *lookup* and *commit*.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from whorl.store.attempt import LocalAttempt
from whorl.store.collect import bury
from whorl.store.contest import check_attempt
from whorl.store.disk import digest_bytes
from whorl.store.lazy import Origin
from whorl.store.names import folder_name, is_changed
from whorl.store.objects.opening import Reached
from whorl.store.places import Places
from whorl.store.policy import Seal
from whorl.store.remote.collectable import RemoteCollectable
from whorl.store.remote.entries import Entries
from whorl.store.remote.lease import Leases
from whorl.store.remote.ledger import RemoteLedger
from whorl.store.remote.publish import RemotePublisher
from whorl.store.remote.reader import RemoteFiles, RemoteReader
from whorl.store.remote.root import check_root, create_root
from whorl.store.temporary import Temporary, system_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from whorl.digest import Digest
    from whorl.store.base import Attempt, Pointer, Reader
    from whorl.store.collectable import Collectable
    from whorl.store.manifest import Manifest, Slot
    from whorl.store.objects.base import Capabilities, Objects

_TREE_LIMIT = 64 << 20
# An explanation compares with the entries that are most alike; of a large shared stage the newest have to do.
_RECENT = 16


_SHARED = Seal(is_own=False)


def _always(_: Manifest) -> bool:
    return True


class RemoteStore:
    """
    The entries below one remote root.

    ``temporary`` gives folders on this machine for payloads on their way; ``lease_ttl`` is how long a holder may be
    silent, in seconds; ``wait_timeout`` how long a lease waits for another holder; ``verify`` is as for a local store,
    except that ``first`` checks what is fetched each time; ``seal`` refuses and signs what is written.
    """

    def __init__(
        self,
        objects: Objects,
        temporary: Temporary,
        *,
        verify: str = "always",
        wait_timeout: float = 24 * 3600.0,
        lease_ttl: float = 30.0,
        seal: Seal = _SHARED,
    ) -> None:
        self.objects = objects
        self._places = Places("")
        self._temporary = temporary
        self._verify = verify
        self._wait_timeout = wait_timeout
        self._is_checked = False
        self._seal = seal
        self._leases = Leases(objects, lease_ttl)
        self._entries = Entries(objects, self._places, self._leases)
        self._publisher = RemotePublisher(objects, self._places, self._entries, seal)
        self._ledger = RemoteLedger(objects, self._places)
        self._collectable = RemoteCollectable(objects, self._entries, self._leases)

    @property
    def url(self) -> str:
        """The root as messages show it."""
        return self.objects.url

    # --- looking up and reading ---

    def lookup(self, slot: Slot) -> Manifest | None:
        """Return the current entry of a slot if it is sound; damage is moved aside and is a miss."""
        found = self._entries.find(slot) if self._is_there() else None
        return None if found is None else found.manifest

    def candidates(self, slot: Slot) -> Iterator[Manifest]:
        """Yield the current entry of a slot."""
        found = self.lookup(slot)
        if found is not None:
            yield found

    def generations(self, slot: Slot) -> Iterator[Manifest]:
        """Yield the sound earlier entries of a slot, newest first, without the current one."""
        yield from self._entries.generations(slot) if self._is_there() else ()

    def sources(self, namespace: str, content_key: Digest) -> Iterator[Manifest]:
        """Yield the entry that was last committed with a content key."""
        pointer = self.pointer(namespace, content_key)
        if pointer is not None:
            yield from self.candidates(pointer.slot)

    def pointer(self, namespace: str, content_key: Digest) -> Pointer | None:
        """Return which entry was last committed with a content key."""
        return self._publisher.pointer(namespace, content_key) if self._is_there() else None

    def reader(self, manifest: Manifest, *, heals: bool = True) -> Reader:
        """Return a reader of an entry's payload; see ``Store.reader``."""
        folder = self._places.payload(manifest.slot.namespace, manifest.payload)
        reached, verify = Reached(self.objects), self._verify != "never"
        files = RemoteFiles({file.name: file for file in manifest.files}, manifest.inline, reached, folder, verify)
        origin = Origin(manifest.slot, manifest.attempt, partial(reopen, reached) if heals else None)
        return RemoteReader(files, origin, self._temporary.new_folder)

    def is_own(self, manifest: Manifest) -> bool:  # noqa: ARG002 - the protocol's signature
        """Whether nobody but this user can write here."""
        return self._seal.is_own

    def quarantine(self, manifest: Manifest, reason: str) -> None:
        """Move a damaged entry aside, if it is still the same; logs and counts it."""
        self._entries.quarantine(manifest, reason)

    def damaged(self, slot: Slot) -> bool:
        """Return whether an entry of this slot was moved aside: its repair may give another value."""
        return self._is_there() and self._entries.was_damaged(slot)

    @property
    def damage_count(self) -> int:
        """How many entries were moved aside by this object."""
        return self._entries.damage_count

    # --- writing ---

    def begin(self, slot: Slot) -> LocalAttempt:
        """Begin a payload for a slot: on this machine, until it is committed."""
        return LocalAttempt(slot, os.urandom(16).hex(), self._temporary.new_folder)

    def commit(self, attempt: Attempt, manifest: Manifest, *, replace: Callable[[Manifest], bool]) -> Manifest:
        """Publish an attempt under its slot, and return what is current afterwards; see ``Store.commit``."""
        check_attempt(attempt, manifest)
        current = self.adopt(attempt.complete(manifest), attempt.reader(), replace=replace)
        attempt.abandon()  # it is in the store now, or not needed
        return current

    def commit_kept(
        self, manifest: Manifest, source: Manifest, *, replace: Callable[[Manifest], bool] = _always
    ) -> Manifest:
        """Publish a manifest that names the payload of ``source``; see ``Store.commit_kept``."""
        self._prepare()
        return self._publisher.commit_kept(manifest, source, replace)

    def adopt(self, manifest: Manifest, reader: Reader, *, replace: Callable[[Manifest], bool] = _always) -> Manifest:
        """Publish an entry of another tier as it is; see ``Store.adopt``."""
        self._prepare()
        return self._publisher.adopt(manifest, reader, replace)

    def remove(self, slot: Slot) -> bool:
        """
        Remove the entry of a slot with its generations; false where there was nothing.

        Payloads stay until they are collected: a reader on another machine may be at one.
        """
        folder, name = self._places.generations(slot), self._places.manifest(slot)
        if not self._is_there() or not (self.objects.read(name, 0) or any(self.objects.below(folder))):
            return False
        bury(self._collectable, slot)
        return True

    def collectable(self) -> Collectable | None:
        """Return the store as those see it who look after it; None where there is none yet."""
        return self._collectable if self._is_there() else None

    # --- waiting ---

    def lease(self, slot: Slot, *, timeout: float | None = None) -> AbstractContextManager[None]:
        """Hold a slot while computing; others wait, at most ``timeout``, then ``LeaseTimeoutError``."""
        self._prepare()
        what = f"{slot.stage} ({slot.key.hex()[:12]})"
        return self._leases.held(self._places.lease(slot), what, self._wait_timeout if timeout is None else timeout)

    # --- revisions ---

    def revision(self, namespace: str, key: Digest) -> str:
        """Return the nonce of the last recomputation of a key that gave another value, "" when there was none."""
        return self._ledger.revision(namespace, key)

    def revisions_of(self, namespace: str, keys: Iterable[Digest]) -> Mapping[Digest, str]:
        """Return the same for several keys at once."""
        return {key: self._ledger.revision(namespace, key) for key in keys}

    def revisions(self, namespace: str) -> Mapping[str, str]:
        """Return all revisions of a namespace by the hex of their keys, at most five seconds old."""
        return self._ledger.revisions(namespace)

    def revise(self, namespace: str, keys: Iterable[Digest]) -> Mapping[Digest, str]:
        """Give keys new revisions, in the store before this returns."""
        self._prepare()
        return self._ledger.revise(namespace, keys)

    def write_revisions(self, namespace: str, revisions: Mapping[str, str]) -> None:
        """Write revisions of another tier as they are."""
        self._prepare()
        self._ledger.write(namespace, revisions)

    # --- listing ---

    def namespaces(self) -> tuple[str, ...]:
        """Return the namespaces that hold entries."""
        found = set()
        for space in self._spaces():
            first = next(self._entries.below(space), None) if is_changed(space) else None
            found.add(first.slot.namespace if first is not None else space)
        return tuple(sorted(found))

    def stages(self, namespace: str | None = None) -> tuple[str, ...]:
        """Return the stages that hold entries."""
        found = set()
        for space in self._spaces(namespace):
            for folder in self._stage_folders(space):
                first = next(self._entries.below(space, folder), None) if is_changed(folder) else None
                found.add(first.slot.stage if first is not None else folder)
        return tuple(sorted(found))

    def entries(self, namespace: str | None = None, stage: str | None = None) -> Iterator[Manifest]:
        """Yield the current entries, in no particular order; unsound ones are skipped."""
        for space in self._spaces(namespace):
            yield from self._entries.below(space, None if stage is None else folder_name(stage))

    def recent(self, namespace: str, stage: str) -> Iterator[Manifest]:
        """Yield the newest current entries of a stage: what an explanation compares with."""
        yield from self._entries.below(folder_name(namespace), folder_name(stage), _RECENT)

    def nearest(self, namespace: str, stage: str) -> Manifest | None:
        """Return the newest current entry of a stage."""
        return next(self._entries.below(folder_name(namespace), folder_name(stage)), None)

    # --- fingerprint trees ---

    def write_tree(self, namespace: str, code: Digest, data: bytes) -> None:
        """Store the fingerprint tree of a code digest, once."""
        if self.read_tree(namespace, code) is None:
            self._prepare()
            self.objects.put(self._places.tree(namespace, code), digest_bytes(data).hex().encode() + b"\n" + data)

    def read_tree(self, namespace: str, code: Digest) -> bytes | None:
        """Return the fingerprint tree of a code digest; ``None`` where it is absent or damaged."""
        content = self.objects.read(self._places.tree(namespace, code), _TREE_LIMIT)
        digest, _, data = (b"" if content is None else content.data).partition(b"\n")
        return data if content and digest_bytes(data).hex().encode() == digest else None

    def _spaces(self, namespace: str | None = None) -> list[str]:
        if namespace is not None:
            return [folder_name(namespace)]
        entries, folders = self._places.entries, self.objects.folders
        return sorted(space for space in folders(entries) if "m" in folders(f"{entries}/{space}"))

    def _stage_folders(self, space: str) -> list[str]:
        return sorted(self.objects.folders(f"{self._places.entries}/{space}/m"))

    def _is_there(self) -> bool:
        """Return whether there is a store, checked once; where there is none yet, everything is a miss."""
        if not self._is_checked:
            self._note(check_root(self.objects, self._places))
        return self._is_checked

    def _prepare(self) -> None:
        if not self._is_checked:
            self._note(create_root(self.objects, self._places))

    def _note(self, found: Capabilities | None) -> None:
        if found is not None:
            self._entries.capabilities = found
            self._leases.capabilities = found
            self._is_checked = True


def reopen(reached: Reached) -> RemoteStore:
    """Open a store by its objects alone, to say in any process that an entry is damaged."""
    return RemoteStore(reached.objects, Temporary(system_folder(), lambda: None))
