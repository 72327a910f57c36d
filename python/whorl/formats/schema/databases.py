"""
Columns of booleans, numbers and texts come in, rows of a table of an SQL database go out, and back.

Settings say which database; each table has a row in ``whorl_tables`` that says of which revision it is, and is complete
once that row is there.  On the arrow: *encode* and *decode* of sql.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from whorl.errors import CorruptEntryError, StoreError
from whorl.fingerprint.values import hash_value
from whorl.formats.schema.adbc import columns_of, has_written
from whorl.formats.schema.loss import Loss, require
from whorl.formats.schema.text import leaf_types

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

ROW, PART, _REVISIONS = "whorl_row", "whorl_part", "whorl_tables"
# PostgreSQL cuts longer names off.
_LONGEST_NAME = 60
_BATCH = 10_000
# Seconds that SQLite waits for others who write: as its library has it, and where partitions wait for their turn.
_PATIENCE = 5.0
LONG_PATIENCE = 3600.0
# SQLITE_ERROR, SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_MISUSE, SQLITE_RANGE
_SQLITE_REFUSES = frozenset((1, 18, 19, 20, 21, 25))
# Of the standard and of PostgreSQL: connections, resources (a full disk), an operator, the system, a damaged file; that
# nothing may be written.
_STATES_OF_FAILURE = ("08", "53", "57", "58", "XX", "25006", "42501")


def url_of(options: Mapping[str, object], *, writes: bool) -> Any:
    """Give the URL of a database that settings name; None where they name none."""
    chosen = (options.get("write_url") if writes else None) or options.get("url")
    if chosen is not None or "host" not in options:
        return None if chosen is None else _parsed(chosen)
    user, password = (_login(options, names, writes=writes) for names in (("user", "username"), ("password",)))
    port = options.get("port")
    return require("sqlalchemy").URL.create(
        str(options.get("driver", "postgresql")), user, password, str(options["host"]),
        None if port is None else int(str(port)), str(options.get("database", "")),
    )  # fmt: skip


def _login(options: Mapping[str, object], names: Sequence[str], *, writes: bool) -> Any:
    """Give the first that is there of some settings; for writing before all those that are for writing."""
    wanted = (*((f"write_{name}" for name in names) if writes else ()), *names)
    return next((options[name] for name in wanted if options.get(name)), None)


def url_of_file(path: object) -> Any:
    """Give the URL of a file of SQLite."""
    return require("sqlalchemy").URL.create("sqlite", database=str(path))


@contextmanager
def database(url: Any, patience: float = _PATIENCE) -> Iterator[Any]:
    """Open a database and close every connection; what it says of a value is a loss, without its URL."""
    alchemy = require("sqlalchemy")
    engine = _engine(url, patience)
    try:
        _reach(engine)
        yield engine
    except (alchemy.exc.StatementError, OverflowError) as error:
        first = str(getattr(error, "orig", None) or error).splitlines()[0]
        if _is_failing(getattr(error, "orig", None)):
            raise StoreError("the database of the format sql fails", first) from None
        raise Loss(f"the database says: {first}", "parquet") from None
    finally:
        engine.dispose()


def _is_failing(error: Any) -> bool:
    """Whether a database says that it is full, broken or away, rather than that it cannot hold a value."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF not in _SQLITE_REFUSES
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or ""
    return type(error).__name__ == "OperationalError" or state.startswith(_STATES_OF_FAILURE)


def _engine(url: Any, patience: float) -> Any:
    alchemy = require("sqlalchemy")
    with _worded():
        is_file = url.get_backend_name() == "sqlite"
        return alchemy.create_engine(url, connect_args={"timeout": patience} if is_file else {})


def _parsed(url: object) -> Any:
    with _worded():
        return require("sqlalchemy").make_url(url)


@contextmanager
def _worded() -> Iterator[None]:
    """Say that settings name no database that can be opened, without its URL; a store that fails costs no result."""
    try:
        yield
    except ImportError as error:
        raise StoreError("the database of the format sql needs a driver", str(error), "pip install it") from None
    except (require("sqlalchemy").exc.ArgumentError, ValueError) as error:
        cause = f"{type(error).__name__}: the settings name none that can be"
        raise StoreError("the database of the format sql cannot be opened", cause) from None


def make_revisions(engine: Any) -> None:
    """Make the table of the revisions, where there is none."""
    _make(engine, _revisions())


def write_table(engine: Any, whole: Mapping[str, Any], leaves: pa.Table, *, is_still: bool) -> None:
    """Make a table of rows, and say that it is complete, in one transaction; ``is_still`` as of ``read_rows``."""
    table = _table(whole)
    first = require("sqlalchemy").schema.CreateTable(table)
    last = _revisions().insert().values(name=whole["table"], revision=whole["revision"])
    rows = _numbered(table, leaves)
    if not has_written(engine.url, table.name, rows, before=[first], after=[last], is_still=is_still):
        with engine.begin() as connection:
            connection.execute(first)
            _add_rows(connection, table, rows)
            connection.execute(last)


