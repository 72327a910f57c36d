"""One file in, its plain digest out, and what is said where there is none."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from vectors.whorl_vectors import VECTORS, content
from whorl.cli.commands import program
from whorl.digest import Hasher, hash_file, hash_paths, hash_tree
from whorl.errors import InputChangedError, InputMissingError

SIZES = [entry["size"] for entry in json.loads(VECTORS.read_text(encoding="utf-8"))["files"]]


@pytest.mark.parametrize("size", SIZES)
def test_a_file_digests_like_its_bytes(tmp_path: Path, size: int) -> None:
    """Whatever way it is read in, the digest is plain BLAKE3 of the content."""
    path = tmp_path / "file"
    path.write_bytes(content(size))

    assert hash_file(path).hex() == hash_file(str(path)).hex() == Hasher(content(size)).hexdigest()


@pytest.mark.skipif(shutil.which("b3sum") is None, reason="b3sum is not installed")
def test_a_file_has_the_digest_that_b3sum_prints(tmp_path: Path) -> None:
    """The lists that b3sum writes can be checked."""
    path = tmp_path / "file"
    path.write_bytes(content(3_000_000))
    printed = subprocess.run(["b3sum", str(path)], check=True, capture_output=True, text=True).stdout

    assert printed.split()[0] == hash_file(path).hex()


def test_name_dates_and_modes_do_not_count(tmp_path: Path) -> None:
    """A file is its content."""
    path = tmp_path / "one"
    path.write_text("x")
    first = hash_file(path)
    path.chmod(0o600)
    os.utime(path, (1, 1))

    assert hash_file(path.rename(tmp_path / "two")) == first


def test_a_link_is_followed(tmp_path: Path) -> None:
    """A path stands for what it leads to."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")

    assert hash_file(tmp_path / "link") == hash_file(tmp_path / "file")


def test_a_name_that_is_not_utf8_is_a_name(tmp_path: Path) -> None:
    """Names are bytes on most systems."""
    path = os.fsencode(tmp_path) + b"/\xff\xfe"
    Path(os.fsdecode(path)).write_text("x")

    assert hash_file(os.fsdecode(path)).hex() == Hasher(b"x").hexdigest()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The error says which, and is what a caller would catch."""
    for path in (tmp_path / "no", tmp_path / "no/way"):
        with pytest.raises(InputMissingError, match=str(path)) as raised:
            hash_file(path)

        assert isinstance(raised.value, FileNotFoundError)
        assert raised.value.tip


def test_a_path_through_a_file_leads_nowhere(tmp_path: Path) -> None:
    """``file/x`` is as missing as ``folder/x``."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputMissingError):
        hash_file(tmp_path / "file" / "x")


def test_what_is_no_regular_file_is_refused_by_its_kind(tmp_path: Path) -> None:
    """A folder, a pipe, a socket and a device have no content that stays; none of them blocks."""
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
        kinds = {tmp_path: "a folder", tmp_path / "pipe": "a named pipe", tmp_path / "socket": "a socket"}
        for path, kind in {**kinds, Path("/dev/null"): "a character device"}.items():
            with pytest.raises(InputMissingError, match=kind):
                hash_file(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_permission_error(tmp_path: Path) -> None:
    """What the system says passes as it is."""
    path = tmp_path / "file"
    path.write_text("x")
    path.chmod(0)
    with pytest.raises(PermissionError) as raised:
        hash_file(path)

    assert raised.value.filename == str(path)


def test_a_file_that_keeps_changing_is_given_up(tmp_path: Path) -> None:
    """Bytes of two states have no digest; after three readings the error says so."""
    path = tmp_path / "file"
    path.write_bytes(bytes(64 << 20))
    stop = threading.Event()

    def append() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"x")

    writer = threading.Thread(target=append)
    writer.start()
    try:
        with pytest.raises(InputChangedError, match="changed each time"):
            hash_file(path)
    finally:
        stop.set()
        writer.join()


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="no /proc")
def test_a_file_without_a_size_is_read_to_its_end() -> None:
    """Files below /proc say that they are empty, and are not."""
    assert hash_file("/proc/version").hex() == Hasher(Path("/proc/version").read_bytes()).hexdigest()


