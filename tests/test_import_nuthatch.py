"""``whorl import nuthatch``: what is adopted answers and says what it is, and the source is never changed."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import whorl
from foreign_caches import MADE, STAGES, NuthatchCache, adopt, frame, snapshot

if TYPE_CHECKING:
    from pipeline_folder import PipelineFolder

STORES = Path(__file__).parent / "stores"


@pytest.fixture
def cache(folder: PipelineFolder) -> NuthatchCache:
    """Give an empty cache of Nuthatch beside stages."""
    folder.write("stages.py", STAGES)
    return NuthatchCache(folder.folder / "old")


def test_an_entry_that_was_adopted_answers(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """Nothing runs; the call gives the very value that was in the foreign file, and others run as ever."""
    cache.put("numbered/3", frame(3))
    cache.put("plain/", frame())
    found = adopt(folder)
    stages = folder.load("stages")
    with whorl.observe() as outcomes:
        values = stages.numbered(3, unused="x"), stages.plain()

    assert found == {"numbered/3": "adopted", "plain": "adopted"}
    assert [outcome.kind for outcome in outcomes] == ["hit", "hit"]
    pd.testing.assert_frame_equal(values[0], frame(3))
    pd.testing.assert_frame_equal(values[1], frame())
    assert stages.numbered(4)["a"].tolist() == [4]


def test_the_source_is_only_read(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """Not a byte and not a date of it changes, not even where everything is allowed."""
    cache.put("numbered/3", frame(3))
    cache.put("numbered/4", {"a": 1}, backend="basic")
    cache.put_null("numbered/5")
    shutil.copytree(STORES / "nuthatch", cache.folder, dirs_exist_ok=True)
    before = snapshot(cache.folder)
    adopt(folder, "--lossy", "--pickles")

    assert snapshot(cache.folder) == before


def test_a_change_of_code_runs_what_was_adopted(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """Nobody knows which code made it; from the adoption on it is that of then."""
    cache.put("numbered/3", frame(3))
    adopt(folder)
    folder.edit("stages.py", '{"a": [n]}', '{"a": [n + 1]}')
    why = folder.whorl("why", "stages.py:numbered", "-a", "n=3").stdout
    stages = folder.load("stages")

    assert "adopted from nuthatch" in why
    assert "would run" in why
    assert stages.numbered(3)["a"].tolist() == [4]


def test_what_was_adopted_says_so(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """In lists, explanations, states and data; it counts as computed when Nuthatch wrote it."""
    cache.put("plain/", frame())
    adopt(folder)
    (entry,) = json.loads(folder.whorl("ls", "--json").stdout)

    assert "adopted" in folder.whorl("ls").stdout
    assert "adopted from nuthatch" in folder.whorl("why", "stages.py:plain").stdout
    assert "fresh    adopted from nuthatch" in folder.whorl("status", "stages.py:plain").stdout
    assert entry["adopted_from"] == "nuthatch"
    assert entry["computed"] == MADE


def test_what_was_computed_does_not_say_that_it_was_adopted(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """Only what came from elsewhere does."""
    folder.load("stages").plain()

    assert "adopted" not in folder.whorl("ls").stdout
    assert json.loads(folder.whorl("ls", "--json").stdout)[0]["adopted_from"] is None


def test_provenance_has_arguments_and_folders_only_where_the_settings_let_it(
    folder: PipelineFolder, cache: NuthatchCache
) -> None:
    """A key's text holds arguments, a folder may name its user."""
    cache.put("numbered/3", frame(3))
    folder.write("whorl.toml", "provenance = false\n")
    adopt(folder)
    (entry,) = folder.load("stages").numbered.entries()

    assert entry.provenance["adopted"] == {"tool": "nuthatch"}


