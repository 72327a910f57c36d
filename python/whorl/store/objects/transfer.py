"""
Chunks of an object in, a new local file out; and a local file in parts the other way.

A file that could not be completed is removed again, so that a name means whole content.  On the arrow: *lookup* and
*commit*, for payloads.
"""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from whorl.store.disk import guarded, remove_file

if TYPE_CHECKING:
    from collections.abc import Generator

CHUNK = 1 << 20
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def save(chunks: Generator[bytes, None, None], path: str, limit: int) -> int:
    """Write chunks to a new file, one byte beyond ``limit`` at most, without asking for more; return how many bytes."""
    done = 0
    with closing(chunks):
        with guarded("write", path):
            descriptor = os.open(path, _CREATE, 0o600)
        try:
            with open(descriptor, "wb", buffering=0) as file:
                for chunk in chunks:
                    kept = memoryview(chunk)[: limit + 1 - done]
                    with guarded("write", path):
                        _write_all(file.fileno(), kept)
                    done += len(kept)
                    if done > limit:
                        break
        except BaseException:
            remove_file(path)
            raise
    return done


def first_bytes(chunks: Generator[bytes, None, None], limit: int) -> bytes:
    """Join chunks up to one byte beyond ``limit``, without asking for more."""
    found = bytearray()
    with closing(chunks):
        for chunk in chunks:
            found += chunk
            if len(found) > limit:
                break
    return bytes(found[: limit + 1])


def size_of(path: str) -> int:
    """Return how many bytes a local file has."""
    with guarded("read", path):
        return os.stat(path).st_size


def parts(path: str, size: int = CHUNK) -> Generator[bytes, None, None]:
    """Yield a local file in parts of a size; none for an empty one."""
    with guarded("read", path), open(path, "rb", buffering=0) as file:
        while part := _read_up_to(file.fileno(), size):
            yield part


def _read_up_to(descriptor: int, size: int) -> bytes:
    """Read until there is as much or the file ends: one call gives 2 GiB at most, and a pipe less."""
    found = os.read(descriptor, size)
    if len(found) == size or not found:
        return found
    pieces = [found]
    left = size - len(found)
    while left and (more := os.read(descriptor, left)):
        pieces.append(more)
        left -= len(more)
    return b"".join(pieces)


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
