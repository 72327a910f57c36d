"""Tables of SQL databases: a file of SQLite beside the schema, or a database of others, a real PostgreSQL."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import sqlalchemy

import whorl
from contracts.alike import assert_alike
from contracts.payload import new_payload, through
from contracts.round_trips import refused_of
from contracts.tables import arrow_tables, frames, polars_frames, series
from postgres import PASSWORD
from sql_ways import hard_frame, rows_of_revisions, tables_of
from whorl import cache, config
from whorl.errors import ConfigError, FormatError, StoreWarning
from whorl.fingerprint.values import hash_value
from whorl.formats.base import format_named
from whorl.formats.schema.databases import database, make_revisions
from whorl.formats.schema.loss import Loss
from whorl.formats.schema.sql_parts import _write_part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgres import Postgres


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """Give a test a store of its own."""
    with config.options(filesystem=str(tmp_path / "store")):
        yield tmp_path / "store"


def test_a_table_comes_back_as_it_was_or_is_refused(tmp_path: Path) -> None:
    """With its digest, types, index, names; most are kept."""
    values = frames() | series() | arrow_tables() | polars_frames()

    assert len(refused_of("sql", values, tmp_path)) < len(values) / 2


def test_what_is_hard_about_databases_is_kept(tmp_path: Path) -> None:
    """Capitals, words of the language, long names, quotes, zones, gaps."""
    assert_alike(through("sql", hard_frame(), tmp_path), hard_frame(), "frame")


@cache(backend="sql", upsert_keys=["id"])
def table() -> pd.DataFrame:
    return pd.DataFrame({"id": range(25_000), "text": "x"})


@cache(backend="sql", upsert_keys=["id"], cache_args=["name"])
def rows(name: str, found: tuple[tuple[int, str], ...] = ()) -> pd.DataFrame:
    return pd.DataFrame(found, columns=["id", "text"]).astype({"id": "int64", "text": "str"})


@pytest.mark.usefixtures("store")
def test_another_program_reads_the_file() -> None:
    """It is a database of SQLite, at the place of filepath_only."""
    place = table.options(filepath_only=True)()
    engine = sqlalchemy.create_engine(f"sqlite:///{place}")
    found = pd.read_sql("SELECT id, text FROM data ORDER BY whorl_row", engine)
    engine.dispose()

    assert str(place).endswith(".sqlite")
    assert found["id"].tolist() == list(range(25_000))


@pytest.mark.usefixtures("store")
def test_a_newer_row_takes_the_place_of_the_older_one() -> None:
    """As in every format."""
    rows("x", ((1, "a"), (2, "b")))
    found = rows.options(upsert=True)("x", ((2, "B"), (3, "c")))

    assert [tuple(row) for row in found.itertuples(index=False)] == [(1, "a"), (2, "B"), (3, "c")]


@pytest.mark.usefixtures("store")
def test_a_password_cannot_be_an_option_that_would_be_stored() -> None:
    """It belongs into the settings."""

    @cache(backend="sql", backend_kwargs={"url": "postgresql://me:secret@host/db"})
    def leaking() -> pd.DataFrame:
        return pd.DataFrame({"a": [1]})

    with pytest.raises(ConfigError, match="url cannot be an option"):
        leaking()


# --- a database of others ---


@pytest.fixture
def connected(postgres: Postgres, store: Path) -> Iterator[Postgres]:
    """Let settings name the database: one user to read, another to write."""
    with config.options(formats={"sql": {"url": postgres.url("reader"), "write_url": postgres.url("writer")}}):
        yield postgres


def test_postgresql_holds_what_sqlite_holds(postgres: Postgres, tmp_path: Path) -> None:
    """Or refuses it."""
    options = {"url": postgres.url()}
    format_ = format_named("sql")
    values = {"hard": hard_frame(), **frames(), **arrow_tables(), **polars_frames()}
    refused = []
    for label, value in values.items():
        payload = new_payload(tmp_path)
        try:
            format_.encode(value, payload, options)
        except FormatError:
            refused.append(label)
            continue
        decoded = format_.decode(payload, options)
        assert_alike(decoded, value, label)
        assert hash_value(decoded) == hash_value(value), label

    assert "hard" not in refused
    assert len(refused) < len(values) / 2


def test_a_result_is_served_out_of_the_database(connected: Postgres, store: Path) -> None:
    """Read as one user, written as another; the payload says which table it is, and has no password."""
    first = table()
    with whorl.observe() as outcomes:
        second = table()

    assert [outcome.kind for outcome in outcomes] == ["hit"]
    pd.testing.assert_frame_equal(first, second)
    texts = [path.read_bytes() for path in store.rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in text for text in texts)
    assert connected.port


@cache(backend="sql")
def parts() -> dd.DataFrame:
    frame = pd.DataFrame({"a": range(100), "b": [None, "x"] * 50, "c": np.arange(100) / 7})
    return dd.from_pandas(frame, npartitions=4)


def test_a_frame_of_dask_lies_in_one_table_of_the_database(connected: Postgres, store: Path) -> None:
    """Written by one user, partition by partition, and read by another; no file and no name has the password."""
    first = parts()
    with whorl.observe() as outcomes:
        second = parts()

    assert [outcome.kind for outcome in outcomes] == ["hit"]
    assert second.divisions == first.divisions == (0, 25, 50, 75, 99)
    pd.testing.assert_frame_equal(second.compute(), first.compute())
    assert second["c"].compute().tolist() == [number / 7 for number in range(100)]
    texts = [path.read_bytes() for path in store.rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in text for text in (*texts, repr(second).encode()))
    assert connected.port


def test_a_table_of_partitions_that_are_refused_is_removed(postgres: Postgres, tmp_path: Path) -> None:
    """Nothing would ever tell of it."""

    def part(number: int) -> pd.DataFrame:
        return pd.DataFrame({"a": ["x"] if number else [{1}]}, dtype=object)

    with dask.config.set({"dataframe.convert-string": False}):
        value = dd.from_map(part, [1, 0], meta=part(1))  # type: ignore[no-untyped-call]
        before, kept = tables_of(postgres), rows_of_revisions(postgres)
        with pytest.raises(FormatError, match="cannot hold this DataFrame"):
            format_named("sql").encode(value, new_payload(tmp_path), {"url": postgres.url()})

    assert tables_of(postgres) == before
    assert rows_of_revisions(postgres) == kept


def test_a_partition_under_way_makes_no_table_that_was_given_up(postgres: Postgres) -> None:
    """Its task goes on for a while after another has failed."""
    whole = {"table": "whorl_late", "revision": "1", "keys": ("whorl_part", "whorl_row")}
    url = sqlalchemy.make_url(postgres.url())
    with database(url) as engine:
        make_revisions(engine)
    with pytest.raises(Loss, match="another partition was refused"):
        _write_part(pd.DataFrame({"a": [1]}), 0, whole, url)

    assert "whorl_late" not in tables_of(postgres)


def test_a_table_that_was_changed_or_is_gone_is_no_entry(connected: Postgres) -> None:
    """It is computed again, into a table of its own."""
    rows("gone", ((1, "a"),))
    engine = sqlalchemy.create_engine(connected.url())
    with engine.begin() as connection:
        names = connection.execute(sqlalchemy.text("SELECT name FROM whorl_tables")).scalars().all()
        for name in names:
            connection.execute(sqlalchemy.text(f'DROP TABLE IF EXISTS "{name}"'))
    engine.dispose()
    with whorl.observe() as outcomes:
        rows("gone", ((1, "a"),))

    assert [outcome.kind for outcome in outcomes] == ["ran"]
    with whorl.observe() as outcomes:
        rows("gone", ((1, "a"),))
    assert [outcome.kind for outcome in outcomes] == ["hit"]


def test_rows_are_put_into_a_database_too(connected: Postgres) -> None:
    """Each state is a table of its own, so that a reader sees one whole state."""
    rows("p", ((1, "a"), (2, "b")))
    found = rows.options(upsert=True)("p", ((2, "B"), (3, "c")))

    assert found["text"].tolist() == ["a", "B", "c"]
    assert connected.port


def test_no_password_is_logged_or_raised(connected: Postgres, caplog: pytest.LogCaptureFixture) -> None:
    """Where the database cannot be reached the value is computed and given, with a warning."""
    wrong = connected.url("writer").replace(f":{connected.port}/", ":1/")
    table()
    elsewhere = config.options(formats={"sql": {"url": wrong}})
    with caplog.at_level(logging.DEBUG), elsewhere, pytest.warns(StoreWarning, match="cannot be reached") as caught:
        found = rows("away", ((1, "a"),))

    assert found["text"].tolist() == ["a"]
    assert PASSWORD not in caplog.text + "".join(str(warning.message) for warning in caught)


@pytest.mark.parametrize("word", ["user", "username"])
def test_separate_settings_make_a_url(postgres: Postgres, tmp_path: Path, word: str) -> None:
    """As Nuthatch has them, whose word for a user is another."""
    settings = {
        "driver": "postgresql+psycopg",
        "host": "127.0.0.1",
        "port": postgres.port,
        "database": "whorl",
        word: "reader",
        "password": PASSWORD,
        f"write_{word}": "writer",
        "write_password": PASSWORD,
    }
    payload = new_payload(tmp_path)
    format_named("sql").encode(hard_frame(), payload, settings)

    assert_alike(format_named("sql").decode(payload, settings), hard_frame(), "frame")
    assert PASSWORD not in json.dumps([payload.read(name).decode() for name in payload.names])


@pytest.mark.parametrize("url", ["no url", "nobodys+driver://x", "postgresql://me:secret@host:port/x"])
def test_a_database_that_cannot_be_opened_costs_no_result(url: str, tmp_path: Path) -> None:
    """Neither does a driver that is not installed; the URL is not shown, for it may have a password in it."""

    @cache(backend="sql", name="unlucky")
    def unlucky() -> pd.DataFrame:
        return pd.DataFrame({"a": [1]})

    with (
        config.options(filesystem=str(tmp_path), formats={"sql": {"url": url}}),
        pytest.warns(StoreWarning, match="database of the format sql") as caught,
    ):
        found = unlucky()

    assert found["a"].tolist() == [1]
    assert not any(url in str(warning.message) or "secret" in str(warning.message) for warning in caught)


def test_what_nuthatch_says_of_a_table_is_taken(tmp_path: Path) -> None:
    """Whorl does it anyway, or has no need of it."""

    @cache(backend="sql", backend_kwargs={"hash_table_name": True, "write_index": True, "chunk_size": 5}, name="told")
    def told() -> pd.DataFrame:
        return pd.DataFrame({"a": [1]}, index=pd.Index([7], name="key"))

    with config.options(filesystem=str(tmp_path)):
        told()
        found = told()

        assert [entry.format for entry in told.entries()] == ["sql"]
    assert_alike(found, told.__wrapped__(), "told")
