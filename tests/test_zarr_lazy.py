"""Datasets from a store are read when they are looked at: only the chunks that are needed, each one checked."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cloudpickle
import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr

from contracts.payload import FolderPayload, new_payload, through
from store_examples import child_environment, manifest, slot
from whorl.errors import CorruptEntryError, FormatError
from whorl.fingerprint.values import hash_value
from whorl.formats.base import format_named
from whorl.store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from whorl.store.base import Store

ZARR = format_named("zarr")


def weather() -> xr.Dataset:
    """Give a dataset of 2 x 12 chunks, each with numbers of its own."""
    generator = np.random.default_rng(1)
    shape = (60, 40, 30)
    temperature = generator.normal(280, 10, shape)
    return xr.Dataset(
        {"t": (("time", "y", "x"), temperature), "n": (("time", "y", "x"), generator.integers(1, 9, shape, "i4"))},
        {"time": np.datetime64("2020-01-01", "ns") + np.arange(60).astype("m8[D]"), "x": np.arange(30.0)},
        {"title": "weather"},
    )


CHUNKS = {"time": 10, "y": 20}


@dataclass(frozen=True)
class Counting:
    """A payload in a folder that notes what is read."""

    payload: FolderPayload
    asked: list[str] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        return self.payload.names

    def size(self, name: str) -> int:
        return self.payload.size(name)

    def read(self, name: str) -> bytes:
        self.asked.append(name)
        return self.payload.read(name)

    def path(self, name: str) -> Path:
        raise AssertionError(name)

    def lazy(self) -> Counting:
        return self

    def reads(self) -> list[str]:
        """List what was read since the last call."""
        found, self.asked[:] = sorted(self.asked), []
        return found


def stored(store: Store, value: object, name: str = "one", **options: object) -> xr.Dataset:
    """Store a value and open it."""
    attempt = store.begin(slot(name))
    ZARR.encode(value, attempt, options)
    store.commit(attempt, manifest(slot(name), format="zarr", type="", expires=None), replace=lambda _: True)
    attempt.abandon()
    return opened(store, name)


def opened(store: Store, name: str = "one") -> xr.Dataset:
    """Open what is stored."""
    found = store.lookup(slot(name))
    assert found is not None
    value = ZARR.decode(store.reader(found), {})
    assert isinstance(value, xr.Dataset)
    return value


def chunk_files(root: Path, variable: str) -> list[Path]:
    """List the files of a variable's chunks below a store."""
    return sorted(path for path in root.rglob("*") if f"/{variable}/c/" in str(path) and path.is_file())


def place_of(path: Path) -> tuple[slice, ...]:
    """Say which elements a chunk holds."""
    first, second, third = (int(part) for part in path.parts[-3:])
    return slice(first * 10, first * 10 + 10), slice(second * 20, second * 20 + 20), slice(third * 30, third * 30 + 30)


def change(path: Path, by: Callable[[bytes], bytes]) -> None:
    """Change a file of a store."""
    path.chmod(0o600)
    path.write_bytes(by(path.read_bytes()))


