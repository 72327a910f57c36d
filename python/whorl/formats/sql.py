"""
A frame, a series or an Arrow table comes in, a table of an SQL database and a schema go out, and back, exactly.

===================  ==============================================================================================
DataFrame, Series    kept, through the schema: dtypes, labels, index, names, ``attrs``; dates and bytes as text
pyarrow.Table        kept, where each column has a type that text can hold
polars               frames, also lazy ones, which are collected
refused              objects of several types, nested gaps, what the database changes, tables without columns
===================  ==============================================================================================

By default the database is a file of SQLite beside the schema.  With a ``url`` of SQLAlchemy's in the settings
(``[tool.whorl.root.sql]``), or ``driver``, ``host``, ``port``, ``database``, ``user``, ``password``, it is that one:
each result is a table of its own, never written again, and a row of ``whorl_tables`` says of which revision it is.  A
table that is gone, or says otherwise, is no entry.  ``write_url``, or ``write_user`` and ``write_password``, are for
writing alone.  None of these is ever stored.  What was written is read again and compared.
"""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from whorl.errors import CorruptEntryError, StoreError
from whorl.formats.base import check_options
from whorl.formats.schema.frames import decode_table, encode_table
from whorl.formats.schema.leaves import gaps_of
from whorl.formats.schema.loss import Loss, refusing, require
from whorl.formats.schema.payload import check_same
from whorl.formats.schema.tables import is_table
from whorl.formats.schema.text import leaf_types, table_from, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from whorl.formats.base import Format, PayloadReader, PayloadWriter

_FILE, _SCHEMA = "data.sqlite", "schema.json"
_PARTS = ("driver", "host", "port", "database", "user", "password", "write_user", "write_password")
_ROW, _REVISIONS = "whorl_row", "whorl_tables"
# PostgreSQL cuts longer names off.
_LONGEST_NAME = 60
_BATCH = 10_000


class Sql:
    """The format ``sql``."""

    name = "sql"
    suffix = ".sqlite"
    exact = True
    runs_code = False
    settings_only = ("url", "write_url", *_PARTS)

    def accepts(self, value: object) -> bool:
        """Take frames, series and Arrow tables."""
        return is_table(value)

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        """Write the table and the schema; in a database of others in one transaction."""
        check_options(self, options, self.settings_only)
        with refusing(self.name, value):
            table, schema = encode_table(value)
            leaves, texts = texts_of(table)
            if not leaves.num_columns:
                raise Loss("a table without columns", "parquet")
            url = _url(options, writes=True)
            whole: dict[str, Any] = {"schema": schema, "texts": texts, "gaps": gaps_of(leaves)}
            whole |= {"table": "data" if url is None else f"whorl_{uuid.uuid4().hex}", "revision": uuid.uuid4().hex}
            with _database(url or f"sqlite:///{writer.path(_FILE)}") as engine:
                _write(leaves, whole, engine)
                check_same(value, _read(whole, engine))
            writer.write(_SCHEMA, json.dumps({**whole, "external": url is not None}, indent=1).encode())

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:
        """Read the table by the schema; ``CorruptEntryError`` where it is gone or of another revision."""
        whole = json.loads(reader.read(_SCHEMA))
        url = _url(options, writes=False) if whole["external"] else f"sqlite:///{reader.path(_FILE)}"
        if url is None:
            raise StoreError("a result lies in a database that no setting names", 'set the url of the format "sql"')
        with _database(url) as engine:
            return _read(whole, engine)


def _url(options: Mapping[str, object], *, writes: bool) -> Any:
    """Give the URL of a database that settings name; None where they name none."""
    chosen = (options.get("write_url") if writes else None) or options.get("url")
    if chosen is not None or "host" not in options:
        return chosen
    user, password = ((writes and options.get(f"write_{name}")) or options.get(name) for name in ("user", "password"))
    port = options.get("port")
    return require("sqlalchemy").URL.create(
        str(options.get("driver", "postgresql")), user, password, str(options["host"]),
        None if port is None else int(str(port)), str(options.get("database", "")),
    )  # fmt: skip


@contextmanager
def _database(url: Any) -> Iterator[Any]:
    """Open a database and close every connection; what it says of a value is a loss, without its URL."""
    alchemy = require("sqlalchemy")
    engine = alchemy.create_engine(url)
    try:
        _reach(engine)
        yield engine
    except (alchemy.exc.StatementError, OverflowError) as error:
        first = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise Loss(f"the database says: {first}", "parquet") from None
    finally:
        engine.dispose()


