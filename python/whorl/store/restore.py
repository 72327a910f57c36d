"""
A slot and an attempt in, that earlier result current again out: from a generation, or from a tombstone in its grace.

Where the value is another one than the last, the ledger comes first, so that everything downstream is led by it
(keys.md, "Recompute").  Then the manifest is committed anew, under the revisions of now, and shares the old payload.
Beside the arrow: *commit* without *compute*.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whorl.errors import CorruptEntryError, NoEntryError
from whorl.store.collectable import PLACES, current_and_earlier, peek
from whorl.store.names import folder_name
from whorl.store.pins import Held, pinned

if TYPE_CHECKING:
    from whorl.store.base import Store
    from whorl.store.collectable import Collectable
    from whorl.store.manifest import Manifest, Slot


@dataclass(frozen=True, slots=True)
class Earlier:
    """A manifest that can be made current again, and the object that it lies in; removed ones lie behind tombstones."""

    manifest: Manifest
    name: str

    @property
    def is_removed(self) -> bool:
        """Tell whether it was removed, and waits for the end of its grace."""
        return self.name.split("/")[2] == "t"


def earlier_results(store: Collectable, slot: Slot) -> list[Earlier]:
    """Return the results of a slot that are not current, newest first."""
    there = current_and_earlier(store.objects, slot)
    current = {manifest.attempt for name, manifest in there if name == PLACES.manifest(slot)}
    found = [Earlier(manifest, name) for name, manifest in there if manifest.attempt not in current]
    known = current | {each.manifest.attempt for each in found}
    removed = {each.manifest.attempt: each for each in removed_results(store, slot.namespace)}
    found += [each for each in removed.values() if each.manifest.slot == slot and each.manifest.attempt not in known]
    return sorted(found, key=lambda each: each.manifest.created, reverse=True)


def removed_results(store: Collectable, namespace: str) -> list[Earlier]:
    """Return the results of a namespace that lie behind tombstones, of all slots."""
    folder = f"{PLACES.entries}/{folder_name(namespace)}/t"
    names = [listed.name for listed in store.objects.below(folder)]
    found = [Earlier(manifest, name) for name in names if (manifest := peek(store.objects, name)) is not None]
    return [each for each in found if each.manifest.slot.namespace == namespace]


def restore(store: Store, collectable: Collectable, slot: Slot, attempt: str = "") -> Manifest:
    """
    Make an earlier result current: the newest, or the one whose attempt begins so; return its new manifest.

    ``NoEntryError`` where there is none, or its payload is gone.
    """
    known = earlier_results(collectable, slot)
    chosen = [each for each in known if each.manifest.attempt.startswith(attempt)]
    if not chosen:
        cause = f"there are {', '.join(each.manifest.attempt[:12] for each in known)}" if known else "there is none"
        raise NoEntryError(f"no earlier result of {slot.stage} begins with {attempt!r}", cause)
    if attempt and len(chosen) > 1:
        raise NoEntryError(f"several results of {slot.stage} begin with {attempt!r}", tip="give more digits")
    found = chosen[0]
    last = store.lookup(slot) or known[0].manifest
    manifest = _renewed(store, found.manifest, is_another=_differs(last, found.manifest))
    try:
        restored = store.commit_kept(manifest, found.manifest, replace=lambda _: True)
    except CorruptEntryError as error:
        raise NoEntryError(f"that result of {slot.stage} cannot be restored", error.message) from error
    _drop(collectable, found)
    return restored


def _renewed(store: Store, manifest: Manifest, *, is_another: bool) -> Manifest:
    """Give a manifest the revisions of now, new ones on disk first where its value is not the last one."""
    slot = manifest.slot
    keys = (slot.key, manifest.content_key)
    revised = store.revise(slot.namespace, keys) if is_another else {}
    named = dict.fromkeys((*keys, *(key for key, _ in manifest.revisions)))
    revisions = tuple((key, revised.get(key) or store.revision(slot.namespace, key)) for key in named)
    return replace(manifest, created=time.time(), revisions=revisions)


def _differs(last: Manifest, manifest: Manifest) -> bool:
    if last.attempt == manifest.attempt:
        return False
    return last.value_digest is None or last.value_digest != manifest.value_digest


def _drop(store: Collectable, found: Earlier) -> None:
    """Remove what was restored from its old place, except what is pinned there."""
    slot, attempt = found.manifest.slot, found.manifest.attempt
    with store.locked(PLACES.writing(slot.namespace, slot.key.hex())):
        if Held(slot, attempt) not in pinned(store.objects, folder_name(slot.namespace)):
            store.objects.remove([found.name])