def flip(data: bytes) -> bytes:
    """Flip a bit in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]


# ── what is read ──


def test_opening_reads_metadata_and_labels_alone(tmp_path: Path) -> None:
    """A hit costs as much for a terabyte as for this: no chunk of a variable is touched."""
    payload = new_payload(tmp_path)
    ZARR.encode(weather(), payload, {"chunks": CHUNKS})
    counting = Counting(payload)
    value = ZARR.decode(counting, {})
    str(value)

    assert counting.reads() == ["time/c/0", "x/c/0", "zarr.json"]


def test_a_slice_reads_the_chunks_that_it_touches(tmp_path: Path) -> None:
    """By position, by label, by points; and what was loaded is not read again."""
    payload, expected = new_payload(tmp_path), weather()
    ZARR.encode(expected, payload, {"chunks": CHUNKS})
    counting = Counting(payload)
    value = ZARR.decode(counting, {})
    assert isinstance(value, xr.Dataset)
    counting.reads()
    found = [
        (value.t[12, 3], counting.reads()),
        (value.t[12, 3].values, counting.reads()),
        (value.t.sel(time="2020-02-01").isel(y=slice(None, None, -1)).values, counting.reads()),
        (value.n.isel(time=[1, 55], y=[0, 39]).values, counting.reads()),
        (
            value.n.isel(time=xr.DataArray([1, 55], dims="p"), y=xr.DataArray([0, 39], dims="p")).values,
            counting.reads(),
        ),
        (value.n.load().values, sorted(set(counting.reads()))),
        (value.n.values, counting.reads()),
    ]

    reads = [names for _, names in found]
    assert reads[:3] == [[], ["t/c/1/0/0"], ["t/c/3/0/0", "t/c/3/1/0"]]
    assert reads[3] == [f"n/c/{time}/{y}/0" for time in (0, 5) for y in (0, 1)]
    assert reads[4] == ["n/c/0/0/0", "n/c/5/1/0"]
    assert reads[5:] == [sorted(name for name in payload.names if name.startswith("n/c/")), []]
    np.testing.assert_array_equal(found[1][0], expected.t[12, 3])
    np.testing.assert_array_equal(found[2][0], expected.t[31, ::-1])
    np.testing.assert_array_equal(found[4][0], expected.n.values[[1, 55], [0, 39]])


def test_a_chunk_that_is_not_listed_is_fill_value(tmp_path: Path) -> None:
    """Numbers that are all zero are not written: the manifest knows that nothing is missing."""
    value = xr.Dataset({"v": ("x", np.r_[np.zeros(10, "i4"), np.arange(10, dtype="i4")])})
    payload = new_payload(tmp_path)
    ZARR.encode(value, payload, {"chunks": {"x": 10}})

    assert payload.names == ("v/c/1", "v/zarr.json", "zarr.json")
    assert hash_value(ZARR.decode(payload, {})) == hash_value(value)


def test_what_is_changed_by_one_consumer_is_seen_by_no_other(tmp_path: Path) -> None:
    """Each gets a value of its own, and the store keeps its own."""
    store = LocalStore(tmp_path / "store")
    first = stored(store, weather(), chunks=CHUNKS)
    second = opened(store)
    first.t[0, 0, 0] = 0.0
    first["n"][:] = 7

    assert float(first.t[0, 0, 0]) == 0.0
    assert hash_value(second) == hash_value(opened(store)) == hash_value(weather())


# ── damage ──


@pytest.mark.parametrize("how", ["flipped", "cut off", "longer", "empty", "removed"])
def test_damage_to_any_chunk_is_found_when_it_is_read(how: str, tmp_path: Path) -> None:
    """The others are still read; the damaged one is an error and never the fill value."""
    changes: dict[str, Callable[[bytes], bytes]] = {
        "flipped": flip,
        "cut off": lambda data: data[:-1],
        "longer": lambda data: data + b"\0",
        "empty": lambda _: b"",
    }
    whole, found = weather(), []
    chunks = chunk_files_of(whole, tmp_path / "names")
    for number, name in enumerate(chunks):
        root = tmp_path / f"store-{number}"
        value = stored(LocalStore(root), whole, chunks=CHUNKS)
        path = next(root.rglob(name))
        if how == "removed":
            path.unlink()
        else:
            change(path, changes[how])
        variable = value[name.split("/")[0]]
        with pytest.raises(CorruptEntryError, match=f"the file {name} of a result of pipeline.clean is damaged"):
            variable[place_of(path)].values
        other = next(each for each in chunks if each != name and each.startswith(name[0]))
        region = place_of(root / other)
        np.testing.assert_array_equal(variable[region].values, whole[variable.name].values[region])
        found.append(name)

    assert len(found) == len(chunks) == 24


def chunk_files_of(value: xr.Dataset, root: Path) -> list[str]:
    """List the names of the chunks of ``t`` and ``n``."""
    stored(LocalStore(root), value, chunks=CHUNKS)
    return [str(path.relative_to(path.parents[4])) for name in "tn" for path in chunk_files(root, name)]


def test_swapped_chunks_are_found(tmp_path: Path) -> None:
    """Each is sound by itself, in the wrong place."""
    root = tmp_path / "store"
    value = stored(LocalStore(root), weather(), chunks=CHUNKS)
    first, second = chunk_files(root, "t")[:2]
    left, right = first.read_bytes(), second.read_bytes()
    change(first, lambda _: right)
    change(second, lambda _: left)

    for path in (first, second):
        with pytest.raises(CorruptEntryError, match="is damaged"):
            value.t[place_of(path)].load()


@pytest.mark.parametrize("name", ["zarr.json", "time/c/0"])
def test_damage_to_what_opening_reads_is_found_at_once(name: str, tmp_path: Path) -> None:
    """Then the entry is a miss, as with every format."""
    store = LocalStore(tmp_path / "store")
    stored(store, weather(), chunks=CHUNKS)
    found = [path for path in (tmp_path / "store").rglob(name) if path.is_file()]
    change(min(found, key=lambda path: len(path.parts)), flip)

    with pytest.raises(CorruptEntryError):
        opened(store)


def test_damage_found_late_moves_the_entry_aside(tmp_path: Path) -> None:
    """Else it would be served for ever, and fail each time; the message says what to do."""
    store = LocalStore(tmp_path / "store")
    value = stored(store, weather(), chunks=CHUNKS)
    change(chunk_files(tmp_path / "store", "t")[0], flip)
    with pytest.raises(CorruptEntryError) as refusal:
        value.t.load()

    assert store.lookup(slot()) is None
    assert store.damaged(slot())
    assert "its digest is not" in refusal.value.cause
    assert "call the stage again, and it is computed anew" in refusal.value.tip


def test_a_store_that_is_only_read_is_left_as_it_is(tmp_path: Path) -> None:
    """A mirror is somebody else's."""
    store = LocalStore(tmp_path / "store")
    stored(store, weather(), chunks=CHUNKS)
    found = store.lookup(slot())
    assert found is not None
    value = ZARR.decode(store.reader(found, heals=False), {})
    assert isinstance(value, xr.Dataset)
    change(chunk_files(tmp_path / "store", "t")[0], flip)
    with pytest.raises(CorruptEntryError, match="is damaged"):
        value.t.load()

    assert store.lookup(slot()) == found