def write_part(engine: Any, whole: Mapping[str, Any], leaves: pa.Table, part: int) -> None:
    """Put rows of a partition in the place of what a task that was broken off has added, in one transaction."""
    table = _table(whole)
    first = table.delete().where(table.c[PART] == part)
    rows = _numbered(table, leaves, part)
    if not has_written(engine.url, table.name, rows, before=[first], after=[], is_still=False):
        with engine.begin() as connection:
            connection.execute(first)
            _add_rows(connection, table, rows)


def claim_table(connection: Any, whole: Mapping[str, Any]) -> None:
    """Say that a table is about to be written in parts: it has no revision yet, so that nobody reads it."""
    connection.execute(_revisions().insert(), [{"name": whole["table"], "revision": ""}])


def make_claimed_table(connection: Any, whole: Mapping[str, Any]) -> None:
    """Make a table in parts, where no other part was first; a loss where it was given up meanwhile."""
    alchemy, revisions = require("sqlalchemy"), _revisions()
    # The row is locked until the table is there: whoever gives it up waits, and drops it then.
    wanted = alchemy.select(revisions.c.name).where(revisions.c.name == whole["table"]).with_for_update()
    if connection.execute(wanted).scalar() is None:
        raise Loss("another partition was refused")
    _make(connection, _table(whole))


def give_up_table(connection: Any, whole: Mapping[str, Any]) -> None:
    """Remove a table that will not be complete, once and for all: parts that are still under way make no other."""
    revisions = _revisions()
    connection.execute(revisions.delete().where(revisions.c.name == whole["table"]))
    _table(whole).metadata.drop_all(connection, checkfirst=True)


def complete_claimed(connection: Any, whole: Mapping[str, Any]) -> None:
    """Say that all parts are there."""
    revisions = _revisions()
    row = revisions.c.name == whole["table"]
    connection.execute(revisions.update().where(row).values(revision=whole["revision"]))


def _make(engine: Any, table: Any) -> None:
    alchemy = require("sqlalchemy")
    try:
        table.metadata.create_all(engine, checkfirst=True)
    except alchemy.exc.DatabaseError:  # two looked at once, and one was first
        if not alchemy.inspect(engine).has_table(table.name):
            raise


def other_columns(engine: Any, whole: Mapping[str, Any]) -> list[str]:
    """Name the columns of a table that another has made with another type, or that one of the two has not."""
    alchemy = require("sqlalchemy")
    found = {column["name"]: _family(column["type"]) for column in alchemy.inspect(engine).get_columns(whole["table"])}
    wanted = {column.name: _family(column.type) for column in _table(whole).columns}
    return sorted({name for name, _ in found.items() ^ wanted.items()})


def _numbered(table: Any, leaves: pa.Table, *before: int) -> pa.Table:
    """Put the number of the row before the columns, and ``before`` before that; name them as the table does."""
    import numpy as np
    import pyarrow as pa

    count = leaves.num_rows
    keys = [pa.array(np.full(count, key, "int64")) for key in before] + [pa.array(np.arange(count, dtype="int64"))]
    return pa.table([*keys, *leaves.columns], names=[column.name for column in table.columns])


def _add_rows(connection: Any, table: Any, rows: pa.Table) -> None:
    for start in range(0, rows.num_rows, _BATCH):
        part = rows.slice(start, _BATCH)
        columns = [column.to_pylist() for column in part.columns]
        items = [dict(zip(part.column_names, row, strict=True)) for row in zip(*columns, strict=True)]
        connection.execute(table.insert(), items)


def check_revision(engine: Any, whole: Mapping[str, Any]) -> None:
    """Raise ``CorruptEntryError`` where a complete table is gone or of another revision."""
    with _as_written(), engine.connect() as connection:
        _compare_revision(connection, whole)
        if not engine.dialect.has_table(connection, whole["table"]):
            raise CorruptEntryError("a table of a database is gone")


def read_rows(
    engine: Any, whole: Mapping[str, Any], *before: int, is_still: bool, is_complete: bool = True
) -> pa.Table:
    """
    Read rows in their order; ``CorruptEntryError`` where a complete table is gone, or not what was written.

    ``is_still`` says of a file of SQLite that nobody writes it meanwhile.
    """
    alchemy, table, kinds = require("sqlalchemy"), _table(whole), leaf_types(whole["texts"])
    keys, columns = list(table.columns)[: len(whole["keys"])], list(table.columns)[len(whole["keys"]) :]
    wanted = alchemy.select(*columns).order_by(*keys)
    for key, number in zip(keys, before, strict=False):
        wanted = wanted.where(key == number)
    with _as_written(), engine.connect().execution_options(stream_results=True) as connection:
        if is_complete:
            _compare_revision(connection, whole)
        # Entries of older releases do not say how many there are.
        at_once = columns_of(engine.url, wanted, kinds, whole.get("length", 0), is_still=is_still)
        if at_once is None:
            found = _leaves(connection.execute(wanted).partitions(_BATCH), whole)
        else:
            found = _columns(at_once, whole)
    if "rows" in whole and str(hash_value(found)) != whole["rows"]:
        raise CorruptEntryError("a table of a database has other rows than were written")
    return found


