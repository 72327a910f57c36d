"""
A store in, everything in it that is not as it should be out; with ``repair``, damaged entries are moved aside.

Each manifest with its lists and payload files is read against its digests; each pointer, marker, pin, tree and
tombstone against what it names.  Beside the arrow: what *commit* made is looked after.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.errors import CorruptEntryError, StoreError
from whorl.store import fields
from whorl.store.codec import RECORD_LIMIT
from whorl.store.collect_survey import is_marker
from whorl.store.collectable import PLACES, peek, read_placed, read_record
from whorl.store.disk import digest_bytes
from whorl.store.manifest import LATER
from whorl.store.notes import decode_slot
from whorl.store.pins import pins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whorl.store.base import Store
    from whorl.store.collectable import Collectable
    from whorl.store.manifest import Manifest, Slot
    from whorl.store.objects.base import Listed

_LIMIT = 64 << 20
_DIGEST = 64


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing that is wrong: the object's name, and why in words.

    ``is_entry`` tells that a reader would miss an entry by it; ``repaired`` that it was moved aside or removed.
    """

    name: str
    reason: str
    is_entry: bool = False
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Verified:
    """How many entries were read with their payloads, how many bytes, and what is wrong."""

    entries: int
    bytes: int
    findings: tuple[Finding, ...]


def verify(
    store: Store, collectable: Collectable, chooses: Callable[[Slot], bool] | None = None, *, repair: bool = False
) -> Verified:
    """Verify a store, or the entries of chosen slots; with ``repair`` what is wrong goes out of the readers' way."""
    findings: list[Finding] = []
    entries = size = 0
    for listed in collectable.objects.below(PLACES.entries):
        kind = listed.name.split("/")[2]
        if kind in ("m", "g"):
            manifest, finding = _check_manifest(store, collectable, listed.name, chooses, repair=repair)
            entries += manifest is not None
            size += manifest.size if manifest is not None else 0
            findings += finding
        elif chooses is None:
            findings += _check_other(collectable, listed, kind, repair=repair)
    if chooses is None:
        findings += _check_pins(collectable)
    return Verified(entries, size, tuple(findings))


def _check_manifest(
    store: Store, collectable: Collectable, name: str, chooses: Callable[[Slot], bool] | None, *, repair: bool
) -> tuple[Manifest | None, list[Finding]]:
    """Read one entry whole; give its manifest if it is sound and chosen, and what is wrong with it."""
    try:
        manifest = read_placed(collectable.objects, name)
    except CorruptEntryError as error:
        if chooses is not None:  # it says no more whose it is
            return None, []
        return None, [Finding(name, error.message, is_entry=True, repaired=repair and _move_aside(collectable, name))]
    if manifest is None or (chooses is not None and not chooses(manifest.slot)):
        return None, []
    reason = _payload_damage(store, manifest)
    if reason is None or peek(collectable.objects, name) is None:  # replaced or removed while it was read
        return manifest, []
    if repair:
        store.quarantine(manifest, reason)
    return None, [Finding(name, reason, is_entry=True, repaired=repair)]


def _payload_damage(store: Store, manifest: Manifest) -> str | None:
    """Read everything that a manifest names; say what is wrong."""
    try:
        for name in LATER:
            getattr(manifest, name)
        reader = store.reader(manifest)
        for file in manifest.files if manifest.inline is None else ():
            reader.path(file.name)
    except CorruptEntryError as error:
        return error.message
    return None


def _move_aside(collectable: Collectable, name: str) -> bool:
    """Move a record that does not say whose it is to the quarantine of the key that it lies under."""
    parts = name.split("/")
    space, stage, key = parts[1], parts[3], parts[4]
    with collectable.locked(f"{PLACES.entries}/{space}/l/{key}.w"):
        if _is_sound(collectable, name):  # it was replaced meanwhile, or is gone
            return False
        content = collectable.objects.read(name, RECORD_LIMIT)
        if content is None:
            return False
        target = f"{PLACES.entries}/{space}/q/{stage}/{key}/{os.urandom(8).hex()}"
        collectable.objects.put(target, content.data[:RECORD_LIMIT])
        return collectable.take_away(name, content.data)


def _is_sound(collectable: Collectable, name: str) -> bool:
    try:
        read_placed(collectable.objects, name)
    except CorruptEntryError:
        return False
    return True


def _check_other(collectable: Collectable, listed: Listed, kind: str, *, repair: bool) -> Iterator[Finding]:
    """Check a pointer, tree, tombstone or marker; those that are wrong are only hints, and removed by a repair."""
    checks = {"c": _pointer_damage, "f": _tree_damage, "t": _tombstone_damage, "o": _marker_damage}
    reason = checks[kind](collectable, listed.name) if kind in checks else None
    if reason is not None:
        if repair:
            collectable.objects.remove([listed.name])
        yield Finding(listed.name, reason, repaired=repair)


def _pointer_damage(collectable: Collectable, name: str) -> str | None:
    content = collectable.objects.read(name, _LIMIT)
    if content is None:
        return None
    try:
        slot = fields.slot(fields.member(fields.parse(content.data), "slot"))
    except CorruptEntryError as error:
        return error.message
    earlier = (listed.name for listed in collectable.objects.below(PLACES.generations(slot)))
    for path in (PLACES.manifest(slot), *earlier):
        manifest = peek(collectable.objects, path)
        if manifest is not None and manifest.content_key.hex() == name.rpartition("/")[2]:
            return None
    return "it points to an entry that is not there any more"


def _tree_damage(collectable: Collectable, name: str) -> str | None:
    content = collectable.objects.read(name, _LIMIT)
    if content is None or len(content.data) > _LIMIT:
        return None
    stated, _, data = content.data.partition(b"\n")
    is_sound = len(stated) == _DIGEST and digest_bytes(data).hex().encode() == stated
    return None if is_sound else "its digest does not agree"


def _tombstone_damage(collectable: Collectable, name: str) -> str | None:
    try:
        read_record(collectable.objects, name)
    except CorruptEntryError as error:
        return error.message
    return None


def _marker_damage(collectable: Collectable, name: str) -> str | None:
    content = collectable.objects.read(name, _LIMIT) if is_marker(name) else None
    is_sound = content is None or decode_slot(content.data) is not None
    return None if is_sound else "it does not say who shares the payload"


def _check_pins(collectable: Collectable) -> Iterator[Finding]:
    """Find pins that cannot be read, or hold what is not there."""
    try:
        found = pins(collectable.objects)
    except StoreError as error:
        yield Finding("pins", error.message)
        return
    for name, held in found.items():
        for each in held:
            names = (PLACES.manifest(each.slot), f"{PLACES.generations(each.slot)}/{each.attempt}")
            manifests = [peek(collectable.objects, path) for path in names]
            if not any(manifest is not None and manifest.attempt == each.attempt for manifest in manifests):
                yield Finding(
                    f"pin {name}", f"the entry of {each.slot.stage} ({each.slot.key.short}) that it holds is gone"
                )
