"""What a child process does with a hostile payload or side file, while its memory is watched."""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from pathlib import Path

from store_examples import digest, manifest
from whorl.digest import hash_file
from whorl.errors import CorruptEntryError
from whorl.formats.base import format_named
from whorl.store.codec import SIDE_LIMIT, decode_manifest, encode_manifest
from whorl.store.disk import read_exactly
from whorl.store.manifest import RawFile


class Payload:
    """A payload of one file, whatever name it is asked for."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self.names = (self._path.name,)

    def size(self, name: str) -> int:
        return self._path.stat().st_size

    def read(self, name: str) -> bytes:
        return self._path.read_bytes()

    def path(self, name: str) -> Path:
        return self._path


class Side:
    """A side file at a path, whatever name it is asked for."""

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self, payload: str, name: str, size: int) -> bytes:
        return read_exactly(self._path, size)


def act(doing: str, *arguments: str) -> None:
    """Decode a payload, or read a list of a manifest from a side file; damage is what is expected."""
    warnings.simplefilter("ignore")
    if doing == "decode":
        name, path = arguments
        with suppress(Exception):
            format_named(name).decode(Payload(path), {})
    else:
        _read_side(arguments[0])


def _read_side(path: str) -> None:
    """Make a real manifest with a side file point to another one, digests right."""
    files = tuple(RawFile("raw/data", f"file {number}", 1, digest("x")) for number in range(2000))
    record = encode_manifest(manifest(raw_files=files))
    (name,) = record.side
    old = record.side[name]
    from whorl.store.disk import digest_bytes

    stated = f'[{len(old)},"{digest_bytes(old).hex()}"]'.encode()
    hostile = f'[{os.path.getsize(path)},"{hash_file(path).hex()}"]'.encode()
    header, _, sections = record.data.partition(b"\n")
    hit = int(header.split()[2])
    rest = sections[hit:].replace(stated, hostile)
    digests = f"{digest_bytes(sections[:hit]).hex()} {digest_bytes(rest).hex()}"
    data = f"whorl 1 {hit:05d} {len(rest):05d} 00000 {digests} -\n".encode() + sections[:hit] + rest
    found = decode_manifest(data, Side(path))
    with suppress(CorruptEntryError):
        _ = found.raw_files
        raise AssertionError(f"a list of {SIDE_LIMIT} bytes was taken")
