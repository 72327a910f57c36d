"""
A remote store that is cut off between any two requests: nothing, or one complete entry, and the next commit heals.

Each scenario is run once for every request that it makes, in several ways: the process is killed before or after the
request took effect, or the request fails once, or only its answer is lost.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, TypeVar

import pytest

from contracts.places import Passing, Unconditional, folder_objects, local_place, remote_store
from fault_recorder import number
from store_examples import manifest, slot, store_value, stored_value
from whorl.errors import StoreError
from whorl.store.objects.memory import MemoryObjects
from whorl.store.objects.opening import open_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from fault_recorder import Recorder
    from whorl.store.objects.base import Content, Listed, Objects
    from whorl.store.remote.store import RemoteStore

pytestmark = pytest.mark.faults

T = TypeVar("T")

OLD, NEW = b"old" * 15_000, b"new" * 15_000  # too large to be inline
WAYS = ("killed before", "killed after", "failed before", "failed after", "answer lost")
# Locks of the killed are taken over after 45 ms.
TTL = 0.03


class Killed(BaseException):
    """The process is no more: nothing that it still tries to do has an effect."""


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


@dataclass(frozen=True)
class Scenario:
    """What is done to a store, prepared by an undisturbed one; and which values may be found under which keys."""

    prepare: Callable[[RemoteStore], object]
    disturb: Callable[[RemoteStore], object]
    before: dict[str, bytes | None]
    after: dict[str, bytes | None]


def _keep(store: RemoteStore) -> object:
    source = store.lookup(slot("one"))
    assert source is not None
    return store.commit_kept(manifest(slot("two"), created=9.0), source, replace=lambda _: True)


def _quarantine(store: RemoteStore) -> object:
    found = store.lookup(slot("one"))
    assert found is not None
    return store.quarantine(found, "its payload is damaged")


def _both(store: RemoteStore) -> None:
    store_value(store, slot("one"), OLD)
    _keep(store)


def _begin(store: RemoteStore) -> None:
    store.revise("default", [])


SCENARIOS = {
    "the very first commit": Scenario(
        lambda _: None, lambda store: store_value(store, slot("one"), NEW), {"one": None}, {"one": NEW}
    ),
    "a commit": Scenario(
        _begin, lambda store: store_value(store, slot("one"), NEW, do_replace=False), {"one": None}, {"one": NEW}
    ),
    "a small commit": Scenario(
        _begin, lambda store: store_value(store, slot("one"), b"n"), {"one": None}, {"one": b"n"}
    ),
    "a replacement": Scenario(
        lambda store: store_value(store, slot("one"), OLD),
        lambda store: store_value(store, slot("one"), NEW, created=9e9),
        {"one": OLD},
        {"one": NEW},
    ),
    "a second writer": Scenario(
        lambda store: store_value(store, slot("one"), OLD),
        lambda store: store_value(store, slot("one"), NEW, do_replace=False),
        {"one": OLD},
        {"one": OLD},
    ),
    "keeping": Scenario(
        lambda store: store_value(store, slot("one"), OLD), _keep, {"one": OLD, "two": None}, {"one": OLD, "two": OLD}
    ),
    "removing": Scenario(
        _both, lambda store: store.remove(slot("one")), {"one": OLD, "two": OLD}, {"one": None, "two": OLD}
    ),
    "moving aside": Scenario(_both, _quarantine, {"one": OLD, "two": OLD}, {"one": None, "two": OLD}),
}


@pytest.fixture(params=["conditional", "folder", "unconditional", "bucket"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make_objects(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Objects]]:
    made: list[Objects] = []

    def make() -> Objects:
        if kind == "bucket":
            bucket = request.getfixturevalue("bucket")
            made.append(open_objects(f"{bucket.url}/{len(made)}", bucket.server.options, timeout=30.0))
        elif kind == "folder":
            made.append(folder_objects(tmp_path / f"root-{len(made)}"))
        else:
            memory = MemoryObjects(f"memory://requests-{os.urandom(8).hex()}")
            made.append(memory if kind == "conditional" else Unconditional(memory))
        return made[-1]

    yield make
    for objects in made:
        objects.remove([item.name for item in list(objects.below(""))])


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whorl.store.remote.lease._SETTLING", 0.0)


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("way", WAYS)
def test_cut_off_at_any_request(
    make_objects: Callable[[], Objects], kind: str, tmp_path: Path, recorder: Recorder, way: str, name: str
) -> None:
    """Every key holds its value of before or of after, no payload is missing, and the next commit heals."""
    scenario = SCENARIOS[name]
    points = 0
    # A server takes its time: `make faults` cuts at each of its requests, `make test` at some.
    for at in count(step=number(1, 6) if kind == "bucket" else 1):
        objects = make_objects()
        scenario.prepare(remote_store(objects, tmp_path / "before", lease_ttl=TTL))
        cut = CutOff(objects, f"cut-{at}", at, way)
        failure = _disturb(scenario, remote_store(cut, tmp_path / "cut", lease_ttl=TTL))
        if not cut.was_reached:
            assert failure is None
            break
        points += 1
        store = remote_store(objects, tmp_path / "after", lease_ttl=TTL)

        _check(scenario, store, failure)
        assert _dangling(store) == []
        if way == "answer lost":
            assert failure is None
        is_done = stored_value(store, slot("one")) == scenario.after["one"]
        _heal(store)
        if "killed" in way:
            fault = f"kill between object-store requests: {'S3' if kind == 'bucket' else 'memory and folder'}"
            recorder.note(fault, f"{name}, {way}", "correct" if is_done else "absent")

    assert points > (0 if kind == "bucket" else 3)


def _disturb(scenario: Scenario, store: RemoteStore) -> BaseException | None:
    try:
        scenario.disturb(store)
    except (Killed, StoreError) as error:
        return error
    return None


def _check(scenario: Scenario, store: RemoteStore, failure: BaseException | None) -> None:
    """Look at every key; what was reported as done is done, and what is done was not reported as failed."""
    found = {name: stored_value(store, slot(name)) for name in scenario.after}
    allowed = [{name: state[name] for name in found} for state in (scenario.before, scenario.after)]
    assert found in allowed
    if found["one"] == NEW and scenario.before["one"] == OLD:
        assert [store.reader(each).read("value.bin") for each in store.generations(slot("one"))] == [OLD]
    if failure is None:
        assert found == scenario.after
    elif isinstance(failure, StoreError) and scenario.after["one"] is not None:
        assert found == scenario.before


def _dangling(store: RemoteStore) -> list[str]:
    """Return the payloads that an entry or an earlier one names and that are not there."""
    missing = []
    for name in ("one", "two"):
        for entry in (*store.candidates(slot(name)), *store.generations(slot(name))):
            with suppress(StoreError):
                store.reader(entry).read("value.bin")
                continue
            missing.append(entry.payload)
    return missing


def _heal(store: RemoteStore) -> None:
    """Commit as if nothing had been: locks of the killed are no hindrance for long."""
    healed = store_value(store, slot("one"), b"healed", created=9e10)
    assert store.lookup(slot("one")) == healed
    assert stored_value(store, slot("one")) == b"healed"
    assert store.remove(slot("one"))
    assert stored_value(store, slot("one")) is None
    again = store_value(store, slot("one"), NEW, do_replace=False)
    assert store.lookup(slot("one")) == again
    assert _dangling(store) == []


@pytest.mark.parametrize("way", WAYS)
def test_adopting_cut_off_at_any_request(make_objects: Callable[[], Objects], tmp_path: Path, way: str) -> None:
    """An entry of another store comes whole or not at all, with the payload that it shares there."""
    elsewhere = local_place(tmp_path / "elsewhere").open()
    kept = elsewhere.commit_kept(
        manifest(slot("two")), store_value(elsewhere, slot("one"), OLD), replace=lambda _: True
    )
    scenario = Scenario(
        _begin,
        lambda store: store.adopt(kept, elsewhere.reader(kept)),
        {"one": None, "two": None},
        {"one": None, "two": OLD},
    )
    # A server takes its time: `make faults` cuts at each of its requests, `make test` at some.
    for at in count(step=number(1, 6) if kind == "bucket" else 1):
        objects = make_objects()
        cut = CutOff(objects, f"cut-{at}", at, way)
        failure = _disturb(scenario, remote_store(cut, tmp_path / "cut", lease_ttl=TTL))
        store = remote_store(objects, tmp_path / "after", lease_ttl=TTL)

        found = stored_value(store, slot("two"))
        assert found == OLD or (found is None and failure is not None)
        assert _dangling(store) == []
        if not cut.was_reached:
            assert failure is None
            break
        store.adopt(kept, elsewhere.reader(kept))
        assert stored_value(store, slot("two")) == OLD
