"""The options that cut a zarr into chunks, for writing and for reading, and how much of it is held at a time."""

from __future__ import annotations

import subprocess
import sys
import warnings
from math import prod
from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from contracts.payload import new_payload, through
from dataset_examples import CHUNKS, ZARR, Counting, weather
from store_examples import child_environment
from whorl.errors import ConfigError, FormatError, WhorlWarning
from whorl.fingerprint.values import hash_value
from whorl.formats.base import decode_as, format_named, options_for
from whorl.formats.schema.detour import HELD, joined, needs_detour, pieces_between, regions
from whorl.wish import Window, Wish

if TYPE_CHECKING:
    from pathlib import Path

BY_GRID = {"grid": {"fine": {"y": 10, "x": 10}, "coarse": {"y": 40}}, "days": {2: {"time": 2}}}


def test_chunk_by_arg_is_settled_by_the_arguments_of_the_call() -> None:
    """Its lengths are added to those of chunking, the later argument counts, and the option itself is gone."""
    options = {"chunking": {"time": 30, "y": 20}, "chunk_by_arg": BY_GRID, "compression": "none"}
    fine = options_for(ZARR, options, {"grid": "fine", "days": 2})
    other = options_for(ZARR, options, {"grid": [1], "days": 3})

    assert fine == {"chunking": {"time": 2, "y": 10, "x": 10}, "compression": "none"}
    assert other == {"chunking": {"time": 30, "y": 20}, "compression": "none"}
    assert options["chunking"] == {"time": 30, "y": 20}
    assert options_for(format_named("json"), {"a": 1}, {}) == {"a": 1}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"chunk_by_arg": {"gird": {}}}, "an argument 'gird' that the call does not have"),
        ({"chunk_by_arg": 5}, "chunk_by_arg is 5, not lengths by dimension"),
        ({"chunk_by_arg": {"grid": {"fine": {"x": 0}}}}, "has 0 for 'x', not a number above zero"),
    ],
)
def test_a_chunk_by_arg_that_makes_no_sense_is_refused(options: dict[str, object], said: str) -> None:
    """Before anything is computed, so that nothing is lost."""
    with pytest.raises((ConfigError, FormatError), match=said):
        options_for(ZARR, options, {"grid": "fine"})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"chunk_by_arg": {}}, "not settled"),
        ({"chunks": {}, "chunking": {}}, "say the same thing"),
        ({"auto_rechunk": 1}, "auto_rechunk is true or false"),
        ({"target_read_chunk_size_mb": "100"}, "not a number of megabytes"),
        ({"chunk_size_upper_limit_mb": -1}, "not a number of megabytes"),
    ],
)
def test_options_that_cannot_be_meant_are_refused_when_writing(
    options: dict[str, object], said: str, tmp_path: Path
) -> None:
    """Those for reading too: a payload that cannot be opened as asked is worth nothing."""
    with pytest.raises((ConfigError, FormatError), match=said):
        ZARR.encode(weather(), new_payload(tmp_path), options)


def test_chunking_leaves_out_dimensions_that_are_not_there(tmp_path: Path) -> None:
    """One option serves several datasets; -1 is a whole dimension."""
    payload = new_payload(tmp_path)
    wide = {"chunking": {"time": 20, "y": -1, "level": 5}, "chunk_size_lower_limit_mb": 0}
    ZARR.encode(weather().chunk(y=7), payload, wide)

    assert [name for name in payload.names if name.startswith("t/c/")] == [f"t/c/{at}/0/0" for at in range(3)]
    assert hash_value(ZARR.decode(payload, {})) == hash_value(weather())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"chunking": {"time": 1}}, "are small: .* requests of 0.0096 MB"),
        ({"chunks": {"time": 30}, "chunk_size_upper_limit_mb": 0.1}, "of 't' and those of 1 more are large"),
        ({"chunking": {"time": -1, "y": -1, "x": -1}}, ""),
        ({"chunks": CHUNKS}, ""),
    ],
)
def test_chunks_out_of_bounds_are_warned_of(options: dict[str, object], said: str, tmp_path: Path) -> None:
    """Once for a value; a single chunk cannot be larger, and lengths named by ``chunks`` are no one else's business."""
    with warnings.catch_warnings(record=True) as met:
        warnings.simplefilter("always", WhorlWarning)
        ZARR.encode(weather(), new_payload(tmp_path), options)

    assert len(met) == bool(said)
    for warning in met:
        with pytest.raises(WhorlWarning, match=said):
            raise warning.message  # type: ignore[misc]


