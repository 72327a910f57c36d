"""Frames of dask: one file per partition, written and read by its workers, never gathered."""

from __future__ import annotations

import gc
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import sqlalchemy
from deltalake import DeltaTable

from contracts.alike import assert_alike
from contracts.payload import FolderPayload, new_payload, through
from whorl import cache, config, timeseries
from whorl.errors import CorruptEntryError, FormatError
from whorl.formats.base import format_named
from whorl.formats.schema.databases import claim_table, database, make_revisions, url_of_file
from whorl.formats.schema.sql_parts import _write_part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from remote_servers import Bucket


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """Give a test a store of its own."""
    with config.options(filesystem=str(tmp_path / "store")):
        yield tmp_path / "store"


def plain() -> pd.DataFrame:
    """Make a frame of what a partition may have."""
    return pd.DataFrame(
        {
            "time": pd.date_range("2020-01-01", periods=100),
            "kind": pd.Categorical(["x", "y"] * 50),
            "text": [f"t{number}" for number in range(100)],
            "number": np.arange(100),
        },
        index=pd.Index(range(0, 200, 2), name="key"),
    )


FORMATS = ("parquet", "delta", "sql")


@pytest.mark.parametrize("name", FORMATS)
def test_a_frame_comes_back_with_its_partitions(tmp_path: Path, name: str) -> None:
    """Divisions, dtypes, index and rows."""
    value = dd.from_pandas(plain(), npartitions=4)
    found: Any = through(name, value, tmp_path)

    assert isinstance(found, dd.DataFrame)
    assert found.divisions == value.divisions
    pd.testing.assert_frame_equal(found._meta, value._meta)
    for place in range(4):
        assert_alike(found.get_partition(place).compute(), value.get_partition(place).compute(), f"partition {place}")


@pytest.mark.parametrize("name", FORMATS)
def test_unknown_divisions_stay_unknown(tmp_path: Path, name: str) -> None:
    """And an empty partition is one."""
    value = dd.from_pandas(plain(), npartitions=4).clear_divisions()
    value = value[value["number"] > 60]
    found: Any = through(name, value, tmp_path)

    assert not found.known_divisions
    assert found.npartitions == 4
    assert found["number"].compute().tolist() == list(range(61, 100))


@pytest.mark.parametrize("name", FORMATS)
def test_the_index_of_each_partition_is_its_own(tmp_path: Path, name: str) -> None:
    """What was filtered has a RangeIndex here and an index of numbers there, which one table has to hold."""
    whole = pd.DataFrame({"a": range(60), "whorl_row": "x", "whorl_part": [1.5] * 60})
    value = dd.from_pandas(whole, npartitions=3)
    value = value[(value["a"] < 20) | (value["a"] % 7 == 3) | (value["a"] == 25)]
    found: Any = through(name, value, tmp_path)
    indexes = [type(found.get_partition(place).compute().index) for place in range(3)]

    assert set(indexes) == {pd.RangeIndex, pd.Index}
    for place in range(3):
        assert_alike(found.get_partition(place).compute(), value.get_partition(place).compute(), f"partition {place}")


@pytest.mark.parametrize("name", ["delta", "sql"])
def test_a_table_of_its_own_has_one_type_for_each_column(tmp_path: Path, name: str) -> None:
    """Partitions of others are refused; parquet, of one file each, holds them."""

    def part(number: int) -> pd.DataFrame:
        return pd.DataFrame({"a": [number, 1] if number else ["x", "y"]}, dtype=object)

    with dask.config.set({"dataframe.convert-string": False}):
        value = dd.from_map(part, [0, 1], meta=part(0))  # type: ignore[no-untyped-call]
        with pytest.raises(FormatError, match="cannot hold this DataFrame") as caught:
            through(name, value, tmp_path)
        found: Any = through("parquet", value, tmp_path)

    assert "has columns of other types than another: `a`" in caught.value.cause
    assert found["a"].compute().tolist() == ["x", "y", 1, 1]


@pytest.mark.parametrize("name", ["delta", "sql"])
def test_a_frame_without_columns_is_kept_by_its_index(tmp_path: Path, name: str) -> None:
    """The numbers of its rows are one column of the table."""
    value = dd.from_pandas(pd.DataFrame(index=pd.RangeIndex(10)), npartitions=2)
    found: Any = through(name, value, tmp_path)

    assert len(found) == 10


