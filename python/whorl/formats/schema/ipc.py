"""
A table value comes in, one file in Arrow's IPC format goes out, and back: the file is the table's memory, as it is.

Every type of Arrow is kept.  Where the file is not compressed, arrays lie in its private mapping, copy-on-write.  On
the arrow: *encode* and *decode*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whorl.formats.schema.direct import file_table_as
from whorl.formats.schema.files import to_file_table
from whorl.formats.schema.payload import private_bytes

if TYPE_CHECKING:
    from whorl.formats.base import PayloadReader, PayloadWriter

# Smaller tables are written in memory, so that they can stand inline in a manifest.
_SMALL = 1 << 20


def write_ipc(value: object, writer: PayloadWriter, name: str, compression: str | None) -> None:
    """Write one file of one record batch, so that each column is read as one array."""
    import pyarrow as pa

    table = to_file_table(value).combine_chunks()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    small = table.nbytes < _SMALL
    with pa.BufferOutputStream() if small else pa.OSFile(str(writer.path(name)), "wb") as sink:
        with pa.ipc.new_file(sink, table.schema, options=options) as file:
            file.write_table(table)
        if small:
            writer.write(name, memoryview(sink.getvalue()))


def read_ipc(reader: PayloadReader, name: str, engine: str = "") -> object:
    """
    Read the value of a file, or what an ``engine`` is soon made of.

    Offsets and indices are checked, for reading past a buffer would crash the process.
    """
    import numpy as np
    import pyarrow as pa

    memory = np.frombuffer(private_bytes(reader, name), np.uint8)
    table = pa.ipc.open_file(pa.py_buffer(memory)).read_all()
    table.validate(full=True)
    return file_table_as(table, engine, memory)
