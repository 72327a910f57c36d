"""
A remote store that is cut off between any two requests: nothing, or one complete entry, and the next commit heals.

Each scenario is run once for every request that it makes, in several ways: the process is killed before or after the
request took effect, or the request fails once, or only its answer is lost.
"""

from __future__ import annotations

import os
import threading
from itertools import count
from typing import TYPE_CHECKING, TypeVar

import pytest

from contracts.places import Ignoring, Passing, Probed, Unconditional, folder_objects, local_place, remote_store
from contracts.scenarios import OLD, SCENARIOS, Killed, Scenario, begin, check, dangling, heal
from fault_recorder import IS_FULL, number
from store_examples import manifest, slot, store_value, stored_value
from whorl.errors import StoreError
from whorl.store.objects.memory import MemoryObjects
from whorl.store.objects.opening import open_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from fault_recorder import Recorder
    from whorl.store.objects.base import Content, Listed, Objects
    from whorl.store.remote.store import RemoteStore

pytestmark = pytest.mark.faults

T = TypeVar("T")

WAYS = ("killed before", "killed after", "failed before", "failed after", "answer lost")
FAULT = "kill between object-store requests"
# The kinds of objects, by what the rows of the matrix call them; `make faults` takes the slower servers as well.
WHERE = {
    "conditional": "memory and folder",
    "folder": "memory and folder",
    "unconditional": "memory and folder",
    "ignoring": "memory and folder",
    "bucket": "S3 (moto)",
    "ceph": "S3 (Ceph)",
    "sftp": "SFTP",
    "google": "Google's storage (emulator)",
}
SLOW = ("ceph", "sftp", "google")
# Locks of the killed are taken over after 45 ms.
TTL = 0.03


class CutOff(Passing):
    """Objects that are cut off at the request of one number, counted from 0, in one of the ``WAYS``."""

    def __init__(self, objects: Objects, machine: str, at: int, way: str) -> None:
        super().__init__(objects, machine)
        self._at = at
        self._way = way
        self._numbers = count()
        self.was_reached = False

    def read(self, name: str, limit: int) -> Content | None:
        return self._request(lambda: self._objects.read(name, limit))

    def create(self, name: str, data: bytes) -> bool:
        return self._request(lambda: self._objects.create(name, data), lost=False)

    def replace(self, name: str, data: bytes, tag: str) -> bool:
        return self._request(lambda: self._objects.replace(name, data, tag), lost=False)

    def put(self, name: str, data: bytes) -> None:
        self._request(lambda: self._objects.put(name, data))

    def upload(self, name: str, path: str) -> None:
        self._request(lambda: self._objects.upload(name, path))

    def download(self, name: str, path: str, limit: int) -> int | None:
        return self._request(lambda: self._objects.download(name, path, limit))

    def below(self, folder: str) -> Iterator[Listed]:
        return iter(self._request(lambda: list(self._objects.below(folder))))

    def folders(self, folder: str) -> list[str]:
        return self._request(lambda: self._objects.folders(folder))

    def remove(self, names: Iterable[str]) -> None:
        for name in list(names):  # a store may carry out some of them
            self._request(lambda name=name: self._objects.remove([name]))  # type: ignore[misc]

    def _request(self, carry_out: Callable[[], T], lost: T | None = None) -> T:
        if threading.current_thread().name == "whorl lease":  # a beat, at no moment of its own
            if self.was_reached and "killed" in self._way:
                raise StoreError("killed")
            return carry_out()
        if self.was_reached and "killed" in self._way:
            raise Killed
        if next(self._numbers) != self._at:
            return carry_out()
        self.was_reached = True
        if self._way.endswith("before"):
            raise self._failure()
        answer = carry_out()
        if self._way == "answer lost":
            return answer if lost is None else lost
        raise self._failure()

    def _failure(self) -> BaseException:
        return Killed() if "killed" in self._way else StoreError("the connection was cut")


