"""Rows go by ADBC where it has a driver, and by SQLAlchemy where not: nobody can tell which it was."""

from __future__ import annotations

import decimal
import json
import sys
from typing import TYPE_CHECKING, Any

import adbc_driver_manager.dbapi as adbc_api
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa

from contracts.alike import assert_alike
from contracts.payload import new_payload
from sql_ways import SQL, WAYS, going, hard_frame, read, tables_of, written
from whorl.errors import WhorlWarning
from whorl.fingerprint.values import hash_value
from whorl.formats.schema import adbc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def options(request: pytest.FixtureRequest) -> dict[str, str]:
    """Give the settings of each kind of database: none are a file of SQLite beside the schema."""
    return {} if request.param == "sqlite" else {"url": request.getfixturevalue("postgres").url()}


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """List what is asked of ADBC, in order."""
    found: list[str] = []
    for owner, name in (
        (adbc_api.Cursor, "execute"),
        (adbc_api.Cursor, "adbc_ingest"),
        (adbc_api.Cursor, "fetch_arrow_table"),
        (adbc_api.Connection, "commit"),
    ):
        monkeypatch.setattr(owner, name, noting(found, name, getattr(owner, name)))
    return found


def noting(found: list[str], name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """Do what a method does, and note that it was asked."""

    def method(*args: object, **named: object) -> object:
        found.append(name)
        return real(*args, **named)

    return method


def hard_values() -> dict[str, object]:
    """Make tables of what is hard about types."""
    moment = pd.Timestamp("2020-01-02 03:04:05.123456789")
    numbers = pa.table(
        {
            "small": pa.array([-128, None, 127], pa.int8()),
            "unsigned": pa.array([0, 255, None], pa.uint8()),
            "large": pa.array([2**63 - 1, -(2**63), None], pa.int64()),
            "wide": pa.array([2**63 - 1, 0, None], pa.uint64()),
            "half": pa.array([1.5, 0.1, float("nan")], pa.float32()),
            "edge": pa.array([float("inf"), float("-inf"), 5e-324], pa.float64()),
            "no": pa.array([None, None, None], pa.float64()),
            "is": pa.array([None, True, False], pa.bool_()),
            "money": pa.array([decimal.Decimal("-0.10"), None, decimal.Decimal("12345678901234567.89")]),
            "blob": pa.array([b"", b"\0\xff", None]),
            "moment": pa.array([moment.value, None, -1], pa.timestamp("ns", tz="Asia/Kathmandu")),
            "day": pa.array([0, -1, None], pa.date32()),
        }
    )
    odd = [
        "%s",
        "%(a)s",
        "$1",
        ":x",
        "?",
        '"',
        "'",
        "\\",
        "a;b",
        " ",
        "\N{SNOWMAN}",
        "whorl_part",
        "WHORL_ROW",
        "Ab",
        "aB",
    ]
    return {
        "hard": hard_frame(),
        "numbers": numbers,
        "names": pd.DataFrame({name: [place] for place, name in enumerate(odd)}),
        "texts": pd.DataFrame({"a": ["", "x" * 3_000_000, "'\"\\%s\n\t\r\N{SNOWMAN}\U0001f600", None, "NULL", "\\N"]}),
        "empty": hard_frame().iloc[:0],
        "gaps": pd.DataFrame({"a": pd.array([None] * 3, "string"), "b": [None] * 3, "c": [np.nan] * 3}),
        "numbers of one kind": pd.DataFrame({"a": [1.0, 2.0], "b": [1, 0], "c": ["1", "2"]}),
    }


@pytest.mark.parametrize("label", hard_values())
def test_a_table_is_the_same_whoever_wrote_and_whoever_reads_it(
    label: str, options: dict[str, str], tmp_path: Path, done: list[str]
) -> None:
    """Each of the two is tried with each; and the rows have one digest."""
    value = hard_values()[label]
    digests = set()
    for writes in WAYS:
        payload = written(value, tmp_path, options, by_adbc=writes)
        assert ("commit" in done) == writes
        digests.add(json.loads(payload.read("schema.json"))["rows"])
        for reads in WAYS:
            done.clear()
            found = read(payload, options, by_adbc=reads)
            assert_alike(found, value, label)
            assert hash_value(found) == hash_value(value)
            assert ("fetch_arrow_table" in done) == reads
        done.clear()

    assert len(digests) == 1


def test_the_table_of_the_database_is_the_same(options: dict[str, str], tmp_path: Path) -> None:
    """Its columns have the same types, and its key is the same."""
    found = []
    for writes in WAYS:
        payload = written(hard_frame(), tmp_path, options, by_adbc=writes)
        engine = sa.create_engine(options.get("url") or f"sqlite:///{payload.path('data.sqlite')}")
        table, look = json.loads(payload.read("schema.json"))["table"], sa.inspect(engine)
        columns = [(each["name"], str(each["type"]), each["nullable"]) for each in look.get_columns(table)]
        found.append((columns, look.get_pk_constraint(table)["constrained_columns"]))
        engine.dispose()

    assert found[0] == found[1]


def test_few_rows_go_without_adbc(options: dict[str, str], tmp_path: Path, done: list[str]) -> None:
    """A connection more would take longer; an entry of an older release does not say how many it has."""
    many = pd.DataFrame({"a": range(adbc.LEAST)})
    SQL.encode(many[:-1], new_payload(tmp_path), options)

    assert done == []
    payload = new_payload(tmp_path)
    SQL.encode(many, payload, options)
    assert "adbc_ingest" in done
    done.clear()
    older = {name: value for name, value in json.loads(payload.read("schema.json")).items() if name != "length"}
    payload.write("schema.json", json.dumps(older).encode())
    pd.testing.assert_frame_equal(SQL.decode(payload, options), many)  # type: ignore[arg-type]
    assert done == []


def test_a_column_that_begins_with_more_gaps_than_a_batch_has_is_kept(tmp_path: Path, done: list[str]) -> None:
    """SQLite's driver takes it for one of numbers, and gives up: SQLAlchemy reads it."""
    value = pd.DataFrame({"a": [None] * 70_000 + ["x"], "b": [np.nan] * 70_000 + [0.5]})
    payload = written(value, tmp_path, {}, by_adbc=True)

    assert "fetch_arrow_table" in done
    pd.testing.assert_frame_equal(read(payload, {}, by_adbc=True), value)


# --- where there is no driver ---


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the driver imported again."""
    for name in [name for name in sys.modules if name.startswith("adbc_driver_sqlite")]:
        monkeypatch.delitem(sys.modules, name)


def test_without_a_driver_sqlalchemy_does_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: list[str]
) -> None:
    """No word is said of it."""
    forget(monkeypatch)
    monkeypatch.setitem(sys.modules, "adbc_driver_sqlite", None)
    payload = written(hard_frame(), tmp_path, {}, by_adbc=True)

    assert_alike(read(payload, {}, by_adbc=True), hard_frame(), "frame")
    assert done == []


def test_a_driver_that_would_end_the_process_with_a_connection_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: list[str]
) -> None:
    """Those of PostgreSQL did before 1.11."""
    monkeypatch.setattr("adbc_driver_sqlite.__version__", "1.10.0")
    payload = written(hard_frame(), tmp_path, {}, by_adbc=True)

    assert_alike(read(payload, {}, by_adbc=True), hard_frame(), "frame")
    assert done == []


def test_a_driver_that_cannot_be_imported_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLAlchemy does the work."""
    (tmp_path / "adbc_driver_sqlite").mkdir()
    (tmp_path / "adbc_driver_sqlite" / "__init__.py").write_text("raise OSError('a library is too old')")
    forget(monkeypatch)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.warns(WhorlWarning, match="so that SQLAlchemy does its work, slowly: a library is too old"):
        payload = written(hard_frame(), tmp_path, {}, by_adbc=True)

    assert_alike(read(payload, {}, by_adbc=False), hard_frame(), "frame")


def test_a_driver_whose_library_is_broken_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: list[str]
) -> None:
    """SQLAlchemy does the work."""
    library = tmp_path / "libadbc_driver_sqlite.so"
    library.write_bytes(b"no library")
    monkeypatch.setattr("adbc_driver_sqlite._driver_path", lambda: str(library))
    payload = written(hard_frame(), tmp_path, {}, by_adbc=True)

    assert_alike(read(payload, {}, by_adbc=True), hard_frame(), "frame")
    assert done == []


