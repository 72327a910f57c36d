"""
Settings in, a store out that never costs a result: what fails is warned about once and counts as a miss.

With ``strict`` a failing store raises instead.  On the arrow: between the engine and the store.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from whorl import config
from whorl.errors import ConfigError, LeaseTimeoutError, SignatureError, StoreError, StoreWarning, warn
from whorl.executors.threads import has_place, waiting
from whorl.formats.base import runs_code
from whorl.opening import open_store, policy_of, shown
from whorl.store.disk import digest_bytes
from whorl.store.policy import Policy
from whorl.store.process import host_name
from whorl.store.used import Uses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from whorl.digest import Digest
    from whorl.settings import Settings
    from whorl.store.base import Store
    from whorl.store.manifest import Manifest, Slot

T = TypeVar("T")

_log = logging.getLogger("whorl")
_uses: dict[str, Uses] = {}
_warned: set[tuple[str, str]] = set()
# By identity, and held: settings that did not change are the same object.
_accesses: dict[int, tuple[Settings, Access]] = {}
_KNOWN_NUMBER = 64
_lock = threading.Lock()
_CAUTIOUS = Policy(runs_code)


@dataclass(frozen=True, slots=True)
class Access:
    """
    One store as the engine sees it; ``store`` is None where none can be opened.

    Entries that ``policy`` refuses are passed over.  ``formats`` has what formats are told besides what manifests say.
    """

    store: Store | None
    root: str
    strict: bool
    policy: Policy = _CAUTIOUS
    formats: Mapping[str, Mapping[str, object]] = field(default_factory=dict, repr=False)

    def attempt(self, action: Callable[[Store], T], otherwise: T) -> T:
        """Do something with the store, or warn once and give the alternative."""
        if self.store is None:
            return otherwise
        try:
            return action(self.store)
        except StoreError as error:
            self.complain(error)
            return otherwise

    def lookup(self, slot: Slot) -> Manifest | None:
        """Look an entry up; a store that fails has none."""
        found = self.attempt(lambda store: store.lookup(slot), None)
        return found if found is not None and self.admits(found) else None

    def candidates(self, slot: Slot) -> Iterator[Manifest]:
        """Yield the current entries of a slot, the nearest first; a store that fails has none."""
        return filter(self.admits, self._each(lambda store: store.candidates(slot)))

    def generations(self, slot: Slot) -> Iterator[Manifest]:
        """Yield the earlier entries of a slot; a store that fails has none."""
        return filter(self.admits, self._each(lambda store: store.generations(slot)))

    def sources(self, namespace: str, content_key: Digest) -> Iterator[Manifest]:
        """Yield the entries that may have a content key; a store that fails has none."""
        return filter(self.admits, self._each(lambda store: store.sources(namespace, content_key)))

    def admits(self, manifest: Manifest) -> bool:
        """Whether an entry may be served; one that may not is warned of once, or with ``strict`` an error."""
        refusal = self._refusal(manifest)
        if refusal is not None:
            self.complain(refusal)
        return refusal is None

    def may_serve(self, manifest: Manifest) -> bool:
        """Whether an entry that was met while writing may be served, without a word."""
        return self._refusal(manifest) is None

    def trusts(self, manifest: Manifest) -> bool:
        """Whether what an entry names was written by this user, or by someone whose key is trusted."""
        return self.policy.trusts(manifest, is_own=self._is_own(manifest))

    def _refusal(self, manifest: Manifest) -> SignatureError | None:
        return self.policy.refusal(manifest, is_own=self._is_own(manifest))

    def _is_own(self, manifest: Manifest) -> bool:
        return self.store is not None and self.store.is_own(manifest)

    def recent(self, slot: Slot) -> list[Manifest]:
        """List the newest entries of a slot's stage; a store that fails has none."""
        return list(self._each(lambda store: store.recent(slot.namespace, slot.stage)))

    def _each(self, search: Callable[[Store], Iterator[Manifest]]) -> Iterator[Manifest]:
        if self.store is None:
            return
        try:
            yield from search(self.store)
        except StoreError as error:
            self.complain(error)

    def damaged(self, slot: Slot) -> bool:
        """Tell whether an entry of a slot was moved aside; a store that fails knows of none."""
        return self.attempt(lambda store: store.damaged(slot), otherwise=False)

    def revision(self, namespace: str, key: Digest) -> str:
        """Read the ledger; a store that fails has none."""
        return self.attempt(lambda store: store.revision(namespace, key), "")

    def are_current(self, namespace: str, revisions: Iterable[tuple[Digest, str]]) -> bool:
        """Tell whether keys have these revisions now; a store that fails has none."""
        noted = tuple(revisions)
        keys = [key for key, _ in noted]
        none: Mapping[Digest, str] = dict.fromkeys(keys, "")
        now = self.attempt(lambda store: store.revisions_of(namespace, keys), none)
        return all(now[key] == revision for key, revision in noted)

    @contextmanager
    def lease(self, slot: Slot) -> Iterator[None]:
        """Hold a slot while computing; a lease that cannot be had is done without: a value may be computed twice."""
        with ExitStack() as held:
            try:
                self._hold(held, slot)
            except LeaseTimeoutError as error:
                _log.warning("%s; computing without waiting any longer", error.message)
            except StoreError as error:
                self.complain(error)
            yield

    def _hold(self, held: ExitStack, slot: Slot) -> None:
        """Take a lease; who has to wait for it gives back the place that it computes in meanwhile."""

        def take(timeout: float | None) -> None:
            lease = self.attempt(lambda store: store.lease(slot, timeout=timeout), None)
            if lease is not None:
                held.enter_context(lease)

        if not has_place():
            take(None)
            return
        try:
            take(0.0)
        except LeaseTimeoutError:
            with waiting():
                take(None)

    def note_use(self, manifest: Manifest | None, saved: float) -> None:
        """Note that an entry, if there is one, stood in for computing; ``saved`` is in seconds, net of loading."""
        if manifest is not None:
            uses_of(self.root).note(manifest.slot, saved)

    def complain(self, error: StoreError) -> None:
        """Raise with ``strict``, else warn once per store and kind of failure."""
        _complain(self.root, error, strict=self.strict)


