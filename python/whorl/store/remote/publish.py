"""
A payload and a manifest in, an entry that others see out: the commit protocol of store.md behind a network.

The payload's objects are written under names that nothing else ever has, then the manifest appears in one request.
Killed or cut off anywhere in between, a process leaves no entry, or a complete one.  A payload whose manifest may have
been written is never removed here, for the request may still be carried out: what nothing names is collected later.
On the arrow: *commit*.
"""

from __future__ import annotations

import logging
import os
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from whorl.errors import CorruptEntryError, StoreError
from whorl.store.attempt import AttemptReader
from whorl.store.codec import encode_manifest
from whorl.store.contest import check_shared, sharing, take_slot
from whorl.store.notes import NOTE_LIMIT, decode_pointer, encode_pointer, encode_slot
from whorl.store.remote.parallel import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from whorl.digest import Digest
    from whorl.store.base import Pointer, Reader
    from whorl.store.manifest import Manifest, Slot
    from whorl.store.objects.base import Content, Objects
    from whorl.store.places import Places
    from whorl.store.policy import Seal
    from whorl.store.remote.entries import Entries, Entry
    from whorl.store.signing import Key

_log = logging.getLogger("whorl")


class RemotePublisher:
    """Writes the entries of one store behind a network."""

    def __init__(self, objects: Objects, places: Places, entries: Entries, seal: Seal) -> None:
        self._objects = objects
        self._places = places
        self._entries = entries
        self._seal = seal

    def adopt(self, manifest: Manifest, reader: Reader, may_replace: Callable[[Manifest], bool]) -> Manifest:
        """Publish an entry with its attempt; return what is current then."""
        if isinstance(reader, AttemptReader):
            signer = self._seal.for_new(manifest)
            if manifest.inline is None:
                self._upload(manifest, reader)
            return self._publish(manifest, self._dropping(manifest, may_replace), signer)
        self._seal.check_copy(manifest)
        if manifest.inline is not None:
            return self._publish(manifest, may_replace)
        # Others may have this payload here: it is marked before it is looked at, and nothing that fails removes it.
        with self._entries.sharing(manifest.slot.namespace, manifest.payload):
            self._mark(manifest.slot.namespace, manifest.payload, (manifest.slot,))
            if self._entries.was_damaged(manifest.slot) or not self.has_payload(manifest):
                self._upload(manifest, reader)
            return self._publish(manifest, may_replace)

    def _dropping(self, manifest: Manifest, may_replace: Callable[[Manifest], bool]) -> Callable[[Manifest], bool]:
        """Drop what was written for a new attempt, which nobody else knows, once another's entry stays."""

        def decide(existing: Manifest) -> bool:
            is_replaced = False
            try:
                is_replaced = may_replace(existing)
            finally:
                if not is_replaced:
                    self._drop(manifest)
            return is_replaced

        return decide

    def commit_kept(self, manifest: Manifest, source: Manifest, may_replace: Callable[[Manifest], bool]) -> Manifest:
        """Publish a manifest that shares the payload of another; inline files are copied."""
        check_shared(manifest, source)
        shared = sharing(manifest, source)
        signer = self._seal.for_kept(shared, source)
        if source.inline is not None:
            return self._publish(shared, self._dropping(shared, may_replace), signer)
        with self._entries.sharing(source.slot.namespace, source.payload):
            self._mark(source.slot.namespace, source.payload, (source.slot, manifest.slot))
            if not self.has_payload(source):
                raise CorruptEntryError(f"the payload of {source.slot.stage} is gone")
            return self._publish(shared, may_replace, signer)

    def pointer(self, namespace: str, content_key: Digest) -> Pointer | None:
        """Return which entry was last published with a content key."""
        content = self._objects.read(self._places.pointer(namespace, content_key), NOTE_LIMIT)
        return None if content is None else decode_pointer(content.data)

    def has_payload(self, manifest: Manifest) -> bool:
        """Whether every file that a manifest names is there, with its size."""
        folder = self._places.payload(manifest.slot.namespace, manifest.payload)
        there = {item.name: item.size for item in self._objects.below(folder)}
        return all(there.get(f"{folder}/{file.name}") == file.size for file in manifest.files)

    def _upload(self, manifest: Manifest, reader: Reader) -> None:
        folder = self._places.payload(manifest.slot.namespace, manifest.payload)
        paths = {name: os.fspath(reader.path(name)) for name in reader.names}
        side_by_side(lambda name: self._objects.upload(f"{folder}/{name}", paths[name]), list(paths))

    def _publish(
        self, manifest: Manifest, may_replace: Callable[[Manifest], bool], signer: Key | None = None
    ) -> Manifest:
        record = encode_manifest(manifest, signer)
        if record.signature is not manifest.signature:
            manifest = replace(manifest, signature=record.signature)
        folder = self._places.payload(manifest.slot.namespace, manifest.payload)
        side_by_side(lambda name: self._objects.put(f"{folder}/{name}", record.side[name]), list(record.side))
        contender = _Contender(self._objects, self._places, self._entries, manifest.slot, record.data)
        current = self._settle(manifest, contender, may_replace)
        if current.attempt == manifest.attempt:
            self._point(manifest)
        return current

    def _settle(self, manifest: Manifest, contender: _Contender, may_replace: Callable[[Manifest], bool]) -> Manifest:
        """Take the slot; a failure whose request was carried out all the same is a success."""
        try:
            return take_slot(manifest, contender, may_replace)
        except StoreError:
            there = self._entries.peek(self._places.manifest(manifest.slot), manifest.slot)
            if there is None or there.manifest.attempt != manifest.attempt:
                raise
            return manifest

    def _point(self, manifest: Manifest) -> None:
        """Leave a hint for content keys, and forget damage: neither may cost a result that is committed."""
        try:
            name = self._places.pointer(manifest.slot.namespace, manifest.content_key)
            self._objects.put(name, encode_pointer(manifest))
            self._entries.forget_damage(manifest.slot)
        except StoreError as error:
            _log.warning("the entry of %s is stored, but not under its content: %s", manifest.slot.stage, error)

    def _mark(self, namespace: str, payload: str, users: Iterable[Slot]) -> None:
        folder = self._places.markers(namespace, payload)
        for user in users:
            self._objects.put(f"{folder}/{user.key.hex()}", encode_slot(user))

    def _drop(self, manifest: Manifest) -> None:
        """Remove a payload that never had a manifest: another's entry is current."""
        folder = self._places.payload(manifest.slot.namespace, manifest.payload)
        try:
            self._objects.remove([item.name for item in self._objects.below(folder)])
        except StoreError as error:
            _log.debug("a payload that nothing names is left to be collected: %s", error)


