"""Processes that write to S3 through a proxy, which counts their requests and kills them before one is carried out."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bad_network import PASS, BadNetwork, Kind, Trouble, always
from contracts.places import remote_store
from contracts.scenarios import SCENARIOS, Killed, check, dangling, heal
from fault_recorder import IS_FULL, number
from store_examples import slot, stored_value
from whorl.store.objects.opening import open_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from multiprocessing.context import ForkServerProcess

    from fault_recorder import Recorder
    from remote_servers import Bucket

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(900),
    pytest.mark.skipif("forkserver" not in multiprocessing.get_all_start_methods(), reason="no process can be forked"),
]

FAULT = "kill between object-store requests: a process, behind a proxy"
TIMEOUT, TTL = 30.0, 0.03
STARTING = 60.0


def act(name: str, url: str, options: Mapping[str, object], scratch: str) -> None:
    """Carry a scenario out: the whole life of a process."""
    SCENARIOS[name].disturb(remote_store(open_objects(url, options, TIMEOUT), Path(scratch), lease_ttl=TTL))


@dataclass
class Clients:
    """Starts processes that reach a bucket through a proxy; each has a folder of its own."""

    network: BadNetwork
    bucket: Bucket
    scratch: Path
    folders: int = 0

    @property
    def url(self) -> str:
        """The present folder."""
        return f"{self.bucket.url}/{self.folders}"

    def run(self, name: str, trouble: Callable[[ForkServerProcess, int], Trouble]) -> int:
        """Prepare a new folder, and carry a scenario out there in a new process; give its exit status."""
        self.folders += 1
        SCENARIOS[name].prepare(remote_store(self.objects(), self.scratch / "before", lease_ttl=TTL))
        options = {**self.bucket.server.options, "endpoint_url": f"http://127.0.0.1:{self.network.port}"}
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["contracts.scenarios", "contracts.places", "s3fs"])
        process = context.Process(target=act, args=(name, self.url, options, str(self.scratch / "client")))
        is_started = threading.Event()

        def decide(index: int, _: str) -> Trouble:
            assert is_started.wait(STARTING)
            return trouble(process, index)

        self.network.begin(decide)
        process.start()
        is_started.set()
        process.join(STARTING)
        assert process.exitcode is not None, "the process does not end"
        return process.exitcode

    def objects(self) -> object:
        """Open the present folder directly."""
        return open_objects(self.url, self.bucket.server.options, TIMEOUT)


@pytest.fixture
def clients(bucket: Bucket, tmp_path: Path) -> Iterator[Clients]:
    """Give a bucket with a proxy before it."""
    network = BadNetwork(bucket.server.port).start()
    yield Clients(network, bucket, tmp_path)
    network.begin(always(PASS))
    network.stop()


def kill(process: ForkServerProcess) -> Trouble:
    """End a process as it is; its request is never carried out."""
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    return Trouble(Kind.LOSE)


@pytest.mark.parametrize("name", [name for name in SCENARIOS if IS_FULL or name == "a replacement"])
def test_a_process_killed_before_any_of_its_requests_leaves_nothing_dangling(
    clients: Clients, recorder: Recorder, name: str
) -> None:
    """Every key has its value of before or of after, what is named is there, and the next commit heals."""
    assert clients.run(name, lambda _process, _index: PASS) == 0
    points = clients.network.count
    for at in range(0, points, number(1, 4)):
        status = clients.run(name, lambda process, index, at=at: kill(process) if index == at else PASS)  # type: ignore[misc]
        if status == 0 and clients.network.count <= at:
            continue  # a slow run asks more often than a quick one, by its lease's beats: nothing was killed
        store = remote_store(clients.objects(), clients.scratch / "after", lease_ttl=TTL)  # type: ignore[arg-type]
        with recorder.trial(FAULT, f"{name}, request {at} of {points}"):
            assert status == -signal.SIGKILL
            check(SCENARIOS[name], store, Killed())
            assert dangling(store) == []
            is_done = stored_value(store, slot("one")) == SCENARIOS[name].after["one"]
            heal(store)
        recorder.note(FAULT, name, "correct" if is_done else "absent")

    assert points > 3
