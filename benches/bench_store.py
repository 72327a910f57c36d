"""The store as it grows and behind a network: 100,000 entries, and one request for a remote hit."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec
import pytest

import whorl
from remote_servers import Bucket, S3Server
from whorl import stage
from whorl.digest import Digest
from whorl.store.codec import encode_manifest
from whorl.store.places import Places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from race import Race

pytestmark = pytest.mark.timeout(1800)
FEW = 100


def count(number: int) -> dict[str, int]:
    return {"count": number}


def filled(root: Path, entries: int) -> None:
    """Make a store of many entries: one is computed, the others are its manifest under other keys."""
    counted = stage(cache=True, name="numbered")(count)
    with whorl.options(filesystem=str(root)), whorl.observe() as outcomes:
        counted(0)
    manifest, places = outcomes[0].manifest, Places(root)
    assert manifest is not None
    for _ in range(entries - 1):
        slot = replace(manifest.slot, key=Digest(os.urandom(32)))
        entry = replace(manifest, slot=slot, attempt=os.urandom(16).hex())
        Path(places.manifest(slot)).write_bytes(encode_manifest(entry).data)


def test_a_hit_among_many_entries(race: Race, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A whole call takes as long among 100,000 entries as among a hundred."""
    entries = request.config.getoption("--entries")
    counted = stage(cache=True, name="numbered")(count)
    for size in {FEW, entries}:
        filled(tmp_path / str(size), size)

    def hit(size: int) -> object:
        with whorl.options(filesystem=str(tmp_path / str(size))):
            return counted(0)

    peers = {f"among {FEW} entries": lambda: hit(FEW)}
    limits = {f"among {FEW} entries": 1.2}
    race.run(f"warm hit among {entries:,} entries", lambda: hit(entries), peers, rounds=200, number=5, limits=limits)

    assert hit(entries) == count(0)


def test_listing_many_entries(race: Race, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Whole processes; what was read once is remembered."""
    entries = request.config.getoption("--entries")
    filled(tmp_path / "store", entries)
    environment = os.environ | {"WHORL_FILESYSTEM": str(tmp_path / "store")}

    def listing() -> str:
        command = [sys.executable, "-m", "whorl", "ls"]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    def walking() -> int:
        return sum(len(files) for _, _, files in os.walk(tmp_path / "store"))

    race.run(f"whorl ls of {entries:,} entries", listing, {"os.walk, no process": walking}, rounds=5)

    assert f"{entries} entries" in listing()


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    """Give a bucket of a server on this machine."""
    server = S3Server.start(tmp_path)
    yield Bucket.make(server)
    server.stop()


def test_a_warm_hit_behind_a_network_is_one_request(race: Race, bucket: Bucket) -> None:
    """A small value stands in the manifest: one GET, as one object read with fsspec."""
    counted = stage(cache=True, name="numbered")(count)
    client = fsspec.filesystem("s3", **bucket.server.options, skip_instance_cache=True)
    bucket.put("plain", b"x" * 1_000)
    with whorl.options(
        filesystem=f"{bucket.url}/store", filesystem_options=bucket.server.options, local="", mode="read_only"
    ):
        with whorl.options(mode="write"):
            counted(1)
        counted(1)
        bucket.server.asked()
        counted(1)
        asked = bucket.server.asked()
        peers = {"fsspec: cat_file": lambda: client.cat_file(f"{bucket.name}/plain")}
        race.run("warm hit in S3 (moto)", lambda: counted(1), peers, rounds=50, limits={"fsspec: cat_file": 1.5})

    assert [line.split()[0] for line in asked] == ["GET"], asked
