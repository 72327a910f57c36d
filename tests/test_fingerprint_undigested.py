"""Globals without a digest: data is refused, what shows nothing is warned of, what can be read of the rest counts."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING

import pytest

from whorl.errors import NotFollowedWarning, UndigestableError
from whorl.fingerprint.code import fingerprint
from whorl.fingerprint.describe_instance import OpaqueError
from whorl.fingerprint.values import hash_value

if TYPE_CHECKING:
    from pathlib import Path
    from types import FunctionType

FRAME = "import pandas as pd, dask.dataframe as dd\nframe = dd.from_pandas(pd.DataFrame({'a': [1]}), npartitions=1)\n"
DATA = {
    "dask frame": FRAME + "V = frame",
    "dask series in a dict": FRAME + "V = {'k': [frame.a]}",
    "groups of a dask frame": FRAME + "V = frame.groupby('a')",
    "dask bag": "import dask.bag\nV = dask.bag.from_sequence([1])",
    "delayed": "import dask\nV = dask.delayed(1)",
    "attribute of an own object": FRAME + "class Own: ...\nV = Own()\nV.frame = frame",
    "beside a lock": FRAME + "import threading\nV = [threading.Lock(), frame]",
    "lazy frame": "import polars as pl\nV = pl.DataFrame({'a': [1]}).lazy()",
    "expression with a function": "import polars as pl\nV = pl.col('a').map_elements(lambda x: x)",
    "dataset of pyarrow": "import pyarrow as pa, pyarrow.dataset as pds\nV = pds.dataset(pa.table({'a': [1]}))",
    "scanner": "import pyarrow as pa, pyarrow.dataset as pds\nV = pds.dataset(pa.table({'a': [1]})).scanner()",
    "array with a lock in it": "import threading, numpy as np\nV = np.array([threading.Lock(), 1], object)",
    "frame with a lock in it": "import threading, pandas as pd\nV = pd.DataFrame({'a': [threading.Lock(), 1]})",
    "own array with a lock": (
        "import threading, numpy as np\nclass Own(np.ndarray): ...\n"
        "V = np.zeros(1).view(Own)\nV.lock = threading.Lock()"
    ),
}
WAYS = {
    "global": "def stage(): return V",
    "default": "def stage(v=V): return v",
    "cell": "def make(v):\n    def stage(): return v\n    return stage\nstage = make(V)",
    "helper": "def helper(): return V\ndef stage(): return helper()",
    "class": "class Held:\n    v = V\ndef stage(): return Held",
}
OPAQUE = {
    "compressor": "import zlib\nV = zlib.compressobj()",
    "iterator": "V = iter([1])",
    "generator": "V = (n for n in [1])",
    "decompressor": "import zlib\nV = zlib.decompressobj(zdict=b'a')",
    "reader": "import csv\nV = csv.reader(['a'])",
    "of a library": "import pyarrow as pa\nV = pa.BufferReader(b'a')",
    "batches": "import pyarrow as pa\nV = pa.table({'a': [1]}).to_reader()",
    "parquet file": (
        "import io, pyarrow as pa, pyarrow.parquet as pq\nfile = io.BytesIO()\n"
        "pq.write_table(pa.table({'a': [1]}), file)\nV = pq.ParquetFile(file)"
    ),
    "groups of a lazy frame": "import polars as pl\nV = pl.DataFrame({'a': [1]}).lazy().group_by('a')",
    "frames for queries": "import polars as pl\nV = pl.SQLContext(a=pl.DataFrame({'a': [1]}))",
    "of an own class": "import pyarrow as pa\nclass Own(pa.BufferReader): ...\nV = Own(b'a')",
}
LIVE = {
    "lock": "import threading\nV = threading.Lock()",
    "logger": "import logging\nV = logging.getLogger('a')",
    "connection": "import sqlite3\nV = sqlite3.connect(':memory:')",
    "executor": "import concurrent.futures as cf\nV = cf.ThreadPoolExecutor(1)",
    "temporary folder": "import tempfile\nV = tempfile.TemporaryDirectory()\nV.cleanup()",
    "output": "import sys\nV = sys.stdout",
    "engine": "import sqlalchemy\nV = sqlalchemy.create_engine('sqlite://')",
    "compressed file": "import gzip, io\nV = gzip.open(io.BytesIO(), 'wb')",
    "callbacks at the end": "import contextlib, threading\nV = contextlib.ExitStack()\nV.push(threading.Lock())",
    "library of C": "import ctypes\nV = ctypes.CDLL(None)",
    "function of C": "import ctypes\nV = ctypes.CDLL(None).abs",
    "library of C in a dict": "import ctypes\nV = {'a': ctypes.PyDLL(None)}",
    "lock of a file": "import filelock\nV = filelock.FileLock('a.lock')",
    "console": "import rich.console\nV = rich.console.Console()",
    "progress": "import io, tqdm\nV = tqdm.tqdm(file=io.StringIO())",
}
LOCK = "import threading\nlock = threading.Lock()\n"
OWN = LOCK + "import {0}\nclass Own({1}): ...\nV = Own({2})\nV.lock = lock"
OWN_SCALARS = {
    "own text": ("io", "str", "'{}'"),
    "own number": ("io", "int", "{}"),
    "own bytes": ("io", "bytes", "b'{}'"),
    "own buffer": ("io", "bytearray", "b'{}'"),
    "own date": ("datetime", "datetime.date", "2000, 1, {}"),
    "own moment": ("datetime", "datetime.datetime", "2000, 1, {}"),
    "own decimal": ("decimal", "decimal.Decimal", "{}"),
    "own array": ("array", "array.array", "'i', [{}]"),
    "own path": ("pathlib", "type(pathlib.Path())", "'{}'"),
}
READ = {
    "text in memory": "import io\nV = io.StringIO('{}')",
    "position in a text": "import io\nV = io.StringIO('xyz')\nV.read({})",
    "bytes in memory": "import io\nV = io.BytesIO(b'{}')",
    "finished program": "import subprocess\nV = subprocess.CompletedProcess([], {})",
    "match": "import re\nV = re.match('(.)', '{}')",
    "hash": "import hashlib\nV = hashlib.sha256(b'{}')",
    "keyed hash": "import hmac\nV = hmac.new(b'{}', b'text', 'sha256')",
    "decoder": "import json\nV = json.JSONDecoder(parse_int=lambda text: {})",
    "namespace": LOCK + "import types\nV = types.SimpleNamespace(lock=lock, n={})",
    "deque": LOCK + "import collections\nV = collections.deque([lock, {}])",
    "deque of an own class": LOCK + "import collections\nclass Own(collections.deque): ...\nV = Own([lock, {}])",
    "proxy": LOCK + "import types\nV = types.MappingProxyType(dict(lock=lock, n={}))",
    "user's dict": LOCK + "import collections\nV = collections.UserDict(lock=lock, n={})",
    "options of a program": LOCK + "import argparse\nV = argparse.Namespace(lock=lock, n={})",
    "prepared geometry": "import shapely, shapely.prepared\nV = shapely.prepared.prep(shapely.Point({}, 1))",
    "length of a deque": LOCK + "import collections\nV = collections.deque([lock], {})",
    "items of a dict": LOCK + "V = dict(lock=lock, n={}).items()",
    "slice": LOCK + "V = slice(lock, {})",
    "exception": LOCK + "V = ValueError(lock, {})",
    "factory of a dict": LOCK + "import collections\nV = collections.defaultdict((int, str, list)[{}], lock=lock)",
    "order of a dict": LOCK
    + "import collections\nV = collections.OrderedDict(a=lock, b=1, c=2)\nV.move_to_end('abc'[{}])",
    "signal": "import signal\nV = signal.Signals({})",
    "kind of socket": "import socket\nV = socket.SocketKind({})",
    "state of a file": "import os\nV = os.stat_result(({},) * 10)",
    "failed program": "import subprocess\nV = subprocess.CalledProcessError({}, 'a')",
    "own bytes in memory": "import io\nclass Own(io.BytesIO): ...\nV = Own(b'{}')",
    "own text in memory": "import io\nclass Own(io.StringIO): ...\nV = Own('{}')",
    **{name: OWN.format(*parts) for name, parts in OWN_SCALARS.items()},
}


SAME = {
    "distribution": "import scipy.stats\nV = scipy.stats.norm(1, 2)",
    "distribution of vectors": "import scipy.stats\nV = scipy.stats.multivariate_normal([0, 1])",
    "figure": "from matplotlib.figure import Figure\nV = Figure()\nV.subplots().plot([1, 2])",
}


def stage_of(source: str, name: str = "given") -> FunctionType:
    namespace: dict[str, object] = {"__name__": name}
    exec(compile(source, f"{name}.py", "exec", dont_inherit=True), namespace)
    return namespace["stage"]  # type: ignore[return-value]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("data", DATA)
def test_data_that_cannot_be_known_is_refused(data: str, way: str) -> None:
    """By its type alone it would pass for any other: a result would be served after it was changed."""
    with pytest.raises(UndigestableError, match=r"the code refers to .*, which has no digest") as raised:
        fingerprint(stage_of(f"{DATA[data]}\n{WAYS[way]}"))

    assert "ignore=" in raised.value.tip


def test_data_that_is_left_out_is_not_refused() -> None:
    """The user's word holds: it is the way on for who knows that a plan does not change."""
    stage = stage_of(f"{DATA['lazy frame']}\ndef stage(): return V")

    assert fingerprint(stage, ignore=["given.V"]).not_followed == ()


