"""
The rows of the fault matrix: what is done to a store, how often it must have been tried, and which test does it.

The numbers are those of the design; ``make faults`` fails where fewer trials were recorded.
"""

from __future__ import annotations

from dataclasses import dataclass

FORMATS = ("parquet", "arrow", "feather", "csv", "npy", "json", "pickle")


@dataclass(frozen=True, slots=True)
class Row:
    """One fault: ``test`` is a file of tests, ``missing`` says why there is none yet."""

    fault: str
    wanted: int
    test: str = ""
    missing: str = ""


ROWS = (
    Row("kill -9 at each system call of a commit", 300, "faults/test_system_calls.py"),
    Row("ENOSPC at each system call of a commit", 300, "faults/test_system_calls.py"),
    Row("EIO at each system call of a commit", 300, "faults/test_system_calls.py"),
    Row("kill between object-store requests: memory and folder", 300, "test_store_requests.py"),
    Row("kill between object-store requests: S3", 50, "test_store_requests.py"),
    Row("32 processes, one key: local folder", 32, "faults/test_one_computes.py"),
    Row("32 processes, one key: holder killed, local folder", 32, "faults/test_one_computes.py"),
    Row("32 processes, one key: S3", 32, "faults/test_one_computes.py"),
    Row("32 processes, one key: holder killed, S3", 32, "faults/test_one_computes.py"),
    Row("32 processes, one key: SFTP", 32, missing="no test of many processes reaches a server yet"),
    Row("full disk", 100, "faults/test_disks.py"),
    Row("read-only disk", 20, "faults/test_disks.py"),
    Row("flipped bits: every byte of a manifest", 1500, "faults/test_flipped_bits.py"),
    Row("truncation: every length of a manifest", 1500, "faults/test_flipped_bits.py"),
    *(Row(f"flipped bits: payload, {name}", 2000, "faults/test_flipped_bits.py") for name in FORMATS),
    *(Row(f"truncation: payload, {name}", 200, "faults/test_flipped_bits.py") for name in FORMATS),
    Row("cut, stalled or lost answers", 50, missing="no proxy stands before a server yet"),
    Row("clocks 3 days off", 20, "faults/test_clocks.py"),
    Row("gc against readers and writers: reads", 1_000_000, "test_collect_processes.py"),
    Row("hostile manifests", 1000, missing="signatures and limits are still being built"),
    Row("names: round trip", 500, "faults/test_names.py"),
    Row("100,000 entries: lookups", 2000, "faults/test_many_entries.py"),
    Row("100,000 entries: whorl ls", 3, "faults/test_many_entries.py"),
    Row("interleavings: steps", 100_000, "test_collect_interleaved.py"),
)