def test_other_programs_read_the_rows_of_all_partitions(tmp_path: Path) -> None:
    """One table of delta, one of SQLite, in the order of the frame."""
    value = dd.from_pandas(plain(), npartitions=4)
    delta, sql = new_payload(tmp_path), new_payload(tmp_path)
    format_named("delta").encode(value, delta, {})
    format_named("sql").encode(value, sql, {})
    engine = sqlalchemy.create_engine(f"sqlite:///{sql.path('data.sqlite')}")
    rows = pd.read_sql("SELECT text, number FROM data ORDER BY whorl_part, whorl_row", engine)
    engine.dispose()
    table = DeltaTable(str(delta.folder / "data.delta"))

    assert rows["number"].tolist() == list(range(100))
    assert sorted(table.to_pyarrow_dataset().to_table().column("number").to_pylist()) == list(range(100))
    assert (table.version(), len(table.file_uris())) == (0, 4)


@timeseries()
@cache()
def frame(start_time: str | None = None, end_time: str | None = None) -> dd.DataFrame:
    return dd.from_pandas(plain(), npartitions=4)


@pytest.mark.usefixtures("store")
def test_a_stage_gives_what_is_stored_not_the_plan(tmp_path: Path) -> None:
    """The plan could read something else tomorrow."""
    raw = tmp_path / "raw.csv"
    plain().to_csv(raw)

    @cache(name="reads")
    def reads(path: str) -> dd.DataFrame:
        return dd.read_csv(path)

    first = reads(str(raw))
    raw.write_text("key,number\n1,1\n", encoding="utf-8")

    assert len(first) == 100
    assert len(reads(str(raw))) == 100
    assert [entry.format for entry in reads.entries()] == ["parquet"]


@pytest.mark.usefixtures("store")
def test_windows_and_engines_work_on_it() -> None:
    """Lazily, until somebody computes."""
    assert len(frame("2020-01-10", "2020-01-12")) == 3
    assert isinstance(frame.options(engine="pandas")(), pd.DataFrame)


@pytest.mark.parametrize("name", ["parquet", "delta"])
def test_a_damaged_partition_is_found_when_it_is_read(store: Path, name: str) -> None:
    """Others are not read for that."""
    stage = frame.options(backend=name)
    stage()
    (part,) = store.rglob("part-000002.parquet")
    part.write_bytes(part.read_bytes()[:-4] + b"\0\0\0\0")
    found = stage()

    assert len(found.get_partition(0)) == 25
    with pytest.raises(CorruptEntryError), dask.config.set(scheduler="synchronous"):
        found.compute()


def test_a_row_that_was_changed_is_found_when_it_is_read(tmp_path: Path) -> None:
    """Somebody wrote to the file after it was opened; other partitions are read."""
    payload = new_payload(tmp_path)
    format_named("sql").encode(dd.from_pandas(plain(), npartitions=4), payload, {})
    found: Any = format_named("sql").decode(payload, {})
    with sqlite3.connect(payload.path("data.sqlite")) as connection:
        connection.execute("UPDATE data SET number = 7 WHERE whorl_part = 2 AND whorl_row = 0")
    connection.close()

    assert len(found.get_partition(0)) == 25
    with pytest.raises(CorruptEntryError), dask.config.set(scheduler="synchronous"):
        found.compute()


def test_a_file_that_would_go_is_copied_for_later(tmp_path: Path) -> None:
    """As that of a bucket: partitions are read when there is no reader anymore."""
    payload = new_payload(tmp_path)
    format_named("sql").encode(dd.from_pandas(plain(), npartitions=4), payload, {})
    found: Any = format_named("sql").decode(Passing(payload.folder), {})
    payload.path("data.sqlite").unlink()

    assert found["number"].compute().tolist() == list(range(100))


class Passing(FolderPayload):
    """A payload whose paths go with it."""

    stays = False


@pytest.mark.parametrize("name", FORMATS)
def test_a_frame_in_a_bucket_is_read_partition_by_partition(bucket: Bucket, name: str) -> None:
    """When they are asked for, long after the entry was found; the one file of SQLite is fetched at once."""
    with config.options(filesystem=f"{bucket.url}/team"):
        stage = frame.options(backend=name)
        stage()
        bucket.asked()
        found = stage()
        opening = bucket.asked()
        gc.collect()
        rows_of_one = found.get_partition(3).compute()
        reading = bucket.asked()

    assert rows_of_one["number"].tolist() == list(range(75, 100))
    fetched = [part in line for line in reading for part in ("part-000003", "part-000002") if "GET" in line]
    assert fetched.count(True) == (0 if name == "sql" else 1)
    assert any("data.sqlite" in line for line in opening) == (name == "sql")


@pytest.mark.parametrize("name", FORMATS)
def test_text_stays_of_its_type_whatever_dask_is_set_to(tmp_path: Path, name: str) -> None:
    """Who reads may have other settings than who wrote."""
    whole = pd.DataFrame({"s": ["a", None], "o": pd.Series(["x", "y"], dtype=object)})
    payload = new_payload(tmp_path)
    with dask.config.set({"dataframe.convert-string": False}):
        format_named(name).encode(dd.from_pandas(whole, npartitions=1), payload, {})
    found: Any = format_named(name).decode(payload, {})

    assert_alike(found.compute(), whole, "frame")
    pd.testing.assert_frame_equal(found._meta, whole.iloc[:0])


