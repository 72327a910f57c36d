"""
Digests do not depend on the versions of pandas, numpy, pyarrow, scipy and xarray, nor on process, seed or threads.

Values that a library makes differently in another version are other values, and have other digests: what dtype text
gets where none is named (``object`` before pandas 3, then ``str``), the unit of dates that are parsed (nanoseconds
before pandas 3), a zone given by its name (``pytz`` before pandas 3, then ``zoneinfo``).  The expressions here name
dtypes, units and zones, so that both versions make the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from vectors.whorl_vectors import VECTORS, digest_value

PROJECT = Path(__file__).parents[1]
# The oldest that install on the Python that runs this, or nearly.
OLDER = ["numpy<2", "pandas<2.3", "pyarrow<16", "xarray<2024.7", "scipy<1.14"]
NEEDED = ["click", "fsspec", "filelock", "platformdirs"]
BATTERY = [
    *[f"load('numpy').arange(6).astype({dtype!r})" for dtype in ("f2", "f4", "c8", "u1", "i8", ">i4", "?", "S3", "U3")],
    "load('numpy').arange(6).astype('M8[us]')",
    "load('numpy').zeros(3, [('a', 'i1'), ('b', [('c', 'f8', (2,))])])",
    "load('numpy').arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1)[::-1]",
    "load('numpy').array([None, 1.5, 'x', (1, 2)], dtype=object)",
    "load('numpy').ma.array([1.0, 2.0], mask=[0, 1], fill_value=5)",
    "load('numpy').random.RandomState(3)",
    "load('numpy').random.default_rng(3)",
    "load('numpy').float32(0.1)",
    "load('numpy').timedelta64(5, 'ms')",
    "load('numpy').bool_(True)",
    "load('numpy').add",
    "load('pandas').DataFrame(load('numpy').arange(12.0).reshape(4, 3), columns=load('pandas').Index([1, 5, 6]))",
    "load('pandas').DataFrame({1: [1, 2], 2: [True, False]}, index=load('pandas').Index([5, 5], name='n'))",
    "load('pandas').Series(['a', None, float('nan')], dtype=object, name='n')",
    "load('pandas').Series([1, None], dtype='Int8')",
    "load('pandas').Series([1.5, None], dtype='Float32')",
    "load('pandas').Series([True, None], dtype='boolean')",
    "load('pandas').Series(load('pandas').Categorical([3, 1], categories=[3, 2, 1], ordered=True))",
    "load('pandas').Series(load('numpy').array([1, 2], 'M8[s]'))",
    "load('pandas').Series(load('numpy').array([1, 2], 'm8[ms]'))",
    "load('pandas').DatetimeIndex(load('numpy').array([1, 2], 'M8[ns]'), tz=load('zoneinfo').ZoneInfo('Europe/Rome'))",
    "load('numpy').zeros(2, [('a', 'i4')]).view(load('numpy').recarray)",
    "load('numpy').ma.array([[1, 2]]).view(load('numpy').ma.MaskedArray)",
    "load('pandas').Series(load('pandas').arrays.SparseArray([0, 0, 5]))",
    "load('pandas').Series(load('pandas').arrays.IntervalArray.from_breaks([0, 1, 2], closed='left'))",
    "load('pandas').Series(['a', None], dtype='string[python]')",
    "load('pandas').PeriodIndex(['2020-01', '2020-02'], freq='M')",
    "load('pandas').MultiIndex.from_product([[1, 2], [0.5, 1.5]], names=[1, 2])",
    "load('pandas').RangeIndex(3, 9, 2, name='r')",
    "load('pandas').Index([1.5, 2.5])",
    "load('pandas').IntervalIndex.from_breaks([0.0, 1.0])",
    "load('pandas').Timestamp(5, unit='s', tz='UTC').as_unit('ms')",
    "load('pandas').Timedelta(5, 'h').as_unit('s')",
    "load('pandas').CategoricalDtype([1, 2])",
    "load('pandas').offsets.MonthEnd(2)",
    "load('scipy.sparse').csc_array(load('numpy').eye(3))",
    "load('scipy.sparse').dia_matrix(load('numpy').eye(3))",
    "load('scipy.sparse').lil_array(load('numpy').eye(3))",
    "load('xarray').Dataset({'v': (('x', 'y'), load('numpy').eye(2))}, coords={'x': [1, 2], 'z': ('y', [0.5, 1.5])})",
    "load('xarray').DataArray(load('numpy').arange(3), dims='t', coords={'t': [0, 2, 7]}, name='n', attrs={'u': 'm'})",
]
DIGEST = """
import json, os, sys
sys.path[:0] = json.loads(os.environ["WHORL_TEST_PATHS"])
from vectors.whorl_vectors import digest_value
for expression in json.load(sys.stdin):
    try:
        print(digest_value(expression).hex())
    except ModuleNotFoundError as error:
        print(error.name)
"""


def digests_elsewhere(expressions: list[str], python: str = sys.executable, **environment: str) -> dict[str, str]:
    """Digest expressions in another process; what it lacks a module for is left out."""
    paths = json.dumps([str(PROJECT / "tests"), str(PROJECT / "python")])
    done = subprocess.run(
        [python, "-W", "ignore", "-c", DIGEST],
        input=json.dumps(expressions),
        env={**os.environ, "WHORL_TEST_PATHS": paths, **environment},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split()
    assert len(lines) == len(expressions)
    return {name: line for name, line in zip(expressions, lines, strict=True) if len(line) == 64}


def vectors() -> list[str]:
    return [entry["python"] for entry in json.loads(VECTORS.read_text(encoding="utf-8"))["values"]]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_another_process_with_another_seed_agrees(tmp_path: Path) -> None:
    """Digests are compared between machines: no seed, no address, no working folder is in them."""
    expressions = [*vectors(), *BATTERY]
    here = {name: digest_value(name).hex() for name in expressions}

    assert digests_elsewhere(expressions, PYTHONHASHSEED="7", PWD=str(tmp_path)) == here


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the number of processors cannot be set here")
def test_the_number_of_threads_does_not_show() -> None:
    """One processor hashes large memory to the same digest as two."""
    large = [
        "load('numpy').arange(2_000_000)",
        "load('numpy').arange(2_000_000).reshape(1000, 2000).T",
        "load('pandas').DataFrame(load('numpy').arange(3_000_000).reshape(-1, 5))",
        "'x' * 5_000_000",
    ]
    mine = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(mine)})
        alone = digests_elsewhere(large)
    finally:
        os.sched_setaffinity(0, mine)

    assert alone == digests_elsewhere(large)


@pytest.mark.slow
@pytest.mark.index
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.version_info >= (3, 13), reason="the older versions have no binaries for this Python")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_older_versions_of_the_libraries_agree(tmp_path: Path) -> None:
    """A store is read by colleagues whose environments differ."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *OLDER, *NEEDED]
    subprocess.run(install, check=True, capture_output=True)
    expressions = [*vectors(), *BATTERY]
    older = digests_elsewhere(expressions, python)

    differ = [name for name, digest in older.items() if digest_value(name).hex() != digest]
    assert differ == []
    assert len(older) > len(BATTERY)
