"""
A frame of dask comes in, a table of an SQL database goes out whose rows say which partition they are of, and back.

Each partition is written and read by a task of dask's, which opens the database itself.  The table is complete once all
partitions are in it.  A partition that is read is compared with the digest of what was written.  On the arrow: *encode*
and *decode* of sql.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from whorl.errors import CorruptEntryError
from whorl.fingerprint.values import hash_value
from whorl.formats.schema.databases import (
    LONG_PATIENCE,
    PART,
    ROW,
    check_revision,
    claim_table,
    complete_claimed,
    database,
    give_up_table,
    make_claimed_table,
    make_revisions,
    other_columns,
    read_again,
    read_rows,
    url_of_file,
    write_part,
)
from whorl.formats.schema.parts import (
    check_partition,
    differing,
    frame_of_parts,
    spelled_out,
    summed_up,
    write_frame,
    write_list,
)
from whorl.formats.schema.payload import check_same
from whorl.formats.schema.private_folder import private_folder
from whorl.formats.schema.sql_rows import rows_of, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

    from whorl.formats.base import PayloadReader, PayloadWriter
    from whorl.formats.schema.parts import FilesForTasks, Parts

_KEYS = (PART, ROW)


def write_sql_parts(value: Any, writer: PayloadWriter, url: Any, named: Mapping[str, Any]) -> None:
    """Write the rows of each partition; ``named`` has the name and the revision of the table."""
    whole = {**named, "keys": _KEYS}
    try:
        with database(url) as engine:
            make_revisions(engine)
            with engine.begin() as connection:
                claim_table(connection, whole)
        parts = write_frame(value, _write_part, range(value.npartitions), whole, url)
        _check_types(parts)
        with database(url) as engine, engine.begin() as connection:
            complete_claimed(connection, whole)
    except BaseException:
        _forget(url, whole)
        raise
    write_list(value, writer, parts, named)


def read_sql_parts(parts: Parts, url: Any, files: FilesForTasks) -> Any:
    """Make the frame of the partitions; the URL, with its password, goes along with the tasks that read them."""
    whole = parts.listed
    named = {name: whole[name] for name in ("table", "revision", "external")} | {"keys": _KEYS}
    with database(url) as engine:
        check_revision(engine, named)
    return frame_of_parts(parts, _read_part, list(enumerate(whole["parts"])), whole=named, url=url, files=files)


def url_that_stays(reader: PayloadReader, file: str) -> Any:
    """Give the URL of a payload's file, checked now: of a copy, where the file itself would go."""
    path: Path = reader.path(file)
    if not reader.stays:
        path = shutil.copyfile(path, private_folder() / file)
    return url_of_file(path)


def _write_part(frame: Any, place: int, whole: Mapping[str, Any], url: Any) -> dict[str, Any]:
    """Write one partition, and compare; give what is needed to read it: a task of dask's, in whatever process."""
    check_partition(frame)
    plain, steps = spelled_out(frame)
    leaves, what = rows_of(plain, _KEYS)
    part = {**what, "range": steps}
    here = {**whole, **part}
    with database(url, LONG_PATIENCE) as engine:
        with engine.begin() as connection:
            make_claimed_table(connection, here)
        if odd := other_columns(engine, here):
            raise differing(place, odd)
        write_part(engine, here, leaves, place)
        found = read_again(engine, here, place, is_still=False)
    check_same(frame, _frame_of(found, part))
    return {**part, "rows": str(hash_value(found))}


def _read_part(each: tuple[int, Mapping[str, Any]], whole: Mapping[str, Any], url: Any, files: FilesForTasks) -> Any:
    """Read one partition, checked: a task of dask's, in whatever process."""
    place, part = each
    try:
        with database(url, LONG_PATIENCE) as engine:
            here = {**whole, **part}
            return _frame_of(read_rows(engine, here, place, is_still=not whole["external"]), part)
    except CorruptEntryError as error:
        raise files.refuted(f"partition {place}", error) from error


def _frame_of(leaves: pa.Table, part: Mapping[str, Any]) -> Any:
    return summed_up(value_of(leaves, part), part["range"])


def _check_types(parts: list[dict[str, Any]]) -> None:
    """Refuse partitions whose columns differ in what the database does not tell apart."""
    first = parts[0]["texts"]
    for place, part in enumerate(parts):
        pairs = zip(first["leaves"], part["texts"]["leaves"], first["names_of_columns"], strict=True)
        if odd := [name for one, other, name in pairs if one != other]:
            raise differing(place, odd)


def _forget(url: Any, whole: Mapping[str, Any]) -> None:
    """Remove what is there of a table that will not be complete."""
    with database(url) as engine, engine.begin() as connection:
        give_up_table(connection, {**whole, "texts": {"names_of_columns": [], "leaves": []}})
