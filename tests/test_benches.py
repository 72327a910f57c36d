"""The benches in their smallest sizes: every target has a line, and a missing peer is not passed over."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
SMALLEST = ["--sizes", "1", "--file-size", "8", "--files", "200", "--value-size", "1"]
NAMES = ["hash_file", "hash_tree", "hash_value", "large_values", "fingerprint", "cache"]

# Target, peer and bound, as hashing.md, fingerprint.md and store.md state them.
STATED = {
    ("1", "hash_file, CPU", "C: pread of 256 KiB", "≤ 2.4 times its time"),
    ("1", "hash_file", "blake3: update_mmap, AUTO", "≥ 0.75 times its speed"),
    ("1", "hash_file, mmap=True", "blake3: update_mmap, AUTO", "≥ 1 times its speed"),
    ("1", "hash_file", "hashlib: file_digest, sha256", "≥ 10 times its speed"),
    ("1", "hash_file, memory beyond the interpreter", "≤ 64.0 MiB"),
    ("1", "hash_file, memory of the process", "≤ 100.0 MiB"),
    ("2", "hash_tree, memory beyond the interpreter", "≤ 64.0 MiB"),
    ("2", "hash_tree, memory of the process", "≤ 100.0 MiB"),
    ("2", "hash_tree, first", "C: open, read, close, 2 threads", "≤ 2 times its time"),
    ("2", "hash_tree, first", "os.walk and blake3", "≥ 2.5 times its speed"),
    ("2", "hash_tree, unchanged", "os.scandir and stat", "≤ 0.7 times its time"),
    ("2", "hash_tree, unchanged", "git status -uno, a process", "≤ 1.5 times its time"),
    *(
        ("3", f"{kind}, {threads}", "joblib.hash", f"≥ {bound} times its speed")
        for kind in ("ndarray", "DataFrame", "Dataset")
        for threads, bound in (("1 thread", 6), ("2 threads", 10))
    ),
    *(
        ("3", f"{kind}, {threads}", "BLAKE3 of the buffers", "≥ 0.95 times its speed")
        for kind in ("ndarray", "DataFrame", "Dataset")
        for threads in ("1 thread", "2 threads")
    ),
    *(
        ("3", f"{kind}, {threads}", peer, f"≥ {bound} times its speed")
        for kind, peer, bound in (
            ("Arrow table", "joblib.hash", 15),
            ("object strings", "joblib.hash", 40),
            ("object strings", "dask.base.tokenize", 3),
        )
        for threads in ("1 thread", "2 threads")
    ),
    ("5", "first fingerprint of a stage with 20 helpers", "≤ 2 ms"),
    ("5", "fingerprint checked again", "≤ 20 µs"),
    ("5", "fingerprints of 1,000 stages", "≤ 1 s"),
    ("6", "first call: a dict", "joblib.Memory", "≤ 1 times its time"),
    ("6", "hit: a dict", "joblib.Memory", "≤ 0.5 times its time"),
    ("6", "memory hit, beyond key and private copy", "≤ 10 µs"),
    ("6", "import, beyond Python alone", "≤ 60 ms"),
    *(
        line
        for value, bound in (("a tuple of 5", 1), ("a dict of 10", 2))
        for line in (
            ("4", f"hash_value of {value}", f"≤ {bound} µs"),
            ("4", f"hash_value of {value}", "dask.base.tokenize", "≥ 10 times its speed"),
            ("4", f"hash_value of {value}", "joblib.hash", "≥ 20 times its speed"),
        )
    ),
}

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the benches read /proc and hold processes to processors"),
    pytest.mark.skipif(not all(map(shutil.which, ("cc", "git"))), reason="the benches need cc and git"),
]


def bench(names: list[str], *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run benches as ``make bench`` does, in a process without the settings of this session."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    files = [f"benches/bench_{name}.py" for name in names]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--benchmark-quiet", *files, *SMALLEST, *words]
    return subprocess.run(
        command, cwd=PROJECT, env=kept | environment, capture_output=True, text=True, check=False, timeout=600
    )


def targets(printed: str) -> dict[tuple[str, ...], str]:
    """Read the table of targets: what was asked, and the verdict."""
    lines = printed.partition("targets of hashing.md, fingerprint.md and store.md")[2].splitlines()
    rows = [re.split(r" {2,}", line.rstrip()) for line in lines if re.match(r"\d ", line)]
    return {(number, text, *asked(rest)): rest[-1] for number, text, _, *rest in rows}


def asked(rest: list[str]) -> tuple[str, ...]:
    """Leave out what was measured."""
    peer = () if rest[0].startswith("≤") else (rest[0],)
    return *peer, rest[-2]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(
    hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) < 2, reason="two processors are compared with one"
)
def test_every_target_has_a_line_with_a_verdict() -> None:
    """The peers are there, the figures are taken, and what sizes they were taken for is said."""
    done = bench(NAMES)
    found = targets(done.stdout)

    assert done.returncode == 0, done.stdout + done.stderr
    assert set(found) == STATED
    assert all(re.fullmatch(r"reached|MISSED by \d+%", verdict) for verdict in found.values())
    assert set(re.findall(r"(\S+) +MISSING", done.stdout)) <= {"nuthatch"}, "which needs another Python"
    assert "Not what the targets are stated for: 8 MiB of the large file, not 4096." in done.stdout


@pytest.mark.timeout(300)
def test_a_missing_peer_is_shown_and_fails_the_run(tmp_path: Path) -> None:
    """The other peers still run, and the lines of the missing one say MISSING."""
    (tmp_path / "joblib.py").write_text('raise ImportError("not today")\n', encoding="utf-8")
    done = bench(["hash_value"], "-k", "tuple", PYTHONPATH=str(tmp_path))
    found = targets(done.stdout)

    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"joblib.hash +MISSING +ImportError: not today", done.stdout)
    assert found["4", "hash_value of a tuple of 5", "joblib.hash", "≥ 20 times its speed"] == "MISSING"
    assert found["4", "hash_value of a tuple of 5", "dask.base.tokenize", "≥ 10 times its speed"] != "MISSING"