def test_other_threads_run_while_a_file_is_digested(tmp_path: Path) -> None:
    """The interpreter is free meanwhile."""
    path = tmp_path / "file"
    path.write_bytes(bytes(256 << 20))
    done = threading.Event()
    worker = threading.Thread(target=lambda: (hash_file(path), done.set()))
    ticks = 0
    worker.start()
    while not done.is_set():
        ticks += 1
        time.sleep(0.001)
    worker.join()

    assert ticks > 5


def test_a_forked_child_digests_as_its_parent_does(tmp_path: Path) -> None:
    """No thread of the parent is waited for: pools of workers fork after the parent has hashed."""
    path = tmp_path / "file"
    path.write_bytes(content(5_000_000))
    script = (
        "import os, sys; from whorl.digest import hash_file\n"
        f"first = hash_file({str(path)!r})\n"
        "child = os.fork()\n"
        f"if child == 0: os._exit(hash_file({str(path)!r}) != first)\n"
        "sys.exit(os.waitpid(child, 0)[1])"
    )

    assert subprocess.run([sys.executable, "-c", script], timeout=60, check=False).returncode == 0


def test_paths_are_digested_as_files_and_folders(tmp_path: Path) -> None:
    """Each in its own way, in the order given."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    paths = [tmp_path / "folder", tmp_path / "file"]

    assert hash_paths(paths) == [hash_tree(paths[0]), hash_file(paths[1])]
    assert hash_paths([]) == []
    with pytest.raises(InputMissingError):
        hash_paths([*paths, tmp_path / "no"])


SIZES_AROUND_LIMITS = (0, 1, 1023, 1024, 1025, *(2**power + more for power in (16, 17, 20) for more in (-1, 0, 1)))


@pytest.mark.parametrize("size", [*SIZES_AROUND_LIMITS, 2**24 + 3])
def test_threads_and_mapped_memory_do_not_show(tmp_path: Path, size: int) -> None:
    """Another implementation of BLAKE3 says the same, on the command line too."""
    blake3 = pytest.importorskip("blake3", reason="the peer blake3 is not installed")
    path = tmp_path / "file"
    path.write_bytes(content(size))
    expected = blake3.blake3(content(size)).hexdigest()

    for threads in (1, 2, 7):
        assert hash_file(path, threads=threads).hex() == expected
        assert hash_file(path, threads=threads, mmap=True).hex() == expected
    printed = CliRunner().invoke(program, ["hash", "--num-threads", "2", str(path)])
    assert printed.stdout == f"{expected}  {path}\n"


def test_progress_is_told(tmp_path: Path) -> None:
    """Bytes done and in all, in order, the end included; in the calling thread."""
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(3 << 30)
    told: list[tuple[int, int | None, int]] = []
    hash_file(path, progress=lambda done, total: told.append((done, total, threading.get_ident())))
    done = [step[0] for step in told]

    assert done == sorted(done)
    assert len(done) > 1
    assert told[-1][:2] == (3 << 30, 3 << 30)
    assert {step[1:] for step in told} == {(3 << 30, threading.get_ident())}


def test_what_progress_raises_ends_the_work_and_passes(tmp_path: Path) -> None:
    """A caller who has enough says so by an exception of its own."""
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(1 << 40)

    def enough(done: int, total: int | None) -> None:
        raise LookupError(done)

    for mmap in (False, True):
        with pytest.raises(LookupError):
            hash_file(path, progress=enough, mmap=mmap)


@pytest.mark.parametrize("call", ["hash_file(path)", "hash_file(path, mmap=True)", "hash_tree(path.parent)"])
def test_ctrl_c_ends_a_digest_that_takes_minutes(tmp_path: Path, call: str) -> None:
    """A tebibyte of nothing is left alone at once."""
    with (tmp_path / "file").open("wb") as file:
        file.truncate(1 << 40)
    script = (
        "import sys; from pathlib import Path; from whorl.digest import hash_file, hash_tree\n"
        f"path = Path({str(tmp_path / 'file')!r})\n"
        "print('ready', flush=True)\n"
        "try:\n"
        f"    {call}\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(7)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)

        assert process.wait(timeout=30) == 7