@dataclass(slots=True)
class _Contender:
    """A record on its way to its slot; ``seen`` is the entry that was there."""

    objects: Objects
    places: Places
    entries: Entries
    slot: Slot
    data: bytes
    seen: Entry | None = field(default=None)

    def create(self) -> bool:
        name, is_conditional = self.places.manifest(self.slot), self.entries.capabilities.creates_once
        with self._locked(is_conditional):
            # A store may take the condition and ignore it.
            if not is_conditional and self.objects.read(name, 0) is not None:
                return False
            return self.objects.create(name, self.data)

    def current(self) -> Manifest | None:
        self.seen = self.entries.find(self.slot)
        return None if self.seen is None else self.seen.manifest

    def replace(self, existing: Manifest) -> bool:
        """Give the current manifest its name as a generation before it loses that as the current one."""
        assert self.seen is not None
        name, seen = self.places.manifest(self.slot), self.seen.content
        generation = f"{self.places.generations(self.slot)}/{existing.attempt}"
        is_conditional = self.entries.capabilities.replaces_once
        with self._locked(is_conditional):
            self.objects.put(generation, seen.data)
            is_same = is_conditional or self._is_still(name, seen)
            if is_same and self.objects.replace(name, self.data, seen.tag):
                return True
            if self.objects.read(name, 0) is None:  # it was removed meanwhile, with its generations
                self.objects.remove([generation])
            return False

    def _is_still(self, name: str, seen: Content) -> bool:
        there = self.objects.read(name, len(seen.data))
        return there is not None and there.data == seen.data

    def _locked(self, is_conditional: bool) -> AbstractContextManager[None]:  # noqa: FBT001 - what the store guarantees
        """Hold the slot's writing lock where the store cannot tell who came first."""
        return nullcontext() if is_conditional else self.entries.writing(self.slot)
