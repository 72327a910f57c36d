"""
Several stores in, one out: the tiers local, root and mirrors, searched in this order.

Results are committed to the root first, for there it is decided who came first, and then to the local tier; a hit from
farther away is copied down.  A tier that fails is complained of and left alone for a while; the others go on.  On the
arrow: *lookup*, *commit* and *decode*, where more than one store is configured.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from whorl.errors import CorruptEntryError, LeaseTimeoutError, SignatureError, StoreError
from whorl.modes import LOCAL, ROOT
from whorl.store.contest import check_attempt, check_shared, sharing
from whorl.store.manifest import is_copy
from whorl.store.origins import Origins
from whorl.store.tier_ledger import TierLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from whorl.digest import Digest
    from whorl.store.base import Attempt, Reader, Store
    from whorl.store.collectable import Collectable
    from whorl.store.manifest import Manifest, Slot
    from whorl.store.tier import Tier

T = TypeVar("T")

# A copy in the local tier may be damaged by its disk, and is made anew once; one that is damaged again never was sound.
_MOST_COPIES = 2


def _always(_: Manifest) -> bool:
    return True


class TieredStore:
    """
    Stores in their order, the root before the local tier where they are written.

    ``complain`` is told of each failure that need not reach the caller, with the tier's URL; it may raise.
    """

    def __init__(self, tiers: Sequence[Tier], complain: Callable[[str, StoreError], None]) -> None:
        self.tiers = tuple(tiers)
        self._complain = complain
        self._ledger = TierLedger(self.tiers, self._attempt)
        self._origins: Origins[Tier] = Origins()
        self._bad: set[tuple[Tier, Slot, str]] = set()
        self._damaged_copies: Counter[tuple[Slot, str]] = Counter()

    # --- looking up and reading ---

    def lookup(self, slot: Slot) -> Manifest | None:
        """Return the nearest current entry of a slot."""
        return next(self.candidates(slot), None)

    def candidates(self, slot: Slot) -> Iterator[Manifest]:
        """Yield the current entries of a slot in each tier, the nearest first."""
        yield from self._found(lambda store: store.candidates(slot))

    def generations(self, slot: Slot) -> Iterator[Manifest]:
        """Yield the earlier entries of a slot in each tier."""
        yield from self._found(lambda store: store.generations(slot))

    def sources(self, namespace: str, content_key: Digest) -> Iterator[Manifest]:
        """Yield the entries that were last committed with a content key in each tier."""
        yield from self._found(lambda store: store.sources(namespace, content_key))

    def reader(self, manifest: Manifest, *, heals: bool = True) -> Reader:
        """Return a reader of an entry's payload: of the copy in the local tier, once there is one."""
        origin, local = self.origin(manifest), self._writable(LOCAL)
        reader = origin.store.reader(manifest, heals=heals and origin.writes)
        if local is None or local is origin or self._damaged_copies[manifest.slot, manifest.attempt] >= _MOST_COPIES:
            return reader
        if origin.writes and self._ledger.is_ahead(manifest.slot.namespace, manifest.slot.key):
            return reader
        copied = self._offer(local, lambda store: store.adopt(manifest, reader, replace=_other(manifest)))
        if copied is None:
            return reader
        self._noted(local, manifest)  # what is read from now on
        return local.store.reader(copied, heals=heals)

    def is_own(self, manifest: Manifest) -> bool:
        """Whether this very copy of an entry was found in a tier that this user alone can write."""
        found = self._origins.find(manifest)
        return found is not None and found.store.is_own(manifest)

    def quarantine(self, manifest: Manifest, reason: str) -> None:
        """Move a damaged entry aside where it was found; where that cannot be, it is passed over from now on."""
        try:
            origin = self.origin(manifest)
        except CorruptEntryError:
            return  # no tier has it any more
        if origin.name == LOCAL:
            self._damaged_copies[manifest.slot, manifest.attempt] += 1
        try:
            if origin.writes:
                origin.store.quarantine(manifest, reason)
                return
        except StoreError as error:
            self._failed(origin, error)
        self._bad.add((origin, manifest.slot, manifest.attempt))

    def damaged(self, slot: Slot) -> bool:
        """Return whether an entry of this slot was moved aside in a tier that is written."""
        return any(self._attempt(tier, lambda store: store.damaged(slot), otherwise=False) for tier in self._written())

    # --- writing ---

    def begin(self, slot: Slot) -> Attempt:
        """Begin a payload for a slot: in the local tier where there is one."""
        return self._nearest_written().store.begin(slot)

    def commit(self, attempt: Attempt, manifest: Manifest, *, replace: Callable[[Manifest], bool]) -> Manifest:
        """Publish an attempt in the root, which decides what is current, and in the local tier."""
        check_attempt(attempt, manifest)
        near, root = self._nearest_written(), self._written()[0]
        current = None
        if root is not near:
            complete, reader = attempt.complete(manifest), attempt.reader()
            current = self._offer(root, lambda store: store.adopt(complete, reader, replace=replace))
        if current is None:
            return self._noted(near, self._commit_near(near, attempt, manifest, replace))
        copied = None
        if current.attempt == attempt.nonce:
            copied = self._offer(near, lambda store: store.commit(attempt, manifest, replace=_other(complete)))
        attempt.abandon()
        return self._noted(root, current) if copied is None else self._noted(near, copied)

    def commit_kept(
        self, manifest: Manifest, source: Manifest, *, replace: Callable[[Manifest], bool] = _always
    ) -> Manifest:
        """Publish a manifest that names the payload of ``source``, which is copied to the tiers that lack it."""
        check_shared(manifest, source)
        # One from behind a tombstone was met by no lookup: it is of the store that is looked after.
        origin = self._nearest_with(source) or next(iter(self._written()), self.tiers[0])
        shared = sharing(manifest, source)

        def keep(tier: Tier) -> Manifest:
            if tier is origin:
                return tier.store.commit_kept(manifest, source, replace=replace)
            return tier.store.adopt(shared, origin.store.reader(source), replace=replace)

        for tier, kept in self._takers(keep):
            return self._noted(tier, kept)
        raise StoreError(f"the entry of {manifest.slot.stage} could not be stored under its new key")

    def adopt(self, manifest: Manifest, reader: Reader, *, replace: Callable[[Manifest], bool] = _always) -> Manifest:
        """Publish an entry of another store as it is in every tier that is written."""
        done = [
            current for _, current in self._takers(lambda tier: tier.store.adopt(manifest, reader, replace=replace))
        ]
        if not done:
            raise StoreError(f"the entry of {manifest.slot.stage} could not be stored")
        return done[0]

    def remove(self, slot: Slot) -> bool:
        """
        Remove the entry of a slot from every tier that is written; false where there was nothing.

        A tier that failed a moment ago is asked again: what is left there would be found by the next lookup.
        """
        removed, failure = False, None
        for tier in self.tiers:
            if tier.writes:
                try:
                    removed = tier.store.remove(slot) or removed
                except StoreError as error:
                    failure = error
        if failure is not None:
            raise failure
        return removed

    def collectable(self) -> Collectable | None:
        """Return the root, or where it is not written the local tier, as those see it who look after a store."""
        return next((tier.store.collectable() for tier in self._written()), None)

    # --- waiting ---

    @contextmanager
    def lease(self, slot: Slot, *, timeout: float | None = None) -> Iterator[None]:
        """Hold a slot in the root, or where that fails in the local tier: each is done without where it cannot be."""
        with ExitStack() as held:
            for tier in self._written():
                try:
                    held.enter_context(tier.store.lease(slot, timeout=timeout))
                except LeaseTimeoutError:
                    raise
                except StoreError as error:
                    self._failed(tier, error)
                else:
                    break
            yield

    # --- revisions ---

    def revision(self, namespace: str, key: Digest) -> str:
        """Return a key's revision: the root's if it has one, else that of the next tier which has."""
        return self._ledger.revision(namespace, key)

    def revisions_of(self, namespace: str, keys: Iterable[Digest]) -> Mapping[Digest, str]:
        """Return the same for several keys at once."""
        return {key: self._ledger.revision(namespace, key) for key in keys}

    def revise(self, namespace: str, keys: Iterable[Digest]) -> Mapping[Digest, str]:
        """Give keys new revisions in the root, noted in the local tier; there alone where the root is not written."""
        return self._ledger.revise(namespace, keys, self._written())

    def revisions(self, namespace: str) -> Mapping[str, str]:
        """Return all revisions of a namespace, those of the root before the others'."""
        return self._ledger.revisions(namespace)

    def write_revisions(self, namespace: str, revisions: Mapping[str, str]) -> None:
        """Write revisions of another store as they are, in every tier that is written."""
        for tier in self._written():
            self._attempt(tier, lambda store: store.write_revisions(namespace, revisions), None)

    # --- listing ---

    def namespaces(self) -> tuple[str, ...]:
        """Return the namespaces that hold entries in any tier."""
        return self._names(lambda store: store.namespaces())

    def stages(self, namespace: str | None = None) -> tuple[str, ...]:
        """Return the stages that hold entries in any tier."""
        return self._names(lambda store: store.stages(namespace))

    def entries(self, namespace: str | None = None, stage: str | None = None) -> Iterator[Manifest]:
        """Yield the current entries of each tier, each entry once."""
        yield from self._once(lambda store: store.entries(namespace, stage))

    def recent(self, namespace: str, stage: str) -> Iterator[Manifest]:
        """Yield the newest current entries of a stage in each tier, each entry once."""
        yield from self._once(lambda store: store.recent(namespace, stage))

    def nearest(self, namespace: str, stage: str) -> Manifest | None:
        """Return the newest current entry of a stage in any tier."""
        found = [self._attempt(tier, lambda store: store.nearest(namespace, stage), None) for tier in self._read()]
        return max((each for each in found if each), key=lambda each: each.created, default=None)

    # --- fingerprint trees ---

    def write_tree(self, namespace: str, code: Digest, data: bytes) -> None:
        """Store the fingerprint tree of a code digest in every tier that is written."""
        for tier in self._written():
            self._attempt(tier, lambda store: store.write_tree(namespace, code, data), None)

    def read_tree(self, namespace: str, code: Digest) -> bytes | None:
        """Return the fingerprint tree of a code digest from the nearest tier that has it."""
        found = (self._attempt(tier, lambda store: store.read_tree(namespace, code), None) for tier in self._read())
        return next((data for data in found if data is not None), None)

    # --- the tiers ---

    def origin(self, manifest: Manifest) -> Tier:
        """Return the tier that an entry was found in, or the nearest one that has it; CorruptEntryError if none has."""
        tier = self._nearest_with(manifest)
        if tier is None:
            raise CorruptEntryError(f"the entry of {manifest.slot.stage} is gone", "no store has it any more")
        return tier

    def _nearest_with(self, manifest: Manifest) -> Tier | None:
        known = self._origins.find(manifest)
        if known is not None:
            return known
        found = chain(self.candidates(manifest.slot), self.generations(manifest.slot))
        return next((self._origins.find(each) for each in found if is_copy(each, manifest)), None)

    def _read(self) -> list[Tier]:
        return [tier for tier in self.tiers if tier.reads and tier.is_awake]

    def _written(self) -> list[Tier]:
        """Return the tiers to write, the root first."""
        found = [tier for tier in self.tiers if tier.writes and tier.is_awake]
        return sorted(found, key=lambda tier: tier.name != ROOT)

    def _takers(self, put: Callable[[Tier], Manifest]) -> Iterator[tuple[Tier, Manifest]]:
        """Put an entry into each tier that is written, and yield those that took it; raise where all refuse it."""
        refusals, was_taken = [], False
        for tier in self._written():
            try:
                found = self._attempt(tier, lambda _, tier=tier: put(tier), None)  # type: ignore[misc]
            except SignatureError as error:
                self._complain(tier.url, error)
                refusals.append(error)
            else:
                if found is not None:
                    was_taken = True
                    yield tier, found
        if refusals and not was_taken:
            raise refusals[0]

    def _offer(self, tier: Tier, put: Callable[[Store], Manifest]) -> Manifest | None:
        """Put an entry into a tier; None where it fails or refuses the entry."""
        try:
            return self._attempt(tier, put, None)
        except SignatureError as error:
            self._complain(tier.url, error)
            return None

    def _nearest_written(self) -> Tier:
        """Return the tier where payloads are made: the local one where there is one."""
        written = self._written()
        if not written:
            raise StoreError("no store can be written now", "each one has failed a moment ago or is only read")
        return written[-1]

    def _commit_near(
        self, near: Tier, attempt: Attempt, manifest: Manifest, replace: Callable[[Manifest], bool]
    ) -> Manifest:
        try:
            return near.store.commit(attempt, manifest, replace=replace)
        except SignatureError:
            raise
        except StoreError:
            near.rest()
            raise

    def _writable(self, name: str) -> Tier | None:
        return next((tier for tier in self._written() if tier.name == name), None)

    def _found(self, search: Callable[[Store], Iterator[Manifest]]) -> Iterator[Manifest]:
        """Search the tiers in their order, each once the ones before it have nothing more."""
        none: list[Manifest] = []
        for tier in self._read():
            for manifest in self._attempt(tier, lambda store: list(search(store)), none):
                if (tier, manifest.slot, manifest.attempt) not in self._bad:
                    yield self._noted(tier, manifest)

    def _names(self, search: Callable[[Store], tuple[str, ...]]) -> tuple[str, ...]:
        none: tuple[str, ...] = ()
        return tuple(sorted({name for tier in self._read() for name in self._attempt(tier, search, none)}))

    def _once(self, search: Callable[[Store], Iterator[Manifest]]) -> Iterator[Manifest]:
        seen = set()
        for manifest in self._found(search):
            if (manifest.slot, manifest.attempt) not in seen:
                seen.add((manifest.slot, manifest.attempt))
                yield manifest

    def _noted(self, tier: Tier, manifest: Manifest) -> Manifest:
        """Note where an entry was found."""
        self._origins.note(manifest, tier)
        return manifest

    def _attempt(self, tier: Tier, action: Callable[[Store], T], otherwise: T) -> T:
        """Do something with a tier, or complain and give the alternative; damage and refusals are the caller's."""
        if not tier.is_awake:
            return otherwise
        try:
            return action(tier.store)
        except (CorruptEntryError, SignatureError):  # the tier is well
            raise
        except StoreError as error:
            self._failed(tier, error)
            return otherwise

    def _failed(self, tier: Tier, error: StoreError) -> None:
        tier.rest()
        self._complain(tier.url, error)


def _other(manifest: Manifest) -> Callable[[Manifest], bool]:
    """Replace whatever is not this very entry: it has been found to answer."""
    return lambda existing: existing.attempt != manifest.attempt
