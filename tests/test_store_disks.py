"""Full and read-only disks, real ones: small tmpfs mounts in a mount namespace of our own (``unshare -rm``)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from store_examples import child_environment

if TYPE_CHECKING:
    from pathlib import Path


def _may_unshare() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not _may_unshare(), reason="NOT TRIED: this system does not permit unshare -rm"),
]

BEGIN = """
import os, subprocess, sys
from pathlib import Path
from store_examples import digest, manifest, slot, store_value, stored_value
from whorl.errors import StoreError
from whorl.store.local import LocalStore
disk = Path(sys.argv[1])
store = LocalStore(disk / "store")

def refused(action):
    try:
        action()
    except StoreError as error:
        return error
    raise AssertionError("no StoreError")

def held(name):
    with store.lease(slot(name), timeout=1):
        pass
"""

FULL = """
written = []
while len(written) < 100:
    value = bytes([len(written)]) * 100_000
    try:
        store_value(store, slot(str(len(written))), value)
    except StoreError as error:
        assert "No space left" in error.cause and "whorl rm" in error.tip, error
        break
    written.append(value)
assert 3 < len(written) < 12, len(written)
assert [stored_value(store, slot(str(at))) for at in range(len(written))] == written
assert store.lookup(slot(str(len(written)))) is None
assert list((disk / "store/tmp").iterdir()) == []
assert store.remove(slot("0"))
store_value(store, slot("again"), b"x" * 50_000)
assert stored_value(store, slot("again")) == b"x" * 50_000
"""

BRIM = """
store_value(store, slot("there"), b"small")
store_value(store, slot("file"), b"f" * 50_000)
with open(disk / "filler", "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(b"0" * 4096)
    except OSError:
        pass
    try:
        while True:
            filler.write(b"0")
    except OSError:
        pass
for what in (
    lambda: store_value(store, slot("new"), b"small" * 1000),
    lambda: store_value(store, slot("there"), b"small" * 1000),
    lambda: store_value(store, slot("new"), b"b" * 100_000),
    lambda: store.revise("default", [digest("k")]),
    lambda: store.write_tree("default", digest("code"), b"tree" * 3000),
):
    refused(what)
assert stored_value(store, slot("there")) == b"small"
assert stored_value(store, slot("file")) == b"f" * 50_000
assert store.lookup(slot("new")) is None
assert store.revision("default", digest("k")) == ""
assert store.read_tree("default", digest("code")) is None
assert list((disk / "store/tmp").iterdir()) == []
found = store.lookup(slot("there"))
assert store.reader(found).path("value.bin").read_bytes() == b"small"
assert store.remove(slot("file"))  # how else could one free space
store_value(store, slot("new"), b"small" * 1000)
os.unlink(disk / "filler")
held("there")
store_value(store, slot("there"), b"new" * 1000)
assert stored_value(store, slot("there")) == b"new" * 1000
"""

READ_ONLY = """
store_value(store, slot("there"), b"small")
store_value(store, slot("file"), b"f" * 50_000)
damaged = disk / "store/v1/default/m/pipeline.clean" / slot("damaged").key.hex()
damaged.write_bytes(b"nonsense")
subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
store = LocalStore(disk / "store")
for what in (
    lambda: store_value(store, slot("new"), b"small"),
    lambda: store_value(store, slot("there"), b"b" * 100_000),
    lambda: store.commit_kept(manifest(slot("new")), store.lookup(slot("file"))),
    lambda: store.revise("default", [digest("k")]),
    lambda: store.remove(slot("there")),
    lambda: held("there"),
):
    error = refused(what)
    assert "Read-only file system" in error.cause and "read_only" in error.tip, error
found = store.lookup(slot("there"))
path = store.reader(found).path("value.bin")
assert path.read_bytes() == b"small" and disk not in path.parents
assert stored_value(store, slot("file")) == b"f" * 50_000
assert store.lookup(slot("damaged")) is None and store.lookup(slot("absent")) is None
assert len(list(store.entries())) == 2 and store.revision("default", digest("k")) == ""
assert store.sweep() == 0
"""


@pytest.mark.parametrize("program", [FULL, BRIM, READ_ONLY], ids=["full", "to the brim", "read-only"])
@pytest.mark.parametrize("durability", ["fast", "fsync"])
def test_a_disk_that_refuses_costs_no_entry(tmp_path: Path, program: str, durability: str) -> None:
    """Every refusal is a ``StoreError`` that says why; what is there is served, nothing half-written is left."""
    script = tmp_path / "script.py"
    script.write_text((BEGIN + program).replace('/ "store")\n', f'/ "store", durability="{durability}")\n'))
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" "$3" "$1"'
    command = ["unshare", "-rm", "sh", "-c", mount, "sh", str(disk), sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, env=child_environment(), check=False)

    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 0