def test_a_chunk_is_checked_as_often_as_the_store_says(tmp_path: Path) -> None:
    """``first`` trusts what it has checked, ``never`` trusts all but sizes."""
    found = {}
    for verify in ("always", "first", "never"):
        root = tmp_path / verify
        value = stored(LocalStore(root, verify=verify), weather(), chunks=CHUNKS, compression="none")
        path = chunk_files(root, "n")[0]
        region = place_of(path)
        value.n.copy(deep=False)[region].values
        change(path, flip)
        try:
            found[verify] = bool((value.n.variable.copy(deep=False)[region].values != weather().n.values[region]).any())
        except CorruptEntryError:
            found[verify] = None

    assert found == {"always": None, "first": None, "never": True}


def test_after_collecting_the_error_says_what_happened(tmp_path: Path) -> None:
    """The entry was removed while somebody still read it: that is no damage."""
    store = LocalStore(tmp_path / "store")
    value = stored(store, weather(), chunks=CHUNKS)
    before = value.t[:10].values.copy()
    store.remove(slot())
    with pytest.raises(CorruptEntryError) as refusal:
        value.n.load()

    np.testing.assert_array_equal(before, weather().t[:10])
    assert "is gone" in refusal.value.message
    assert "collected after the grace" in refusal.value.cause
    assert not store.damaged(slot())


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
        ({"chunks": {"tme": 1}}, "a dimension 'tme' that it does not have; did you mean 'time'?"),
        ({"chunks": {"time": 0}}, "has 0 for 'time', not a number above zero"),
        ({"chunks": 5}, "is 5, not lengths by dimension"),
        ({"compression": "zst"}, "not one of zstd, blosc, gzip, none; did you mean 'zstd'?"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], cause: str, tmp_path: Path) -> None:
    """With what was probably meant."""
    with pytest.raises(FormatError) as refusal:
        ZARR.encode(weather(), new_payload(tmp_path), options)

    assert cause in str(refusal.value)
