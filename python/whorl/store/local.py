"""
A folder in, a store out: the local one, safe among the threads and processes of one user.

Each promise is kept by one module: what is current (``manifests.py``), how it becomes so (``publish.py``), how it goes
(``removal.py``, ``collect.py``), what was revised (``ledger.py``), who computes (``lock.py``).  A folder is
made at the first write.  On the arrow: *lookup* and *commit*.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from whorl.errors import StoreError
from whorl.store.attempt import LocalAttempt
from whorl.store.collect_local import LocalCollectable
from whorl.store.contest import check_attempt
from whorl.store.disk import digest_bytes, make_folder, names_in, read_large, replace_file, tree_size
from whorl.store.ledger import Ledger
from whorl.store.lister import Lister
from whorl.store.lock import locked
from whorl.store.manifests import Manifests
from whorl.store.names import folder_name, is_changed
from whorl.store.places import Places
from whorl.store.policy import Seal
from whorl.store.publish import Publisher
from whorl.store.reader import VERIFY, LocalReader
from whorl.store.removal import Remover
from whorl.store.rights import share
from whorl.store.root import check_root, create_root
from whorl.store.temporary import Temporary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from whorl.digest import Digest
    from whorl.store.base import Attempt, Pointer, Reader
    from whorl.store.listing import Listing
    from whorl.store.manifest import Manifest, Slot

DURABILITY = ("fast", "fsync")
_TREE_LIMIT = 64 << 20


_OPEN = Seal()


def _always(_: Manifest) -> bool:
    return True


class LocalStore:
    """
    The entries below one folder.

    ``durability="fsync"`` has an entry on disk before it is seen; ``verify`` says when payload files are checked
    against their digests; ``wait_timeout`` is how long a lease waits for another holder, in seconds; ``seal`` refuses
    and signs what is written; ``is_shared`` makes it a team's: for its group, too; ``is_mirror`` lets it be anybody's.
    """

    def __init__(
        self,
        root: Path,
        *,
        durability: str = "fast",
        verify: str = "always",
        wait_timeout: float = 24 * 3600.0,
        seal: Seal = _OPEN,
        is_shared: bool = False,
        is_mirror: bool = False,
    ) -> None:
        _check_choice("durability", durability, DURABILITY)
        _check_choice("verify", verify, VERIFY)
        self.root = Path(root)
        self._places = Places(os.path.abspath(root))
        if is_shared:
            share(self._places.root)
        self._opened_again = partial(LocalStore, Path(self._places.root), is_shared=is_shared)
        self._is_mirror = is_mirror
        self._verify = verify
        self._wait_timeout = wait_timeout
        self._is_checked = False
        self._seal = seal
        self._temporary = Temporary(self._places.temporary, self._prepare)
        self._manifests = Manifests(self._places)
        is_durable = durability == "fsync"
        self._publisher = Publisher(self._places, self._temporary, self._manifests, seal, durable=is_durable)
        self._remover = Remover(self._places, self._temporary, self._manifests)
        self._lister = Lister(self._places.entries, self._places.index, self._manifests)
        self._ledger = Ledger(self._places, self._temporary)

    def is_there(self) -> bool:
        """Return whether there is a store; ``StoreError`` where it is someone else's, or of another version."""
        return self._is_there()

    def make(self) -> None:
        """Make the store where there is none yet."""
        self._prepare()

    # --- looking up and reading ---

    def lookup(self, slot: Slot) -> Manifest | None:
        """Return the current entry of a slot if it is sound; damage is moved aside and is a miss."""
        return self._manifests.lookup(slot) if self._is_there() else None

    def candidates(self, slot: Slot) -> Iterator[Manifest]:
        """Yield the current entry of a slot."""
        found = self.lookup(slot)
        if found is not None:
            yield found

    def generations(self, slot: Slot) -> Iterator[Manifest]:
        """Yield the sound earlier entries of a slot, newest first, without the current one."""
        return self._manifests.generations(slot)

    def sources(self, namespace: str, content_key: Digest) -> Iterator[Manifest]:
        """Yield the entry that was last committed with a content key."""
        pointer = self.pointer(namespace, content_key)
        if pointer is not None:
            yield from self.candidates(pointer.slot)

    def pointer(self, namespace: str, content_key: Digest) -> Pointer | None:
        """Return which entry was last committed with a content key."""
        return self._publisher.pointer(namespace, content_key)

    def reader(self, manifest: Manifest, *, heals: bool = True) -> Reader:
        """Return a reader of an entry's payload; see ``Store.reader``."""
        folder = self._places.payload(manifest.slot.namespace, manifest.payload)
        return LocalReader(manifest, folder, self._verify, self._temporary, self._opened_again if heals else None)

    def is_own(self, manifest: Manifest) -> bool:  # noqa: ARG002 - the protocol's signature
        """Whether nobody but this user can write here."""
        return self._seal.is_own

    def quarantine(self, manifest: Manifest, reason: str) -> None:
        """Move a damaged entry aside, if it is still the same; logs and counts it."""
        self._manifests.quarantine(manifest, reason)

    def damaged(self, slot: Slot) -> bool:
        """Return whether an entry of this slot was moved aside: its repair may give another value."""
        return self._manifests.was_damaged(slot)

    @property
    def damage_count(self) -> int:
        """How many entries were moved aside by this object."""
        return self._manifests.damage_count

    # --- writing ---

    def begin(self, slot: Slot) -> LocalAttempt:
        """Begin a payload for a slot."""
        return LocalAttempt(slot, os.urandom(16).hex(), self._temporary.new_folder)

    def commit(self, attempt: Attempt, manifest: Manifest, *, replace: Callable[[Manifest], bool]) -> Manifest:
        """Publish an attempt under its slot, and return what is current afterwards; see ``Store.commit``."""
        check_attempt(attempt, manifest)
        if not isinstance(attempt, LocalAttempt):
            raise StoreError("an attempt is committed to the kind of store that it was begun for")
        return self._publisher.commit(attempt, manifest, replace)

    def commit_kept(
        self, manifest: Manifest, source: Manifest, *, replace: Callable[[Manifest], bool] = _always
    ) -> Manifest:
        """Publish a manifest that names the payload of ``source``; see ``Store.commit_kept``."""
        return self._publisher.commit_kept(manifest, source, replace)

    def adopt(self, manifest: Manifest, reader: Reader, *, replace: Callable[[Manifest], bool] = _always) -> Manifest:
        """Publish an entry of another tier as it is; see ``Store.adopt``."""
        return self._publisher.adopt(manifest, reader, replace)

    def remove(self, slot: Slot) -> bool:
        """Remove an entry with its generations, and at once the payloads that nothing else names; false if absent."""
        return self._remover.remove(slot)

    def sweep(self) -> int:
        """Remove what dead processes left half-written; happens at the first write of each process too."""
        return self._temporary.sweep() if self._is_there() else 0

    # --- waiting ---

    def lease(self, slot: Slot, *, timeout: float | None = None) -> AbstractContextManager[None]:
        """Hold a slot while computing; others wait, at most ``timeout``, then ``LeaseTimeoutError``."""
        self._prepare()
        what = f"{slot.stage} ({slot.key.hex()[:12]})"
        return locked(self._places.lease(slot), what, self._wait_timeout if timeout is None else timeout)

    # --- revisions ---

    def revision(self, namespace: str, key: Digest) -> str:
        """Return the nonce of the last recomputation of a key that gave another value, "" when there was none."""
        return self._ledger.revision(namespace, key)

    def revisions_of(self, namespace: str, keys: Iterable[Digest]) -> Mapping[Digest, str]:
        """Return the same for several keys at once."""
        known = self._ledger.revisions(namespace)
        return {key: known.get(key.hex(), "") for key in keys}

    def revise(self, namespace: str, keys: Iterable[Digest]) -> Mapping[Digest, str]:
        """Give keys new revisions, on disk before this returns."""
        return self._ledger.revise(namespace, keys)

    def revisions(self, namespace: str) -> Mapping[str, str]:
        """Return all revisions of a namespace, by the keys in hex."""
        return self._ledger.revisions(namespace)

    def write_revisions(self, namespace: str, revisions: Mapping[str, str]) -> None:
        """Write revisions of another tier as they are."""
        self._ledger.write(namespace, revisions)

    # --- listing ---

    def namespaces(self) -> tuple[str, ...]:
        """Return the namespaces that hold entries."""
        found = []
        for folder in names_in(self._places.entries):
            first = next(self._manifests.below(folder), None)
            if first is not None:
                found.append(first.slot.namespace)
        return tuple(sorted(found))

    def stages(self, namespace: str | None = None) -> tuple[str, ...]:
        """Return the stages that hold entries."""
        found = set()
        for space in self._namespace_folders(namespace):
            for folder in self._manifests.stage_folders(space):
                first = next(self._manifests.below(space, folder), None) if is_changed(folder) else None
                found.add(first.slot.stage if first is not None else folder)
        return tuple(sorted(found))

    def entries(self, namespace: str | None = None, stage: str | None = None) -> Iterator[Manifest]:
        """Yield the current entries, in no particular order; unsound ones are skipped."""
        for space in self._namespace_folders(namespace):
            yield from self._manifests.below(space, None if stage is None else folder_name(stage))

    def recent(self, namespace: str, stage: str) -> Iterator[Manifest]:
        """Yield the current entries of a stage: they are near."""
        return self.entries(namespace, stage)

    def nearest(self, namespace: str, stage: str) -> Manifest | None:
        """Return the newest current entry of a stage."""
        return next(self._manifests.below(folder_name(namespace), folder_name(stage), is_newest_first=True), None)

    def listings(self) -> Iterator[Listing]:
        """Yield what is to be shown of the current entries, stage by stage, without reading again what is known."""
        return self._lister.listings(self._namespace_folders(None))

    def disk_size(self) -> int:
        """Return the bytes of all files of this store: shared payloads once, leftovers too."""
        return tree_size(self._places.root)

    # --- looking after it ---

    def collectable(self) -> LocalCollectable | None:
        """Return what a collector works on; ``None`` where there is no store yet."""
        return LocalCollectable(self._places, self._temporary) if self._is_there() else None

    # --- fingerprint trees ---

    def write_tree(self, namespace: str, code: Digest, data: bytes) -> None:
        """Store the fingerprint tree of a code digest, once."""
        if self.read_tree(namespace, code) is None:
            path = self._places.tree(namespace, code)
            temporary = self._temporary.file()
            make_folder(os.path.dirname(path))
            replace_file(path, digest_bytes(data).hex().encode() + b"\n" + data, temporary=temporary)

    def read_tree(self, namespace: str, code: Digest) -> bytes | None:
        """Return the fingerprint tree of a code digest; ``None`` where it is absent or damaged."""
        found = read_large(self._places.tree(namespace, code), _TREE_LIMIT)
        digest, _, data = (found or b"").partition(b"\n")
        return data if found and digest_bytes(data).hex().encode() == digest else None

    def _namespace_folders(self, namespace: str | None) -> list[str]:
        return names_in(self._places.entries) if namespace is None else [folder_name(namespace)]

    def _is_there(self) -> bool:
        """Return whether there is a store, checked once; where there is none yet, everything is a miss."""
        if not self._is_checked:
            self._is_checked = check_root(self._places, is_mirror=self._is_mirror)
        return self._is_checked

    def _prepare(self) -> None:
        if not self._is_checked or not os.path.exists(self._places.about):
            create_root(self._places)
            self._is_checked = True


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise StoreError(f"{name} is {value!r}", f"it can be {', '.join(choices)}")