def test_data_that_was_mended_in_place_is_taken() -> None:
    """The refusal ends with its cause, in the same process."""
    stage = stage_of(f"{DATA['array with a lock in it']}\ndef stage(): return V")
    with pytest.raises(UndigestableError):
        fingerprint(stage)
    stage.__globals__["V"][0] = 2

    assert fingerprint(stage).not_followed == ()


@pytest.mark.parametrize("name", OPAQUE)
def test_what_shows_nothing_is_warned_of_once(name: str) -> None:
    """It counts by its type, and whoever depends on what is in it has to know."""
    stage = stage_of(f"{OPAQUE[name]}\ndef stage(): return V", f"warned_{name.replace(' ', '_')}")
    with pytest.warns(NotFollowedWarning, match="counts by its type alone"):
        found = fingerprint(stage)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = fingerprint(stage)

    assert found.digest == again.digest
    assert len(found.not_followed) == 1


@pytest.mark.parametrize("name", LIVE)
def test_tools_of_the_process_are_listed_without_a_warning(name: str) -> None:
    """Everybody has some, and what is in them is no part of a result."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fingerprint(stage_of(f"{LIVE[name]}\ndef stage(): return V"))

    assert len(found.not_followed) == 1


@pytest.mark.parametrize("name", READ)
def test_what_can_be_read_of_it_counts(name: str) -> None:
    """Whatever stands beside it: the rest is data."""
    digests = [fingerprint(stage_of(f"{READ[name].format(n)}\ndef stage(): return V")).digest for n in (1, 1, 2)]

    assert digests[0] == digests[1] != digests[2]


def test_a_closed_file_in_memory_counts_as_closed() -> None:
    """Nothing can be read of it any more."""
    source = "import io\nV = io.BytesIO(b'{}')\nV.close()\ndef stage(): return V"

    assert fingerprint(stage_of(source.format(1))).digest == fingerprint(stage_of(source.format(2))).digest


def run_in(folder: Path, script: str, seed: str) -> str:
    """Run a script in a process with a hash seed of its own, and give what it prints."""
    done = subprocess.run(
        [sys.executable, script],
        check=True,
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
    )
    return done.stdout.decode()


@pytest.mark.parametrize("made", SAME)
def test_what_a_process_numbers_anew_does_not_count(made: str, tmp_path: Path) -> None:
    """Addresses and the random numbers of the process are no part of what a library's object says."""
    (tmp_path / "code.py").write_text(f"import whorl\n{SAME[made]}\nprint(whorl.hash_value(V))")

    assert run_in(tmp_path, "code.py", "1") == run_in(tmp_path, "code.py", "2") != ""


