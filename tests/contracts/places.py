"""
A kind of store in, its stores as several machines see them out, with the bare objects below them.

What a law does to a store behind its back (damage, a lease of a machine that is gone) it does to the objects: every
kind of store lays them out alike, a local one too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whorl.store.local import LocalStore
from whorl.store.objects.base import Capabilities, Content
from whorl.store.objects.folder import FolderObjects
from whorl.store.objects.looking import ANY_SIZE, create_unseen, replace_seen
from whorl.store.remote.store import RemoteStore
from whorl.store.temporary import Temporary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from whorl.errors import StoreError
    from whorl.store.base import Store
    from whorl.store.objects.base import Listed, Objects

# What waits must not hold up a suite: leases of these tests go stale after 0.45 s.
LEASE_TTL = 0.3


@dataclass
class Place:
    """
    One store, and who uses it: each call of ``open`` is another machine, with a folder of its own for temporary files.

    ``objects`` are the bare objects of every tier that a machine has opened so far.
    """

    open: Callable[[], Store]
    objects: list[Objects] = field(default_factory=list)

    def names(self, kind: str = "") -> list[str]:
        """List the objects of one kind in the namespace ``default``, or of the whole store, in every tier."""
        folder = f"v1/default/{kind}" if kind else ""
        return sorted(item.name for objects in self.objects for item in objects.below(folder))

    def find(self, ending: str) -> tuple[Objects, str]:
        """Find an object by the end of its name, in the last tier that has one."""
        found = [(objects, item.name) for objects in self.objects for item in objects.below("")]
        return [each for each in found if each[1].endswith(ending)][-1]

    def change(self, ending: str, change: Callable[[bytes], bytes | None]) -> int:
        """Change or remove (None) what lies under names with that ending, in every tier; return how many there were."""
        count = 0
        for objects in self.objects:
            for item in list(objects.below("")):
                content = objects.read(item.name, ANY_SIZE) if item.name.endswith(ending) else None
                if content is not None:
                    data = change(content.data)
                    count += 1
                    if data is None:
                        objects.remove([item.name])
                    else:
                        objects.put(item.name, data)
        return count


class Passing:
    """Objects as another machine sees them: the same ones, by another name for the locks of this process."""

    def __init__(self, objects: Objects, machine: str) -> None:
        self._objects = objects
        self.url = f"{objects.url}#{machine}"

    @property
    def capabilities(self) -> Capabilities:
        return self._objects.capabilities

    def read(self, name: str, limit: int) -> Content | None:
        return self._objects.read(name, limit)

    def create(self, name: str, data: bytes) -> bool:
        return self._objects.create(name, data)

    def replace(self, name: str, data: bytes, tag: str) -> bool:
        return self._objects.replace(name, data, tag)

    def put(self, name: str, data: bytes) -> None:
        self._objects.put(name, data)

    def upload(self, name: str, path: str) -> None:
        self._objects.upload(name, path)

    def download(self, name: str, path: str, limit: int) -> int | None:
        return self._objects.download(name, path, limit)

    def below(self, folder: str) -> Iterator[Listed]:
        return self._objects.below(folder)

    def folders(self, folder: str) -> list[str]:
        return self._objects.folders(folder)

    def remove(self, names: Iterable[str]) -> None:
        self._objects.remove(names)

    def now(self) -> float:
        return self._objects.now()

    def abort_unfinished(self, before: float) -> int:
        return self._objects.abort_unfinished(before)


class Unconditional(Passing):
    """Objects of a store that knows no conditions: it looks first and then writes, as some object stores do."""

    def __init__(self, objects: Objects) -> None:
        super().__init__(objects, "")
        self.url = objects.url

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(creates_once=False, replaces_once=False)

    def create(self, name: str, data: bytes) -> bool:
        return create_unseen(self, name, data)

    def replace(self, name: str, data: bytes, tag: str) -> bool:
        return replace_seen(self, name, data, tag)


class Probed(Passing):
    """Objects of a store of which was found out that it guarantees nothing, whatever its kind promises."""

    def __init__(self, objects: Objects) -> None:
        super().__init__(objects, "")
        self.url = objects.url

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(creates_once=False, replaces_once=False)


class Ignoring(Probed):
    """Objects of a store that takes conditions and ignores them: what is written is there, whatever was there."""

    def create(self, name: str, data: bytes) -> bool:
        self._objects.put(name, data)
        return True

    def replace(self, name: str, data: bytes, tag: str) -> bool:
        self._objects.put(name, data)
        return True


def folder_objects(root: Path) -> FolderObjects:
    """Give the bare files of a folder as objects."""
    return FolderObjects(str(root), Temporary(f"{root}-tmp", lambda: None).file)


def remote_store(objects: Objects, folder: Path, **options: float) -> RemoteStore:
    """Give a store over objects; ``folder`` is this machine's for temporary files."""
    given = {"wait_timeout": 5.0, "lease_ttl": LEASE_TTL, **options}
    return RemoteStore(objects, Temporary(str(folder), lambda: None), **given)  # type: ignore[arg-type]


def local_place(root: Path) -> Place:
    """Give a local store: its machines are processes that share a folder."""
    return Place(lambda: LocalStore(root, wait_timeout=5), [folder_objects(root)])


def remote_place(objects: Objects, folder: Path) -> Place:
    """Give a remote store; ``folder`` is for what its machines need of their own."""
    machines = iter(range(1000))

    def machine() -> RemoteStore:
        name = f"machine-{next(machines)}"
        return remote_store(Passing(objects, name), folder / name)

    return Place(machine, [objects])


def refuse(url: str, error: StoreError) -> None:
    """Take a complaint about a tier where none is due."""
    raise AssertionError(f"{url} failed: {error}")