def test_literals_dates_and_none_are_read(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """What annotations can say is enough, underscores or not."""
    cache.put("typed/a_b_2020-01-02", frame(1))
    cache.put("typed/a_None", frame(2))
    cache.put("typed/c_None", frame(3))
    cache.put("typed/a_2020-1-2", frame(4))
    found = adopt(folder)
    stages = folder.load("stages")

    assert found["typed/a_b_2020-01-02"] == found["typed/a_None"] == "adopted"
    assert "fits no arguments" in found["typed/c_None"]
    assert "fits no arguments" in found["typed/a_2020-1-2"]
    assert stages.typed("a_b", stages.dt.date(2020, 1, 2))["a"].tolist() == [1]
    assert stages.typed("a")["a"].tolist() == [2]


def test_namespaces_are_kept(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """An entry of one namespace answers in no other, and a stage that pins its own has only those of that."""
    cache.put("numbered/3", frame(3), "wide")
    cache.put("pinned/1", frame(), "pinned")
    cache.put("pinned/2", frame())
    found = adopt(folder)
    stages = folder.load("stages")

    assert found["numbered/3 in wide"] == found["pinned/1 in pinned"] == "adopted"
    assert "namespace pinned" in found["pinned/2"]
    assert stages.numbered(3, namespace="wide").index.name == "k"
    assert stages.numbered(3).index.name is None


def test_none_is_adopted_where_its_mark_says_of_what(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """A mark is a path alone, whose last part may be an argument or a namespace."""
    folder.write(
        "stages.py", STAGES + "\n    @cache(cache_args=['name'])\n    def named(name: str):\n        return name\n"
    )
    cache.put_null("numbered/3")
    cache.put_null("numbered/4", "wide")
    cache.put_null("plain/")
    cache.put_null("named/x")
    found = adopt(folder)
    stages = folder.load("stages")

    assert found["numbered/3"] == found["numbered/4/wide"] == found["plain"] == "adopted"
    assert found["named/x"] == "'x' may be an argument or a namespace"
    assert (stages.numbered(3), stages.numbered(4, namespace="wide"), stages.plain()) == (None, None, None)


def test_a_pickle_that_is_allowed_is_stored_in_a_format_of_its_value(
    folder: PipelineFolder, cache: NuthatchCache
) -> None:
    """Plain values become json, as if the stage had just given them."""
    cache.put("numbered/3", {"a": (1, 2)}, backend="basic")

    assert adopt(folder, "--pickles") == {"numbered/3": "adopted"}
    assert folder.load("stages").numbered(3) == {"a": (1, 2)}
    assert folder.load("stages").numbered.entries()[0].format == "json"


def test_an_entry_that_is_there_stays(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """What whorl has computed is not replaced, and adopting twice adopts nothing more."""
    folder.load("stages").numbered(3)
    cache.put("numbered/3", frame(30))
    cache.put("numbered/4", frame(40))

    assert adopt(folder) == {"numbered/3": "the call has an entry already", "numbered/4": "adopted"}
    assert adopt(folder)["numbered/4"] == "the call has an entry already"
    assert folder.load("stages").numbered(3)["a"].tolist() == [3]


def test_a_dry_run_stores_nothing(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """It says what would be adopted, and reads for that what it would have to."""
    cache.put("plain/", frame())
    cache.put("numbered/1", frame()).write_bytes(b"")
    result = folder.whorl("import", "nuthatch", "old", "stages.py", "-n")

    assert result.exit_code == 0
    assert "would adopt plain" in result.stdout
    assert "would adopt 1 entry of nuthatch · skipped 1" in result.stdout
    assert "nothing is stored" in folder.whorl("ls").stderr


def test_a_recomputation_of_what_an_adopted_stage_calls_runs_it(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """Nobody saw the body run; what its code calls is taken for called."""
    folder.write(
        "stages.py",
        """
        from pathlib import Path
        from whorl import cache

        @cache()
        def source():
            return Path("state.txt").read_text()

        @cache()
        def caller():
            return source() + "!"
        """,
    )
    folder.write("state.txt", "new")
    cache.put("source/", "old", backend="basic")
    cache.put("caller/", "old!", backend="basic")
    adopt(folder, "--pickles", "--lossy")
    stages = folder.load("stages")
    first = stages.caller()
    stages.source(recompute=True)

    assert first == "old!"
    assert stages.caller() == "new!"


def test_names_reach_through_what_was_adopted(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """``recompute`` by name runs an adopted stage that calls the named one, whatever the arguments were."""
    folder.write(
        "stages.py",
        """
        from whorl import cache

        @cache(cache_args=["n"])
        def source(n: int):
            return n

        @cache()
        def caller():
            return source(5)
        """,
    )
    cache.put("caller/", 1, backend="basic")
    adopt(folder, "--pickles", "--lossy")
    stages = folder.load("stages")

    assert stages.caller() == 1
    assert stages.caller(recompute=["source"]) == 5


def test_a_recomputed_entry_leaves_the_store_in_order(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """What was adopted becomes a generation like any other."""
    cache.put("plain/", frame())
    adopt(folder)
    stages = folder.load("stages")
    stages.plain(recompute=True)

    assert folder.whorl("verify").exit_code == 0
    assert folder.whorl("restore", "plain").exit_code == 0
    assert folder.load("stages").plain().index.name == "k"


def test_recomputing_at_random_finds_what_differs(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """That is how somebody checks what was adopted."""
    cache.put("plain/", frame())
    adopt(folder)
    result = folder.whorl("verify", "stages.py:plain", "--recompute", "1")

    assert result.exit_code == 1
    assert "its value differs" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere", "stages.py"), "there is no folder nowhere"),
        (("stages.py", "stages.py"), "there is no folder stages.py"),
        (("raw", "stages.py"), "raw is no cache of Nuthatch"),
        (("old",), "Missing argument"),
        (("old", "missing.py"), "there is no file missing.py"),
        (("old", "stages.py", "--type", "n"), "gives no type"),
        (("old", "stages.py", "--type", "n=number"), "there is no type 'number'"),
    ],
)
def test_a_command_that_makes_no_sense_says_so(
    folder: PipelineFolder, cache: NuthatchCache, arguments: tuple[str, ...], said: str
) -> None:
    """Exit status 2, as for every command."""
    result = folder.whorl("import", "nuthatch", *arguments)

    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr


def kept_project(folder: PipelineFolder) -> None:
    """Bring a cache that Nuthatch 0.4.11 wrote, and the code that made it with its imports changed."""
    shutil.copytree(STORES / "nuthatch", folder.folder / "old")
    text = (STORES / "nuthatch_pipeline.py").read_text(encoding="utf-8")
    folder.write("stages.py", text.replace("from nuthatch import", "from whorl import").replace("nuthatch.", "whorl."))


def test_a_cache_that_nuthatch_wrote_is_adopted(folder: PipelineFolder) -> None:
    """All that it holds, of every backend, and each call finds it."""
    kept_project(folder)
    found = adopt(folder, "--lossy", "--pickles")
    stages = folder.load("stages")
    with whorl.observe() as outcomes:
        rain, table, daily = stages.rain("africa", days=3), stages.table("asia"), stages.daily(None, "2013-01-04", 2)
        array, nothing = stages.array("y", namespace="wide"), stages.nothing(2, namespace="wide")
        settings, air = stages.settings(), stages.air()

    assert {key for key, what in found.items() if what != "adopted"} == {"two/a_b_c", "up_x/basic.parquet"}
    assert {outcome.kind for outcome in outcomes} == {"hit"}
    pd.testing.assert_frame_equal(rain, stages.rain.__wrapped__("africa", days=3))
    assert table.columns.tolist() == ["mm", "place"]
    assert daily["air"].to_numpy()[1:].tolist() == [0.5, 1.5, 2.5]
    assert (array.name, array.to_numpy().tolist()) == ("y", [0.0, 1.0, 2.0])
    assert (nothing, settings, air["air"].shape) == (None, {"a": 1, "b": [1, 2]}, (6,))


def test_of_a_cache_that_nuthatch_wrote_only_what_is_exact_is_adopted(folder: PipelineFolder) -> None:
    """Unless losses and pickles are allowed."""
    kept_project(folder)
    found = adopt(folder)

    assert {key for key, what in found.items() if what == "adopted"} == {"rain/3_africa", "nothing/1", "nothing/2/wide"}


def test_a_local_cache_that_nuthatch_wrote_is_told_from_another(folder: PipelineFolder) -> None:
    """What its processors have sliced stays there."""
    kept_project(folder)
    shutil.rmtree(folder.folder / "old")
    shutil.copytree(STORES / "nuthatch-local", folder.folder / "old")
    found = adopt(folder, "--local", "--lossy")

    assert found["air"] == "adopted"
    assert "what processors left" in found["daily/3_None_2013-01-02"]


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_a_zarr_that_was_an_array_comes_back_as_one(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """Where the file says so, or the stage; else it is a Dataset, as Nuthatch reads it."""
    folder.write(
        "stages.py",
        """
        import xarray as xr
        from whorl import cache

        @cache(cache_args=["n"])
        def silent(n: int):
            return n

        @cache(cache_args=["n"])
        def says(n: int) -> "xr.DataArray":
            return n
        """,
    )
    for key, name in (("silent/1", None), ("silent/2", "v"), ("says/1", "v")):
        array = xr.DataArray([1.0, 2.0], dims="x", name=name)
        array.to_zarr(cache.payload(key, backend="zarr"))
        cache.record(key, backend="zarr")
    adopt(folder, "--lossy")
    stages = folder.load("stages")

    assert isinstance(stages.silent(1), xr.DataArray)
    assert isinstance(stages.silent(2), xr.Dataset)
    assert isinstance(stages.says(1), xr.DataArray)
    assert stages.says(1).to_numpy().tolist() == [1.0, 2.0]


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_a_zarr_that_a_killed_process_left_is_not_adopted(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """Nuthatch serves it, with fill values where chunks are missing; what is all fill value lacks chunks as well."""
    path = cache.payload("numbered/1", backend="zarr")
    values = np.array([1.0, 2.0, np.nan, np.nan])
    xr.Dataset({"a": ("x", values)}).chunk(x=2).to_zarr(path)
    cache.record("numbered/1", backend="zarr")
    killed = adopt(folder, "--lossy")
    cache.record("numbered/1", backend="zarr", last_modified=(time.time() + 1) * 1e6)
    complete = adopt(folder, "--lossy")

    assert "lacks chunks" in killed["numbered/1"]
    assert complete == {"numbered/1": "adopted"}
    assert folder.load("stages").numbered(1)["a"].to_numpy()[:2].tolist() == [1.0, 2.0]


def test_records_of_the_first_version_are_read(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """They stand in one table, with None as a text, and say of a None which namespace and version it is of."""
    cache.put("numbered/1", frame(1))
    cache.put("numbered/2", frame(2), "wide")
    cache.put("numbered/3", frame(3))
    cache.write_table(
        {"cache_key": "numbered/1", "backend": "parquet"},
        {"cache_key": "numbered/2", "backend": "parquet", "namespace": "wide"},
        {"cache_key": "numbered/3", "backend": "parquet", "state": "pending"},
        {"cache_key": "versioned/1", "backend": "basic", "version": "2", "state": "null"},
        {"cache_key": "two/../numbered/4", "backend": "parquet"},
    )
    found = adopt(folder)
    stages = folder.load("stages")

    assert found["numbered/1"] == found["numbered/2 in wide"] == found["versioned/1"] == "adopted"
    assert found["numbered/3"] == "its record is pending"
    assert found["two/../numbered/4"] == "its key leads elsewhere"
    assert stages.numbered(2, namespace="wide")["a"].tolist() == [2]
    assert stages.versioned(1) is None