# --- how a database is reached ---


def test_a_url_is_translated(postgres: Postgres, tmp_path: Path, done: list[str]) -> None:
    """Whatever characters a password has, and whatever libpq is told besides: where the tables are, for one."""
    word = "p@ss' w\\ord%/?#=&"
    said = sa.create_engine(postgres.url())
    with said.begin() as connection:
        connection.execute(sa.text(f"CREATE ROLE \"o'dd user\" LOGIN PASSWORD '{word.replace(chr(39), chr(39) * 2)}'"))
        connection.execute(sa.text('CREATE SCHEMA "a b" AUTHORIZATION "o\'dd user"'))
    query = {"options": '-c search_path="a\\ b"', "application_name": "it's me", "sslmode": "prefer"}
    url = sa.URL.create("postgresql+psycopg", "o'dd user", word, "127.0.0.1", postgres.port, "whorl", query)
    options = {"url": url.render_as_string(hide_password=False)}
    payload = written(hard_frame(), tmp_path, options, by_adbc=True)
    found = read(payload, options, by_adbc=True)
    table = json.loads(payload.read("schema.json"))["table"]

    assert_alike(found, hard_frame(), "frame")
    assert {"adbc_ingest", "fetch_arrow_table"} <= set(done)
    assert set(sa.inspect(said).get_table_names("a b")) == {table, "whorl_tables"}
    assert table not in tables_of(postgres)
    said.dispose()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+pg8000://me:hush@127.0.0.1/x",
        "postgresql+psycopg://me:hush@127.0.0.1/x?nobodys=1",
        "postgresql+psycopg://me:hush@127.0.0.1/x?application_name=a&application_name=b",
        "postgresql+psycopg://me:hu%00sh@127.0.0.1/x",
        "mysql://me:hush@127.0.0.1/x",
        "sqlite:///x",
    ],
)
def test_a_url_that_cannot_be_translated_is_left_to_sqlalchemy(url: str) -> None:
    """So are files of SQLite that somebody else may write."""
    assert adbc._connect(sa.make_url(url), is_still=False) is None


