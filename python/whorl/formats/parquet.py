"""
A frame, a series or an Arrow table comes in, one parquet file goes out, and back, exactly.

===================  ==============================================================================================
DataFrame, Series    kept: dtypes, labels of any kind, index, names, ``attrs``; columns as in ``schema.arrays``
pyarrow.Table        kept with its schema and metadata; chunks are joined
frames of dask       kept as a folder of one file per partition, written and read by dask's workers
polars               frames, also lazy ones, which are collected; types that Arrow has no exact form of are refused
geopandas            kept: geometries as well-known binary, reference systems, which column is active; see ``geo``
refused              objects of several types, sparse values, subclasses, what parquet has no type for
===================  ==============================================================================================

The settings favour the machine that computes over the disk; measured for 100 MB of mixed columns on two cores:

- Numbers, dates and floats: plain and uncompressed.  lz4 saves 12 % of random numbers and doubles the time of a hit,
  a dictionary triples the time of writing.
- Strings: with a dictionary where a sample repeats itself (a seventh of the size at no cost), else plain.
- One row group up to 64 Mi rows, so that a column is read into one buffer and need not be copied together; hence no
  statistics, for there is nothing to skip by them (a sixth of the time of writing).
- Page checksums, so that a part of a file can be trusted without reading all of it.

For a shared store far away, ``format_options={"compression": "zstd"}`` takes more time and less room.  Options are
those of ``pyarrow.parquet.write_table``, and ``split_by``: the name, or names, of an axis of times along which rows lie
in files of some MB, or of ``row_group_size`` rows, so that a window reads those it touches (``schema.spans``).
``timeseries`` asks for it.

Values own the memory they are decoded into.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from whorl.errors import ConfigError
from whorl.format_options import OPTIONS
from whorl.formats.base import check_options, split_names
from whorl.formats.schema.direct import file_table_as, parts_as
from whorl.formats.schema.engines import DASK
from whorl.formats.schema.files import of_file_table, to_file_table
from whorl.formats.schema.loss import refusing, within
from whorl.formats.schema.parquet_parts import read_parts, rows_in_parts, write_parts
from whorl.formats.schema.parts import is_dask_frame, is_parts, read_list
from whorl.formats.schema.payload import MAP_FROM, Draft, check_same
from whorl.formats.schema.spans import all_rows, is_cut, read_rows, write_rows
from whorl.formats.schema.tables import is_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import pyarrow as pa

    from whorl.formats.base import Format, PayloadReader, PayloadWriter
    from whorl.wish import Window, Wish

_FILE = "data.parquet"
_OPTIONS = OPTIONS["parquet"]
# These change how bytes are laid out and no value; after any other option the file is read again and compared.
_HARMLESS = frozenset(
    ("compression", "compression_level", "data_page_size", "row_group_size", "split_by", "write_batch_size")
)
_SAMPLE = 4096
_SMALL = 1 << 20


class Parquet:
    """The format ``parquet``."""

    name = "parquet"
    suffix = ".parquet"
    exact = True
    runs_code = False

    def accepts(self, value: object) -> bool:
        """Take frames, series and Arrow tables."""
        return is_table(value) or is_dask_frame(value)

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        """Write one file; columns of types that parquet has no exact form of are read again and compared."""
        check_options(self, options, _OPTIONS)
        rest = {name: value for name, value in options.items() if name != "split_by"}
        axes = split_names(options)
        with refusing(self.name, value):
            if is_dask_frame(value):
                if rest:
                    _check_writable(to_file_table(value._meta), rest)  # type: ignore[attr-defined]  # noqa: SLF001 - of dask
                write_parts(value, writer, axes, rest)
                return
            table = to_file_table(value)
            _check_seconds(table)
            draft = Draft(writer)
            if rest:
                _check_writable(table.slice(0, 0), rest)
            _write_all(table, draft, axes, rest)
            if not (options.keys() <= _HARMLESS and all(map(_is_exact, table.schema.types))):
                check_same(value, self.decode(draft, options))

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:  # noqa: ARG002 - for writing only
        """Read all files."""
        return _read_all(reader, ())

    def decode_part(self, reader: PayloadReader, options: Mapping[str, object], wish: Wish) -> object:  # noqa: ARG002
        """Leave out files that lie outside of the windows, which are those of the type that was stored."""
        return _read_as(reader, wish.engine) if wish.engine else _read_all(reader, wish.windows)


def _read_all(reader: PayloadReader, windows: Sequence[Window]) -> object:
    if is_parts(reader):
        return read_parts(reader, windows)
    if is_cut(reader):
        return read_rows(lambda name: _read(reader, name), windows)
    return of_file_table(_read(reader, _FILE))


def _read_as(reader: PayloadReader, engine: str) -> object:
    """Read all files as something that an engine is soon made of, without a frame of pandas where that is possible."""
    read = partial(_read, reader)
    if is_parts(reader):
        found = parts_as(read, read_list(reader).listed["parts"], engine)
        return _read_all(reader, ()) if found is None else found
    if not is_cut(reader):
        return file_table_as(read(_FILE), engine)
    found = rows_in_parts(reader, read) if engine == DASK else None
    return file_table_as(all_rows(read), engine) if found is None else found


def _read(reader: PayloadReader, name: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    small = reader.size(name) < MAP_FROM
    source = pa.BufferReader(reader.read(name)) if small else str(reader.path(name))
    with pq.ParquetFile(source, memory_map=True) as file:
        return file.read()


def _check_seconds(table: pa.Table) -> None:
    """Refuse seconds that overflow as milliseconds, which is how parquet keeps them."""
    import pyarrow as pa

    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_timestamp(field.type) and field.type.unit == "s":
            with within(f"column `{field.name}`"):
                column.cast(pa.timestamp("ms", field.type.tz))


def _settings(table: pa.Table) -> dict[str, Any]:
    return {
        "compression": "none",
        "use_dictionary": [
            name for name, column in zip(table.column_names, table.columns, strict=True) if _repeats(column)
        ],
        "row_group_size": 1 << 26,
        "write_page_checksum": True,
        "write_statistics": False,
        "store_schema": True,
    }


def _check_writable(empty: pa.Table, options: Mapping[str, Any]) -> None:
    """Raise ConfigError for options by which pyarrow cannot write even a table without rows, as it else can."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    settings = {**_settings(empty), **options}
    try:
        pq.write_table(empty, pa.BufferOutputStream(), **settings)
    except Exception as error:
        pq.write_table(empty, pa.BufferOutputStream())
        what = f"the format parquet cannot be written by its options {', '.join(options)}"
        raise ConfigError(what, f"{type(error).__name__}: {error}") from error