@cache(upsert_keys=["id"], cache_args=["name"])
def rows(name: str, ids: tuple[int, ...] = ()) -> dd.DataFrame:
    return dd.from_pandas(pd.DataFrame({"id": ids}), npartitions=1)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("name", FORMATS)
def test_rows_of_a_frame_of_dask_are_not_put_into_a_table(name: str) -> None:
    """The error says what to do, and the stored table stays."""
    rows.options(backend=name)("x", (1, 2))
    with pytest.raises(FormatError, match=r"rows of a dask\.DataFrame cannot be put into a table") as caught:
        rows.options(backend=name, upsert=True)("x", (3,))

    assert "compute()" in caught.value.tip
    assert rows.options(backend=name)("x")["id"].compute().tolist() == [1, 2]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("name", FORMATS)
def test_an_error_of_the_plan_is_the_users_own(name: str) -> None:
    """The plan runs where it is written: what goes wrong in it is not a matter of the format."""

    def part(number: int) -> pd.DataFrame:
        if number:
            raise ValueError("no such year")
        return pd.DataFrame({"a": [1]})

    @cache(backend=name)
    def failing() -> dd.DataFrame:
        return dd.from_map(part, [0, 1], meta=part(0))  # type: ignore[no-untyped-call,no-any-return]

    with pytest.raises(ValueError, match="no such year") as caught:
        failing()
    assert type(caught.value) is ValueError
    assert failing.entries() == []


def test_a_task_that_is_done_twice_writes_its_rows_once(tmp_path: Path) -> None:
    """A cluster does one again whose worker was lost."""
    payload = new_payload(tmp_path)
    value = dd.from_pandas(plain(), npartitions=2)
    url = url_of_file(payload.path("data.sqlite"))
    whole = {"table": "data", "revision": "1", "keys": ("whorl_part", "whorl_row")}
    first = value.get_partition(0).compute()
    with database(url) as engine:
        make_revisions(engine)
        with engine.begin() as connection:
            claim_table(connection, whole)
    for _ in range(2):
        _write_part(first, 0, whole, url)
    with sqlite3.connect(payload.path("data.sqlite")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM data").fetchone()
    connection.close()

    assert count == len(first)


def test_partitions_that_cannot_be_held_are_refused(tmp_path: Path) -> None:
    """As a frame of theirs would be."""

    def part(_: int) -> pd.DataFrame:
        return pd.DataFrame({"a": [[1], {2}]}, dtype=object)

    with dask.config.set({"dataframe.convert-string": False}):
        value = dd.from_map(part, [1], meta=part(1))  # type: ignore[no-untyped-call]
        with pytest.raises(FormatError, match="cannot hold this DataFrame"):
            through("parquet", value, tmp_path)


@pytest.mark.usefixtures("store")
def test_a_plan_of_another_kind_is_refused() -> None:
    """What it gives would be computed anew each time, out of whatever is there then."""

    @cache()
    def array() -> Any:
        return da.ones(10)  # type: ignore[no-untyped-call]

    with pytest.raises(FormatError, match="is a plan") as caught:
        array()
    assert "compute()" in caught.value.tip


LIMITED = """
import resource, sys
import dask, dask.dataframe as dd, numpy as np, pandas as pd
import whorl
dask.config.set(scheduler="threads", num_workers=2)
name, parts, rows, width = sys.argv[1], *map(int, sys.argv[2:])

def part(number):
    random = np.random.default_rng(number)
    frame = pd.DataFrame({"a": random.normal(size=rows)})
    return frame.assign(b=[random.bytes(width // 2).hex() for _ in range(rows)]) if width else frame

@whorl.cache(backend=name)
def large():
    return dd.from_map(part, range(parts), meta=part(0).iloc[:0])

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
total = float(large()["a"].sum().compute())
again = float(large()["a"].sum().compute())
assert total == again
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process")
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "parts", "rows", "width"),
    [("parquet", 60, 2_000_000, 0), ("delta", 60, 2_000_000, 0), ("sql", 120, 1_000, 8_000)],
)
def test_a_frame_larger_than_memory_is_written_and_read(
    tmp_path: Path, name: str, parts: int, rows: int, width: int
) -> None:
    """Of 960 MB in partitions of 16 MB (of 8 in a database) a process never holds more than a part."""
    (tmp_path / "pyproject.toml").write_text("")
    arguments = [name, *map(str, (parts, rows, width))]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *arguments],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 480
