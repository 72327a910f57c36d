"""What kinds of object stores do when the network or the server fails: an error in time, and no secrets in it."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from bad_network import BadNetwork, Kind, Trouble, always, only
from fake_clouds import KEY, AzureCloud, GoogleCloud
from whorl.errors import StoreError
from whorl.store.objects.opening import open_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from remote_servers import Bucket
    from whorl.store.objects.base import Objects

TIMEOUT = 2.0
# One call may begin a second attempt, and this machine may be busy.
IN_TIME = 3 * TIMEOUT + 4.0
CANARY = "CANARY-of-a-secret"
KINDS = ("s3", "gcs", "azure", "sftp", "web")
CALLS: dict[str, Callable[[Objects, Path], object]] = {
    "read": lambda objects, _: objects.read("v1/a", 100),
    "create": lambda objects, _: objects.create("v1/a", b"x"),
    "replace": lambda objects, _: objects.replace("v1/a", b"x", '"tag"'),
    "put": lambda objects, _: objects.put("v1/a", b"x"),
    "below": lambda objects, _: list(objects.below("v1")),
    "remove": lambda objects, _: objects.remove(["v1/a"]),
    "now": lambda objects, _: objects.now(),
    "download": lambda objects, folder: objects.download("v1/a", str(folder / "new"), 100),
    "upload": lambda objects, folder: objects.upload("v1/a", __file__),
}


def at(kind: str, port: int, tmp_path: Path) -> Objects:
    """Open a root of a kind on a port, with canaries for secrets."""
    azure = f"AccountName=acct;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:{port}/acct"
    roots: dict[str, tuple[str, dict[str, Any]]] = {
        "s3": ("s3://bkt/root", {"endpoint_url": f"http://127.0.0.1:{port}", "key": CANARY, "secret": CANARY}),
        "gcs": ("gs://bkt/root", {"endpoint_url": f"http://127.0.0.1:{port}", "token": "anon", "project": "p"}),
        "azure": ("az://bkt/root", {"connection_string": f"DefaultEndpointsProtocol=http;{azure}"}),
        "sftp": (f"sftp://me:{CANARY}@127.0.0.1:{port}{tmp_path}", {"accept_unknown_hosts": True}),
        "web": (f"http://me:{CANARY}@127.0.0.1:{port}/root?sig={CANARY}", {"headers": {"X": CANARY}}),
    }
    url, options = roots[kind]
    return open_objects(url, options, TIMEOUT)


@pytest.fixture
def closed_port() -> int:
    """Name a port where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Name a port where connections are made and nothing is ever said."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(200)
        yield int(listener.getsockname()[1])


def ask_all(objects: Objects, tmp_path: Path) -> dict[str, tuple[float, str]]:
    """Ask everything at once, to save time; give for each call that failed how long it took and what it said."""
    failed: dict[str, tuple[float, str]] = {}

    def ask(name: str) -> None:
        begin = time.monotonic()
        try:
            CALLS[name](objects, tmp_path)
        except StoreError as error:
            failed[name] = time.monotonic() - begin, f"{error}{error!r}"

    threads = [threading.Thread(target=ask, args=(name,)) for name in CALLS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return failed


@pytest.mark.parametrize("server", ["closed_port", "silent_port"])
@pytest.mark.parametrize("kind", KINDS)
def test_without_an_answer_there_is_an_error_in_time_and_no_secret_in_it(
    request: pytest.FixtureRequest, kind: str, server: str, tmp_path: Path
) -> None:
    """Whatever is asked, where nobody listens and where nothing is ever said."""
    objects = at(kind, request.getfixturevalue(server), tmp_path)
    failed = ask_all(objects, tmp_path)
    said = "".join(words for _, words in failed.values()) + objects.url + repr(objects)

    assert failed.keys() == CALLS.keys()
    assert max(seconds for seconds, _ in failed.values()) < IN_TIME
    assert CANARY not in said
    assert KEY not in said
    assert not (tmp_path / "new").exists()


@pytest.fixture(params=["s3", "gcs", "azure"])
def bad(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[BadNetwork, Objects]]:
    """Give a bad network in front of a store, and the store behind it."""
    if request.param == "s3":
        bucket: Bucket = request.getfixturevalue("bucket")
        network = BadNetwork(bucket.server.port).start()
        options = {**bucket.server.options, "endpoint_url": f"http://127.0.0.1:{network.port}"}
        yield network, open_objects(f"{bucket.url}/root", options, 4.0)
        network.stop()
        return
    cloud = GoogleCloud() if request.param == "gcs" else AzureCloud()
    network = BadNetwork(cloud.port).start()
    yield network, at(request.param, network.port, tmp_path)
    network.stop()
    cloud.stop()


@pytest.mark.parametrize("kind", [Kind.DROP, Kind.LOSE, Kind.CUT])
def test_a_lost_answer_never_hides_that_something_was_created(bad: tuple[BadNetwork, Objects], kind: Kind) -> None:
    """True, or false with the own content in place: the caller then finds its nonce."""
    network, objects = bad
    objects.put("v1/first", b"x")
    network.begin(only(0, Trouble(kind, 20)))
    created = objects.create("v1/a", b"mine")
    found = objects.read("v1/a", 100)

    assert network.count >= 3
    assert found is not None
    assert found.data == b"mine"
    assert created is (kind is Kind.LOSE)


def test_an_answer_that_broke_off_is_never_taken_for_the_whole(bad: tuple[BadNetwork, Objects], tmp_path: Path) -> None:
    """Read again, or an error; nothing is left of a download."""
    network, objects = bad
    data = bytes(range(256)) * 4000
    objects.put("v1/a", data)
    for after in (0, 10, 600, 500_000):
        network.begin(only(0, Trouble(Kind.CUT, after)))
        path = tmp_path / f"new-{after}"
        try:
            done = objects.download("v1/a", str(path), len(data))
        except StoreError:
            assert not path.exists()
        else:
            assert done == len(data)
            assert path.read_bytes() == data
        network.begin(only(0, Trouble(Kind.CUT, after)))
        try:
            found = objects.read("v1/a", len(data))
        except StoreError:
            continue
        assert found is not None
        assert found.data == data


def test_an_answer_that_stalls_is_an_error_in_time(bad: tuple[BadNetwork, Objects]) -> None:
    """Bytes that were announced and do not come."""
    network, objects = bad
    objects.put("v1/a", b"x" * 100_000)
    network.begin(always(Trouble(Kind.STALL)))
    begin = time.monotonic()
    with pytest.raises(StoreError):
        objects.read("v1/a", 100_000)

    assert time.monotonic() - begin < 15
    assert network.count >= 1