def _reach(engine: Any) -> None:
    """Connect once: a database that is away is a store that fails, and costs no result."""
    try:
        engine.connect().close()
    except require("sqlalchemy").exc.OperationalError as error:
        raise StoreError("the database of the format sql cannot be reached", type(error.orig).__name__) from None


def _table(whole: Mapping[str, Any]) -> Any:
    """Describe a table: one column for each leaf, and the number of the row."""
    alchemy = require("sqlalchemy")
    names = whole["texts"]["names_of_columns"]
    columns = [alchemy.Column(name, _type(kind)) for name, kind in zip(names, leaf_types(whole["texts"]), strict=True)]
    row = alchemy.Column(_ROW, alchemy.BigInteger, primary_key=True, autoincrement=False)
    return alchemy.Table(whole["table"], alchemy.MetaData(), row, *columns)


def _type(kind: pa.DataType) -> Any:
    import pyarrow as pa

    alchemy = require("sqlalchemy")
    if pa.types.is_boolean(kind):
        return alchemy.Boolean()
    if pa.types.is_integer(kind):
        return alchemy.BigInteger()
    return alchemy.Double() if pa.types.is_floating(kind) else alchemy.Text()


def _revisions() -> Any:
    alchemy = require("sqlalchemy")
    name = alchemy.Column("name", alchemy.String(64), primary_key=True)
    return alchemy.Table(_REVISIONS, alchemy.MetaData(), name, alchemy.Column("revision", alchemy.String(64)))


def _write(leaves: pa.Table, whole: dict[str, Any], engine: Any) -> None:
    whole["texts"]["names_of_columns"] = _names(leaves.column_names)
    table, revisions = _table(whole), _revisions()
    names = whole["texts"]["names_of_columns"]
    revisions.metadata.create_all(engine, checkfirst=True)
    with engine.begin() as connection:
        table.metadata.create_all(connection, checkfirst=False)
        for start in range(0, leaves.num_rows, _BATCH):
            part = leaves.slice(start, _BATCH)
            columns = [column.to_pylist() for column in part.columns]
            rows = zip(range(start, start + part.num_rows), *columns, strict=True)
            connection.execute(table.insert(), [dict(zip((_ROW, *names), row, strict=True)) for row in rows])
        connection.execute(revisions.insert(), [{"name": whole["table"], "revision": whole["revision"]}])


def _names(names: list[str]) -> list[str]:
    """Name columns so that every database can: short, each once however it is written, and none as the row's."""
    found: list[str] = []
    for place, name in enumerate(names):
        is_plain = len(name.encode()) <= _LONGEST_NAME and "\0" not in name and name
        taken = {_ROW, *(other.lower() for other in found)}
        found.append(name if is_plain and name.lower() not in taken else f"column_{place}")
    return found


def _read(whole: Mapping[str, Any], engine: Any) -> object:
    alchemy = require("sqlalchemy")
    table, revisions = _table(whole), _revisions()
    try:
        with engine.connect() as connection:
            wanted = alchemy.select(revisions.c.revision).where(revisions.c.name == whole["table"])
            if connection.execute(wanted).scalar() != whole["revision"]:
                raise CorruptEntryError("a table of a database is of another revision than its entry")
            rows = connection.execute(alchemy.select(*table.columns[1:]).order_by(table.c[_ROW])).fetchall()
    except alchemy.exc.DatabaseError as error:
        with engine.connect() as connection:
            if engine.dialect.has_table(connection, whole["table"]):
                raise
        raise CorruptEntryError("a table of a database is gone") from error
    return decode_table(table_from(_leaves(rows, whole), whole["texts"]), whole["schema"])


def _leaves(rows: list[Any], whole: Mapping[str, Any]) -> pa.Table:
    import pyarrow as pa

    kinds = leaf_types(whole["texts"])
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * len(kinds)
    arrays = []
    for items, kind, has_gaps in zip(columns, kinds, whole["gaps"], strict=True):
        if pa.types.is_floating(kind) and not has_gaps:
            items = [float("nan") if item is None else item for item in items]  # noqa: PLW2901 - SQLite has no NaN
        arrays.append(pa.chunked_array([pa.array(items, kind)]))
    return pa.table(arrays, names=[str(place) for place in range(len(kinds))])


FORMAT: Format = Sql()
