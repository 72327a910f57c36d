"""
Files of a payload come in, memory of the caller's own goes out; and a payload being written can be read at once.

A large file is mapped privately, copy-on-write: what a consumer changes is seen by no other and never reaches the file,
and pages that nobody touches are never read.  Payload files are never written again once they are committed, so that a
mapping stays what it was; removing one leaves the mapping whole, except on Windows, where files are read instead.  On
the arrow: *encode* and *decode*.
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

from whorl.errors import UndigestableError
from whorl.formats.schema.loss import Loss
from whorl.formats.schema.polars_tables import is_lazy_frame

if TYPE_CHECKING:
    from pathlib import Path

    from whorl.errors import CorruptEntryError
    from whorl.formats.base import PayloadReader, PayloadWriter

# Below this a copy costs less than what a mapping takes: until Python 3.13 each keeps a file descriptor open.
MAP_FROM = 16 << 20


def private_bytes(reader: PayloadReader, name: str) -> memoryview:
    """Return a file's bytes in memory that the caller may write to."""
    if reader.size(name) < MAP_FROM or os.name != "posix":
        return memoryview(bytearray(reader.read(name)))
    with reader.path(name).open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))


class Draft:
    """A payload writer whose files can be read again before they are committed."""

    def __init__(self, writer: PayloadWriter) -> None:
        self._writer = writer
        self._written: dict[str, bytes] = {}
        self._paths: dict[str, Path] = {}

    @property
    def folder(self) -> Path:
        """The folder of the writer."""
        return self._writer.folder

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files so far."""
        return (*self._written, *self._paths)

    @property
    def stays(self) -> bool:
        """Whether paths stay: until they are committed."""
        return True

    def write(self, name: str, data: bytes | memoryview) -> None:
        """Write one whole file."""
        self._written[name] = bytes(data)
        self._writer.write(name, data)

    def path(self, name: str) -> Path:
        """Give the path of a file, to write it or, afterwards, to read it."""
        if name not in self._paths:
            self._paths[name] = self._writer.path(name)
        return self._paths[name]

    def size(self, name: str) -> int:
        """Return the bytes of one file."""
        return len(self._written[name]) if name in self._written else self._paths[name].stat().st_size

    def read(self, name: str) -> bytes:
        """Read one whole file."""
        return self._written[name] if name in self._written else self._paths[name].read_bytes()

    def lazy(self) -> Draft:
        """Give the same files for later: until they are committed."""
        return self

    def refuted(self, what: str, error: CorruptEntryError) -> CorruptEntryError:  # noqa: ARG002 - see LazyFiles
        """Give the error: there is no entry yet."""
        return error


def check_same(value: object, decoded: object) -> None:
    """Raise ``Loss`` unless what was decoded has the digest of the value."""
    from whorl.fingerprint.values import hash_value

    if is_lazy_frame(value):
        value, decoded = value.collect(), decoded.collect()  # type: ignore[attr-defined]
    try:
        same = hash_value(value) == hash_value(decoded)
    except UndigestableError as error:
        raise Loss(f"it has no digest to compare with what was written: {error.message}") from error
    if not same:
        raise Loss("what was written reads as another value")
