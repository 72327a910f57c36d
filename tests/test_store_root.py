"""The folder of a local store: what is created, what is refused, what is swept, how failures look."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store_examples import digest, manifest, slot, store_value, stored_value
from whorl.errors import StoreError
from whorl.store.disk import failure
from whorl.store.local import LocalStore
from whorl.store.names import FOLDER_LIMIT, folder_name
from whorl.store.process import has_ended, own_name

BIG = bytes(range(256)) * 256


def test_a_store_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Every folder is 0700 and every file 0600, whatever the umask; git and backups leave it alone."""
    store = LocalStore(tmp_path / "a" / "store")
    before = os.umask(0)
    try:
        store_value(store, slot("one"), BIG)
        store_value(store, slot("one"), b"1")
        store.revise("default", [digest("k")])
        store.write_tree("default", digest("code"), b"tree")
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (store.root, *store.root.rglob("*"))}
    about = json.loads((store.root / "WHORL.json").read_text())

    assert modes == {0o700, 0o600}
    assert about["format"] == 1
    assert len(about["id"]) == 32
    assert (store.root / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    assert (store.root / ".gitignore").read_text() == "*\n"


def test_a_store_keeps_its_id(tmp_path: Path) -> None:
    """Opening and writing again changes nothing of what was created."""
    store_value(LocalStore(tmp_path / "store"), slot("one"), b"1")
    before = (tmp_path / "store/WHORL.json").read_bytes()
    store_value(LocalStore(tmp_path / "store"), slot("two"), b"2")

    assert (tmp_path / "store/WHORL.json").read_bytes() == before


def test_a_folder_of_other_things_is_not_made_a_store(tmp_path: Path) -> None:
    """A project given by mistake would be hidden from git as a whole."""
    (tmp_path / "pipeline.py").write_text("")
    with pytest.raises(StoreError, match="not a store"):
        store_value(LocalStore(tmp_path), slot(), b"1")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipeline.py"]


def test_an_empty_folder_becomes_a_store(tmp_path: Path) -> None:
    """So does one in which another process has just begun to make one."""
    (tmp_path / "CACHEDIR.TAG").write_text("x")
    store_value(LocalStore(tmp_path), slot(), b"1")

    assert stored_value(LocalStore(tmp_path), slot()) == b"1"


@pytest.mark.parametrize("about", [b'{"format": 2}', b"{", b"[]", b"{}"])
def test_a_newer_or_damaged_record_is_refused(tmp_path: Path, about: bytes) -> None:
    """Reading and writing alike: what it means is not known."""
    store_value(LocalStore(tmp_path / "store"), slot(), b"1")
    (tmp_path / "store/WHORL.json").write_bytes(about)
    store = LocalStore(tmp_path / "store")

    with pytest.raises(StoreError, match=r"another version|damaged"):
        store.lookup(slot())
    with pytest.raises(StoreError, match=r"another version|damaged"):
        store_value(store, slot(), b"1")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder away")
def test_someone_elses_store_is_refused(tmp_path: Path) -> None:
    """Its owner could change what is read from it; the message says whose it is."""
    store_value(LocalStore(tmp_path / "store"), slot(), b"1")
    os.chown(tmp_path / "store", 12345, -1)
    (tmp_path / "empty").mkdir()
    os.chown(tmp_path / "empty", 12345, -1)

    for root in ("store", "empty"):
        with pytest.raises(StoreError, match="someone else's") as caught:
            store_value(LocalStore(tmp_path / root), slot(), b"1")
        assert "12345" in caught.value.cause
        assert caught.value.tip


def test_a_store_that_is_removed_meanwhile_is_made_again(tmp_path: Path) -> None:
    """``rm -r .whorl`` under a running process costs the entries, not the process."""
    import shutil

    store = LocalStore(tmp_path / "store")
    store_value(store, slot(), b"1")
    shutil.rmtree(tmp_path / "store")
    found = store.lookup(slot())
    store_value(store, slot(), BIG)

    assert found is None
    assert stored_value(LocalStore(tmp_path / "store"), slot()) == BIG


def test_an_unknown_choice_is_an_error(tmp_path: Path) -> None:
    """A misspelled word does not weaken anything silently."""
    with pytest.raises(StoreError, match="durability"):
        LocalStore(tmp_path, durability="fsynk")
    with pytest.raises(StoreError, match="verify"):
        LocalStore(tmp_path, verify="sometimes")


def test_durable_entries_work_the_same(tmp_path: Path) -> None:
    """With fsync, everything that is stored fast is stored durably."""
    store = LocalStore(tmp_path / "store", durability="fsync")
    source = store_value(store, slot("one"), BIG)
    store_value(store, slot("one"), b"small")
    store.commit_kept(manifest(slot("two")), source)

    assert stored_value(store, slot("one")) == b"small"
    assert stored_value(store, slot("two")) == BIG


def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Create-only writes go by rename under the key's lock there (exFAT, some network shares)."""

    def no_links(source: str, target: str) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "link", no_links)
    store = LocalStore(tmp_path / "store")
    first = store_value(store, slot(), BIG, created=1.0)
    adopted = store_value(store, slot(), b"no", do_replace=False)
    second = store_value(store, slot(), b"yes", created=2.0)

    assert adopted == first
    assert store.lookup(slot()) == second
    assert list(store.generations(slot())) == [first]
    assert list((store.root / "tmp").iterdir()) == []