@pytest.mark.parametrize("target", [0.05, 0.2, 0.3, 1.0, 5.0])
def test_blocks_for_reading_meet_their_target_within_a_factor_of_two(target: float, tmp_path: Path) -> None:
    """Of whole chunks; what is smaller than the target altogether is one block, and a chunk is never cut."""
    payload, expected = new_payload(tmp_path), weather()
    ZARR.encode(expected, payload, {"chunks": CHUNKS})
    read = ZARR.decode(payload, {"auto_rechunk": True, "target_read_chunk_size_mb": target})
    assert isinstance(read, xr.Dataset)
    for variable in (read.t, read.n):
        lengths = [each[0] for each in variable.chunks]
        size = prod(lengths) * variable.dtype.itemsize / 1e6
        chunk = 10 * 20 * 30 * variable.dtype.itemsize / 1e6

        assert size <= max(target, chunk)
        assert size > target / 2 or lengths == list(variable.shape)
        assert all(
            length % whole == 0 or length == side
            for length, whole, side in zip(lengths, (10, 20, 30), variable.shape, strict=True)
        )
    assert hash_value(read) == hash_value(expected)


def test_auto_rechunk_reads_blocks_as_chunking_says(tmp_path: Path) -> None:
    """The store keeps its chunks, for nothing stored is changed: reading joins them."""
    payload = new_payload(tmp_path)
    ZARR.encode(weather(), payload, {"chunks": CHUNKS})
    as_said = ZARR.decode(payload, {"auto_rechunk": True, "chunking": {"time": 30, "y": -1}})
    by_size = ZARR.decode(payload, {"auto_rechunk": True})
    assert isinstance(as_said, xr.Dataset)
    assert isinstance(by_size, xr.Dataset)

    assert as_said.t.chunks == ((30, 30), (40,), (30,))
    assert by_size.t.chunks == ((60,), (40,), (30,))
    assert hash_value(as_said) == hash_value(weather())


def test_opening_needs_the_metadata_of_the_root_alone(tmp_path: Path) -> None:
    """They are consolidated, for us and for other readers."""
    payload = new_payload(tmp_path)
    ZARR.encode(weather(), payload, {"chunks": CHUNKS})
    for name in ("t", "n", "time", "x"):
        (payload.folder / name / "zarr.json").unlink()
    read = xr.open_zarr(payload.folder, chunks=None, consolidated=True).load()

    xr.testing.assert_equal(read, weather())
    assert hash_value(ZARR.decode(payload, {})) == hash_value(weather())


@pytest.mark.parametrize("is_dask", [False, True])
def test_a_window_reads_its_own_chunks_alone(tmp_path: Path, *, is_dask: bool) -> None:
    """What was opened is lazy: a slice along time, made afterwards, asks for no other file."""
    payload = new_payload(tmp_path)
    ZARR.encode(weather().chunk(CHUNKS) if is_dask else weather(), payload, {"chunks": CHUNKS})
    counting = Counting(payload)
    wish = Wish("xarray", (Window(("time",), "2020-01-12", "2020-01-15"),))
    value = decode_as(ZARR, counting, {}, wish)
    assert isinstance(value, xr.Dataset)
    opening = counting.reads()
    part = value.sel(time=slice(wish.windows[0].start, wish.windows[0].end)).t.load()

    assert opening == ["time/c/0", "x/c/0", "zarr.json"]
    assert counting.reads() == ["t/c/1/0/0", "t/c/1/1/0"]
    np.testing.assert_array_equal(part, weather().t[11:15])


# ── numpy ──


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.array(1.5),
        np.empty((0, 3), "i4"),
        np.array(["2020-01-01", "NaT"], "M8[s]"),
        np.array([-0.0, np.nan]),
        np.array(["a", "ü"]),
        np.array([b"a", b"bc"]),
        np.array([None, 1, "a"], object),
        np.arange(3, dtype=">i4"),
    ],
    ids=["floats", "scalar", "empty", "times", "odd floats", "text", "bytes", "objects", "big-endian"],
)
def test_an_array_of_numpy_is_kept_as_a_zarr_when_asked_for(array: np.ndarray, tmp_path: Path) -> None:
    """It comes back as one, in memory of its own."""
    decoded = through("zarr", array, tmp_path)
    assert isinstance(decoded, np.ndarray)

    assert (decoded.dtype, decoded.shape) == (array.dtype, array.shape)
    assert decoded.flags.writeable
    assert hash_value(decoded) == hash_value(array)


