"""Datasets from a store are read when they are looked at: only the chunks that are needed, each one checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import xarray as xr

from contracts.payload import new_payload
from dataset_examples import CHUNKS, ZARR, Counting, change, chunk_files, flip, opened, place_of, stored, weather
from store_examples import slot
from whorl.errors import CorruptEntryError
from whorl.fingerprint.values import hash_value
from whorl.store.collect import collect
from whorl.store.collect_plan import Limits
from whorl.store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
            variable[place_of(path)].load()
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
        value.n.copy(deep=False)[region].load()
        change(path, flip)
        try:
            found[verify] = bool((value.n.variable.copy(deep=False)[region].values != weather().n.values[region]).any())
        except CorruptEntryError:
            found[verify] = None

    assert found == {"always": None, "first": None, "never": True}


def test_within_the_grace_a_collected_dataset_is_still_read(tmp_path: Path) -> None:
    """The entry goes at once, its chunks after the grace; then the error says what happened, for that is no damage."""
    store = LocalStore(tmp_path / "store")
    value, expected = stored(store, weather(), chunks=CHUNKS), weather()
    collectable = store.collectable()
    assert collectable is not None
    gone = collect(collectable, Limits(older_than=0.0), {})
    is_missed = store.lookup(slot()) is None
    within = value.t[:30].values.copy()
    collect(collectable, Limits(older_than=0.0, grace=0.0), {})
    with pytest.raises(CorruptEntryError) as refusal:
        value.t[30:].load()

    assert (len(gone.condemned), is_missed) == (1, True)
    np.testing.assert_array_equal(within, expected.t[:30])
    assert "is gone" in refusal.value.message
    assert "its files are collected after the grace" in refusal.value.cause
    assert not store.damaged(slot())