def test_what_a_distribution_was_given_counts() -> None:
    """Its parameters and a generator of its own."""
    stats = pytest.importorskip("scipy.stats")
    seeded = [stats.norm(1, 2) for _ in range(2)]
    for seed, distribution in enumerate(seeded):
        distribution.random_state = seed
    different = [stats.norm(1, 2), stats.norm(1, 3), stats.expon(1), *seeded]

    assert len({hash_value(each) for each in different}) == len(different)


def test_a_library_of_c_counts_by_its_name(tmp_path: Path) -> None:
    """Where a process has put it is not the same in any other."""
    (tmp_path / "code.py").write_text(
        "import ctypes, whorl\nV = ctypes.CDLL(None)\nV.abs(-1)\ndef f(): return V\nprint(whorl.fingerprint(f).digest)"
    )
    runs = [run_in(tmp_path, "code.py", seed) for seed in "12"]

    assert runs[0] == runs[1] != ""


def test_a_refusal_keeps_its_kind_on_its_way_out_of_a_value_and_of_a_process() -> None:
    """The way inside the value is added by the walk; what is opaque stays opaque."""
    with pytest.raises(OpaqueError, match=r"^value\.a: a builtins\.list_iterator has no digest\n") as raised:
        hash_value({"a": iter([1])})
    copied = pickle.loads(pickle.dumps(raised.value))

    assert (type(copied), str(copied)) == (OpaqueError, str(raised.value))