# --- failures ---


def test_every_failure_is_a_store_error_that_says_what_to_do(tmp_path: Path) -> None:
    """The cause is the system's word, the tip depends on it."""
    for number in (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT):
        error = failure("write", tmp_path, OSError(number, os.strerror(number)))

        assert os.strerror(number) in error.cause
        assert error.tip
    assert failure("read", "x", OSError(errno.EIO, "Input/output error")).tip == ""


@pytest.mark.parametrize("kind", ["m", "g", "c", "o", "l", "r", "f", "t"])
def test_a_file_where_a_folder_should_be_is_a_store_error_or_a_miss(tmp_path: Path, kind: str) -> None:
    """Nothing but whorl's own errors comes out, whichever folder is broken."""
    store = LocalStore(tmp_path / "store")
    (tmp_path / "store/v1/default").mkdir(parents=True)
    (tmp_path / "store/v1/default" / kind).write_bytes(b"")
    actions = [
        lambda: store_value(store, slot(), BIG),
        lambda: store_value(store, slot(), BIG),
        lambda: store.lookup(slot()),
        lambda: list(store.generations(slot())),
        lambda: store.pointer("default", digest("content")),
        lambda: store.revision("default", digest("k")),
        lambda: store.revise("default", [digest("k")]),
        lambda: store.write_tree("default", digest("code"), b"1"),
        lambda: store.read_tree("default", digest("code")),
        lambda: list(store.entries()),
        lambda: store.lease(slot()).__enter__() if kind == "l" else None,
        lambda: store.remove(slot()),
        lambda: store.nearest("default", "pipeline.clean"),
        store.sweep,
    ]
    for action in actions:
        with suppress(StoreError):
            action()


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="this system has no /proc")
def test_a_folder_that_takes_no_folders_is_a_store_error() -> None:
    """One that is there, and where nothing can be made."""
    with pytest.raises(StoreError, match="make the folder"):
        store_value(LocalStore(Path("/proc/no/store")), slot(), b"1")


def test_an_error_between_payload_and_manifest_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The payload that was already in its place is taken back."""
    store = LocalStore(tmp_path / "store")
    attempt = store.begin(slot())
    attempt.write("value.bin", BIG)

    def full(source: str, target: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", full)
        with pytest.raises(StoreError, match="write"):
            store.commit(attempt, manifest(slot()), replace=lambda _: True)

    assert [path for path in (store.root / "v1").rglob("*") if path.is_file()] == []
    assert list((store.root / "tmp").iterdir()) == []


# --- leftovers ---


def test_what_a_dead_process_left_is_swept(tmp_path: Path) -> None:
    """At the first write of the next one; what lives, or may live elsewhere, stays for a day."""
    store_value(LocalStore(tmp_path / "store"), slot("one"), b"1")
    program = "from whorl.store.process import own_name; print(own_name())"
    dead = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    elsewhere = f"{'0' * 12}-1-1"
    folder = tmp_path / "store/tmp"
    for owner in (dead, elsewhere, own_name()):
        (folder / f"{owner}-aa").mkdir()
        (folder / f"{owner}-aa/value.bin").write_bytes(b"half")
        (folder / f"{owner}-bb").write_bytes(b"half")
    for owner in (elsewhere, own_name()):
        (folder / f"{owner}-old").write_bytes(b"half")
        os.utime(folder / f"{owner}-old", (time.time() - 90000,) * 2)
    store_value(LocalStore(tmp_path / "store"), slot("two"), b"2")

    left = {path.name for path in folder.iterdir()}
    assert left == {f"{elsewhere}-aa", f"{elsewhere}-bb", *(f"{own_name()}-{end}" for end in ("aa", "bb", "old"))}
    assert [has_ended(name) for name in (dead, own_name(), elsewhere, "nonsense")] == [True, False, None, None]


# --- names ---


def test_plain_names_stay_as_they_are() -> None:
    """People look into the folder."""
    for name in ("pipeline.clean", "flights.months_2013", "a-b", "_x", "default", "9"):
        assert folder_name(name) == name


RESERVED = ["", ".", "..", "CON", "con", "nul.txt", "aux.x", "com1", "a.", "~", "x" * 5000]
UNSAFE = ["a/b", "a\\b", "a:b", "ä", "\0", "A", "a b"]


@pytest.mark.parametrize("name", RESERVED + UNSAFE)
def test_awkward_names_become_safe_ones(name: str, tmp_path: Path) -> None:
    """Reserved by some system, too long, leading elsewhere: stored and found all the same."""
    folder = folder_name(name)
    store = LocalStore(tmp_path / "store")
    of = slot("one", stage=name[:300], namespace=name)
    store_value(store, of, b"1") if len(name) < 1000 else None

    assert folder != name
    assert "~" in folder
    assert len(folder) <= FOLDER_LIMIT
    assert folder.isascii()
    assert "/" not in folder
    if len(name) < 1000:
        assert stored_value(store, of) == b"1"
        assert store.namespaces() == (name,)
        assert store.stages() == (name,)


@given(st.lists(st.text(max_size=120), unique=True, max_size=6))
def test_two_names_never_share_a_folder(names: list[str]) -> None:
    """Not even where the file system ignores case."""
    folders = [folder_name(name).lower() for name in names]

    assert len(set(folders)) == len(folders)