@pytest.mark.parametrize(
    "array",
    [np.ma.masked_array([1, 2], [True, False]), np.zeros(2, [("a", "i4")]), np.array([object()]), np.zeros(2, "g")],
    ids=["masked", "structured", "objects of a class", "long doubles"],
)
def test_an_array_that_a_zarr_cannot_hold_is_refused(array: np.ndarray, tmp_path: Path) -> None:
    """With words."""
    with pytest.raises(FormatError, match="the format zarr cannot hold this"):
        ZARR.encode(array, new_payload(tmp_path), {})


def test_an_array_of_numpy_is_cut_into_chunks_by_its_axes(tmp_path: Path) -> None:
    """Its dimensions are called axis_0, axis_1 …"""
    payload = new_payload(tmp_path)
    ZARR.encode(np.arange(12.0).reshape(3, 4), payload, {"chunks": {"axis_0": 2}})

    assert payload.names == ("data/c/0/0", "data/c/1/0", "data/zarr.json", "zarr.json")


# ── across the blocks ──


def test_a_detour_is_for_chunks_that_lie_across_the_blocks() -> None:
    """Joining neighbours, or cutting blocks, holds no more than a few of them."""
    wide = (10, 125_000)

    assert needs_detour(wide, (600, 100), 8)
    assert not needs_detour(wide, (20, 125_000), 8)
    assert not needs_detour(wide, (10, 100), 8)
    assert not needs_detour(wide, (7, 125_000), 8)
    pieces, by = pieces_between((600, 125_000), wide, (600, 100), 8)
    assert all(
        length % piece == 0 or length == side for length, piece, side in zip(by, pieces, (600, 125_000), strict=True)
    )
    assert prod(by) * 8 <= HELD
    assert joined((5, 0), (2, 1), 8, 100) == (5, 1)


def test_regions_cover_an_array_once_and_stay_below_their_limit() -> None:
    """Also where long chunks come before wide ones."""
    seen = np.zeros((600, 1250), "i1")
    for region in regions(seen.shape, (600, 10), 1, 30_000):
        assert seen[region].size <= 30_000
        seen[region] += 1

    assert (seen == 1).all()


@pytest.mark.parametrize("kind", ["f8", "M8[ns]", "S8", "U4"])
def test_what_takes_a_detour_comes_back_as_it_was(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elements of each kind, in uneven blocks; nothing of the detour stays in the payload."""
    monkeypatch.setattr("whorl.formats.schema.detour.HELD", 1 << 16)
    values = np.arange(600 * 500).reshape(600, 500).astype("i8").astype(kind)
    blocks = da.from_array(values, ((7, 3, *([10] * 59)), (500,)))
    payload = new_payload(tmp_path)
    ZARR.encode(xr.Dataset({"v": (("x", "y"), blocks)}), payload, {"chunks": {"x": 600, "y": 7}})

    assert [name for name in payload.names if "between" in name] == []
    assert hash_value(ZARR.decode(payload, {})) == hash_value(xr.Dataset({"v": (("x", "y"), values)}))


LIMITED = """
import resource, sys
from pathlib import Path
import dask, dask.array as da, xarray as xr
from dataset_examples import stored
from whorl.fingerprint.values import hash_value
from whorl.store.local import LocalStore
store = LocalStore(Path(sys.argv[1]))
limit = 500 << 20
def value(rows):
    return xr.Dataset({"v": (("x", "y"), da.ones((rows, 125_000), chunks=(10, 125_000)).cumsum(axis=1))})
with dask.config.set(scheduler="threads", num_workers=2):
    hash_value(stored(store, value(20), "small"))
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    found = stored(store, value(900), compression="none", chunks={"x": 900, "y": 500})
    total = sum(float(found.v[at : at + 50].sum()) for at in range(0, 900, 50))
print(found.v.nbytes > limit, found.v.data.chunksize, total == 900 * 125_000 * 125_001 / 2)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits memory in the way of Linux")
def test_a_dataset_larger_than_memory_is_written_and_read_in_chunks_across_its_blocks(tmp_path: Path) -> None:
    """Each chunk has a little of every block; 900 MB go through a process that may have 500 MiB."""
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "store")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=child_environment())

    assert done.stdout == "True (900, 500) True\n", done.stderr[-2000:]