def test_what_somebody_has_told_of_functions_in_c_counts() -> None:
    """What they give and take, and what else was put there."""
    told = ("pass", "V.abs.restype = ctypes.c_double", "V.abs.argtypes = [ctypes.c_int]", "V.n = 1", "V.n = V.abs")
    told = (*told, "V = V.abs", "V = V.abs\nV.restype = ctypes.c_double", "V = V.labs")
    source = "import ctypes\nV = ctypes.CDLL(None)\n{}\ndef stage(): return V"
    digests = [fingerprint(stage_of(source.format(line))).digest for line in told]

    assert len(set(digests)) == len(told)


def test_a_library_of_c_is_not_followed() -> None:
    """What it does is not seen, and who wants to be sure is told."""
    stage = stage_of("import ctypes\nV = ctypes.CDLL(None)\ndef stage(): return V")
    with pytest.raises(UndigestableError, match=r"ctypes\.CDLL"):
        fingerprint(stage, strict=True)


@pytest.mark.parametrize("name", READ)
def test_what_was_taken_apart_holds_while_it_is_the_same(name: str) -> None:
    """What is made anew at each question is told by what it says: else it would be described at each call."""
    stage = stage_of(f"{READ[name].format(1)}\ndef stage(): return V")
    first = fingerprint(stage)

    assert fingerprint(stage) is first


def test_what_was_taken_apart_is_the_same_in_every_process(tmp_path: Path) -> None:
    """No address, no order of a set and nothing that was remembered on the way counts."""
    sources = [READ[name].format(1) for name in READ]
    lines = "namespace = {'__name__': 'given'}\n    exec(source + '\\ndef stage(): return V', namespace)"
    (tmp_path / "taken_apart.py").write_text(
        f"from whorl.fingerprint.code import fingerprint\nfor source in {sources!r}:\n    {lines}\n"
        "    print(fingerprint(namespace['stage']).digest)"
    )
    runs = [run_in(tmp_path, "taken_apart.py", seed) for seed in "12"]

    assert runs[0].split() == runs[1].split()
    assert len(runs[0].split()) == len(READ)


def test_contents_that_change_in_place_are_seen() -> None:
    """Also in what was made from a built-in type, beside something without a digest."""
    stage = stage_of(f"{OWN.format('io', 'bytearray', repr(b'a'))}\ndef stage(): return V")
    first = fingerprint(stage).digest
    stage.__globals__["V"][0] = 1

    assert fingerprint(stage).digest != first


def test_use_of_connections_and_compressed_files_changes_nothing() -> None:
    """What they keep for themselves is no part of a result."""
    stage = stage_of("import gzip, io\nV = gzip.open(io.BytesIO(), 'wb')\ndef stage(): return V")
    first = fingerprint(stage).digest
    stage.__globals__["V"].write(b"a")

    assert fingerprint(stage).digest == first


def test_what_is_warned_of_holds_no_frames() -> None:
    """The error is kept with the fingerprint; where it was raised would be kept with it."""
    stage = stage_of("V = iter([1])\ndef stage(): return V", "without_frames")
    with pytest.warns(NotFollowedWarning):
        (found,) = fingerprint(stage).not_followed

    assert isinstance(found.error, OpaqueError)
    assert found.error.__traceback__ is None


@pytest.mark.parametrize(
    "made",
    [
        "import click\nV = click.Command('a', callback=iter([1]))",
        "import pathlib\nclass Own(type(pathlib.Path())): ...\nV = Own('a')\nV.a = iter([1])",
        "import enum\nclass Own(enum.Enum):\n    a = iter([1])\nV = Own.a",
    ],
)
def test_commands_paths_and_enums_are_no_data(made: str) -> None:
    """What shows nothing in them is warned of, where it stands."""
    stage = stage_of(f"{made}\ndef stage(): return V", f"no_data_{len(made)}")
    with pytest.warns(NotFollowedWarning):
        found = fingerprint(stage)

    assert found.not_followed
