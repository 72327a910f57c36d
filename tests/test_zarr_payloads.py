"""What a dataset's payload is made of, and who writes and reads it: other processes, dask, other readers of zarr."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING

import cloudpickle
import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr

from contracts.payload import new_payload, through
from dataset_examples import CHUNKS, ZARR, chunk_files, stored, weather
from store_examples import child_environment, slot
from whorl.errors import ConfigError, FormatError
from whorl.fingerprint.values import hash_value
from whorl.store.local import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

# ── processes, dask ──


@pytest.mark.parametrize("pickler", [pickle, cloudpickle])
def test_a_lazy_dataset_is_read_in_another_process(pickler: object, tmp_path: Path) -> None:
    """It says where its files are, and what they have to be."""
    value = stored(LocalStore(tmp_path / "store"), weather(), chunks=CHUNKS)
    sent = pickler.dumps(value)  # type: ignore[attr-defined]
    code = """
import sys, pickle
from whorl.fingerprint.values import hash_value
value = pickle.loads(sys.stdin.buffer.read())
lazy = not value.t.variable._in_memory
print(hash_value(value).hex(), lazy)
try:
    [path.unlink() for path in __import__("pathlib").Path(sys.argv[1]).rglob("n/c/*/*/*")]
    value.n.load()
except OSError as error:
    print(error.message)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "store")]
    done = subprocess.run(command, input=sent, capture_output=True, check=True, env=child_environment())
    first, second = done.stdout.decode().splitlines()

    assert first == f"{hash_value(weather()).hex()} True"
    assert second.endswith("of a result of pipeline.clean is damaged")
    assert len(sent) < 100_000
    assert LocalStore(tmp_path / "store").lookup(slot()) is None


def test_blocks_of_dask_are_written_by_its_workers_and_come_back_as_blocks(tmp_path: Path) -> None:
    """One chunk for each block, written where it was computed; what several variables need is computed once."""
    computed: list[tuple[int, ...]] = []

    def made(block: np.ndarray, block_info: dict | None = None) -> np.ndarray:  # type: ignore[type-arg]
        if block_info and block.size:
            computed.append(block_info[0]["chunk-location"])
        return block + 1

    base = da.arange(400_000, chunks=100_000, dtype="f8").map_blocks(made, dtype="f8")
    value = xr.Dataset({"a": ("x", base), "b": ("x", base * 2)})
    computed.clear()
    payload = new_payload(tmp_path)
    with dask.config.set(scheduler="threads"):
        ZARR.encode(value, payload, {})
    once = sorted(computed)
    decoded = ZARR.decode(payload, {})
    assert isinstance(decoded, xr.Dataset)

    assert once == [(0,), (1,), (2,), (3,)]
    assert [name for name in payload.names if name.startswith("a/c/")] == [f"a/c/{at}" for at in range(4)]
    assert decoded.a.chunks == value.a.chunks
    assert hash_value(decoded) == hash_value(value)


