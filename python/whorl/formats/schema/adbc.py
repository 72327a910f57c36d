"""
Columns and statements of SQLAlchemy's come in; where ADBC has a driver for the database they go there by it, and back.

Rows stay columns of Arrow, with no object of Python for each cell.  Whatever does not work this way, for want of a
driver, for a URL that libpq does not understand or a value that is refused, is undone and left to SQLAlchemy, whose
word counts: types, values and errors are the same either way.  On the arrow: part of *encode* and *decode* of sql.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from whorl.errors import StoreError, WhorlWarning, warn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

# A connection of ADBC's to PostgreSQL takes about as long as SQLAlchemy takes to read so many rows.
LEAST = 10_000
# Older drivers end the whole process where PostgreSQL ends a connection (apache/arrow-adbc, issue 3878).
_OLDEST = (1, 11)
# Whose URLs hold what libpq understands.
_OF_LIBPQ = ("psycopg", "psycopg2")
# SQLite's driver tells the type of a column by its first batch, and gives up where a later one has another.
_BATCH_OF_SQLITE = {"adbc.sqlite.query.batch_rows": "65536"}


def has_written(
    url: Any, table: str, rows: pa.Table, *, before: Sequence[Any], after: Sequence[Any], is_still: bool
) -> bool:
    """Add rows, with statements before and after, in one transaction; False where that cannot be, and nothing is."""
    if rows.num_rows < LEAST or (connection := _connect(url, is_still=is_still)) is None:
        return False
    with _closing(connection):
        try:
            with connection.cursor() as cursor:
                for statement in before:
                    cursor.execute(_text(url, statement))
                cursor.adbc_ingest(table, _wide(rows), mode="append")
                for statement in after:
                    cursor.execute(_text(url, statement))
        except _errors():
            with suppress(*_errors()):
                connection.rollback()
            return False
        _commit(connection)
    return True


def columns_of(
    url: Any, statement: Any, kinds: Sequence[pa.DataType], length: int, *, is_still: bool
) -> list[Any] | None:
    """Read rows as columns of some types; None where that cannot be.  ``length`` is how many there should be."""
    if length < LEAST or (connection := _connect(url, is_still=is_still)) is None:
        return None
    with _closing(connection):
        try:
            with connection.cursor() as cursor:
                if url.get_backend_name() == "sqlite":
                    cursor.adbc_statement.set_options(**_BATCH_OF_SQLITE)
                cursor.execute(_text(url, statement))
                found = cursor.fetch_arrow_table()
            return [column.cast(kind) for column, kind in zip(found.columns, kinds, strict=True)]
        except _errors():
            return None


def _connect(url: Any, *, is_still: bool) -> Any:
    """
    Connect to a database; None where there is no driver for it, or where it is not reached so.

    A file of SQLite has to be still, written by nobody else: the driver has an SQLite of its own, and of two in one
    process the one that closes a file ends the locks of the other (https://www.sqlite.org/howtocorrupt.html, 2.2.1).
    """
    backend = url.get_backend_name()
    place = {"postgresql": _words_of_libpq, "sqlite": _file if is_still else _nowhere}.get(backend, _nowhere)(url)
    if place is None or (driver := _driver(f"adbc_driver_{backend}")) is None:
        return None
    try:
        return driver.connect(place)
    except Exception:  # noqa: BLE001 - a driver that is broken, or told wrongly; if it is more, SQLAlchemy will say so
        return None


@contextmanager
def _closing(connection: Any) -> Iterator[None]:
    """Close a connection, also one that the other side has closed."""
    try:
        yield
    finally:
        with suppress(*_errors()):
            connection.close()


def _driver(name: str) -> Any:
    """Import a driver; None where there is none, or an old one, or, with a warning, none that works."""
    try:
        version = tuple(int(part) for part in import_module(name).__version__.split(".")[:2])
        return import_module(f"{name}.dbapi") if version >= _OLDEST else None
    except ModuleNotFoundError:
        return None
    except Exception as error:  # noqa: BLE001 - whatever a foreign module raises when it is imported
        warn(f"{name} cannot be imported, so that SQLAlchemy does its work, slowly: {error}", WhorlWarning)
        return None


def _words_of_libpq(url: Any) -> str | None:
    """Write a URL as libpq reads it, as SQLAlchemy's drivers have it; it refuses the words that only they know."""
    if url.get_driver_name() not in _OF_LIBPQ:
        return None
    _, found = url.get_dialect()().create_connect_args(url)
    # In another encoding the database would give bytes that Arrow takes for UTF-8.
    words = {**found, "client_encoding": "UTF8"}
    if not all(isinstance(value, str | int) and "\0" not in str(value) for value in words.values()):
        return None
    return " ".join(f"{name}='{_escaped(str(value))}'" for name, value in words.items())


def _escaped(word: str) -> str:
    return word.replace("\\", r"\\").replace("'", r"\'")


def _file(url: Any) -> str:
    return os.path.abspath(str(url.database))


def _nowhere(_: Any) -> None:
    return None


def _text(url: Any, statement: Any) -> str:
    """Write a statement with its values, which whorl has chosen itself: names, revisions and numbers."""
    dialects = import_module(f"sqlalchemy.dialects.{url.get_backend_name()}").base
    dialect = {"postgresql": "PGDialect", "sqlite": "SQLiteDialect"}[url.get_backend_name()]
    # Psycopg's own way of marking values would have each per cent sign twice.
    plain = getattr(dialects, dialect)(paramstyle="named")
    return str(statement.compile(dialect=plain, compile_kwargs={"literal_binds": True}))


def _wide(rows: pa.Table) -> pa.Table:
    """Make numbers as wide as the columns of the database are: the driver writes their bytes as they are."""
    import pyarrow as pa

    def wide(column: pa.ChunkedArray) -> pa.ChunkedArray:
        if pa.types.is_integer(column.type):
            return column.cast(pa.int64())
        return column.cast(pa.float64()) if pa.types.is_floating(column.type) else column

    return pa.table([wide(column) for column in rows.columns], names=rows.column_names)


def _commit(connection: Any) -> None:
    """End the transaction; where that fails nobody knows whether the rows are there, so that nobody tries again."""
    try:
        connection.commit()
    except _errors() as error:
        raise StoreError("the database of the format sql fails", str(error).splitlines()[0]) from None


def _errors() -> tuple[type[Exception], ...]:
    """Name what ADBC and Arrow raise, once there is a driver."""
    import pyarrow as pa

    return (import_module("adbc_driver_manager").Error, pa.ArrowException, OSError)
