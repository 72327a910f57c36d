"""
Names in, entries that nothing collects out: ``p/<name>`` lists slots with attempts, one object per namespace.

A pin holds a manifest, current or earlier, and with it the payload that decoding needs.  Beside the arrow: what
*commit* made is looked after.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.errors import CorruptEntryError, StoreError
from whorl.store import fields
from whorl.store.collectable import PLACES, current_and_earlier
from whorl.store.names import checked_nonce, folder_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whorl.store.collectable import Collectable
    from whorl.store.manifest import Manifest, Slot
    from whorl.store.objects.base import Objects

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LIMIT = 16 << 20


@dataclass(frozen=True, slots=True)
class Held:
    """One manifest that is pinned."""

    slot: Slot
    attempt: str


def pin(store: Collectable, name: str, manifests: Iterable[Manifest]) -> int:
    """
    Pin manifests under a name, besides those that it has already; return how many it holds then.

    ``StoreError`` where one is gone: the collector looks for pins under the lock that is held while looking here.
    """
    spaces: dict[str, list[Manifest]] = {}
    for manifest in manifests:
        spaces.setdefault(folder_name(manifest.slot.namespace), []).append(manifest)
    return sum(_pin_in(store, space, checked_name(name), wanted) for space, wanted in spaces.items())


def _pin_in(store: Collectable, space: str, name: str, wanted: list[Manifest]) -> int:
    path = f"{PLACES.entries}/{space}/p/{name}"
    with store.locked(f"{PLACES.entries}/{space}/l/pins.w"):
        before = set(_read(store.objects, path))
        held = before | {Held(manifest.slot, manifest.attempt) for manifest in wanted}
        _write(store, path, held)
        try:
            gone = {Held(each.slot, each.attempt) for each in wanted if not _is_there(store, each)}
        except BaseException:  # a lock that could not be had: nobody was promised anything
            _write(store, path, before)
            raise
        if gone:
            _write(store, path, held - gone)
            stage = next(iter(gone)).slot.stage
            raise StoreError(f"the entry of {stage} is gone", "it was removed or replaced just now")
    return len(held)


def _write(store: Collectable, path: str, held: set[Held]) -> None:
    if held:
        store.objects.put(path, _written(held))
    else:
        store.objects.remove([path])


def _is_there(store: Collectable, manifest: Manifest) -> bool:
    slot = manifest.slot
    with store.locked(PLACES.writing(slot.namespace, slot.key.hex())):
        return manifest.attempt in {each.attempt for _, each in current_and_earlier(store.objects, slot)}


def unpin(store: Collectable, name: str) -> int:
    """Remove a pin in all namespaces, a damaged one too; return how many objects it was."""
    found = [path for path in _pins(store.objects) if path.rpartition("/")[2] == checked_name(name)]
    store.objects.remove(found)
    return len(found)


def pins(objects: Objects, space: str | None = None) -> dict[str, list[Held]]:
    """Return what is pinned in all namespaces, or in the folder of one, by the names of pins."""
    found: dict[str, list[Held]] = {}
    for path in _pins(objects, space):
        found.setdefault(path.rpartition("/")[2], []).extend(_read(objects, path))
    return found


def pinned(objects: Objects, space: str | None = None) -> frozenset[Held]:
    """Return everything that some pin holds."""
    return frozenset(held for each in pins(objects, space).values() for held in each)


def checked_name(name: str) -> str:
    """Return a pin's name; ``StoreError`` where it is none."""
    if not _NAME.fullmatch(name):
        raise StoreError(
            f"a pin cannot be named {name[:80]!r}", "names are letters, digits, '.', '_' and '-', 100 at most"
        )
    return name


def _pins(objects: Objects, space: str | None = None) -> Iterator[str]:
    spaces = [space] if space else sorted({listed.name.split("/")[1] for listed in objects.below(PLACES.entries)})
    for each in spaces:
        yield from sorted(listed.name for listed in objects.below(f"{PLACES.entries}/{each}/p"))


def _read(objects: Objects, path: str) -> list[Held]:
    """Read a pin; one that cannot be read is an error, for what it holds would be collected."""
    content = objects.read(path, _LIMIT)
    if content is None:
        return []
    try:
        return list(fields.many(fields.parse(content.data).get("held"), _held))
    except CorruptEntryError as error:
        tip = "remove it, if nothing needs to be held: whorl pin --remove --name NAME"
        raise StoreError(f"the pin {path} is damaged", error.message, tip) from error


def _held(value: object) -> Held:
    namespace, stage, key, attempt = fields.row(value, 4)
    return Held(fields.slot([namespace, stage, key]), checked_nonce(fields.text(attempt)))


def _written(held: Iterable[Held]) -> bytes:
    rows = sorted([each.slot.namespace, each.slot.stage, each.slot.key.hex(), each.attempt] for each in held)
    return json.dumps({"held": rows}).encode()
