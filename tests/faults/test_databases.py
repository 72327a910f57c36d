"""Databases of others behind the format sql: changed behind whorl's back, or left by a process that was killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import payload_stages
import whorl
from fault_recorder import IS_FULL, number
from fault_rows import DATABASES
from payload_stages import STAGES, digest_of, loaded
from whorl.errors import CorruptEntryError, NoEntryError, StoreWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fault_recorder import Recorder

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

SCRIPT = Path(__file__).with_name("sql_trials.py")


def cell(connection: sa.Connection, table: sa.Table, column: sa.Column[Any], change: Any) -> None:
    """Change one value of a column."""
    connection.execute(table.update().where(table.c.whorl_row == 5).values({column.name: change}))


def each_column(table: sa.Table) -> Iterator[tuple[str, Callable[[sa.Connection], object]]]:
    """Change one value of each column, a little and to nothing."""
    for column in table.columns:
        if column.name.startswith("whorl_"):
            continue
        change = column + ("x" if isinstance(column.type, sa.String) else 1)
        yield f"{column.name}", lambda found, column=column, change=change: cell(found, table, column, change)
        yield f"{column.name} missing", lambda found, column=column: cell(found, table, column, None)


def other_rows(table: sa.Table) -> Iterator[tuple[str, Callable[[sa.Connection], object]]]:
    """Take rows away, add some and exchange two."""
    row = table.c.whorl_row

    def exchange(connection: sa.Connection) -> None:
        for was, now in ((3, -1), (4, 3), (-1, 4)):
            connection.execute(table.update().where(row == was).values(whorl_row=now))

    def add(connection: sa.Connection) -> None:
        moved = [row + 1_000_000 if column is row else column for column in table.columns]
        connection.execute(table.insert().from_select(list(table.columns), sa.select(*moved).where(row == 5)))

    yield "a row gone", lambda connection: connection.execute(table.delete().where(row == 5))
    yield "a row more", add
    yield "rows exchanged", exchange
    yield "no rows", lambda connection: connection.execute(table.delete())


def other_tables(table: sa.Table) -> Iterator[tuple[str, Callable[[sa.Connection], object]]]:
    """Rename columns, drop tables, and say something else of the revision."""
    column = next(name for name in table.columns.keys() if not name.startswith("whorl_"))  # noqa: SIM118 - not a dict
    for name, statement in {
        "a column renamed": f'ALTER TABLE "{table.name}" RENAME COLUMN "{column}" TO other',
        "a column gone": f'ALTER TABLE "{table.name}" DROP COLUMN "{column}"',
        "a table renamed": f'ALTER TABLE "{table.name}" RENAME TO other',
        "a table gone": f'DROP TABLE "{table.name}"',
        "another revision": "UPDATE whorl_tables SET revision = 'other'",
        "no revision": "DELETE FROM whorl_tables",
        "no revisions": "DROP TABLE whorl_tables",
    }.items():
        yield name, lambda connection, statement=statement: connection.execute(sa.text(statement))


class Database:
    """A database, one stage whose result lies in it, and what a call gives after it was changed."""

    def __init__(self, root: Path, name: str, url: str) -> None:
        self.root, self.url, self.call = root, url, STAGES[name]
        self.whole = digest_of(self.call.__wrapped__())  # type: ignore[attr-defined]
        self.options: dict[str, Any] = {"filesystem": str(root), "formats": {"sql": {"url": url}}}

    def kind(self, **options: object) -> str:
        """Call the stage; give what happened, "wrong" where it is not the value."""
        with whorl.options(**{**self.options, **options}), whorl.observe() as outcomes:
            value = self.call()
            try:
                return outcomes[-1].kind if digest_of(value) == self.whole else "wrong"
            except CorruptEntryError:
                return "found"

    def refusal(self) -> str:
        """Ask for the value where nothing is computed; give the kind of error."""
        try:
            with whorl.options(**self.options, mode="read_only_strict"):
                loaded(self.call())
        except (CorruptEntryError, NoEntryError) as error:
            return type(error).__name__
        return "wrong"

    def change(self, act: Callable[[sa.Connection, sa.Table], object]) -> None:
        """Do something to the only table, as somebody else."""
        engine = sa.create_engine(self.url)
        (name,) = set(sa.inspect(engine).get_table_names()) - {"whorl_tables"}
        table = sa.Table(name, sa.MetaData(), autoload_with=engine)
        with engine.begin() as connection:
            act(connection, table)
        engine.dispose()

    def clean(self) -> None:
        """Remove every table."""
        engine = sa.create_engine(self.url)
        found = sa.MetaData()
        found.reflect(engine)
        found.drop_all(engine)
        engine.dispose()


@pytest.fixture(autouse=True)
def _few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have stages make small tables: what is done to them is the same."""
    monkeypatch.setattr(payload_stages, "ROWS", 60)


