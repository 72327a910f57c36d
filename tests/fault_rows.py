"""
The rows of the fault matrix: what is done to a store, how often it must have been tried, and which test does it.

The numbers are those of the design; ``make faults`` fails where fewer trials were recorded.
"""

from __future__ import annotations

from dataclasses import dataclass

# The stages of faults/payload_stages.py: formats, and what they hold where that is not what they hold by default.
QUICK = (
    *("parquet", "arrow", "feather", "csv", "npy", "json", "pickle", "file", "orc", "zarr", "netcdf", "delta"),
    *("parquet of rows", "zarr of numpy", "parquet of polars", "arrow of polars", "delta of polars"),
)
# These take a tenth of a second each time, and are tried less often.
DEAR = (
    *("sql", "excel", "hdf", "html", "stata", "xml", "terracotta", "zarr of hours", "zarr of dask", "netcdf of dask"),
    *("parquet of dask", "delta of dask", "sql of dask", "sql of polars"),
    *(f"{name} of geopandas" for name in ("parquet", "feather", "csv", "delta", "sql")),
)
DATABASES = ("sql", "sql of geopandas", "sql of dask")
WINDOWED = ("parquet", "zarr", "parquet of dask")
SHARED = ("local folder", "S3 (moto)", "S3 (Ceph)", "SFTP")
SERVERS = ("S3 (moto)", "S3 (Ceph)", "SFTP", "Google's storage (emulator)")


@dataclass(frozen=True, slots=True)
class Row:
    """One fault, and the file of tests that tries it."""

    fault: str
    wanted: int
    test: str


ROWS = (
    Row("kill -9 at each system call of a commit", 300, "faults/test_system_calls.py"),
    Row("ENOSPC at each system call of a commit", 300, "faults/test_system_calls.py"),
    Row("EIO at each system call of a commit", 300, "faults/test_system_calls.py"),
    Row("kill between object-store requests: memory and folder", 300, "test_store_requests.py"),
    *(Row(f"kill between object-store requests: {name}", 50, "test_store_requests.py") for name in SERVERS),
    Row("kill between object-store requests: a process, behind a proxy", 50, "faults/test_killed_clients.py"),
    *(Row(f"32 processes, one key: {name}", 32, "faults/test_one_computes.py") for name in SHARED),
    *(Row(f"32 processes, one key: holder killed, {name}", 32, "faults/test_one_computes.py") for name in SHARED),
    Row("full disk", 100, "faults/test_disks.py"),
    Row("read-only disk", 20, "faults/test_disks.py"),
    Row("flipped bits: every byte of a manifest", 1500, "faults/test_flipped_bits.py"),
    Row("truncation: every length of a manifest", 1500, "faults/test_flipped_bits.py"),
    *(Row(f"flipped bits: payload, {name}", 2000, "faults/test_flipped_bits.py") for name in QUICK),
    *(Row(f"flipped bits: payload, {name}", 400, "faults/test_flipped_bits.py") for name in DEAR),
    *(Row(f"truncation: payload, {name}", 200, "faults/test_flipped_bits.py") for name in QUICK),
    *(Row(f"truncation: payload, {name}", 60, "faults/test_flipped_bits.py") for name in DEAR),
    *(Row(f"missing files: payload, {name}", 2, "faults/test_flipped_bits.py") for name in (*QUICK, *DEAR)),
    *(Row(f"flipped bits: a window, {name}", 50, "faults/test_flipped_bits.py") for name in WINDOWED),
    Row("damage, and the store is only read", 100, "faults/test_flipped_bits.py"),
    Row("full disk: a result of each format", 100, "faults/test_disks.py"),
    *(Row(f"changes behind whorl's back: {name}", 10, "faults/test_databases.py") for name in DATABASES),
    Row("kill -9 at each statement: sql", 10, "faults/test_databases.py"),
    Row("cut, stalled or lost answers: once", 50, "faults/test_bad_answers.py"),
    Row("cut, stalled or lost answers: from then on", 50, "faults/test_bad_answers.py"),
    Row("clocks 3 days off", 20, "faults/test_clocks.py"),
    Row("gc against readers and writers: reads", 1_000_000, "test_collect_processes.py"),
    Row("hostile manifests", 1000, "faults/test_hostile_manifests.py"),
    Row("names: round trip", 500, "faults/test_names.py"),
    Row("100,000 entries: lookups", 2000, "faults/test_many_entries.py"),
    Row("100,000 entries: whorl ls", 3, "faults/test_many_entries.py"),
    Row("interleavings: steps", 100_000, "test_collect_interleaved.py"),
)
