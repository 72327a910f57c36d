"""
Two stores in, entries copied from one to the other out: ``push`` to the root, ``pull`` to the local tier.

Entries keep their attempts, digests and signatures; revisions go before entries, so that what comes is current.  Beside
the arrow: what *commit* made moves between tiers.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whorl.errors import ConfigError, CorruptEntryError, SignatureError
from whorl.modes import LOCAL
from whorl.opening import open_place, places, shown
from whorl.store.remote.parallel import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whorl.settings import Settings
    from whorl.store.base import Store
    from whorl.store.manifest import Manifest


_log = logging.getLogger("whorl")


@dataclass(frozen=True, slots=True)
class Transferred:
    """
    What a transfer did, in entries: ``copied`` with their bytes, ``present`` before, ``refused``.

    Refused are those that are damaged or outdated here, whose key has another entry there that still answers, or that
    the settings for pickles keep from being copied.
    """

    copied: int = 0
    size: int = 0
    present: int = 0
    refused: int = 0

    def __add__(self, other: Transferred) -> Transferred:
        return Transferred(
            self.copied + other.copied,
            self.size + other.size,
            self.present + other.present,
            self.refused + other.refused,
        )


@dataclass(frozen=True, slots=True)
class Ends:
    """The local tier, and the stores farther away with their URLs as messages show them: the root, then mirrors."""

    local: Store
    others: tuple[tuple[str, Store], ...]


def open_ends(settings: Settings) -> Ends:
    """Open the local tier and what is behind it; ConfigError where there is one store only."""
    near, *far = list(places(replace(settings, mode="local_strict")))
    if not far or near.role != LOCAL:
        tip = 'name a shared store: filesystem = "s3://bucket/prefix", or a local tier: [tool.whorl.local]'
        raise ConfigError("there is one store only", f"everything is in {shown(near.url)}", tip)
    others = tuple((shown(place.url), open_place(settings, place)) for place in far)
    return Ends(open_place(settings, near), others)


def push(ends: Ends, chooses: Callable[[Manifest], bool]) -> Transferred:
    """Copy entries of the local tier to the root, which keeps what it has as long as that answers."""
    _, root = ends.others[0]
    for namespace in ends.local.namespaces():
        known = root.revisions(namespace)
        missing = {key: nonce for key, nonce in ends.local.revisions(namespace).items() if key not in known}
        if missing:
            root.write_revisions(namespace, missing)
    chosen = [entry for entry in ends.local.entries() if chooses(entry)]
    return _copy(ends.local, root, chosen, lambda existing: not _is_current(existing, root))


def pull(ends: Ends, chooses: Callable[[Manifest], bool]) -> Transferred:
    """Copy entries of the root and the mirrors to the local tier, where they replace what differs."""
    done = Transferred()
    for _, store in ends.others:
        for namespace in store.namespaces():
            revisions = store.revisions(namespace)
            if revisions:
                ends.local.write_revisions(namespace, revisions)
        chosen = [entry for entry in store.entries() if chooses(entry)]
        done += _copy(store, ends.local, chosen, lambda _: True)
    return done


def _copy(
    source: Store, target: Store, entries: Iterable[Manifest], may_replace: Callable[[Manifest], bool]
) -> Transferred:
    found = side_by_side(lambda entry: _copy_one(source, target, entry, may_replace), list(entries))
    return sum(found, Transferred())


def _copy_one(source: Store, target: Store, entry: Manifest, may_replace: Callable[[Manifest], bool]) -> Transferred:
    there = target.lookup(entry.slot)
    if there is not None and there.attempt == entry.attempt:
        return Transferred(present=1)
    if not _is_current(entry, source):
        return Transferred(refused=1)
    try:
        current = target.adopt(entry, source.reader(entry), replace=may_replace)
    except CorruptEntryError:
        return Transferred(refused=1)
    except SignatureError as error:
        _log.warning("%s", error)
        return Transferred(refused=1)
    if current.attempt != entry.attempt:
        return Transferred(refused=1)
    tree = source.read_tree(entry.slot.namespace, entry.code)
    if tree is not None:
        target.write_tree(entry.slot.namespace, entry.code, tree)
    return Transferred(copied=1, size=entry.size)


def _is_current(entry: Manifest, store: Store) -> bool:
    """Whether an entry is neither expired nor recomputed with another value since."""
    if entry.expires is not None and entry.expires <= time.time():
        return False
    return all(store.revision(entry.slot.namespace, key) == nonce for key, nonce in entry.revisions)