def read_again(engine: Any, whole: Mapping[str, Any], *before: int, is_still: bool) -> pa.Table:
    """Read rows that were written a moment ago; what the database has made of them is a loss."""
    try:
        return read_rows(engine, whole, *before, is_still=is_still, is_complete=False)
    except CorruptEntryError as error:
        raise Loss("the database gives other values back than were written", "parquet") from error.__cause__


@contextmanager
def _as_written() -> Iterator[None]:
    """Say what a database does not have any more, be it a table, a column or a type: its entry is damaged."""
    try:
        yield
    except require("sqlalchemy").exc.DatabaseError as error:
        if _is_failing(error.orig):
            raise
        raise CorruptEntryError("a table of a database is gone, or has other columns than were written") from error
    except (ValueError, TypeError, OverflowError) as error:
        raise CorruptEntryError("a table of a database has values of other types than were written") from error


def _compare_revision(connection: Any, whole: Mapping[str, Any]) -> None:
    revisions = _revisions()
    wanted = require("sqlalchemy").select(revisions.c.revision).where(revisions.c.name == whole["table"])
    if connection.execute(wanted).scalar() != whole["revision"]:
        raise CorruptEntryError("a table of a database is of another revision than its entry")


def names_for(names: Sequence[str], keys: Sequence[str]) -> list[str]:
    """Name columns so that every database can: short, each once however it is written, and none as a key."""
    found: list[str] = []
    for place, name in enumerate(names):
        is_plain = len(name.encode()) <= _LONGEST_NAME and "\0" not in name and name
        taken = {*keys, *(other.lower() for other in found)}
        found.append(name if is_plain and name.lower() not in taken else f"column_{place}")
    return found


def _reach(engine: Any) -> None:
    """Connect once: a database that is away is a store that fails, and costs no result."""
    try:
        engine.connect().close()
    except require("sqlalchemy").exc.OperationalError as error:
        raise StoreError("the database of the format sql cannot be reached", type(error.orig).__name__) from None


def _table(whole: Mapping[str, Any]) -> Any:
    """Describe a table: the number of the row, and one column for each leaf."""
    alchemy = require("sqlalchemy")
    names = whole["texts"]["names_of_columns"]
    columns = [alchemy.Column(name, _type(kind)) for name, kind in zip(names, leaf_types(whole["texts"]), strict=True)]
    keys = [alchemy.Column(key, alchemy.BigInteger, primary_key=True, autoincrement=False) for key in whole["keys"]]
    return alchemy.Table(whole["table"], alchemy.MetaData(), *keys, *columns)


def _type(kind: pa.DataType) -> Any:
    import pyarrow as pa

    alchemy = require("sqlalchemy")
    if pa.types.is_boolean(kind):
        return alchemy.Boolean()
    if pa.types.is_integer(kind):
        return alchemy.BigInteger()
    return alchemy.Double() if pa.types.is_floating(kind) else alchemy.Text()


def _family(kind: Any) -> str:
    """Name what a type of a database is for; some have whole numbers for booleans."""
    alchemy = require("sqlalchemy")
    families = {
        "text": (alchemy.String,),
        "number": (alchemy.Boolean, alchemy.Integer),
        "float": (alchemy.Numeric, alchemy.Float),
    }
    return next((name for name, types in families.items() if isinstance(kind, types)), str(kind))


def _revisions() -> Any:
    alchemy = require("sqlalchemy")
    name = alchemy.Column("name", alchemy.String(64), primary_key=True)
    return alchemy.Table(_REVISIONS, alchemy.MetaData(), name, alchemy.Column("revision", alchemy.String(64)))


def _leaves(batches: Iterator[Sequence[Any]], whole: Mapping[str, Any]) -> pa.Table:
    """Make columns of rows, some rows at a time."""
    import pyarrow as pa

    kinds = leaf_types(whole["texts"])
    chunks: list[list[pa.Array]] = [[] for _ in kinds]
    for rows in batches:
        parts = zip(chunks, zip(*rows, strict=True), kinds, whole["gaps"], strict=True)
        for found, items, kind, has_gaps in parts:
            found.append(_array(items, kind, has_gaps=has_gaps))
    columns = [pa.chunked_array(found, kind) for found, kind in zip(chunks, kinds, strict=True)]
    return pa.table(columns, names=[str(place) for place in range(len(kinds))])


def _columns(found: Sequence[pa.ChunkedArray], whole: Mapping[str, Any]) -> pa.Table:
    import pyarrow as pa

    columns = [_filled(column, has_gaps=has_gaps) for column, has_gaps in zip(found, whole["gaps"], strict=True)]
    return pa.table(columns, names=[str(place) for place in range(len(columns))])


def _filled(column: pa.ChunkedArray, *, has_gaps: bool) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    return column if has_gaps or not pa.types.is_floating(column.type) else pc.fill_null(column, float("nan"))


def _array(items: Sequence[Any], kind: pa.DataType, *, has_gaps: bool) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_floating(kind) and not has_gaps:
        items = [float("nan") if item is None else item for item in items]  # SQLite has no NaN
    return pa.array(items, kind)
