"""
A team in, the machines of its members out: each with a local tier, a line to the shared root, and a mirror to read.

The line counts requests and can be cut; the mirror fails the test if anybody writes to it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contracts.places import Passing, folder_objects, remote_store
from store_examples import slot, store_value
from whorl.errors import CorruptEntryError, StoreError
from whorl.store.local import LocalStore
from whorl.store.objects.base import Capabilities
from whorl.store.tier import Tier
from whorl.store.tiers import TieredStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from whorl.store.manifest import Manifest
    from whorl.store.objects.base import Content, Listed, Objects


class Line(Passing):
    """Objects behind a network that counts requests and can be cut, or stall before it is found to be cut."""

    def __init__(self, objects: Objects, machine: str = "line") -> None:
        super().__init__(objects, machine)
        self.requests = 0
        self.is_cut = False
        self.stalls = 0.0

    def _pass(self) -> None:
        self.requests += 1
        if self.is_cut:
            time.sleep(self.stalls)
            raise StoreError("the network is down")

    def read(self, name: str, limit: int) -> Content | None:
        self._pass()
        return super().read(name, limit)

    def create(self, name: str, data: bytes) -> bool:
        self._pass()
        return super().create(name, data)

    def replace(self, name: str, data: bytes, tag: str) -> bool:
        self._pass()
        return super().replace(name, data, tag)

    def put(self, name: str, data: bytes) -> None:
        self._pass()
        super().put(name, data)

    def upload(self, name: str, path: str) -> None:
        self._pass()
        super().upload(name, path)

    def download(self, name: str, path: str, limit: int) -> int | None:
        self._pass()
        return super().download(name, path, limit)

    def below(self, folder: str) -> Iterator[Listed]:
        self._pass()
        return super().below(folder)

    def folders(self, folder: str) -> list[str]:
        self._pass()
        return super().folders(folder)

    def remove(self, names: Iterable[str]) -> None:
        self._pass()
        super().remove(names)


class Anonymous(Passing):
    """Objects that are read without credentials: whoever tries to write fails the test."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(creates_once=True, replaces_once=True, writes=False)

    def create(self, name: str, data: bytes) -> bool:
        raise AssertionError(name)

    def replace(self, name: str, data: bytes, tag: str) -> bool:
        raise AssertionError(name)

    def put(self, name: str, data: bytes) -> None:
        raise AssertionError(name)

    def upload(self, name: str, path: str) -> None:
        raise AssertionError(name)

    def remove(self, names: Iterable[str]) -> None:
        raise AssertionError(names)


@dataclass
class Machine:
    """One user's machine: the tiers, the line to the root, the files of its local tier, and what was complained of."""

    store: TieredStore
    line: Line
    local: Objects
    complaints: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Team:
    """Machines that share a root; ``mirror`` is read by all of them, and filled by nobody."""

    folder: Path

    @property
    def root(self) -> Objects:
        return folder_objects(self.folder / "root")

    @property
    def mirror(self) -> Objects:
        return folder_objects(self.folder / "mirror")

    def machine(self, name: str, *, local: bool = True) -> Machine:
        """Give a machine, with a folder of its own."""
        home = self.folder / name
        complaints: list[tuple[str, str]] = []
        line = Line(self.root, name)
        root = remote_store(line, home / "root")
        mirror = remote_store(Anonymous(self.mirror, name), home / "mirror")
        tiers = [
            Tier("local", "local", LocalStore(home / "local", wait_timeout=5), reads=True, writes=True),
            Tier("root", "root", root, reads=True, writes=True, is_remote=True),
            Tier("lab", "lab", mirror, reads=True, writes=False, is_remote=True),
        ]

        def complain(url: str, error: StoreError) -> None:
            complaints.append((url, error.message))

        store = TieredStore(tiers if local else tiers[1:], complain)
        return Machine(store, line, folder_objects(home / "local"), complaints)

    def fill_mirror(self, value: bytes, **fields: object) -> Manifest:
        """Store a value where the mirror is."""
        return store_value(remote_store(self.mirror, self.folder / "publisher"), slot(), value, **fields)


def damage(objects: Objects, ending: str = "value.bin") -> None:
    """Turn the bytes around under every name with that ending."""
    for item in list(objects.below("")):
        if item.name.endswith(ending):
            content = objects.read(item.name, 1 << 20)
            assert content is not None
            objects.put(item.name, content.data[::-1])


def read_through(store: TieredStore, entry: Manifest | None) -> bytes | None:
    """Read as the engine does: a damaged copy is moved aside, and that of the next tier is read."""
    while entry is not None:
        attempt = entry.attempt
        try:
            return store.reader(entry).read("value.bin")
        except CorruptEntryError:
            store.quarantine(entry, "its payload is damaged")
        entry = next((each for each in store.candidates(slot()) if each.attempt == attempt), None)
    return None