@pytest.fixture(params=["sqlite", *(["postgresql"] if IS_FULL else [])])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty database that settings name."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'database'}"
    found = request.getfixturevalue("postgres").url()
    Database(tmp_path, "sql", found).clean()
    return str(found)


KINDS = (each_column, other_rows, other_tables)


@pytest.mark.parametrize("changes", KINDS, ids=lambda changes: changes.__name__)
@pytest.mark.parametrize("name", DATABASES)
def test_what_was_changed_behind_whorls_back_is_found(
    tmp_path: Path, recorder: Recorder, name: str, url: str, changes: Callable[[sa.Table], Iterator[Any]]
) -> None:
    """A row, a column, the table: the value is computed anew into a table of its own, or an error says so first."""
    database = Database(tmp_path / "store", name, url)
    fault, at = f"changes behind whorl's back: {name}", 0
    while True:
        database.clean()
        database.root = tmp_path / f"store {at}"
        database.options["filesystem"] = str(database.root)
        assert database.kind() == "ran"
        done: list[str] = []

        def act(connection: sa.Connection, table: sa.Table, at: int = at, done: list[str] = done) -> None:
            for label, change in list(changes(table))[at : at + 1]:
                change(connection)
                done.append(label)

        database.change(act)
        if not done:
            break
        kinds = [database.refusal(), database.kind(mode="read_only"), database.kind(), database.kind(), database.kind()]
        is_found = kinds[1] in ("ran", "found") and kinds[2] in ("ran", "found") and kinds[-1] == "hit"
        recorder.note(fault, url[:6], "absent" if is_found and "wrong" not in kinds else "wrong", f"{done}: {kinds}")
        at += number(1, 2)

    assert recorder.wrong == []
    assert recorder.tried(fault) >= 2


@pytest.mark.parametrize("name", DATABASES)
@pytest.mark.parametrize("left", ["missing", "empty", "garbage", "half"])
def test_a_damaged_file_of_sqlite_costs_no_value(tmp_path: Path, recorder: Recorder, name: str, left: str) -> None:
    """An empty one is filled again; where there is no database any more, the value is computed, with a warning."""
    path = tmp_path / "database"
    database = Database(tmp_path / "store", name, f"sqlite:///{path}")
    database.kind()
    content = path.read_bytes()
    path.unlink()
    if left != "missing":
        path.write_bytes({"empty": b"", "garbage": b"garbage" * 5000, "half": content[: len(content) // 2]}[left])
    if left in ("missing", "empty"):
        kinds = [database.kind(), database.kind()]
        is_right = kinds == ["ran", "hit"]
    else:
        whorl.access._warned.clear()  # another test may have warned of it
        with pytest.warns(StoreWarning, match="database of the format sql"):
            kinds = [database.kind(), database.kind()]
        is_right = kinds == ["ran", "ran"]
    recorder.note(f"changes behind whorl's back: {name}", left, "absent" if is_right else "wrong", f"{left}: {kinds}")

    assert recorder.wrong == []


@pytest.mark.parametrize("name", ["sql", *(["sql of dask"] if IS_FULL else [])])
def test_a_process_killed_at_any_statement_leaves_no_entry_or_a_right_one(
    tmp_path: Path, recorder: Recorder, name: str
) -> None:
    """The next call computes and stores it, however far the first one came; the one after that is a hit."""
    command = [sys.executable, str(SCRIPT), str(tmp_path), name, str(number(1, 5))]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "WHORL_FAULT_ROWS": "60"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for at, kinds in map(json.loads, done.stdout.splitlines()):
        outcome = (
            {"ran": "absent", "hit": "correct"}[kinds[0]] if kinds in (["ran", "hit"], ["hit", "hit"]) else "wrong"
        )
        recorder.note("kill -9 at each statement: sql", name, outcome, f"statement {at}: {kinds}")

    assert recorder.wrong == []
    assert recorder.tried("kill -9 at each statement: sql") >= number(10, 2)
