"""Every kind of store keeps the laws of contracts/."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from contracts.kinds import AllLaws, RemoteLaws
from contracts.places import Place, Unconditional, folder_objects, local_place, refuse, remote_store
from whorl.store.local import LocalStore
from whorl.store.objects.memory import MemoryObjects
from whorl.store.objects.opening import open_objects
from whorl.store.tier import Tier
from whorl.store.tiers import TieredStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from remote_servers import Bucket
    from whorl.store.objects.base import Objects


@pytest.fixture
def memory() -> Iterator[MemoryObjects]:
    objects = MemoryObjects(f"memory://contract-{os.urandom(8).hex()}")
    yield objects
    objects.remove([item.name for item in objects.below("")])


class TestLocalStore(AllLaws):
    """A folder of this machine."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        return local_place(tmp_path / "store")


class TestRemoteStoreInMemory(RemoteLaws):
    """Objects that can be created once and replaced once."""

    @pytest.fixture
    def objects(self, memory: MemoryObjects) -> Objects:
        return memory


class TestRemoteStoreInAFolder(RemoteLaws):
    """Objects that can be created once, and need a lock to be replaced."""

    @pytest.fixture
    def objects(self, tmp_path: Path) -> Objects:
        return folder_objects(tmp_path / "root")


class TestRemoteStoreWithoutConditions(RemoteLaws):
    """Objects that guarantee nothing: locks stand in."""

    @pytest.fixture
    def objects(self, memory: MemoryObjects) -> Objects:
        return Unconditional(memory)


def _with_local(root: Objects, tmp_path: Path, *mirrors: Objects) -> Place:
    machines = iter(range(1000))

    def machine() -> TieredStore:
        number = next(machines)
        folder = tmp_path / f"machine-{number}"
        place.objects.insert(0, folder_objects(folder / "local"))
        tiers = [
            Tier("local", "local", LocalStore(folder / "local", wait_timeout=5), reads=True, writes=True),
            Tier("root", "root", remote_store(root, folder / "root"), reads=True, writes=True, is_remote=True),
        ]
        for at, mirror in enumerate(mirrors):
            store = remote_store(mirror, folder / f"mirror-{at}")
            tiers.append(Tier(f"mirror-{at}", "mirror", store, reads=True, writes=False, is_remote=True))
        return TieredStore(tiers, refuse)

    place = Place(machine, [root])
    return place


class TestTiersLocalAndRoot(AllLaws):
    """Each machine has a local tier of its own."""

    keeps = True
    copies = 2

    @pytest.fixture
    def place(self, memory: MemoryObjects, tmp_path: Path) -> Place:
        return _with_local(memory, tmp_path)


class TestTiersLocalRootAndMirror(AllLaws):
    """A mirror that has nothing changes nothing."""

    keeps = True
    copies = 2

    @pytest.fixture
    def place(self, memory: MemoryObjects, tmp_path: Path) -> Place:
        return _with_local(folder_objects(tmp_path / "root"), tmp_path, memory)


class TestTiersOfALocalRoot(AllLaws):
    """One tier is as good as the store in it."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        def machine() -> TieredStore:
            store = LocalStore(tmp_path / "root", wait_timeout=5)
            return TieredStore([Tier("root", "root", store, reads=True, writes=True)], refuse)

        return Place(machine, [folder_objects(tmp_path / "root")])


class TestRemoteStoreInABucket(RemoteLaws):
    """Objects of a server that speaks S3."""

    @pytest.fixture
    def objects(self, bucket: Bucket) -> Objects:
        return open_objects(f"{bucket.url}/a prefix", bucket.server.options, timeout=30.0)
