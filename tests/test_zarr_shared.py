"""Lazy datasets from shared stores and through stages: fetched chunk by chunk, copied down, and repaired by a call."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from contracts.places import refuse
from dataset_examples import CHUNKS, chunk_files, flip, opened, stored, weather
from store_examples import child_environment, inline_files, manifest, slot
from whorl import observe, options, stage
from whorl.errors import CorruptEntryError, StaleWarning
from whorl.fingerprint.values import hash_value
from whorl.store.local import LocalStore
from whorl.store.objects.memory import MemoryObjects
from whorl.store.objects.opening import open_objects
from whorl.store.remote.store import RemoteStore
from whorl.store.temporary import Temporary
from whorl.store.tier import Tier
from whorl.store.tiers import TieredStore

if TYPE_CHECKING:
    from pathlib import Path

    from remote_servers import Bucket


def on_s3(bucket: Bucket, folder: Path) -> RemoteStore:
    """Open a store in a bucket."""
    objects = open_objects(f"{bucket.url}/team", bucket.server.options, 20.0)
    return RemoteStore(objects, Temporary(str(folder / "tmp"), lambda: None))


def fetched(bucket: Bucket) -> list[str]:
    """List the payload files that were fetched since the last call, without the name of the attempt."""
    asked = [line.split("?")[0] for line in bucket.asked()]
    return sorted("/".join(line.split("/")[8:]) for line in asked if line.startswith("GET") and "/o/" in line)


def test_a_dataset_in_a_bucket_is_fetched_chunk_by_chunk(bucket: Bucket, tmp_path: Path) -> None:
    """Opening fetches metadata and labels; a slice fetches what it touches, once."""
    store = on_s3(bucket, tmp_path)
    stored(store, weather(), chunks=CHUNKS)
    bucket.asked()
    value = opened(store)
    opening = fetched(bucket)
    part = value.t.isel(time=15, y=slice(25)).load()
    first = fetched(bucket)
    part.load()
    again = fetched(bucket)

    assert opening == ["time/c/0", "x/c/0", "zarr.json"]
    assert first == ["t/c/1/0/0", "t/c/1/1/0"]
    assert again == []
    np.testing.assert_array_equal(part, weather().t[15, :25])


def test_damage_in_a_bucket_is_found_when_a_chunk_is_fetched(bucket: Bucket, tmp_path: Path) -> None:
    """Changed or gone, of this size or another; the entry goes aside."""
    store = on_s3(bucket, tmp_path)
    found = []
    for number, damage in enumerate((flip, lambda data: data[:-1], None)):
        name = f"damaged-{number}"
        value = stored(store, weather(), name, chunks=CHUNKS)
        key = next(item.name for item in store.objects.below("v1") if item.name.endswith("t/c/1/0/0"))
        content = store.objects.read(key, 1 << 30)
        assert content is not None
        if damage is None:
            store.objects.remove([key])
        else:
            store.objects.put(key, damage(content.data))
        value.t[:10].load()
        with pytest.raises(CorruptEntryError, match=r"t/c/1/0/0 of a result of pipeline\.clean is damaged"):
            value.t.load()
        found.append(store.lookup(slot(name)))
        store.objects.remove([item.name for item in store.objects.below("v1/default/o")])

    assert found == [None, None, None]


def test_a_dataset_in_a_bucket_is_read_in_another_process(bucket: Bucket, tmp_path: Path) -> None:
    """The worker opens the bucket itself."""
    value = stored(on_s3(bucket, tmp_path), weather(), chunks=CHUNKS)
    code = """
import sys, pickle
from whorl.fingerprint.values import hash_value
print(hash_value(pickle.loads(sys.stdin.buffer.read())).hex())
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    sent = pickle.dumps(value)
    done = subprocess.run(command, input=sent, capture_output=True, check=True, env=child_environment())

    assert done.stdout.decode().strip() == hash_value(weather()).hex()


def test_what_only_this_process_knows_says_so_when_it_is_pickled() -> None:
    """Better than to fail in the worker."""
    store = RemoteStore(MemoryObjects("memory://zarr-pickled"), Temporary("unused", lambda: None))
    reader = store.reader(manifest(**inline_files({"zarr.json": b"{}"}))).lazy()

    with pytest.raises(TypeError, match="memory://zarr-pickled is known to this process alone"):
        pickle.dumps(reader)