def test_a_file_of_sqlite_that_settings_name_is_never_opened_by_two_libraries(tmp_path: Path, done: list[str]) -> None:
    """The one that closes it would end the locks of the other."""
    options = {"url": f"sqlite:///{tmp_path / 'database'}"}
    payload = written(hard_frame(), tmp_path, options, by_adbc=True)

    assert_alike(read(payload, options, by_adbc=True), hard_frame(), "frame")
    assert done == []


@pytest.mark.parametrize("writes", WAYS)
def test_a_frame_of_dask_is_the_same_whoever_wrote_it(
    writes: bool,  # noqa: FBT001 - a parameter of a test
    options: dict[str, str],
    tmp_path: Path,
    done: list[str],
) -> None:
    """Its partitions are; the tasks that write one file of SQLite do so by the library that waits for the others."""
    whole = pd.DataFrame({"a": range(100), "b": [None, "x"] * 50, "c": np.arange(100) / 7})
    value = dd.from_pandas(whole, npartitions=3)  # type: ignore[no-untyped-call]
    payload = written(value, tmp_path, options, by_adbc=writes)

    assert done.count("adbc_ingest") == (3 if writes and options else 0)
    for reads in WAYS:
        done.clear()
        with going(by_adbc=reads):
            found: Any = SQL.decode(payload, options)
            pd.testing.assert_frame_equal(found.compute(), value.compute())
        assert done.count("fetch_arrow_table") == (3 if reads else 0)
