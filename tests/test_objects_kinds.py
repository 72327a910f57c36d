"""What single kinds of object stores do: the requests they send, and the servers that know less than others."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fake_clouds import AzureCloud, GoogleCloud
from whorl.errors import ConfigError, StoreError
from whorl.store.objects.folder import FolderObjects
from whorl.store.objects.opening import open_objects
from whorl.store.objects.web import INDEX, index_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from object_servers import Sshd
    from remote_servers import WebServer

TIMEOUT = 20.0


@pytest.fixture
def google() -> Iterator[GoogleCloud]:
    """Give Google's storage."""
    cloud = GoogleCloud()
    yield cloud
    cloud.stop()


@pytest.fixture
def azure() -> Iterator[AzureCloud]:
    """Give Azure's storage."""
    cloud = AzureCloud()
    yield cloud
    cloud.stop()


# --- opening -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["zip://a.zip::s3://bkt/root", "nonsense://x/y", "just/a/folder"])
def test_a_url_that_names_no_store_is_an_error_of_the_configuration(url: str) -> None:
    """At once, with a tip."""
    with pytest.raises(ConfigError) as raised:
        open_objects(url, {}, TIMEOUT)

    assert raised.value.tip


@pytest.mark.parametrize(
    ("url", "library", "extra"),
    [
        ("s3://b/r", "s3fs", "s3"),
        ("gs://b/r", "gcsfs", "gcs"),
        ("abfs://b/r", "adlfs", "azure"),
        ("sftp://h/r", "paramiko", "sftp"),
    ],
)
def test_a_missing_library_is_named_with_what_installs_it(
    url: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tip can be pasted."""
    import importlib.machinery

    find = importlib.machinery.PathFinder.find_spec

    def without(name: str, *rest: Any) -> Any:
        return None if name == library else find(name, *rest)

    monkeypatch.delitem(sys.modules, library, raising=False)
    monkeypatch.setattr(importlib.machinery.PathFinder, "find_spec", without)
    with pytest.raises(ConfigError) as raised:
        open_objects(url, {}, TIMEOUT)

    assert raised.value.tip == f'pip install "whorl[{extra}]"'


# --- Google and Azure --------------------------------------------------------------------------------------------


def test_google_is_sent_generations(google: GoogleCloud) -> None:
    """0 means that there is none."""
    objects = open_objects("gs://bkt/root", google.options, TIMEOUT)
    objects.create("v1/a", b"x")
    tag = objects.read("v1/a", 10).tag  # type: ignore[union-attr]
    objects.replace("v1/a", b"y", tag)
    objects.put("v1/a", b"z")
    sent = [conditions for method, _, conditions in google.asked if method == "POST"]

    assert sent == [{"ifGenerationMatch": "0"}, {"ifGenerationMatch": tag}, {}]
    assert len(google.asked) == 4


def test_azure_is_sent_tags(azure: AzureCloud) -> None:
    """``*`` means any."""
    objects = open_objects("az://bkt/root", azure.options, TIMEOUT)
    objects.create("v1/a", b"x")
    tag = objects.read("v1/a", 10).tag  # type: ignore[union-attr]
    objects.replace("v1/a", b"y", tag)
    objects.put("v1/a", b"z")
    sent = [conditions for method, _, conditions in azure.asked if method == "PUT"]

    assert sent == [{"If-None-Match": "*"}, {"If-Match": tag}, {}]
    assert len(azure.asked) == 4


@pytest.mark.parametrize("url", ["gs://none/root", "az://none/root"])
def test_a_bucket_that_is_not_there_is_an_error_elsewhere_too(google: GoogleCloud, azure: AzureCloud, url: str) -> None:
    """For readers and for writers."""
    objects = open_objects(url, (google if url.startswith("gs") else azure).options, TIMEOUT)
    calls: list[Callable[[], object]] = [
        lambda: objects.read("v1/a", 10),
        lambda: objects.create("v1/a", b"x"),
        lambda: objects.put("v1/a", b"x"),
        lambda: list(objects.below("v1")),
    ]
    for call in calls:
        with pytest.raises(StoreError):
            call()


ANONYMOUS: dict[str, dict[str, Any]] = {
    "s3://bkt/root": {"anon": True},
    "gs://bkt/root": {"token": "anon"},
    "az://bkt/root": {"anon": True, "account_name": "acct"},
}


@pytest.mark.parametrize("url", ANONYMOUS)
def test_without_credentials_a_bucket_is_read_only(url: str) -> None:
    """It says so of itself, and every way to write is refused before anything is asked."""
    objects = open_objects(url, ANONYMOUS[url], TIMEOUT)
    calls: list[Callable[[], object]] = [
        lambda: objects.create("v1/a", b"x"),
        lambda: objects.replace("v1/a", b"x", "tag"),
        lambda: objects.put("v1/a", b"x"),
        lambda: objects.upload("v1/a", __file__),
        lambda: objects.remove(["v1/a"]),
    ]
    for call in calls:
        with pytest.raises(StoreError, match="read-only"):
            call()

    assert not objects.capabilities.writes


# --- SFTP --------------------------------------------------------------------------------------------------------


def test_an_unknown_server_is_not_trusted(sshd: Sshd, tmp_path: Path) -> None:
    """Unless the options say so."""
    key = {"key_filename": sshd.options["key_filename"]}
    url = sshd.url(str(tmp_path))
    with pytest.raises(StoreError, match="known_hosts"):
        open_objects(url, key, TIMEOUT).read("v1/a", 10)

    assert open_objects(url, {**key, "accept_unknown_hosts": True}, TIMEOUT).read("v1/a", 10) is None


def test_a_key_that_is_not_let_in_is_an_error(sshd: Sshd, tmp_path: Path) -> None:
    """No other key is tried."""
    options = {**sshd.options, "key_filename": str(sshd.folder / "stranger")}
    with pytest.raises(StoreError, match="uthentication"):
        open_objects(sshd.url(str(tmp_path)), options, TIMEOUT).read("v1/a", 10)


def test_what_an_sftp_writer_left_is_removed_when_it_is_old(sshd: Sshd, tmp_path: Path) -> None:
    """Temporary names are no objects."""
    objects = open_objects(sshd.url(str(tmp_path)), sshd.options, TIMEOUT)
    objects.put("v1/a", b"x")
    (tmp_path / "tmp" / "left").write_bytes(b"half")
    names = [item.name for item in objects.below("")]

    assert names == ["v1/a"]
    assert objects.abort_unfinished(objects.now() - 3600) == 0
    assert objects.abort_unfinished(objects.now() + 3600) == 1
    assert os.listdir(tmp_path / "tmp") == []


# --- the web -----------------------------------------------------------------------------------------------------


def test_the_web_is_read_only(web: WebServer, tmp_path: Path) -> None:
    """Every way to write is refused before anything is asked."""
    objects = open_objects(f"{web.url}/root", {}, TIMEOUT)
    calls: list[Callable[[], object]] = [
        lambda: objects.create("v1/a", b"x"),
        lambda: objects.replace("v1/a", b"x", "tag"),
        lambda: objects.put("v1/a", b"x"),
        lambda: objects.upload("v1/a", __file__),
        lambda: objects.remove(["v1/a"]),
    ]
    for call in calls:
        with pytest.raises(StoreError, match="read-only"):
            call()

    assert not objects.capabilities.writes
    assert web.asked() == []


def test_a_mirror_is_listed_by_its_index(web: WebServer, tmp_path: Path) -> None:
    """What the index does not cover is nothing, and so is everything without one."""
    from remote_servers import Page

    source = FolderObjects(str(tmp_path), lambda: str(tmp_path / "temporary"))
    for name in ("v1/main/r/a", "v1/main/r/b", "v1/other/r/c", "v1/main/m/stage/d"):
        source.put(name, b"12")
    objects = open_objects(f"{web.url}/root", {}, TIMEOUT)
    without = list(objects.below("v1/main/r"))
    web.pages[f"/root/{INDEX}"] = Page(index_of(source, ["v1/main/r", "v1/other/r"]))
    found = {item.name: item.size for item in objects.below("v1/main/r")}

    assert without == []
    assert found == {"v1/main/r/a": 2, "v1/main/r/b": 2}
    assert list(objects.below("v1/main/m")) == []
    assert list(objects.below("v1/main")) == []


DAMAGED = ("", "[]", "{}", '{"whorl": 2}', '{"whorl": 1, "folders": ["v1"], "objects": [1]}', "[" * 99_999)


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_index_is_an_error(web: WebServer, text: str) -> None:
    """Not an empty ledger."""
    from remote_servers import Page

    web.pages[f"/root/{INDEX}"] = Page(text.encode())

    with pytest.raises(StoreError, match="damaged"):
        list(open_objects(f"{web.url}/root", {}, TIMEOUT).below("v1"))


def test_a_refusal_of_the_web_is_no_absence(web: WebServer) -> None:
    """403 and 500 are errors."""
    from remote_servers import Page

    web.pages["/root/v1/a"], web.pages["/root/v1/b"] = Page(status=403), Page(status=500)
    objects = open_objects(f"{web.url}/root", {}, TIMEOUT)

    for name in ("v1/a", "v1/b"):
        with pytest.raises(StoreError):
            objects.read(name, 10)


# --- folders -----------------------------------------------------------------------------------------------------


def test_without_links_one_creation_wins_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems have no hard links; there a lock and a rename do it."""
    import errno

    from contracts.objects_together import at_once

    def no_links(source: str, target: str) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    (tmp_path / "tmp").mkdir()
    objects = FolderObjects(str(tmp_path / "store"), lambda: str(tmp_path / "tmp" / os.urandom(8).hex()))
    for turn in range(20):
        won = at_once(8, lambda index, turn=turn: objects.create(f"v1/{turn}", str(index).encode()))  # type: ignore[misc]

        assert won.count(True) == 1
        assert (tmp_path / "store" / "v1" / str(turn)).read_bytes() == str(won.index(True)).encode()
    assert sorted(item.name for item in objects.below("v1")) == sorted(f"v1/{turn}" for turn in range(20))
    assert os.listdir(tmp_path / "tmp") == []


def test_an_index_is_plain_data(tmp_path: Path) -> None:
    """Whoever fills a mirror may write it with other means."""
    source = FolderObjects(str(tmp_path), lambda: str(tmp_path / "temporary"))
    source.put("v1/main/r/a", b"12")
    found = json.loads(index_of(source, ["v1/main/r"]))

    assert found["whorl"] == 1
    assert found["folders"] == ["v1/main/r"]
    assert [item[:2] for item in found["objects"]] == [["v1/main/r/a", 2]]
