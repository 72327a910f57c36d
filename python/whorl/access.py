"""
Settings in, a store out that never costs a result: what fails is warned about once and counts as a miss.

With ``strict`` a failing store raises instead.  On the arrow: between the engine and the store.
"""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from whorl.errors import LeaseTimeoutError, StoreError, StoreWarning, warn
from whorl.opening import open_store, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whorl.config import Settings
    from whorl.digest import Digest
    from whorl.store.base import Store
    from whorl.store.manifest import Manifest, Slot

T = TypeVar("T")

_log = logging.getLogger("whorl")
_warned: set[tuple[str, str]] = set()
# By identity, and held: settings that did not change are the same object.
_accesses: dict[int, tuple[Settings, Access]] = {}
_KNOWN_NUMBER = 64
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Access:
    """One store as the engine sees it; ``store`` is None where none can be opened."""

    store: Store | None
    root: str
    strict: bool

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
        return self.attempt(lambda store: store.lookup(slot), None)

    def candidates(self, slot: Slot) -> Iterator[Manifest]:
        """Yield the current entries of a slot, the nearest first; a store that fails has none."""
        return self._each(lambda store: store.candidates(slot))

    def generations(self, slot: Slot) -> Iterator[Manifest]:
        """Yield the earlier entries of a slot; a store that fails has none."""
        return self._each(lambda store: store.generations(slot))

    def sources(self, namespace: str, content_key: Digest) -> Iterator[Manifest]:
        """Yield the entries that may have a content key; a store that fails has none."""
        return self._each(lambda store: store.sources(namespace, content_key))

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

    @contextmanager
    def lease(self, slot: Slot) -> Iterator[None]:
        """Hold a slot while computing; a lease that cannot be had is done without: a value may be computed twice."""
        lease = self.attempt(lambda store: store.lease(slot), None)
        if lease is None:
            yield
            return
        try:
            lease.__enter__()
        except LeaseTimeoutError as error:
            _log.warning("%s; computing without waiting any longer", error.message)
            yield
            return
        except StoreError as error:
            self.complain(error)
            yield
            return
        try:
            yield
        finally:
            lease.__exit__(None, None, None)

    def complain(self, error: StoreError) -> None:
        """Raise with ``strict``, else warn once per store and kind of failure."""
        _complain(self.root, error, strict=self.strict)


def _complain(root: str, error: StoreError, *, strict: bool) -> None:
    if strict:
        raise error
    with _lock:
        known = (root, type(error).__name__)
        first = known not in _warned
        _warned.add(known)
    if first:
        warn(f"the store {root} fails; results are computed and returned, but not kept there\n{error}", StoreWarning)


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
    access = Access(store, root, settings.strict)
    if len(_accesses) >= _KNOWN_NUMBER:
        _accesses.clear()
    _accesses[id(settings)] = settings, access
    return access
