"""
A payload and a manifest in, an entry that others see out: the commit protocol of store.md.

The payload is moved to a name that nothing else ever has, then the manifest appears in one step.  Killed anywhere in
between, a process leaves no entry, or a complete one.  On the arrow: *commit*.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from whorl.errors import CorruptEntryError, StoreError
from whorl.store import fields
from whorl.store.base import Pointer
from whorl.store.codec import encode_manifest
from whorl.store.disk import (
    failure,
    guarded,
    link_once,
    make_folder,
    read_file,
    remove_file,
    remove_folder,
    replace_file,
    sync_folder,
    sync_tree,
    write_file,
)
from whorl.store.names import SIDE, checked_nonce

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.digest import Digest
    from whorl.store.attempt import LocalAttempt
    from whorl.store.codec import Record
    from whorl.store.manifest import Manifest, Slot
    from whorl.store.manifests import Manifests
    from whorl.store.places import Places
    from whorl.store.temporary import Temporary

# Each round means that another writer got ahead of this one.
_ROUNDS = 100
_POINTER_LIMIT = 64 << 10


class Publisher:
    """Writes the entries of one local store; ``durable`` has everything on disk before an entry is seen."""

    def __init__(self, places: Places, temporary: Temporary, manifests: Manifests, *, durable: bool) -> None:
        self._places = places
        self._temporary = temporary
        self._manifests = manifests
        self._durable = durable

    def commit(self, attempt: LocalAttempt, manifest: Manifest, may_replace: Callable[[Manifest], bool]) -> Manifest:
        """Publish an attempt; return what is current then, which is another's entry if that may not be replaced."""
        nonce = attempt.nonce
        complete = replace(manifest, attempt=nonce, payload=nonce, files=attempt.files(), inline=attempt.inline())
        try:
            self._publish_payload(attempt)
            current = self._publish(complete, may_replace)
        except BaseException:
            self._give_up(attempt)
            raise
        if current.attempt == attempt.nonce:
            attempt.settle()
        else:
            attempt.abandon()
        return current

    def commit_kept(self, manifest: Manifest, source: Manifest, may_replace: Callable[[Manifest], bool]) -> Manifest:
        """Publish a manifest that shares the payload of another; inline files are copied."""
        if source.slot.namespace != manifest.slot.namespace:
            raise StoreError("entries of two namespaces cannot share a payload")
        nonce = os.urandom(16).hex()
        shared = replace(manifest, attempt=nonce, payload=source.payload, files=source.files, inline=source.inline)
        if source.inline is not None:
            return self._publish(replace(shared, payload=nonce), may_replace)
        with self._manifests.sharing(source.slot.namespace, source.payload):
            self._mark(source, manifest.slot)
            return self._publish(shared, may_replace)

    def pointer(self, namespace: str, content_key: Digest) -> Pointer | None:
        """Return which entry was last published with a content key."""
        data = read_file(self._places.pointer(namespace, content_key), _POINTER_LIMIT)
        if data is None:
            return None
        try:
            found = fields.parse(data)
            attempt = checked_nonce(fields.text(fields.member(found, "attempt")))
            return Pointer(fields.slot(fields.member(found, "slot")), attempt)
        except CorruptEntryError:  # only a hint: it is written again with the next entry
            return None

    def _publish_payload(self, attempt: LocalAttempt) -> None:
        if attempt.place is None:
            return
        target = self._places.payload(attempt.slot.namespace, attempt.nonce)
        if self._durable:
            sync_tree(attempt.place)
        make_folder(os.path.dirname(target))
        with guarded("write", target):
            os.rename(attempt.place, target)
        attempt.place = target
        self._sync_above(target)

    def _give_up(self, attempt: LocalAttempt) -> None:
        """Drop a payload after a failure, unless its manifest made it."""
        try:
            is_named = self._manifests.names(attempt.slot, payload=attempt.nonce)
        except StoreError:  # who knows: collecting finds it if nothing names it
            is_named = True
        if is_named:
            attempt.settle()
        else:
            attempt.abandon()
            remove_folder(self._places.payload(attempt.slot.namespace, attempt.nonce))  # side files of an inline value

    def _publish(self, manifest: Manifest, may_replace: Callable[[Manifest], bool]) -> Manifest:
        record = encode_manifest(manifest)
        self._write_side(manifest, record)
        temporary = self._temporary.file()
        try:
            write_file(temporary, record.data, durable=self._durable)
            current = self._take_slot(manifest, temporary, may_replace)
        finally:
            remove_file(temporary)
        if current.attempt != manifest.attempt:
            self._drop_side(manifest, record)
            return current
        self._sync_above(self._places.manifest(manifest.slot))
        self._point(manifest)
        self._manifests.forget_damage(manifest.slot)
        return manifest

    def _take_slot(self, manifest: Manifest, temporary: str, may_replace: Callable[[Manifest], bool]) -> Manifest:
        """Put a written manifest in its place, or find the one that stays there."""
        slot = manifest.slot
        make_folder(os.path.dirname(self._places.manifest(slot)))
        for _ in range(_ROUNDS):
            if self._create(slot, temporary):
                return manifest
            existing = self._manifests.lookup(slot)
            if existing is None:  # removed, or it was damaged
                continue
            if existing.attempt == manifest.attempt:  # the answer to our own request was lost
                return manifest
            if not may_replace(existing):
                return existing
            if self._replace(slot, existing.attempt, temporary):
                return manifest
        raise StoreError(f"the entry of {slot.stage} could not be written", "others kept replacing it")

    def _create(self, slot: Slot, temporary: str) -> bool:
        """Make a manifest current where none is."""
        path = self._places.manifest(slot)
        try:
            created = link_once(temporary, path)
        except OSError as error:
            raise failure("write", path, error) from error
        return self._create_by_rename(slot, temporary) if created is None else created

    def _create_by_rename(self, slot: Slot, temporary: str) -> bool:
        """Do the same where the file system has no links, safe among those who take the lock."""
        path = self._places.manifest(slot)
        with self._manifests.writing(slot), guarded("write", path):
            if os.path.lexists(path):
                return False
            os.rename(temporary, path)
        return True

    def _replace(self, slot: Slot, expected: str, temporary: str) -> bool:
        """Make the expected manifest an earlier generation, and the written one current."""
        path = self._places.manifest(slot)
        with self._manifests.writing(slot):
            current = self._manifests.peek(slot)
            if current is None or current.attempt != expected:
                return False
            self._keep_generation(slot, path, expected)
            with guarded("write", path):
                os.replace(temporary, path)
        return True

    def _keep_generation(self, slot: Slot, path: str, attempt: str) -> None:
        """Give the current manifest its name as a generation before it loses that as the current one."""
        folder = self._places.generations(slot)
        make_folder(folder)
        target = f"{folder}/{attempt}"
        with guarded("write", target):
            if link_once(path, target) is None:
                data = read_file(path, os.stat(path).st_size) or b""
                replace_file(target, data, temporary=self._temporary.file(), durable=self._durable)
        self._sync_above(target)

    def _point(self, manifest: Manifest) -> None:
        path = self._places.pointer(manifest.slot.namespace, manifest.content_key)
        slot = [manifest.slot.namespace, manifest.slot.stage, manifest.slot.key.hex()]
        make_folder(os.path.dirname(path))
        data = json.dumps({"slot": slot, "attempt": manifest.attempt}).encode()
        replace_file(path, data, temporary=self._temporary.file(), durable=self._durable)

    def _mark(self, source: Manifest, slot: Slot) -> None:
        """
        Leave markers beside a payload that two slots are going to share.

        The source gets one as well, so that whoever removes the other finds everyone who needs the payload.
        """
        folder = self._places.markers(slot.namespace, source.payload)
        with guarded("write", folder), suppress(FileExistsError):
            try:
                os.mkdir(folder, 0o700)
            except FileNotFoundError as error:
                raise CorruptEntryError(f"the payload of {source.slot.stage} is gone") from error
        for user in (source.slot, slot):
            data = json.dumps([user.namespace, user.stage, user.key.hex()]).encode()
            path = f"{folder}/{user.key.hex()}"
            replace_file(path, data, temporary=self._temporary.file(), durable=self._durable)
        self._sync_above(f"{folder}/{slot.key.hex()}")

    def _write_side(self, manifest: Manifest, record: Record) -> None:
        folder = self._places.payload(manifest.slot.namespace, manifest.payload)
        for name, data in record.side.items():
            make_folder(f"{folder}/{SIDE}")
            write_file(f"{folder}/{name}", data, durable=self._durable)
        if record.side:
            self._sync_above(f"{folder}/{SIDE}/")

    def _drop_side(self, manifest: Manifest, record: Record) -> None:
        folder = self._places.payload(manifest.slot.namespace, manifest.payload)
        for name in record.side:
            remove_file(f"{folder}/{name}")
        if record.side and manifest.inline is not None:
            remove_folder(folder)

    def _sync_above(self, path: str) -> None:
        """Have the names that lead to a path on disk."""
        while self._durable and len(path) > len(self._places.root):
            path = os.path.dirname(path)
            sync_folder(path)