def test_a_hit_from_the_root_is_read_from_its_local_copy(bucket: Bucket, tmp_path: Path) -> None:
    """The copy is whole before the value is opened; from then on the root is not asked."""
    root = on_s3(bucket, tmp_path)
    stored(root, weather(), chunks=CHUNKS)
    local = LocalStore(tmp_path / "local")
    tiers = [
        Tier("local", "local", local, reads=True, writes=True),
        Tier("root", "root", root, reads=True, writes=True),
    ]
    value = opened(TieredStore(tiers, refuse))
    bucket.asked()
    digest = hash_value(value)

    assert fetched(bucket) == []
    assert digest == hash_value(weather())
    assert len(chunk_files(tmp_path / "local", "t")) == 12


def test_a_damaged_local_copy_makes_way_for_that_of_the_root(bucket: Bucket, tmp_path: Path) -> None:
    """The next call finds the root's, and copies it down again."""
    root, local = on_s3(bucket, tmp_path), LocalStore(tmp_path / "local")
    stored(root, weather(), chunks=CHUNKS)
    tiers = [
        Tier("local", "local", local, reads=True, writes=True),
        Tier("root", "root", root, reads=True, writes=True),
    ]
    value = opened(TieredStore(tiers, refuse))
    chunk_files(tmp_path / "local", "t")[3].unlink()
    with pytest.raises(CorruptEntryError, match="is damaged"):
        value.load()

    assert hash_value(opened(TieredStore(tiers, refuse))) == hash_value(weather())


# ── stages ──


@stage(cache=True, format_options={"chunks": CHUNKS})
def forecast(days: int) -> xr.Dataset:
    """Make a dataset."""
    return weather().isel(time=slice(days))


@stage(cache=True)
def anomaly(days: int) -> xr.DataArray:
    """Make an array."""
    found = forecast(days)
    return (found.t - found.t.mean("time")).rename("anomaly")


@stage(cache=True)
def by_dask() -> xr.Dataset:
    """Make a dataset of blocks."""
    return xr.Dataset({"v": ("x", da.arange(500_000, chunks=100_000, dtype="f8"))})


def test_stages_hand_lazy_datasets_to_each_other(whorl_store: Path) -> None:
    """What is loaded is equal whether it was computed or found."""
    with observe() as outcomes:
        first, second = anomaly(30), anomaly(30)

    assert [outcome.kind for outcome in outcomes] == ["ran", "ran", "hit"]
    assert outcomes[0].manifest is not None
    assert {outcome.manifest.format for outcome in outcomes if outcome.manifest} == {"zarr"}
    assert hash_value(first) == hash_value(second) == outcomes[-1].manifest.value_digest  # type: ignore[union-attr]
    assert not second.variable._in_memory
    assert list(whorl_store.rglob("zarr.json"))


def test_a_call_after_late_damage_computes_anew(whorl_store: Path) -> None:
    """The damaged entry answers once, and its reader is told; then the stage runs."""
    forecast(30)
    value = forecast(30)
    chunk_files(whorl_store, "n")[2].unlink()
    with observe() as outcomes:
        with pytest.raises(CorruptEntryError, match="call the stage again"):
            value.n.load()
        again = forecast(30)

    assert [outcome.kind for outcome in outcomes] == ["ran"]
    assert hash_value(again) == hash_value(weather().isel(time=slice(30)))
    assert hash_value(forecast(30)) == hash_value(again)


def test_a_team_store_takes_datasets(bucket: Bucket) -> None:
    """A zarr runs no code when it is decoded, so no signature is asked for."""
    team = options(filesystem=f"{bucket.url}/team", filesystem_options=bucket.server.options)
    with team, observe() as outcomes:
        forecast(20)
        value = forecast(20)
        digest = hash_value(value)

    assert [outcome.kind for outcome in outcomes] == ["ran", "hit"]
    assert outcomes[-1].stored
    assert digest == hash_value(weather().isel(time=slice(20)))
    assert any("/team/" in line for line in bucket.asked())


