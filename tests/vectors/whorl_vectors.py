"""
Vectors as they stand in ``digests.json`` in, digests of this build out; shared by the tests and by ``pin.py``.

The same file is read by ``rust/core/tests/vectors.rs``.  Content of a size is the bytes 0 to 250, repeated, as in
BLAKE3's own vectors.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from whorl.digest import Digest, Encoder, Hasher, hash_tree
from whorl.fingerprint.values import hash_value

VECTORS = Path(__file__).parent / "digests.json"


def content(size: int) -> bytes:
    """Return so many bytes of the pattern."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def digest_bytes(size: int) -> Digest:
    """Digest the pattern as a file would be."""
    return Digest(Hasher(content(size)).digest())


def digest_record(entry: dict[str, Any]) -> Digest:
    """Encode the tokens of a record."""
    encoder = Encoder(entry["kind"])
    for word, value in entry["tokens"]:
        if word == "text":
            encoder.text(value)
        elif word == "repeat":
            encoder.text("x" * int(value))
        elif word == "bytes":
            encoder.bytes(bytes.fromhex(value))
        elif word == "integer":
            encoder.integer(int(value))
        elif word == "digest":
            encoder.digest(Digest.from_hex(value))
        else:
            encoder.none()
    return encoder.finish()


def make_tree(entry: dict[str, Any], root: Path) -> None:
    """Make the files, folders and links of a tree."""
    for item in entry["entries"]:
        path = root / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        if "file" in item:
            path.write_bytes(item["file"].encode())
        elif "link" in item:
            os.symlink(item["link"], path)
        else:
            path.mkdir(exist_ok=True)


def digest_tree_of(entry: dict[str, Any], root: Path) -> Digest:
    """Make a tree and digest it."""
    make_tree(entry, root)
    return hash_tree(root)


def make_value(expression: str) -> object:
    """Evaluate a value; the names of modules are imported."""
    return eval(expression, {"__builtins__": __builtins__, "load": import_module})


def digest_value(expression: str) -> Digest:
    """Digest a value given as an expression."""
    return hash_value(make_value(expression))
