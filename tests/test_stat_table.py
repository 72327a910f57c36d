"""A file that did not change is read once, and one that did is never taken for what it was."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

import whorl
from store_examples import child_environment
from whorl.digest import Hasher, hash_file, hash_paths, hash_tree, stat_table_in_use
from whorl.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline_folder import PipelineFolder

MARGIN = 2.1  # seconds: younger files are not remembered

HASHING = """
import sys
from whorl.digest import hash_file
for path in sys.argv[1:]:
    print(hash_file(path))
"""


def digest_of(data: bytes) -> str:
    return Hasher(data).hexdigest()


def counts() -> dict[str, int]:
    table = stat_table_in_use()
    assert table is not None
    return table.counts()


def python(script: str, *words: object, **environment: str) -> list[str]:
    command = [sys.executable, "-c", script, *map(str, words)]
    environment = {**child_environment(), **environment}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of the test's own."""
    path = tmp_path / "cache" / "table"
    monkeypatch.setenv("WHORL_STAT_TABLE", str(path))
    return path


@pytest.fixture
def settled(tmp_path: Path, table: Path) -> Path:
    """A file that is old enough to be remembered."""
    path = tmp_path / "file"
    path.write_bytes(b"one")
    time.sleep(MARGIN)
    return path


def test_a_settled_file_is_read_once_in_all_processes(settled: Path, table: Path) -> None:
    """What one process has read, the next ones know."""
    python(HASHING, settled)
    first = hash_file(settled)
    second = hash_file(settled)

    assert first == second
    assert counts()["hits"] == 2
    assert table.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in table.parent.iterdir()) == ["table", "table.lock"]


def test_the_table_can_be_left_out(settled: Path) -> None:
    """By an argument, by the environment, by an option; neither asked nor taught."""
    hash_file(settled, stat_table=False)
    with whorl.options(stat_table="off"):
        hash_file(settled)
        assert stat_table_in_use() is None
        hash_paths([settled])
    before = counts()

    assert before["hits"] == before["misses"] == before["recorded"] == 0
    assert python(HASHING, settled, WHORL_STAT_TABLE="off") == [digest_of(b"one")]


def test_verify_always_reads_what_is_known(settled: Path) -> None:
    """And refreshes what the table knows."""
    hash_file(settled)
    hash_file(settled, verify="always")
    hash_tree(settled.parent, verify="always", exclude=["cache"])
    found = counts()

    assert (found["hits"], found["recorded"]) == (0, 3)
    with pytest.raises(ConfigError, match="did you mean 'always'"):
        hash_file(settled, verify="allways")  # type: ignore[arg-type]


def test_rewriting_within_the_granularity_of_dates_is_seen(tmp_path: Path, table: Path) -> None:
    """The same size in the same tick of the clock: such a file is not remembered."""
    path = tmp_path / "file"
    for turn in range(500):
        data = b"%03d" % turn
        path.write_bytes(data)
        assert hash_file(path).hex() == digest_of(data)

    assert counts()["too_young"] == 500
    assert counts()["recorded"] == 0