MEASURE = """
import resource, sys
from pathlib import Path
import dask.array as da, xarray as xr
from dataset_examples import stored
from whorl.fingerprint.values import hash_value
from whorl.store.local import LocalStore
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
store = LocalStore(Path(sys.argv[1]))
hash_value(stored(store, xr.Dataset({"v": ("x", da.random.random(200_000, chunks=100_000))}), "small"))
before = peak()
large = xr.Dataset({"v": (("x", "y"), da.random.random((600, 125_000), chunks=(10, 125_000)))})
value = stored(store, large, compression="none")
hash_value(value)
print(value.nbytes >> 20, peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="measures memory in the way of Linux")
def test_a_large_graph_is_stored_and_read_without_being_whole_in_memory(tmp_path: Path) -> None:
    """Of 600 MB some blocks are there at a time, while it is written and while it is digested."""
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "store")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=child_environment())
    size, grown = map(int, done.stdout.split())

    assert size == 572
    assert grown < 400


def test_dask_writes_and_reads_in_processes(tmp_path: Path) -> None:
    """The draft and the payload are both reached from a worker."""
    value = xr.Dataset({"v": (("y", "x"), da.arange(600_000, chunks=150_000, dtype="f8").reshape(4, 150_000))})
    with dask.config.set(scheduler="processes", num_workers=1):
        decoded = stored(LocalStore(tmp_path / "store"), value)
        total = float(decoded.v.sum())

    assert total == sum(range(600_000))
    assert isinstance(decoded.v.data, da.Array)


def test_a_dataset_in_a_file_is_written_in_parts(tmp_path: Path) -> None:
    """What is lazy by other means is neither loaded whole nor loaded for its owner."""
    source = new_payload(tmp_path)
    ZARR.encode(weather(), source, {"chunks": CHUNKS})
    lazy, target = ZARR.decode(source, {}), new_payload(tmp_path)
    assert isinstance(lazy, xr.Dataset)
    ZARR.encode(lazy, target, {})

    assert not lazy.t.variable._in_memory
    assert target.names == source.names
    assert hash_value(ZARR.decode(target, {})) == hash_value(weather())


# ── payloads ──


def test_small_datasets_stand_in_the_manifest(tmp_path: Path) -> None:
    """One read, no folder; and they can be pickled."""
    root = tmp_path / "store"
    value = stored(LocalStore(root), xr.Dataset({"v": ("x", [1.5, 2.5])}, {"x": [1, 2]}))
    again = pickle.loads(pickle.dumps(value))

    assert not (root / "v1" / "default" / "o").exists()
    assert hash_value(again) == hash_value(value)


def test_a_manifest_names_any_number_of_chunks(tmp_path: Path) -> None:
    """The list of files is a side list then; opening it reads no chunk."""
    value = xr.Dataset({"v": ("x", np.arange(1.0, 10_001.0))})
    decoded = stored(LocalStore(tmp_path / "store"), value, chunks={"x": 1}, compression="none")

    assert len(chunk_files(tmp_path / "store", "v")) == 10_000
    assert decoded.v[[0, 9_999]].values.tolist() == [1.0, 10_000.0]


def test_other_readers_of_zarr_find_what_they_know(tmp_path: Path) -> None:
    """Names, dimensions, coordinates, plain attributes, times by the conventions of CF."""
    value = weather().assign_coords(station=("y", [f"s{at}" for at in range(40)]))
    value["when"] = ("y", np.datetime64("2020-01-01", "ns") + np.arange(40).astype("m8[h]"))
    payload = new_payload(tmp_path)
    ZARR.encode(value, payload, {"chunks": CHUNKS})
    read = xr.open_zarr(payload.folder, chunks=None).load()

    xr.testing.assert_equal(read.drop_vars("station"), value.drop_vars("station"))
    assert read.station.values.tolist() == value.station.values.tolist()
    assert read.attrs["title"] == "weather"
    assert set(read.coords) == set(value.coords)


def test_other_readers_of_zarr_find_arrays_in_attributes_and_what_is_missing(tmp_path: Path) -> None:
    """Arrays as lists; NaN, which JSON has not, is left out, and so is what would make the metadata long."""
    attrs = {"valid_range": np.array([0, 9], "f4"), "square": np.eye(2), "n": np.int8(3), "names": np.array(["a", "ü"])}
    other = {"nan": np.array([np.nan]), "long": np.zeros(100_000), "when": np.datetime64("2020"), "half": "\ud800"}
    value = xr.Dataset(
        {
            "f": ("x", [1.0, 2.0], {"_FillValue": np.float32(2.0), **attrs, **other}),
            "i": ("x", [1, 2], {"_FillValue": np.int8(1)}),
            "s": ("x", ["a", "b"], {"_FillValue": np.str_("a")}),
            "b": ("x", [True, False], {"_FillValue": np.int8(1)}),
        },
        attrs=attrs | other,
    )
    payload = new_payload(tmp_path)
    ZARR.encode(value, payload, {})
    read = xr.open_zarr(payload.folder, chunks=None).load()
    listed = {"valid_range": [0.0, 9.0], "square": [[1.0, 0.0], [0.0, 1.0]], "n": 3, "names": ["a", "ü"]}

    assert {name: item for name, item in read.attrs.items() if name != "whorl"} == listed
    assert read.f.attrs == listed
    np.testing.assert_array_equal(read.f, [1.0, np.nan])
    np.testing.assert_array_equal(read.i, [np.nan, 2.0])
    assert [*read.b.values, *read.s.values] == [True, False, "a", "b"]
    assert hash_value(ZARR.decode(payload, {})) == hash_value(value)


@pytest.mark.parametrize("compression", ["zstd", "blosc", "gzip", "none"])
def test_compression_is_an_option(compression: str, tmp_path: Path) -> None:
    """The value is the same."""
    value = xr.Dataset({"v": ("x", np.arange(1000.0)), "s": ("x", np.arange(1000).astype(str))})
    decoded = through("zarr", value, tmp_path, compression=compression)

    assert hash_value(decoded) == hash_value(value)


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"chunk": {}}, "did you mean 'chunks'?"),
        ({"chunks": {"tme": 1}}, "did you mean 'time'?"),
        ({"chunks": {"time": 0}}, "has 0 for 'time', not a number above zero"),
        ({"chunks": 5}, "is 5, not lengths by dimension"),
        ({"compression": "zst"}, "not one of zstd, blosc, gzip, none"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], cause: str, tmp_path: Path) -> None:
    """With what was probably meant."""
    with pytest.raises((ConfigError, FormatError)) as refusal:
        ZARR.encode(weather(), new_payload(tmp_path), options)

    assert cause in str(refusal.value)


@pytest.mark.parametrize(
    "change",
    [
        {"zarr_format": 2, "filters": [{"id": "pickle"}], "compressor": None, "order": "C", "dtype": "|O"},
        {"codecs": [{"name": "bytes"}, {"name": "numcodecs.lzma", "configuration": {}}]},
        {"storage_transformers": [{"name": "anything"}]},
    ],
    ids=["unpickling", "another codec", "a transformer"],
)
def test_metadata_that_whorl_does_not_write_are_refused(change: dict[str, object], tmp_path: Path) -> None:
    """Codecs run on what somebody else wrote; one of zarr 2 runs code."""
    canary = tmp_path / "canary"

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return open, (str(canary), "w")  # type: ignore[return-value]

    payload = new_payload(tmp_path)
    ZARR.encode(xr.Dataset({"v": ("x", [1.0, 2.0])}), payload, {})
    root = json.loads(payload.read("zarr.json"))
    metadata = root["consolidated_metadata"]["metadata"]["v"]
    metadata.update({**change, "chunks": metadata["shape"]} if "zarr_format" in change else change)
    payload.write("zarr.json", json.dumps(root).encode())
    for name in payload.names:
        if "/c" in name or name.endswith("/0"):
            payload.write(name, pickle.dumps(Bomb()))

    with pytest.raises(ValueError, match="a stored zarr names codecs that are not used here"):
        hash_value(ZARR.decode(payload, {}))
    assert not canary.exists()


def test_without_zarr_the_message_says_what_to_install() -> None:
    """The library xarray alone does not bring it; a dataset whose format nobody named goes to pickle then."""
    code = """
