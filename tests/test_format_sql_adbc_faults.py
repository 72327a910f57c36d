"""What goes wrong where rows go by ADBC: it is refused, undone and left to SQLAlchemy, or a failure of the store."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import adbc_driver_manager.dbapi as adbc_api
import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa

from contracts.alike import assert_alike
from postgres import PASSWORD, Postgres
from sql_ways import WAYS, hard_frame, read, rows_of_revisions, tables_of, written
from whorl.errors import FormatError, StoreError, WhorlError

if TYPE_CHECKING:
    from pathlib import Path


def refusal(value: object, options: dict[str, str], folder: Path, *, by_adbc: bool) -> tuple[str, str]:
    """Encode what cannot be; give what is said of it."""
    with pytest.raises(WhorlError) as caught:
        written(value, folder, options, by_adbc=by_adbc)
    return type(caught.value).__name__, str(caught.value)


def test_what_is_refused_is_refused_in_the_same_words(postgres: Postgres, tmp_path: Path) -> None:
    """A database away, without room or without a right for the user costs no result; what it cannot hold is said."""
    engine = sa.create_engine(postgres.url())
    full = (
        "CREATE OR REPLACE FUNCTION full_disk() RETURNS event_trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF current_setting('application_name') = 'full' THEN "
        "RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END IF; END $$"
    )
    with engine.begin() as connection:
        connection.execute(sa.text(full))
        connection.execute(
            sa.text("CREATE EVENT TRIGGER full_disk ON ddl_command_end EXECUTE FUNCTION full_disk()"),
        )
    written(pd.DataFrame({"a": [1]}), tmp_path, {"url": postgres.url()}, by_adbc=True)
    before, kept = tables_of(postgres), rows_of_revisions(postgres)
    plain = pd.DataFrame({"a": [1]})
    cases: list[tuple[object, dict[str, str], type[WhorlError]]] = [
        (pd.DataFrame({"a": ["nul \0"]}), {"url": postgres.url()}, FormatError),
        (pa.table({"a": pa.array([2**64 - 1], pa.uint64())}), {"url": postgres.url()}, FormatError),
        (pa.table({"a": pa.array([2**64 - 1], pa.uint64())}), {}, FormatError),
        (plain, {"url": postgres.url("reader")}, StoreError),
        (plain, {"url": postgres.url() + "?application_name=full"}, StoreError),
    ]
    for value, options, kind in cases:
        said = [refusal(value, options, tmp_path, by_adbc=by_adbc) for by_adbc in WAYS]
        assert said[0] == said[1]
        assert said[0][0] == kind.__name__
        assert PASSWORD not in said[0][1]

    assert tables_of(postgres) == before
    assert rows_of_revisions(postgres) == kept
    with engine.begin() as connection:
        connection.execute(sa.text("DROP EVENT TRIGGER full_disk"))
    engine.dispose()


def cut_off(postgres: Postgres) -> None:
    """End the connection that was made last."""
    engine = sa.create_engine(postgres.url())
    newest = "SELECT pid FROM pg_stat_activity WHERE application_name = 'adbc' ORDER BY backend_start DESC LIMIT 1"
    with engine.connect() as connection:
        connection.execute(sa.text(f"SELECT pg_terminate_backend(({newest}))"))
    engine.dispose()


@pytest.mark.parametrize("name", ["execute", "adbc_ingest", "fetch_arrow_table"])
def test_a_connection_that_is_cut_off_leaves_the_work_to_sqlalchemy(
    name: str, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is there twice, and nothing by half."""
    real = getattr(adbc_api.Cursor, name)

    def method(*args: object, **named: object) -> object:
        cut_off(postgres)
        return real(*args, **named)

    options = {"url": postgres.url() + "?application_name=adbc"}
    monkeypatch.setattr(adbc_api.Cursor, name, method)
    payload = written(hard_frame(), tmp_path, options, by_adbc=True)

    assert_alike(read(payload, options, by_adbc=True), hard_frame(), "frame")


def test_a_transaction_that_cannot_be_ended_is_a_failing_store(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows whether the rows are there: it is not tried again."""
    real = adbc_api.Connection.commit

    def commit(connection: Any) -> None:
        cut_off(postgres)
        real(connection)

    options = {"url": postgres.url() + "?application_name=adbc"}
    written(pd.DataFrame({"a": [1]}), tmp_path, options, by_adbc=False)
    before, kept = tables_of(postgres), rows_of_revisions(postgres)
    monkeypatch.setattr(adbc_api.Connection, "commit", commit)
    with pytest.raises(StoreError, match="the database of the format sql fails"):
        written(hard_frame(), tmp_path, options, by_adbc=True)

    assert tables_of(postgres) == before
    assert rows_of_revisions(postgres) == kept


KILLED = """
import os, signal, sys
import adbc_driver_manager.dbapi as api, pandas as pd
from contracts.payload import new_payload
from pathlib import Path
from whorl.formats.base import format_named
from whorl.formats.schema import adbc

left, adbc.LEAST = [0], 0

def counting(real):
    def method(*args, **named):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **named)
    return method

for owner, name in ((api.Cursor, "execute"), (api.Cursor, "adbc_ingest"), (api.Connection, "commit")):
    setattr(owner, name, counting(getattr(owner, name)))
value, sql = pd.DataFrame({"a": range(1000)}), format_named("sql")
for number in (1, 2, 3, 4):
    payload = new_payload(Path(sys.argv[1]))
    if os.fork() == 0:
        left[0] = number
        sql.encode(value, payload, {"url": sys.argv[2]})
        os._exit(0)
    print(os.WTERMSIG(os.wait()[1]))
"""


def test_a_writer_that_is_killed_leaves_nothing(postgres: Postgres, tmp_path: Path) -> None:
    """Before each statement, before the rows and before the end: all of it is one transaction."""
    url = postgres.url() + "?application_name=killed"
    written(pd.DataFrame({"a": [1]}), tmp_path, {"url": url}, by_adbc=False)
    before, kept = tables_of(postgres), rows_of_revisions(postgres)
    command = [sys.executable, "-c", KILLED, str(tmp_path), url]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    assert done.stdout.split() == ["9"] * 4, done.stderr
    await_nobody(postgres)
    assert tables_of(postgres) == before
    assert rows_of_revisions(postgres) == kept


def await_nobody(postgres: Postgres) -> None:
    """Wait until the server has noticed who was killed."""
    engine = sa.create_engine(postgres.url())
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        wanted = sa.text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'killed'")
        until = time.monotonic() + 30
        while connection.execute(wanted).scalar() and time.monotonic() < until:
            time.sleep(0.05)
    engine.dispose()
