"""Tables of Delta Lake: exact or refused, one version, read by others."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable

import whorl
from contracts.alike import assert_alike
from contracts.payload import through
from contracts.round_trips import refused_of
from contracts.tables import arrow_tables, frames, polars_frames, series
from whorl import cache, config
from whorl.errors import ConfigError, FormatError
from whorl.formats.schema.delta_types import writing_delta
from whorl.formats.schema.loss import Loss
from whorl.formats.schema.merging import merged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """Give a test a store of its own."""
    with config.options(filesystem=str(tmp_path / "store")):
        yield tmp_path / "store"


def test_a_table_comes_back_as_it_was_or_is_refused(tmp_path: Path) -> None:
    """With its digest, types, index, names; most are kept."""
    values = frames() | series() | arrow_tables() | polars_frames()

    assert len(refused_of("delta", values, tmp_path)) < len(values) / 2


def test_common_frames_are_kept(tmp_path: Path) -> None:
    """What people store: numbers, texts, dates with and without a zone, kinds, gaps, an index."""
    times = pd.to_datetime(["2020-01-02 03:04:05.678901", None])
    frame = pd.DataFrame(
        {
            "a": [1, 2],
            "b": [1.5, np.nan],
            "c": ["x", None],
            "d": times,
            "e": times.tz_localize("Asia/Tokyo"),
            "f": pd.Categorical(["x", "y"]),
            "g": pd.to_timedelta([1, 2], unit="s"),
            "h": [True, False],
            "i": pd.array([1, None], dtype="Int64"),
        },
        index=pd.Index(["p", "q"], name="key"),
    )

    assert_alike(through("delta", frame, tmp_path), frame, "frame")


def test_the_order_of_many_rows_stays(tmp_path: Path) -> None:
    """Delta has no order of its own."""
    frame = pd.DataFrame({"a": np.random.default_rng(1).permutation(300_000)})

    assert_alike(through("delta", frame, tmp_path), frame, "frame")


@cache(backend="delta", upsert_keys=["id"])
def table(rows: tuple[tuple[int, str], ...] = ((1, "a"), (2, "b"))) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["id", "text"])


def test_another_program_reads_the_table(store: Path) -> None:
    """It is where filepath_only says, and is one of delta's."""
    place = table.options(filepath_only=True)()

    assert str(place).endswith(".delta")
    assert DeltaTable(str(place)).to_pyarrow_dataset().to_table().column("text").to_pylist() == ["a", "b"]


@cache(backend="delta", upsert_keys=["id"], cache_args=["name"])
def rows(name: str, found: tuple[tuple[int, str], ...] = ()) -> pd.DataFrame:
    return pd.DataFrame(found, columns=["id", "text"]).astype({"id": "int64", "text": "str"})


@pytest.mark.usefixtures("store")
def test_a_newer_row_takes_the_place_of_the_older_one() -> None:
    """Others follow at the end; the earlier table can be restored."""
    first = rows("x", ((1, "a"), (2, "b")))
    second = rows.options(upsert=True)("x", ((2, "B"), (3, "c")))

    assert [tuple(row) for row in first.itertuples(index=False)] == [(1, "a"), (2, "b")]
    assert [tuple(row) for row in second.itertuples(index=False)] == [(1, "a"), (2, "B"), (3, "c")]
    pd.testing.assert_frame_equal(rows("x"), second)


