"""Every kind of object store passes one suite (contracts/objects.py)."""

from __future__ import annotations

import http.server
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from contracts.objects import READING, Root
from contracts.objects_together import TOGETHER
from contracts.objects_writing import WRITING
from fake_clouds import AzureCloud, GoogleCloud
from whorl.store.objects.folder import FolderObjects
from whorl.store.objects.opening import open_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from object_servers import GcsEmulator, Sshd
    from remote_servers import Bucket

TIMEOUT = 30.0
KINDS = ("memory", "folder", "other", "s3", "sftp", "gcs", "azure", "gcs_emulator")
READERS = (*KINDS, "web")
# The emulator writes whatever the conditions are, breaks off where content is empty, and takes minutes for a thousand.
NOT_BY_THE_EMULATOR = {
    "an_empty_object_is_empty",
    "downloads_of_all_sizes_are_whole",
    "writing_writes_over",
    "uploads_of_all_sizes_are_whole",
    "more_objects_than_fit_a_page_are_listed_and_removed",
    "what_exists_is_not_created",
    "an_empty_object_exists",
    "a_version_is_replaced_once",
    "the_next_version_is_replaced_by_its_own_tag",
    "a_version_that_is_gone_is_not_replaced",
    "a_tag_changes_with_the_content",
    "of_several_creators_at_most_one_wins",
    "of_several_clients_at_most_one_creates",
    "of_several_replacements_at_most_one_wins",
}


@pytest.fixture
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Root:
    """Give an empty root of the kind that the test is for."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    root: Root = request.getfixturevalue(f"{request.param}_root")(scratch)
    return root


def opened(url: str, options: dict[str, Any], scratch: Path) -> Root:
    """Make a root of a URL."""

    def open_again() -> Any:
        return open_objects(url, options, TIMEOUT)

    return Root(open_again, open_again(), scratch)


@pytest.fixture
def memory_root() -> Iterator[Callable[[Path], Root]]:
    """Give a root in this process, and empty it afterwards."""
    import fsspec

    yield lambda scratch: opened("memory://store/root", {}, scratch)
    fsspec.filesystem("memory").rm("/store", recursive=True) if fsspec.filesystem("memory").exists("/store") else None


@pytest.fixture
def folder_root(tmp_path: Path) -> Callable[[Path], Root]:
    """Give a root that is a folder."""
    return lambda scratch: Root(lambda: local(tmp_path), local(tmp_path), scratch)


def local(tmp_path: Path) -> FolderObjects:
    """Open a folder as objects."""
    import os

    (tmp_path / "store").mkdir(exist_ok=True)
    (tmp_path / "temporary").mkdir(exist_ok=True)
    return FolderObjects(str(tmp_path / "store"), lambda: str(tmp_path / "temporary" / os.urandom(8).hex()))


@pytest.fixture
def other_root(tmp_path: Path) -> Callable[[Path], Root]:
    """Give a root in a file system of fsspec's that is none of the known kinds."""
    return lambda scratch: opened(f"file://{tmp_path}/store", {}, scratch)


@pytest.fixture
def s3_root(bucket: Bucket) -> Callable[[Path], Root]:
    """Give a folder of a bucket."""
    return lambda scratch: opened(f"{bucket.url}/some/root", dict(bucket.server.options), scratch)


@pytest.fixture
def sftp_root(sshd: Sshd, tmp_path: Path) -> Callable[[Path], Root]:
    """Give a folder behind SFTP."""
    return lambda scratch: opened(sshd.url(f"{tmp_path}/store"), sshd.options, scratch)


@pytest.fixture
def gcs_root() -> Iterator[Callable[[Path], Root]]:
    """Give a folder of a bucket of a server that keeps the conditions as Google does."""
    cloud = GoogleCloud()
    yield lambda scratch: opened("gs://bkt/some/root", cloud.options, scratch)
    cloud.stop()


@pytest.fixture
def azure_root() -> Iterator[Callable[[Path], Root]]:
    """Give a folder of a container, likewise."""
    cloud = AzureCloud()
    yield lambda scratch: opened("az://bkt/some/root", cloud.options, scratch)
    cloud.stop()


@pytest.fixture
def gcs_emulator_root(gcs_emulator: GcsEmulator) -> Callable[[Path], Root]:
    """Give a folder of the emulator's bucket."""
    gcs_emulator.folders += 1
    return lambda scratch: opened(f"gs://bkt/root-{gcs_emulator.folders}", gcs_emulator.options, scratch)


@pytest.fixture
def web_root(tmp_path: Path) -> Iterator[Callable[[Path], Root]]:
    """Give a folder that a web server shows, and a writer of the folder."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def log_message(self, *_: object) -> None:
            pass

    writer = local(tmp_path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path / "store")))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    yield lambda scratch: Root(lambda: open_objects(url, {}, TIMEOUT), writer, scratch)
    server.shutdown()
    thread.join(30)
    server.server_close()


def laws(kinds: tuple[str, ...], found: tuple[Callable[[Root], None], ...]) -> pytest.MarkDecorator:
    """Ask each law of each kind."""
    pairs = [
        pytest.param(kind, law, id=f"{kind}-{law.__name__}")
        for kind in kinds
        for law in found
        if kind != "gcs_emulator" or law.__name__ not in NOT_BY_THE_EMULATOR
    ]
    return pytest.mark.parametrize(("root", "law"), pairs, indirect=["root"])


@laws(READERS, READING)
def test_reading(root: Root, law: Callable[[Root], None]) -> None:
    """What every root promises to readers."""
    law(root)


@laws(KINDS, WRITING)
def test_writing(root: Root, law: Callable[[Root], None]) -> None:
    """What every root that can be written promises to one writer."""
    law(root)


@laws(KINDS, TOGETHER)
def test_together(root: Root, law: Callable[[Root], None]) -> None:
    """What every root that can be written promises to several writers."""
    law(root)
