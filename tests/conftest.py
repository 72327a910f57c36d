"""The fixtures that several modules of tests share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ceph import Ceph
    from fault_recorder import Recorder
    from object_servers import GcsEmulator, Sshd
    from object_stores import Kept
    from pipeline_folder import PipelineFolder
    from postgres import Postgres
    from remote_servers import Bucket, S3Server, WebServer


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Give a recorder of trials for the fault matrix; they count even where the test fails."""
    from fault_recorder import Recorder

    recorder = Recorder()
    yield recorder
    recorder.write()


@pytest.fixture
def raw_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a test a store, and ``raw.txt`` with a number in it, in the current folder."""
    from whorl import config

    monkeypatch.chdir(tmp_path)
    file = tmp_path / "raw.txt"
    file.write_text("1")
    with config.options(filesystem=str(tmp_path / "store")):
        yield file


@pytest.fixture
def empty_memory(tmp_path: Path) -> Iterator[None]:
    """Give a test a store of its own, and an empty memory."""
    from whorl import clear_memoizer, config

    clear_memoizer()
    with config.options(filesystem=str(tmp_path / "store")):
        yield
    clear_memoizer()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Give a process that speaks S3, one for all tests of this process."""
    from remote_servers import S3Server

    server = S3Server.start(tmp_path_factory.mktemp("moto"))
    yield server
    server.stop()


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Give an empty bucket; fsspec's configuration leads there, in this process and in those that it starts."""
    import json

    import fsspec

    from remote_servers import Bucket

    monkeypatch.setitem(fsspec.config.conf, "s3", s3_server.options)
    monkeypatch.setenv("FSSPEC_S3", json.dumps(s3_server.options))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return Bucket.make(s3_server)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """Give a server of PostgreSQL, one for all tests of a module."""
    from postgres import Postgres

    if Postgres.programs() is None:
        pytest.skip("POSTGRESQL IS NOT TESTED: no initdb was found (Debian: postgresql)")
    server = Postgres.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ceph]:
    """Give a gateway of Ceph with a bucket ``bkt``, one for all tests of this process."""
    from ceph import Ceph

    if Ceph.missing():
        pytest.skip(f"CEPH IS NOT TESTED: {', '.join(Ceph.missing())} not found")
    import fsspec

    server = Ceph(tmp_path_factory.mktemp("ceph"))
    server.start()
    try:
        fsspec.filesystem("s3", **server.options, skip_instance_cache=True).mkdir("bkt")
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """Give an sshd, one for all tests of this process."""
    from object_servers import Sshd

    if Sshd.program() is None:
        pytest.skip("SFTP IS NOT TESTED: no sshd was found (Debian: openssh-server)")
    server = Sshd.start(tmp_path_factory.mktemp("sshd"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def gcs_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcsEmulator]:
    """Give an emulator of Google's storage, one for all tests of this process."""
    from object_servers import GcsEmulator

    server = GcsEmulator.start(tmp_path_factory.mktemp("gcs"))
    yield server
    server.stop()


@pytest.fixture
def web() -> Iterator[WebServer]:
    """Give a web server without pages."""
    from remote_servers import WebServer

    server = WebServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["folder", "objects"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    """Give an empty store of each kind to look after, with a clock that the test moves."""
    from object_stores import Kept, ObjectStore, TickingObjects
    from whorl.store.local import LocalStore

    if request.param == "folder":
        yield Kept(LocalStore(tmp_path / "store"))
        return
    objects = TickingObjects()
    yield Kept(ObjectStore(objects))
    objects.drop()


@pytest.fixture(scope="session", autouse=True)
def _stat_table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the stat table of this process, and of those it starts, out of the home folder."""
    from whorl.digest import stat_table_in_use

    os.environ["WHORL_STAT_TABLE"] = str(tmp_path_factory.mktemp("cache") / "stat-table")
    yield
    table = stat_table_in_use()
    if table is not None:
        table.flush()
    os.environ["WHORL_STAT_TABLE"] = "off"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PipelineFolder]:
    """Give a folder with a pipeline of three stages, and forget its modules afterwards."""
    from pipeline_folder import PipelineFolder

    folder = PipelineFolder(tmp_path, monkeypatch)
    folder.write_pipeline()
    yield folder
    folder.forget()