def test_a_date_that_is_put_back_hides_nothing(settled: Path) -> None:
    """What ``cp -p`` and ``touch`` do: nobody can put back the date of the change itself."""
    status = settled.stat()
    hash_file(settled)
    settled.write_bytes(b"two")
    os.utime(settled, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert settled.stat().st_mtime_ns == status.st_mtime_ns
    assert hash_file(settled).hex() == digest_of(b"two")


def test_a_file_put_in_the_place_of_another_is_another(settled: Path) -> None:
    """With the same size and dates."""
    status = settled.stat()
    other = settled.with_name("other")
    other.write_bytes(b"two")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    hash_file(settled)
    other.replace(settled)

    assert hash_file(settled).hex() == digest_of(b"two")


@pytest.mark.skipif(shutil.which("faketime") is None, reason="NOT TRIED: faketime is not installed")
@pytest.mark.parametrize("shift", ["-3 days", "+3 days"])
def test_a_clock_that_is_wrong_hides_nothing(tmp_path: Path, table: Path, shift: str) -> None:
    """Dates are compared with the clock that makes them, not with what the process is told."""
    script = (
        "import sys; from pathlib import Path; from whorl.digest import *\n"
        "path = Path(sys.argv[1])\n"
        "for turn in range(200):\n"
        "    data = b'%03d' % turn\n"
        "    path.write_bytes(data)\n"
        "    assert hash_file(path).hex() == Hasher(data).hexdigest(), turn\n"
        "print(stat_table_in_use().counts()['recorded'])\n"
    )
    command = ["faketime", shift, sys.executable, "-c", script, str(tmp_path / "file")]
    done = subprocess.run(command, capture_output=True, text=True, env=child_environment(), check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0"]


def test_many_processes_share_a_table(tmp_path: Path, table: Path) -> None:
    """Each learns its own files and writes when it ends; nothing breaks, and what is known is right."""
    files = [tmp_path / f"{number}" for number in range(80)]
    for path in files:
        path.write_text(path.name)
    time.sleep(MARGIN)
    shares = [files[start::8] for start in range(8)]
    command = [sys.executable, "-c", HASHING]
    running = [subprocess.Popen([*command, *map(str, share)], stdout=subprocess.PIPE) for share in shares]
    for share, process in zip(shares, running, strict=True):
        printed = process.communicate(timeout=60)[0].decode().split()
        assert printed == [digest_of(path.name.encode()) for path in share]

    assert [digest.hex() for digest in hash_paths(files)] == [digest_of(path.name.encode()) for path in files]
    # A writer gives up where the lock is held for long; what it knew is read again.
    assert counts()["hits"] >= 60
    assert counts()["damaged"] == 0


def test_a_process_that_is_killed_while_it_writes_leaves_a_sound_table(settled: Path, table: Path) -> None:
    """The table is complete before it takes its name, and what is left over is removed."""
    script = (
        "import sys; from whorl.digest import *\n"
        "table = stat_table_in_use()\n"
        "print(flush=True)\n"
        "while True: hash_file(sys.argv[1], verify='always'); table.flush()\n"
    )
    command = [sys.executable, "-c", script, str(settled)]
    dice = random.Random(5)
    for _ in range(8):
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=child_environment()) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(dice.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
        assert hash_file(settled).hex() == digest_of(b"one")
    (table.parent / "table.1.tmp").write_bytes(b"half a table")
    hash_file(settled, verify="always")
    mine = stat_table_in_use()
    assert mine is not None
    mine.flush()

    assert counts()["damaged"] == 0
    assert sorted(path.name for path in table.parent.iterdir()) == ["table", "table.lock"]


@pytest.mark.parametrize("damage", ["flip", "cut", "nonsense", "folder"])
def test_a_damaged_table_costs_reading_and_is_made_anew(settled: Path, table: Path, damage: str) -> None:
    """What is no table at all is left alone."""
    python(HASHING, settled)
    whole = table.read_bytes()
    flipped = bytearray(whole)
    flipped[4096 + 60] ^= 1
    if damage == "folder":
        table.unlink()
        table.mkdir()
    else:
        table.write_bytes({"flip": bytes(flipped), "cut": whole[:5000], "nonsense": b"x" * 9000}[damage])

    assert python(HASHING, settled) == [digest_of(b"one")]
    assert python(HASHING, settled) == [digest_of(b"one")]
    if damage in ("flip", "cut"):
        assert hash_file(settled).hex() == digest_of(b"one")
        assert counts()["hits"] == 1


def test_a_forked_child_has_a_table_of_its_own(settled: Path) -> None:
    """A lock that a thread of the parent held when it forked is not waited for."""
    script = (
        "import os, sys, threading\n"
        "from whorl.digest import hash_file\n"
        "path = sys.argv[1]\n"
        "stop = False\n"
        "def hammer():\n"
        "    while not stop: hash_file(path)\n"
        "threads = [threading.Thread(target=hammer) for _ in range(2)]\n"
        "[thread.start() for thread in threads]\n"
        "for _ in range(40):\n"
        "    child = os.fork()\n"
        "    if child == 0: hash_file(path); os._exit(0)\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        "stop = True\n"
        "[thread.join() for thread in threads]\n"
    )
    assert python(script, settled, PYTHONWARNINGS="ignore") == []


def test_threads_share_a_table(settled: Path) -> None:
    """They agree, and every call is counted."""
    hash_file(settled)
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.extend(hash_file(settled).hex() for _ in range(200))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [digest_of(b"one")] * 800
    assert counts()["hits"] == 800


def test_a_folder_that_cannot_be_made_costs_nothing(settled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest is right, and at the end of the process nobody is bothered."""
    monkeypatch.setenv("WHORL_STAT_TABLE", str(settled / "below" / "a file"))

    assert python(HASHING, settled) == [digest_of(b"one")]


@pytest.mark.faults
@pytest.mark.skipif(shutil.which("unshare") is None, reason="NOT TRIED: there is no unshare")
def test_a_full_disk_costs_nothing_but_reading(tmp_path: Path, settled: Path) -> None:
    """The table stays as it was, and nothing half-written is left."""
    script = (
        "import os, sys; from pathlib import Path; from whorl.digest import *\n"
        "disk = Path(sys.argv[1])\n"
        "os.environ['WHORL_STAT_TABLE'] = str(disk / 'table')\n"
        "filler = open(disk / 'filler', 'wb', buffering=0)\n"
        "try:\n"
        "    while True: filler.write(bytes(4096))\n"
        "except OSError: pass\n"
        "file = sys.argv[2]\n"
        "assert hash_file(file) == hash_file(file) == hash_file(file, stat_table=False)\n"
        "try: stat_table_in_use().flush()\n"
        "except OSError as error: print(error.errno)\n"
        "assert {path.name for path in disk.iterdir()} <= {'filler', 'table.lock'}\n"
    )
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" -c "$3" "$1" "$4"'
    command = ["unshare", "-rm", "sh", "-c", mount, "sh", str(disk), sys.executable, script, str(settled)]
    done = subprocess.run(command, capture_output=True, text=True, env=child_environment(), check=False)
    if "unshare failed" in done.stderr or "Operation not permitted" in done.stderr:
        pytest.skip("NOT TRIED: this system does not permit unshare -rm")

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["28"]


def test_hash_shows_what_the_table_knew(folder: PipelineFolder, table: Path) -> None:
    """With --stats; a list is checked by reading, whatever the table says."""
    time.sleep(MARGIN)
    first = folder.whorl("hash", "--stats", "units.py")
    second = folder.whorl("hash", "--stats", "units.py")
    listed = folder.whorl("hash", "-c", "--stats", stdin=first.stdout_bytes)
    with whorl.options(stat_table="off"):
        off = folder.whorl("hash", "--stats", "units.py")

    assert first.stderr == f"stat table: 0 of 1 files known · 1 remembered · {table}\n"
    assert second.stderr == f"stat table: 1 of 2 files known · 1 remembered · {table}\n"
    assert listed.stderr == f"stat table: 1 of 2 files known · 2 remembered · {table}\n"
    assert off.stderr == "stat table: off\n"
    assert first.stdout == second.stdout == off.stdout


def test_a_raw_file_is_read_once_for_many_hits(folder: PipelineFolder, table: Path) -> None:
    """And an edit is seen at the next call."""
    time.sleep(MARGIN)
    folder.whorl("run", "pipeline.py:report")
    before = counts()
    folder.whorl("run", "pipeline.py:report")
    after = counts()
    (folder.folder / "raw/numbers.txt").write_text("1 2 3")
    edited = folder.whorl("run", "pipeline.py:report")

    assert after["recorded"] == before["recorded"] > 0
    assert after["hits"] > before["hits"]
    assert "ran" in edited.stderr + edited.stdout
