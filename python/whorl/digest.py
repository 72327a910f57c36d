"""
Bytes, files, folders and values in, digests out: the Rust module ``whorl._core`` under the names the others use.

A digest is 32 bytes of BLAKE3.  A file's digest is plain BLAKE3, what ``b3sum`` prints; composed things have domains
of their own.  On the arrow: *digest*.  No other module imports ``_core``.
"""

from whorl._core import (
    Conditions,
    Digest,
    Encoder,
    Hasher,
    OpcodeTable,
    digest_arrow,
    digest_arrow_type,
    digest_graph,
    encode_value,
    hash_file,
    hash_paths,
    hash_stream,
    hash_tree,
    scan_tree,
    walk_value,
)

__all__ = [
    "Conditions",
    "Digest",
    "Encoder",
    "Hasher",
    "OpcodeTable",
    "digest_arrow",
    "digest_arrow_type",
    "digest_graph",
    "encode_value",
    "hash_file",
    "hash_paths",
    "hash_stream",
    "hash_tree",
    "scan_tree",
    "walk_value",
]