def test_blocks_of_dask_pass_through_a_stage(whorl_store: Path) -> None:
    """As blocks, with the digest that was stored."""
    by_dask()
    with observe() as outcomes:
        value = by_dask()

    assert outcomes[0].kind == "hit"
    assert isinstance(value.v.data, da.Array)
    assert hash_value(value) == outcomes[0].manifest.value_digest  # type: ignore[union-attr]


@stage(cache=True)
def collected() -> dict[str, xr.Dataset]:
    """Return lazy datasets as parts of something else."""
    return {"lazy": forecast(30), "blocks": by_dask()}


def test_a_lazy_dataset_within_something_else_is_stored_with_its_values(whorl_store: Path) -> None:
    """A pickle that named the files of another entry would be empty once that is gone."""
    forecast(30)
    by_dask()
    with observe() as outcomes:
        collected()
    forecast.clear(30)
    by_dask.clear()
    found = collected()

    assert outcomes[-1].manifest is not None
    assert outcomes[-1].manifest.format == "pickle"
    assert hash_value(found["lazy"]) == hash_value(weather().isel(time=slice(30)))
    assert float(found["blocks"].v.sum()) == sum(range(500_000))
    assert not list(whorl_store.rglob("zarr.json"))


def noting(block: np.ndarray, notes: str) -> np.ndarray:
    """Add one to a block, and leave a note of having done so."""
    if block.size:
        with open(notes, "ab") as file:
            file.write(b".")
    return block + 1


@stage(cache=True)
def noted(notes: str) -> xr.Dataset:
    """Make blocks whose computing can be counted."""
    base = da.arange(400_000, chunks=100_000, dtype="f8")
    return xr.Dataset({"v": ("x", base.map_blocks(noting, notes, dtype="f8", meta=np.empty(0)))})


@stage(cache=True)
def random_blocks() -> xr.Dataset:
    """Make blocks that are others each time they are computed."""
    blocks = da.zeros(400_000, chunks=100_000)
    return xr.Dataset({"v": ("x", blocks.map_blocks(lambda block: np.random.default_rng().random(block.shape)))})


@stage(raw="raw.bin", cache=True)
def read_lazily(raw: str, *, is_disturbed: bool = False) -> xr.Dataset:
    """Read a file when the blocks are computed, and not before."""

    def part(block: np.ndarray) -> np.ndarray:
        if is_disturbed:
            np.full(10, 7.0).tofile(raw)
        return np.fromfile(raw)

    return xr.Dataset({"v": ("x", da.zeros(10, chunks=10).map_blocks(part, dtype="f8", meta=np.empty(0)))})


def test_what_is_lazy_is_computed_once_by_being_stored(whorl_store: Path, tmp_path: Path) -> None:
    """Not again for its digest, and not again by whoever called: what is returned is read from the store."""
    notes = tmp_path / "notes"
    with observe() as outcomes:
        value = noted(str(notes))
        total = float(value.v.sum())

    assert [outcome.kind for outcome in outcomes] == ["ran"]
    assert notes.read_bytes() == b"...."
    assert total == sum(range(1, 400_001))
    assert hash_value(value) == outcomes[0].manifest.value_digest  # type: ignore[union-attr]


def test_the_digest_is_that_of_what_was_stored(whorl_store: Path) -> None:
    """A graph that gives other numbers each time has one value once it is stored."""
    with observe() as outcomes:
        first, second = random_blocks(), random_blocks()

    assert [outcome.kind for outcome in outcomes] == ["ran", "hit"]
    assert hash_value(first) == hash_value(second) == outcomes[0].manifest.value_digest  # type: ignore[union-attr]


def test_a_file_that_changes_while_a_lazy_result_is_written_is_noticed(
    whorl_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read may be of either version: it is returned, and not stored."""
    monkeypatch.chdir(tmp_path)
    np.arange(10.0).tofile("raw.bin")
    read_lazily()
    with observe() as outcomes, pytest.warns(StaleWarning, match=r"raw.* changed while it ran"):
        value = read_lazily(is_disturbed=True)

    assert not outcomes[-1].stored
    assert isinstance(value.v.data, da.Array)
    assert read_lazily().v.values.tolist() == [7.0] * 10