@pytest.fixture(params=[kind for kind in WHERE if IS_FULL or kind not in SLOW])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make_objects(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Objects]]:
    made: list[Objects] = []

    def make() -> Objects:
        name = os.urandom(8).hex()
        if kind == "folder":
            made.append(folder_objects(tmp_path / name))
        elif kind in ("conditional", "unconditional", "ignoring"):
            memory = MemoryObjects(f"memory://requests-{name}")
            made.append({"unconditional": Unconditional, "ignoring": Ignoring}.get(kind, _as_it_is)(memory))
        else:
            url, options = _server(kind, request)
            found = open_objects(f"{url}/{name}", options, timeout=30.0)
            made.append(Probed(found) if kind == "google" else found)  # the emulator ignores conditions
        return made[-1]

    yield make
    for objects in made:
        objects.remove([item.name for item in list(objects.below(""))])


def _as_it_is(objects: Objects) -> Objects:
    return objects


def _server(kind: str, request: pytest.FixtureRequest) -> tuple[str, Mapping[str, object]]:
    """Name a folder behind a server, and how it is reached."""
    match kind:
        case "bucket":
            bucket = request.getfixturevalue("bucket")
            return bucket.url, bucket.server.options
        case "ceph":
            return "s3://bkt", request.getfixturevalue("ceph").options
        case "sftp":
            sshd = request.getfixturevalue("sshd")
            return sshd.url(str(request.getfixturevalue("tmp_path"))), sshd.options
        case _:
            return "gs://bkt", request.getfixturevalue("gcs_emulator").options


def _step(kind: str) -> int:
    """A server takes its time: `make faults` cuts at each of its requests, `make test` at some."""
    return number(1, 6) if kind == "bucket" else 1


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whorl.store.remote.lease._SETTLING", 0.0)


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("way", WAYS)
def test_cut_off_at_any_request(
    make_objects: Callable[[], Objects], kind: str, tmp_path: Path, recorder: Recorder, way: str, name: str
) -> None:
    """Every key holds its value of before or of after, no payload is missing, and the next commit heals."""
    if kind in SLOW and "killed" not in way:
        pytest.skip("what fails without a kill is tried with the quicker kinds")
    scenario, label = SCENARIOS[name], f"{FAULT}: {WHERE[kind]}"
    points = 0
    for at in count(step=_step(kind)):
        objects = make_objects()
        scenario.prepare(remote_store(objects, tmp_path / "before", lease_ttl=TTL))
        cut = CutOff(objects, f"cut-{at}", at, way)
        failure = _disturb(scenario, remote_store(cut, tmp_path / "cut", lease_ttl=TTL))
        if not cut.was_reached:
            assert failure is None
            break
        points += 1
        store = remote_store(objects, tmp_path / "after", lease_ttl=TTL)
        with recorder.trial(label, f"{name}, {way}, {at}"):
            check(scenario, store, failure)
            assert dangling(store) == []
            if way == "answer lost":
                assert failure is None
            is_done = stored_value(store, slot("one")) == scenario.after["one"]
            heal(store)
        if "killed" in way:
            recorder.note(label, f"{name}, {way}", "correct" if is_done else "absent")

    assert points > (3 if _step(kind) == 1 else 0)


def _disturb(scenario: Scenario, store: RemoteStore) -> BaseException | None:
    try:
        scenario.disturb(store)
    except (Killed, StoreError) as error:
        return error
    return None


@pytest.mark.parametrize("way", WAYS)
def test_adopting_cut_off_at_any_request(
    make_objects: Callable[[], Objects], kind: str, tmp_path: Path, way: str
) -> None:
    """An entry of another store comes whole or not at all, with the payload that it shares there."""
    elsewhere = local_place(tmp_path / "elsewhere").open()
    kept = elsewhere.commit_kept(
        manifest(slot("two")), store_value(elsewhere, slot("one"), OLD), replace=lambda _: True
    )
    scenario = Scenario(
        begin,
        lambda store: store.adopt(kept, elsewhere.reader(kept)),
        {"one": None, "two": None},
        {"one": None, "two": OLD},
    )
    for at in count(step=_step(kind)):
        objects = make_objects()
        cut = CutOff(objects, f"cut-{at}", at, way)
        failure = _disturb(scenario, remote_store(cut, tmp_path / "cut", lease_ttl=TTL))
        store = remote_store(objects, tmp_path / "after", lease_ttl=TTL)

        found = stored_value(store, slot("two"))
        assert found == OLD or (found is None and failure is not None)
        assert dangling(store) == []
        if not cut.was_reached:
            assert failure is None
            break
        store.adopt(kept, elsewhere.reader(kept))
        assert stored_value(store, slot("two")) == OLD
