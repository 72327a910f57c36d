"""S3 behind a bad network: answers that are cut, stall or are lost, at each request, once or from then on."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from bad_network import BadNetwork, Kind, Trouble, always, only
from contracts.places import remote_store
from contracts.scenarios import OLD, SCENARIOS, Scenario, begin, check, dangling, heal
from fault_recorder import IS_FULL, number
from object_stores import ClockedObjects
from store_examples import slot, store_value, stored_value
from whorl.errors import StoreError
from whorl.store.collect import collect
from whorl.store.collect_plan import Limits
from whorl.store.objects.opening import open_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fault_recorder import Recorder
    from remote_servers import Bucket
    from whorl.store.objects.base import Objects
    from whorl.store.remote.store import RemoteStore

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

ONCE, FROM_THEN_ON = (f"cut, stalled or lost answers: {when}" for when in ("once", "from then on"))
ANSWERS = {
    "cut": Trouble(Kind.CUT, 20),
    "lost": Trouble(Kind.DROP),
    "never asked": Trouble(Kind.LOSE),
    "stalled": Trouble(Kind.STALL),
}
TIMEOUT = 2.0
# A request is sent three times; a commit that fails asks whether it took effect, and lets its locks go.
IN_TIME = 20 * TIMEOUT
TTL = 0.3
DAY = 86400.0
LARGE = b"large" * (2 << 20)  # S3 takes it in two parts


def _read(store: RemoteStore) -> object:
    found = store.lookup(slot("one"))
    assert found is not None
    return store.reader(found).read("value.bin")


WHAT = {
    **{name: SCENARIOS[name] for name in ("a commit", "a small commit", "a replacement", "keeping", "removing")},
    "a large commit": Scenario(
        begin, lambda store: store_value(store, slot("one"), LARGE), {"one": None}, {"one": LARGE}
    ),
    "reading": Scenario(lambda store: store_value(store, slot("one"), OLD), _read, {"one": OLD}, {"one": OLD}),
}
FEW = ("a commit",)


@dataclass
class Line:
    """A bucket with a bad network before it; each trial has a folder of its own."""

    network: BadNetwork
    bucket: Bucket
    scratch: Path
    folders: int = 0

    def new(self) -> None:
        """Go on to another folder."""
        self.folders += 1
        self.direct = self.objects(30.0, self.bucket.server.port)

    def store(self, objects: Objects | None = None) -> RemoteStore:
        """Open the store of the present folder, directly or through the network."""
        return remote_store(objects or self.direct, self.scratch, lease_ttl=TTL)

    def objects(self, timeout: float, port: int) -> Objects:
        """Open its objects."""
        options = {**self.bucket.server.options, "endpoint_url": f"http://127.0.0.1:{port}"}
        return open_objects(f"{self.bucket.url}/{self.folders}", options, timeout)

    def disturb(self, scenario: Scenario, trouble: Callable[[int, str], Trouble]) -> tuple[StoreError | None, float]:
        """Prepare a new folder, and do what is to be disturbed there; give how it failed, and how long it took."""
        self.new()
        scenario.prepare(self.store())
        self.network.begin(always(Trouble(Kind.PASS)))
        objects = self.objects(TIMEOUT, self.network.port)
        objects.read("warm", 0)  # making a client takes a second of its own
        store = self.store(objects)
        self.network.begin(trouble)
        began = time.monotonic()
        try:
            scenario.disturb(store)
        except StoreError as error:
            return error, time.monotonic() - began
        return None, time.monotonic() - began

    def points(self, scenario: Scenario) -> range:
        """Number every other request of an undisturbed run; `make test` tries fewer."""
        assert self.disturb(scenario, always(Trouble(Kind.PASS)))[0] is None
        return range(0, self.network.count, number(2, 10))

    def leftovers(self) -> list[str]:
        """Collect everything, twice and late; list what is left all the same."""
        for days in (10, 20):
            found = self.store().collectable()
            assert found is not None
            late = replace(found, objects=ClockedObjects(found.objects, days * DAY))  # type: ignore[type-var]
            collect(late, Limits(older_than=0.0), {})
        uploads = self.bucket.client.call_s3("list_multipart_uploads", Bucket=self.bucket.name).get("Uploads", [])
        return [item.name for item in self.store().objects.below("")] + [upload["Key"] for upload in uploads]


@pytest.fixture
def line(bucket: Bucket, tmp_path: Path) -> Iterator[Line]:
    """Give a bucket behind a network that does what the test says."""
    network = BadNetwork(bucket.server.port).start()
    yield Line(network, bucket, tmp_path)
    network.stop()


def since(first: int, trouble: Trouble) -> Callable[[int, str], Trouble]:
    """Let some requests pass, and treat all others alike."""
    return lambda index, _line: trouble if index >= first else Trouble(Kind.PASS)


@pytest.mark.parametrize("what", [what for what in WHAT if IS_FULL or what in FEW])
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_request_that_is_answered_badly_once_is_no_failure(
    line: Line, recorder: Recorder, answer: str, what: str
) -> None:
    """
    It is sent again: what was to be done is done, in time, and nothing is left over once all is collected.

    A stalled answer may use up the time that a request has: then only what is really undone is a failure.
    """
    scenario = WHAT[what]
    for at in line.points(scenario):
        failure, seconds = line.disturb(scenario, only(at, ANSWERS[answer]))
        with recorder.trial(ONCE, f"{what}, {answer}, request {at}: {line.network.requests}"):
            assert failure is None or answer == "stalled"
            assert seconds < IN_TIME
            check(scenario, line.store(), failure)
            assert dangling(line.store()) == []
            heal(line.store())
            assert line.leftovers() == ["WHORL.json"]
        recorder.note(ONCE, f"{what}, {answer}", "correct" if failure is None else "absent")

    assert line.folders > 1


@pytest.mark.parametrize("what", [what for what in WHAT if IS_FULL or what in FEW])
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_network_that_fails_from_some_request_on_is_a_failure_in_time(
    line: Line, recorder: Recorder, answer: str, what: str
) -> None:
    """The entry is as before or as after, and whole; once the network is back, the next commit heals."""
    scenario = WHAT[what]
    for at in line.points(scenario):
        failure, seconds = line.disturb(scenario, since(at, ANSWERS[answer]))
        with recorder.trial(FROM_THEN_ON, f"{what}, {answer}, request {at}: {line.network.requests}"):
            assert seconds < IN_TIME
            found = {name: stored_value(line.store(), slot(name)) for name in scenario.after}
            assert found in (scenario.before, scenario.after)
            assert failure is not None or found == scenario.after
            assert dangling(line.store()) == []
            heal(line.store())
            assert line.leftovers() == ["WHORL.json"]
        recorder.note(FROM_THEN_ON, f"{what}, {answer}", "correct" if found == scenario.after else "absent")

    assert line.folders > 1