import sys
sys.modules["zarr"] = None
import xarray as xr
from whorl.errors import ConfigError, FormatError
from whorl.formats.base import candidates
try:
    candidates(xr.Dataset({"v": ("x", [1])}))[0].encode(xr.Dataset({"v": ("x", [1])}), None, {})
except FormatError as error:
    print(error.message, error.cause, error.tip, sep="|")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.startswith('the format zarr needs zarr|zarr is not installed|pip install "whorl[xarray]"')


HOSTILE_ARRAYS = {
    "huge": ["<f8", [10**12], ""],
    "overflowing": ["<f8", [2**62, 2**62], ""],
    "negative": ["<f8", [-1, -8], "AAAAAAAAAAA="],
    "strings of nothing": ["<U0", [10**12], ""],
    "objects": ["O", [1], "AAAAAAAAAAA="],
    "objects of another number": ["|O", [10**12], [1]],
    "records": [[["a", "<f8"]], [1], "AAAAAAAAAAA="],
    "rows in a dtype": ["(100000,100000)f8", [0], ""],
    "other words": ["double", [1], "AAAAAAAAAAA="],
    "no numbers": ["<f8", "1", "AAAAAAAAAAA="],
    "cut off": ["<f8", [1], "AAAA"],
    "too many axes": ["<f8", [1] * 1000, "AAAAAAAAAAA="],
}


@pytest.mark.parametrize("name", HOSTILE_ARRAYS)
def test_an_array_in_attributes_takes_no_more_than_the_bytes_that_are_there(name: str, tmp_path: Path) -> None:
    """Whatever shape and dtype somebody else wrote."""
    payload = new_payload(tmp_path)
    ZARR.encode(xr.Dataset(attrs={"a": np.zeros(1)}), payload, {})
    root = json.loads(payload.read("zarr.json"))
    assert root["attributes"]["whorl"]["attrs"]["a"] == {"$": "numpy.array", "v": ["<f8", [1], "AAAAAAAAAAA="]}
    root["attributes"]["whorl"]["attrs"]["a"]["v"] = HOSTILE_ARRAYS[name]
    payload.write("zarr.json", json.dumps(root).encode())

    with pytest.raises((ValueError, TypeError)):
        ZARR.decode(payload, {})


def test_scalars_in_attributes_of_older_payloads_are_read(tmp_path: Path) -> None:
    """Texts were once held by their dtype and bytes."""
    payload = new_payload(tmp_path)
    ZARR.encode(xr.Dataset(attrs={"a": 1, "b": 2, "c": 3}), payload, {})
    root = json.loads(payload.read("zarr.json"))
    old = {"a": ["<U2", "YQAAAGIAAAA="], "b": ["|S1", "YQ=="], "c": ["<f4", "AACAPw=="]}
    root["attributes"]["whorl"]["attrs"] = {name: {"$": "numpy", "v": tree} for name, tree in old.items()}
    payload.write("zarr.json", json.dumps(root).encode())
    found = ZARR.decode(payload, {})
    assert isinstance(found, xr.Dataset)

    assert hash_value(found.attrs) == hash_value({"a": np.str_("ab"), "b": np.bytes_(b"a"), "c": np.float32(1)})
