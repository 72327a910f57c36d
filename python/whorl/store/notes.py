"""
Small records beside manifests in, bytes out, and back: content pointers and markers of shared payloads.

All are hints that are checked against the entries themselves; one that is damaged counts as absent.  On the arrow:
*lookup* by content, and what *commit* leaves behind.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from whorl.errors import CorruptEntryError
from whorl.store import fields
from whorl.store.base import Pointer
from whorl.store.names import checked_nonce

if TYPE_CHECKING:
    from whorl.store.manifest import Manifest, Slot

NOTE_LIMIT = 64 << 10


def encode_pointer(manifest: Manifest) -> bytes:
    """Encode which entry was last published with a content key."""
    return json.dumps({"slot": _plain(manifest.slot), "attempt": manifest.attempt}).encode()


def decode_pointer(data: bytes) -> Pointer | None:
    """Decode a pointer; None where it is damaged: it is written again with the next entry."""
    try:
        found = fields.parse(data)
        attempt = checked_nonce(fields.text(fields.member(found, "attempt")))
        return Pointer(fields.slot(fields.member(found, "slot")), attempt)
    except CorruptEntryError:
        return None


def encode_slot(slot: Slot) -> bytes:
    """Encode a slot, as markers name it."""
    return json.dumps(_plain(slot)).encode()


def decode_slot(data: bytes) -> Slot | None:
    """Decode a slot; None where it is damaged."""
    try:
        return fields.slot(json.loads(data))
    except (CorruptEntryError, ValueError, RecursionError):
        return None


def _plain(slot: Slot) -> list[str]:
    return [slot.namespace, slot.stage, slot.key.hex()]
