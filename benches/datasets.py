"""A size in, a data set out: the same one each time, shaped like the tables that people keep."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

_SEED = 20130101
_BYTES_PER_ROW = 47
_CARRIERS = ("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV")
_MIB = 2**20
_PER_FOLDER = 100
SMALL_FILE = 4096


def flights(megabytes: int) -> pd.DataFrame:
    """
    Make a frame of about so many megabytes in memory, shaped like a year of flights.

    Times, whole numbers, measurements with gaps, and text of few and of many different values.
    """
    random = np.random.default_rng(_SEED)
    rows = megabytes * 1_000_000 // _BYTES_PER_ROW
    delay = random.gamma(2.0, 12.0, rows).round(1)
    delay[random.random(rows) < 0.03] = np.nan
    return pd.DataFrame(
        {
            "scheduled": pd.Timestamp("2013-01-01") + pd.to_timedelta(random.integers(0, 525_600, rows), unit="min"),
            "flight": random.integers(1, 8_500, rows),
            "distance": random.normal(1_040, 733, rows),
            "delay": delay,
            "carrier": pd.Categorical.from_codes(random.integers(0, len(_CARRIERS), rows), _CARRIERS),
            "tail": pd.Series(np.char.add("N", random.integers(10_000, 14_000, rows).astype(str)), dtype="str"),
        }
    )


def large_file(path: Path, mebibytes: int) -> Path:
    """Write a file of so many MiB to the disk, so that nothing is left to be written when it is read."""
    _require(path.parent, mebibytes * _MIB)
    random = np.random.default_rng(_SEED)
    with path.open("wb") as file:
        for _ in range(mebibytes):
            file.write(random.bytes(_MIB))
        file.flush()
        os.fsync(file.fileno())
    return path


def tree(folder: Path, files: int) -> Path:
    """Write so many files of 4 KiB, all different, a hundred to a folder."""
    # A disk gives a file two blocks at most, and git keeps a copy of each.
    _require(folder.parent, files * 4 * SMALL_FILE)
    random = np.random.default_rng(_SEED)
    for number in range(files):
        within = folder / f"{number // _PER_FOLDER:04}"
        if number % _PER_FOLDER == 0:
            within.mkdir(parents=True)
        (within / f"{number % _PER_FOLDER:02}.bin").write_bytes(random.bytes(SMALL_FILE))
    os.sync()
    return folder


def _require(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size:
        raise OSError(
            f"{folder} has {free / _MIB:.0f} MiB free, and {size / _MIB:.0f} are needed: name another --basetemp"
        )


def text_files(folder: Path, count: int, lines: int) -> list[Path]:
    """Write so many small files of different content."""
    folder.mkdir(parents=True)
    paths = [folder / f"part-{number:02}.csv" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_text("".join(f"{number},{line},{line * number}\n" for line in range(lines)), encoding="utf-8")
    return paths
