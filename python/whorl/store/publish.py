"""
A payload and a manifest in, an entry that others see out: the commit protocol of store.md.

The payload is moved to a name that nothing else ever has, then the manifest appears in one step.  Killed anywhere in
between, a process leaves no entry, or a complete one.  On the arrow: *commit*.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.digest import hash_file
from whorl.errors import CorruptEntryError, StoreError
from whorl.store.attempt import AttemptReader
from whorl.store.codec import encode_manifest
from whorl.store.contest import check_shared, sharing, take_slot
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
from whorl.store.names import SIDE
from whorl.store.notes import NOTE_LIMIT, decode_pointer, encode_pointer, encode_slot

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.digest import Digest
    from whorl.store.attempt import LocalAttempt
    from whorl.store.base import Pointer, Reader
    from whorl.store.codec import Record
    from whorl.store.manifest import Manifest, PayloadFile, Slot
    from whorl.store.manifests import Manifests
    from whorl.store.places import Places
    from whorl.store.temporary import Temporary


@dataclass(frozen=True, slots=True)
class _Contender:
    """A written record on its way to its slot; ``temporary`` is the file."""

    publisher: Publisher
    slot: Slot
    temporary: str

    def create(self) -> bool:
        return self.publisher.create(self.slot, self.temporary)

    def current(self) -> Manifest | None:
        return self.publisher.manifests.lookup(self.slot)

    def replace(self, existing: Manifest) -> bool:
        return self.publisher.replace(self.slot, existing.attempt, self.temporary)


class Publisher:
    """Writes the entries of one local store; ``durable`` has everything on disk before an entry is seen."""

    def __init__(self, places: Places, temporary: Temporary, manifests: Manifests, *, durable: bool) -> None:
        self._places = places
        self._temporary = temporary
        self.manifests = manifests
        self._durable = durable

    def commit(self, attempt: LocalAttempt, manifest: Manifest, may_replace: Callable[[Manifest], bool]) -> Manifest:
        """Publish an attempt; return what is current then, which is another's entry if that may not be replaced."""
        complete = attempt.complete(manifest)
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
        check_shared(manifest, source)
        shared = sharing(manifest, source)
        if source.inline is not None:
            return self._publish(shared, may_replace)
        with self.manifests.sharing(source.slot.namespace, source.payload):
            self._mark(source.slot.namespace, source.payload, (source.slot, manifest.slot))
            return self._publish(shared, may_replace)

    def adopt(self, manifest: Manifest, reader: Reader, may_replace: Callable[[Manifest], bool]) -> Manifest:
        """Publish an entry of another tier as it is, with its attempt and payload."""
        if isinstance(reader, AttemptReader):
            return self._adopt_attempt(manifest, reader, may_replace)
        if manifest.inline is not None:
            return self._publish(manifest, may_replace)
        self._bring_payload(manifest, reader)
        with self.manifests.sharing(manifest.slot.namespace, manifest.payload):
            if not os.path.isdir(self._places.payload(manifest.slot.namespace, manifest.payload)):
                self._bring_payload(manifest, reader)  # its last user was removed meanwhile
            self._mark(manifest.slot.namespace, manifest.payload, (manifest.slot,))
            return self._publish(manifest, may_replace)

    def _adopt_attempt(
        self, manifest: Manifest, reader: AttemptReader, may_replace: Callable[[Manifest], bool]
    ) -> Manifest:
        """Publish a copy of an attempt that nobody else knows: it goes again if another's entry stays."""
        try:
            if manifest.inline is None:
                self._bring_payload(manifest, reader)
            current = self._publish(manifest, may_replace)
        except BaseException:
            self._drop_unnamed(manifest.slot, manifest.payload)
            raise
        if current.attempt != manifest.attempt:
            remove_folder(self._places.payload(manifest.slot.namespace, manifest.payload))
        return current

    def pointer(self, namespace: str, content_key: Digest) -> Pointer | None:
        """Return which entry was last published with a content key."""
        data = read_file(self._places.pointer(namespace, content_key), NOTE_LIMIT)
        return None if data is None else decode_pointer(data)

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
        if self._drop_unnamed(attempt.slot, attempt.nonce):
            attempt.abandon()
        else:
            attempt.settle()

    def _drop_unnamed(self, slot: Slot, payload: str) -> bool:
        """Remove a payload, or the side files of an inline value, unless a manifest may name it."""
        try:
            is_named = self.manifests.names(slot, payload=payload)
        except StoreError:  # who knows: collecting finds it if nothing names it
            is_named = True
        if not is_named:
            remove_folder(self._places.payload(slot.namespace, payload))
        return not is_named

    def _publish(self, manifest: Manifest, may_replace: Callable[[Manifest], bool]) -> Manifest:
        record = encode_manifest(manifest)
        self._write_side(manifest, record)
        temporary = self._temporary.file()
        try:
            write_file(temporary, record.data, durable=self._durable)
            make_folder(os.path.dirname(self._places.manifest(manifest.slot)))
            current = take_slot(manifest, _Contender(self, manifest.slot, temporary), may_replace)
        finally:
            remove_file(temporary)
        if current.attempt != manifest.attempt:
            self._drop_side(manifest, record)
            return current
        self._sync_above(self._places.manifest(manifest.slot))
        self._point(manifest)
        self.manifests.forget_damage(manifest.slot)
        return manifest

    def create(self, slot: Slot, temporary: str) -> bool:
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
        with self.manifests.writing(slot), guarded("write", path):
            if os.path.lexists(path):
                return False
            os.rename(temporary, path)
        return True

    def replace(self, slot: Slot, expected: str, temporary: str) -> bool:
        """Make the expected manifest an earlier generation, and the written one current."""
        path = self._places.manifest(slot)
        with self.manifests.writing(slot):
            current = self.manifests.peek(slot)
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
        make_folder(os.path.dirname(path))
        replace_file(path, encode_pointer(manifest), temporary=self._temporary.file(), durable=self._durable)

    def _mark(self, namespace: str, payload: str, users: tuple[Slot, ...]) -> None:
        """
        Leave markers beside a payload that several slots are going to share.

        The first user gets one as well, so that whoever removes another finds everyone who needs the payload.
        """
        folder = self._places.markers(namespace, payload)
        with guarded("write", folder), suppress(FileExistsError):
            try:
                os.mkdir(folder, 0o700)
            except FileNotFoundError as error:
                raise CorruptEntryError(f"the payload of {users[0].stage} is gone") from error
        for user in users:
            path = f"{folder}/{user.key.hex()}"
            replace_file(path, encode_slot(user), temporary=self._temporary.file(), durable=self._durable)
            self._sync_above(path)

    def _bring_payload(self, manifest: Manifest, reader: Reader) -> None:
        """Copy the files of a payload that are not here yet; where none is, they get their place at once."""
        target = self._places.payload(manifest.slot.namespace, manifest.payload)
        missing = [file for file in manifest.files if not _is_there(f"{target}/{file.name}", file)]
        if not missing:
            return
        temporary = self._temporary.new_folder()
        try:
            for file in missing:
                make_folder(os.path.dirname(f"{temporary}/{file.name}"))
                reader.fetch(file.name, f"{temporary}/{file.name}")
            if self._durable:
                sync_tree(temporary)
            make_folder(os.path.dirname(target))
            with guarded("write", target):
                _move_into(temporary, target, [file.name for file in missing])
        finally:
            remove_folder(temporary)
        self._sync_above(target)

    def _write_side(self, manifest: Manifest, record: Record) -> None:
        folder = self._places.payload(manifest.slot.namespace, manifest.payload)
        for name, data in record.side.items():
            make_folder(f"{folder}/{SIDE}")
            # An adopted entry may have been here before: the same file again.
            replace_file(f"{folder}/{name}", data, temporary=self._temporary.file(), durable=self._durable)
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


def _is_there(path: str, file: PayloadFile) -> bool:
    with guarded("read", path):
        try:
            return os.lstat(path).st_size == file.size and hash_file(path, stat_table=False) == file.digest
        except (FileNotFoundError, NotADirectoryError):
            return False


def _move_into(temporary: str, target: str, names: list[str]) -> None:
    """Move a folder to its place, or its files into the folder that is there: a payload that lost some of them."""
    if not os.path.isdir(target):
        os.rename(temporary, target)
        return
    for name in names:
        make_folder(os.path.dirname(f"{target}/{name}"))
        os.replace(f"{temporary}/{name}", f"{target}/{name}")