@pytest.mark.usefixtures("store")
def test_rows_put_in_at_once_are_all_there() -> None:
    """Nobody's are lost."""
    rows("x", ((0, "0"),))

    def put(number: int) -> None:
        rows.options(upsert=True)("x", ((number, str(number)),))

    threads = [threading.Thread(target=put, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(rows("x")["id"]) == list(range(7))


@pytest.mark.usefixtures("store")
def test_an_upsert_into_nothing_stores_the_rows_and_none_stores_nothing() -> None:
    """As Nuthatch has it."""
    assert list(rows.options(upsert=True)("new", ((1, "a"),))["id"]) == [1]

    @cache(upsert_keys=["id"])
    def nothing() -> None:
        return None

    nothing.options(upsert=True)()
    assert nothing.entries() == []


@pytest.mark.usefixtures("store")
def test_a_stage_without_keys_cannot_upsert() -> None:
    """The error says what to declare."""

    @cache()
    def keyless() -> pd.DataFrame:
        return pd.DataFrame({"a": [1]})

    keyless()
    with pytest.raises(ConfigError, match="cannot upsert"):
        keyless.options(upsert=True)()


OLD = pd.DataFrame({"id": [1, 2], "at": ["x", "y"], "n": [1.0, 2.0]})


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_every_kind_of_table_takes_rows(kind: str) -> None:
    """By one key or several."""
    make: Any = {"pandas": lambda frame: frame, "polars": pl.from_pandas, "arrow": pa.Table.from_pandas}[kind]
    new = pd.DataFrame({"id": [2, 2], "at": ["y", "z"], "n": [20.0, 30.0]})
    found = merged(make(OLD), make(new), ["id", "at"])
    plain = found if kind == "pandas" else found.to_pandas()

    assert plain["n"].tolist() == [1.0, 20.0, 30.0]
    assert type(found) is type(make(OLD))


KINDS = {"text": pd.Series(["a"]), "float": [1.5], "time": pd.to_datetime(["2020"]), "Int64": pd.array([1], "Int64")}


@pytest.mark.parametrize("way", ["older", "newer"])
@pytest.mark.parametrize("label", [*KINDS, "category"])
def test_a_column_without_a_value_takes_the_type_of_the_other_table(label: str, way: str) -> None:
    """Where the type has a missing value: None has no type of its own."""
    known = pd.DataFrame({"id": [1], "v": KINDS.get(label, pd.Categorical(["a"]))})
    nothing = pd.DataFrame({"id": [2, 3], "v": pd.Series([None, np.nan], dtype=object)})
    found = merged(nothing, known, ["id"]) if way == "older" else merged(known, nothing, ["id"])
    back = found.set_index("id").v

    assert back.dtype == known.v.dtype
    assert back.loc[[1]].tolist() == known.v.tolist()
    assert back.loc[[2, 3]].isna().all()
    assert nothing.v.dtype == object


def test_a_column_of_nulls_takes_the_type_of_the_other_table_in_arrow_and_polars() -> None:
    """Their type for it is null."""
    arrow = merged(pa.table({"id": [1], "v": pa.nulls(1)}), pa.table({"id": [2], "v": ["a"]}), ["id"])
    polars = merged(pl.DataFrame({"id": [1], "v": ["a"]}), pl.DataFrame({"id": [2], "v": [None]}), ["id"])

    assert arrow.to_pydict() == {"id": [1, 2], "v": [None, "a"]}
    assert polars.to_dict(as_series=False) == {"id": [1, 2], "v": ["a", None]}


def test_rows_are_put_in_whatever_the_attributes_are() -> None:
    """Those of the newer rows count; pandas cannot compare arrays."""
    old, new = OLD.copy(), OLD.copy()
    old.attrs, new.attrs = {"a": np.arange(3)}, {"a": np.arange(2)}
    found = merged(old, new, ["id"])

    assert found.attrs["a"].tolist() == [0, 1]
    assert old.attrs["a"].tolist() == [0, 1, 2]


def test_the_message_names_both_types_and_what_to_do() -> None:
    """A type without missing values takes no column of None, and a level of the index is no column."""
    with pytest.raises(FormatError) as differing:
        merged(OLD, OLD.assign(id=pd.Series([None, None], dtype=object)), ["at"])
    with pytest.raises(FormatError) as level:
        merged(OLD, OLD.set_index("id"), ["id"])
    with pytest.raises(FormatError) as both:
        merged(OLD.set_index("id"), OLD.set_index("id"), ["id"])

    assert differing.value.cause == "these columns differ: id (stored: dtype('int64'); new: dtype('O'))"
    assert level.value.cause == "these columns differ: id (stored: dtype('int64'); new: no such column)"
    assert both.value.tip == "it is a level of the index: return frame.reset_index()"


@pytest.mark.parametrize(
    ("new", "keys", "words"),
    [
        (OLD.drop(columns="n"), ["id"], "these columns differ: n"),
        (OLD.astype({"n": "int64"}), ["id"], "these columns differ: n"),
        (OLD, ["key"], "upsert_keys names 'key'"),
        (pd.concat([OLD, OLD], ignore_index=True), ["id"], "two new rows have one key"),
        (OLD.assign(at=["x", None]), ["at"], "rows without a key"),
        (OLD.set_index("id", drop=False), ["id"], "an index of its own"),
        ({"a": 1}, ["id"], "cannot be put into a table"),
    ],
)
def test_rows_that_have_no_one_place_are_refused(new: Any, keys: list[str], words: str) -> None:
    """Before anything is written."""
    with pytest.raises(FormatError) as caught:
        merged(OLD, new, keys)

    assert words in f"{caught.value.message} {caught.value.cause}"


@pytest.mark.usefixtures("store")
def test_an_upsert_reaches_what_is_made_of_it() -> None:
    """A new value has a new revision."""
    rows("x", ((1, "a"),))

    @cache()
    def count() -> int:
        return len(rows("x"))

    assert count() == 1
    rows.options(upsert=True)("x", ((2, "b"),))
    with whorl.observe() as outcomes:
        assert count() == 2
    assert any(outcome.kind == "ran" for outcome in outcomes)


@pytest.mark.skipif(os.name != "posix", reason="makes folders of such names")
@pytest.mark.parametrize("name", ["a[b]", "a|b", "a^b", "a%20b", "a%b", "a\\b", "a\nb", "ü ?#:{*", "s3:"])
def test_a_store_may_lie_in_a_folder_of_any_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deltalake takes folders for URLs, and panics at some: a link that leads there is no way round."""
    (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / name)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "temporary").mkdir()
    frame = pd.DataFrame({"a": [1, 2]})
    whole = cache(name="whole", backend="delta")(lambda: frame)
    parts = cache(name="parts in any folder", backend="delta")(lambda: dd.from_pandas(frame, npartitions=2))
    for folder in (name, "link"):
        with config.options(filesystem=str(tmp_path / folder / "store")):
            found = [stage() for stage in (whole, parts) for _ in range(2)]
            kinds = [entry.format for stage in (whole, parts) for entry in stage.entries()]

        assert kinds == ["delta", "delta"]
        for each in found:
            pd.testing.assert_frame_equal(each.compute() if hasattr(each, "compute") else each, frame)
    assert list((tmp_path / "temporary").rglob("whorl-delta-*")) == []


def test_a_panic_of_the_library_is_a_refusal() -> None:
    """It is no Exception, and would pass by everything that handles one."""
    panic = type("PanicException", (BaseException,), {})

    with pytest.raises(Loss, match="so it went"), writing_delta():
        raise panic("so it went")
    with pytest.raises(KeyboardInterrupt), writing_delta():
        raise KeyboardInterrupt
