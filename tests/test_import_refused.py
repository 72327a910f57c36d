"""``whorl import nuthatch``: what is not adopted, since it may be of another call, or other than it was."""

from __future__ import annotations

import os
import pickle
import shutil
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from foreign_caches import STAGES, NuthatchCache, adopt, frame

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline_folder import PipelineFolder


@pytest.fixture
def cache(folder: PipelineFolder) -> NuthatchCache:
    """Give an empty cache of Nuthatch beside stages."""
    folder.write("stages.py", STAGES)
    return NuthatchCache(folder.folder / "old")


def test_a_text_that_several_arguments_have_is_not_adopted(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """Nuthatch gives ("a_b", "c") and ("a", "b_c") one entry; whose it is cannot be told."""
    cache.put("two/a_b_c", frame())
    cache.put("two/a_b", frame())
    found = adopt(folder)

    assert found["two/a_b"] == "adopted"
    assert "first='a', second='b_c' or first='a_b', second='c'" in found["two/a_b_c"]


def test_a_type_that_nobody_knows_is_asked_for(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """1 and "1" have one text; the reason names the option that settles it."""
    cache.put("untyped/7", frame())

    assert "--type days=TYPE" in adopt(folder, "--dry-run")["untyped/7"]
    assert adopt(folder, "--type", "days=int|str", "--dry-run")["untyped/7"] == "'7' may be days=7 or days='7'"
    assert adopt(folder, "--trust-defaults", "--dry-run")["untyped/7"] == "adopted"
    assert adopt(folder, "--type", "untyped.days=int")["untyped/7"] == "adopted"
    assert isinstance(folder.load("stages").untyped(7), pd.DataFrame)


def test_arguments_that_nuthatchs_key_does_not_have_keep_an_entry_out(
    folder: PipelineFolder, cache: NuthatchCache
) -> None:
    """Without cache_args Nuthatch gives f(1) and f(2) one entry; a window that the code reads is not in the key."""
    cache.put("all_count/", frame())
    cache.put("reads_window/1", frame())
    found = adopt(folder)

    assert found["all_count"] == "without cache_args Nuthatch's key says nothing of n"
    assert found["reads_window/1"] == "the code reads start_time, which is not in Nuthatch's key"


def test_the_version_must_be_the_stages(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """None is kept by Nuthatch without a version, so that it may be of any."""
    cache.put("versioned/1", frame(), version="2")
    cache.put("versioned/2", frame(), version="1")
    cache.put("versioned/3", frame(), version=2)
    cache.put("numbered/4", frame(), version="2")
    cache.put_null("versioned/4")
    found = adopt(folder)

    assert found["versioned/1"] == found["versioned/3"] == "adopted"
    assert found["versioned/2"] == "it is version 1, the stage is version 2"
    assert found["numbered/4"] == "it is version 2, the stage is version None"
    assert "without a version" in found["versioned/4"]


def test_what_is_stored_twice_is_not_chosen_by_chance(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """A result and None, or two backends, may be of different runs; the user may name a backend."""
    cache.put("numbered/1", frame())
    cache.put_null("numbered/1")
    cache.put("numbered/2", frame(2))
    cache.put("numbered/2", frame(1), backend="basic")
    found = adopt(folder, "--pickles")

    assert found["numbered/1"] == found["numbered/2"] or "--backend" in found["numbered/2"]
    assert "as parquet and as None" in found["numbered/1"] or "as None and as parquet" in found["numbered/1"]
    assert adopt(folder, "--backend", "parquet")["numbered/2"] == "adopted"
    assert folder.load("stages").numbered(2)["a"].tolist() == [2]


def test_a_record_of_another_key_is_not_believed(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """An argument with ``../`` or ``/`` in it moves records to places of other keys."""
    path = cache.put("numbered/3", frame(3))
    cache.record("two/../numbered/5")
    shutil.copy(path, cache.payload("numbered/5"))
    (cache.records / "two").rmdir()
    found = adopt(folder)

    assert found["numbered/5/parquet.parquet"] == "its record is of another key: two/../numbered/5"
    assert found["numbered/3"] == "adopted"


def test_a_pickle_runs_nothing_unless_it_is_allowed(
    folder: PipelineFolder, cache: NuthatchCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading one runs what its writer chose, and the setting that forbids pickles forbids these too."""
    canary = folder.folder / "canary"
    cache.put("numbered/3", Canary(str(canary)), backend="basic")
    found = adopt(folder)
    monkeypatch.setenv("WHORL_PICKLE", "never")
    refused = folder.whorl("import", "nuthatch", "old", "stages.py", "--pickles")

    assert "--pickles" in found["numbered/3"]
    assert (refused.exit_code, "never" in refused.stderr) == (2, True)
    assert not canary.exists()


class Canary:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("codec", ['{"id": "pickle"}', '{"id": "pickle", "name": "zstd"}'])
def test_a_zarr_with_a_codec_that_unpickles_is_never_opened(
    folder: PipelineFolder, cache: NuthatchCache, codec: str
) -> None:
    """Codecs are found by name among all that are installed."""
    path = cache.payload("numbered/3", backend="zarr")
    array = path / "a"
    array.mkdir(parents=True)
    (path / ".zgroup").write_text('{"zarr_format": 2}')
    (path / ".zattrs").write_text("{}")
    (array / ".zattrs").write_text('{"_ARRAY_DIMENSIONS": ["x"]}')
    (array / ".zarray").write_text(
        '{"zarr_format": 2, "shape": [1], "chunks": [1], "dtype": "|O", "compressor": null, "fill_value": null,'
        f' "order": "C", "filters": [{codec}]}}'
    )
    (array / "0").write_bytes(pickle.dumps(Canary(str(folder.folder / "canary"))))
    cache.record("numbered/3", backend="zarr")

    assert "codecs that are not used here: pickle" in adopt(folder, "--lossy", "--pickles")["numbered/3"]
    assert not (folder.folder / "canary").exists()


def test_what_lies_elsewhere_is_not_read(folder: PipelineFolder, cache: NuthatchCache, tmp_path: Path) -> None:
    """A link out of the cache, or in a payload, is not followed."""
    other = tmp_path / "other.parquet"
    frame().to_parquet(other)
    cache.record("numbered/1")
    cache.payload("numbered/1").parent.mkdir(parents=True, exist_ok=True)
    cache.payload("numbered/1").symlink_to(other)
    cache.record("numbered/2")
    cache.payload("numbered/2").mkdir()
    (cache.payload("numbered/2") / "part.0.parquet").symlink_to(other)
    found = adopt(folder, "--lossy")

    assert found["numbered/1"] == "its payload lies outside of the cache"
    assert found["numbered/2"] == "there are links in its payload"


def test_what_cannot_be_read_says_why(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """Damage, loss and backends that keep nothing here skip one entry, never the others."""
    cache.put("numbered/1", frame()).write_bytes(b"PAR1 no more")
    cache.put("numbered/2", frame()).unlink()
    cache.put("numbered/3", frame())
    cache.record("numbered/3").write_bytes(b"nonsense")
    cache.record("numbered/4", state="pending")
    cache.record("numbered/5", backend="sql")
    cache.record("numbered/6", backend="terracotta")
    cache.record("numbered/7", backend="tape")
    cache.record("numbered/8", last_modified="yesterday")
    cache.put("numbered/9", frame(9))
    cache.record("gone/1")
    found = adopt(folder)

    assert "cannot be read" in found["numbered/1"]
    assert "is not there" in found["numbered/2"]
    assert "its record cannot be read" in found["numbered/3/parquet.parquet"]
    assert found["numbered/4/parquet.parquet"] == "its record is pending"
    assert "database" in found["numbered/5/sql.parquet"]
    assert "picture" in found["numbered/6/terracotta.parquet"]
    assert "does not know the backend tape" in found["numbered/7/tape.parquet"]
    assert "its record cannot be read" in found["numbered/8/parquet.parquet"]
    assert found["numbered/9"] == "adopted"
    assert found["gone/1"] == "there is no stage gone"


def test_a_frame_that_its_file_does_not_keep_is_not_adopted(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """A type, an index' frequency or a gap that parquet changes is named; --lossy takes what is read."""
    dates = pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2020", periods=2))
    cache.put("numbered/1", dates)
    cache.put("numbered/2", pd.DataFrame({"a": pd.Series([1, None], dtype=object)}))
    cache.put("numbered/3", pd.DataFrame({"a": [[1, 2], [3]]}))
    found = adopt(folder)

    assert "frequency" in found["numbered/1"]
    assert "the column a was object, and is read as float64" in found["numbered/2"]
    assert "the column a has objects" in found["numbered/3"]
    assert set(adopt(folder, "--lossy").values()) == {"adopted"}
    pd.testing.assert_frame_equal(folder.load("stages").numbered(1), dates, check_freq=False)


def test_two_stages_of_one_name_get_nothing(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """Nuthatch knows functions by their bare names, so that an entry may be of either."""
    folder.write("more.py", "from whorl import cache\n\n@cache()\ndef plain():\n    return 2\n")
    cache.put("plain/", frame())
    result = folder.whorl("import", "nuthatch", "old", "stages.py", "more.py")

    assert "several stages are called plain: stages.plain, more.plain" in result.stdout


def test_methods_declared_inputs_and_collected_arguments_keep_an_entry_out(
    folder: PipelineFolder, cache: NuthatchCache
) -> None:
    """Nuthatch's key says nothing of an instance, of inputs, or of what stars collect."""
    folder.write(
        "stages.py",
        """
        from whorl import cache, stage

        class Model:
            @cache(cache_args=["n"])
            def method(self, n: int):
                return n

        method = Model.method

        @stage(raw="raw/numbers.txt", cache=True)
        def fed(raw):
            return raw

        @cache()
        def starred(*names, **more):
            return names
        """,
    )
    for key in ("method/1", "fed/", "starred/"):
        cache.put(key, frame())
    found = adopt(folder)

    assert "of which instance" in found["method/1"]
    assert "declared inputs" in found["fed"]
    assert "what names was" in found["starred"]


def test_what_is_too_old_for_its_stage_is_not_adopted(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """A time to live counts from when Nuthatch computed it."""
    cache.put("expiring/1", frame())

    assert adopt(folder) == {"expiring/1": "its time to live is over"}


def test_a_stage_that_calls_one_that_expires_is_not_adopted(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """When the call inside was computed, nobody knows."""
    folder.write(
        "stages.py",
        """
        from whorl import cache

        @cache(ttl="1h")
        def source():
            return 1

        @cache()
        def caller():
            return source()
        """,
    )
    cache.put("caller/", 1, backend="basic")

    assert "time to live" in adopt(folder, "--pickles", "--lossy")["caller"]


def test_what_was_made_from_a_changed_value_is_in_doubt(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """Nuthatch hands its own files to the caller, without what they lost."""
    folder.write(
        "stages.py",
        """
        from whorl import cache

        @cache()
        def source():
            return 1

        @cache()
        def caller():
            return source()
        """,
    )
    cache.put("caller/", frame())

    assert "read back of stages.source" in adopt(folder)["caller"]


def test_a_mode_that_stores_nothing_adopts_nothing(
    folder: PipelineFolder, cache: NuthatchCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be for nothing."""
    cache.put("plain/", frame())
    monkeypatch.setenv("WHORL_MODE", "read_only")
    result = folder.whorl("import", "nuthatch", "old", "stages.py")

    assert (result.exit_code, "read_only" in result.stderr) == (2, True)


def test_an_empty_cache_is_no_error(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """There is just nothing in it."""
    result = folder.whorl("import", "nuthatch", "old", "stages.py")

    assert (result.exit_code, result.stdout) == (0, "adopted 0 entries of nuthatch, 0 B · skipped 0\n")


def test_odd_names_are_shown_and_skipped(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """Names that are no text, or have control characters, and keys that lead nowhere."""
    odd = os.fsencode(cache.records) + b"/numbered"
    os.mkdir(odd)
    with open(odd + b"/\xff\x1b]0;.null", "wb"):
        pass
    cache.put("numbered/ü_[x]*", frame())
    result = folder.whorl("import", "nuthatch", "old", "stages.py")

    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert "skipped 2" in result.stdout


def test_a_local_cache_has_every_argument_in_its_keys(folder: PipelineFolder, cache: NuthatchCache) -> None:
    """There, what processors left is not the whole result, and arguments that whorl does not count are told apart."""
    cache.put("two/x_y", frame())
    cache.put("numbered/3_None", frame())
    cache.put("reads_window/1_2_3", frame())
    cache.put("all_count/5", frame(5))
    found = adopt(folder, "--local")

    assert found["two/x_y"] == found["all_count/5"] == "adopted"
    assert found["numbered/3_None"] == "the local cache tells unused apart, and cache_args do not"
    assert "what processors left" in found["reads_window/1_2_3"]
    assert folder.load("stages").all_count(5)["a"].tolist() == [5]


def test_a_shared_store_takes_no_unsigned_pickle(
    folder: PipelineFolder, cache: NuthatchCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by way of another tool's cache either; the others are adopted all the same."""
    monkeypatch.setenv("WHORL_STORE_MODE", "team")
    cache.put("numbered/1", slice(1), backend="basic")
    cache.put("numbered/2", [1], backend="basic")
    found = adopt(folder, "--pickles")

    assert "pickle" in found["numbered/1"]
    assert found["numbered/2"] == "adopted"