def _repeats(column: pa.ChunkedArray) -> bool:
    """Say whether a column of strings is worth a dictionary: each occurs twice or more in a sample of its beginning."""
    import pyarrow as pa

    is_ = pa.types
    if is_.is_dictionary(column.type):
        return True
    if not (is_.is_string(column.type) or is_.is_large_string(column.type)):
        return False
    sample = column.slice(0, _SAMPLE)
    return len(sample.unique()) * 2 <= len(sample)


def _write_all(table: pa.Table, writer: PayloadWriter, axes: Sequence[str], options: Mapping[str, Any]) -> None:
    settings = {**_settings(table), **options}

    def write(part: pa.Table, name: str) -> None:
        _write(part, name, writer, settings)

    if not (axes and write_rows(table, axes, options.get("row_group_size"), write)):
        write(table, _FILE)


def _write(table: pa.Table, name: str, writer: PayloadWriter, settings: Mapping[str, Any]) -> None:
    """Write in memory what may stand inline in a manifest, all else to its file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if table.nbytes >= _SMALL:
        pq.write_table(table, str(writer.path(name)), **settings)
        return
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **settings)
    writer.write(name, memoryview(sink.getvalue()))


def _is_exact(kind: pa.DataType) -> bool:
    """
    Say whether parquet keeps every value of a type, or refuses it.

    Seconds become milliseconds and are read back, or do not fit and are refused; dictionaries are read back by value.
    """
    import pyarrow as pa

    is_ = pa.types
    if is_.is_dictionary(kind):
        return _is_exact(kind.value_type)
    if is_.is_struct(kind):
        return all(_is_exact(kind.field(place).type) for place in range(kind.num_fields))
    flat = (is_.is_boolean, is_.is_integer, is_.is_floating, is_.is_string, is_.is_large_string, is_.is_binary)
    more = (is_.is_large_binary, is_.is_fixed_size_binary, is_.is_date32, is_.is_timestamp, is_.is_duration)
    return any(check(kind) for check in (*flat, *more, is_.is_time64, is_.is_decimal128, is_.is_null))


FORMAT: Format = Parquet()