def _complain(root: str, error: StoreError, *, strict: bool) -> None:
    if strict:
        raise error
    with _lock:
        is_refusal = isinstance(error, SignatureError)
        known = (root, f"{error.message} {error.cause}" if is_refusal else type(error).__name__)
        first = known not in _warned
        _warned.add(known)
    if first:
        fails = "" if is_refusal else f"the store {root} fails; results are computed and returned, but not kept there\n"
        warn(f"{fails}{error}", StoreWarning)


def uses_of(root: str) -> Uses:
    """Give the last uses of a store on this machine; their file lies in the store if that is a folder."""
    found = _uses.get(root)
    if found is None:
        found = _uses.setdefault(root, Uses(_uses_path(root)))
    return found


def _uses_path(root: str) -> str | None:
    if "://" not in root:
        return os.path.join(root, "used", digest_bytes(host_name().encode()).hex()[:12])
    try:
        table = config.stat_table_path()
    except ConfigError:  # whoever digests a file hears of it
        return None
    if table is None:
        return None
    return os.path.join(os.path.dirname(table), "used", digest_bytes(os.fsencode(root)).hex()[:16])


@atexit.register
def _flush_uses() -> None:
    for uses in list(_uses.values()):
        uses.flush()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_uses.clear)  # the parent writes what it noted


def open_access(settings: Settings) -> Access:
    """Open the stores of these settings, once per process."""
    known = _accesses.get(id(settings))
    if known is not None and known[0] is settings:
        return known[1]
    root = shown(settings.filesystem)
    try:
        store = open_store(settings, partial(_complain, strict=settings.strict))
    except StoreError as error:
        unopened = Access(None, root, settings.strict)
        unopened.complain(error)
        return unopened
    access = Access(store, root, settings.strict, policy_of(settings), settings.formats)
    if len(_accesses) >= _KNOWN_NUMBER:
        _accesses.clear()
    _accesses[id(settings)] = settings, access
    return access
