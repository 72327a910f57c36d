"""
Vectors without a digest in, the same file with the digests of this build out.

Only entries whose digest is null are filled in.  A pinned digest that no longer holds is never overwritten: it means
that the scheme has changed, and needs another number (``whorl 1 …``).
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from whorl_vectors import VECTORS, digest_bytes, digest_record, digest_tree_of, digest_value


def main() -> None:
    """Fill in what is missing."""
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))
    for entry in vectors["files"]:
        entry["digest"] = entry["digest"] or digest_bytes(entry["size"]).hex()
    for entry in vectors["records"]:
        entry["digest"] = entry["digest"] or digest_record(entry).hex()
    for entry in vectors["trees"]:
        with tempfile.TemporaryDirectory() as folder:
            entry["digest"] = entry["digest"] or digest_tree_of(entry, Path(folder)).hex()
    for entry in vectors["values"]:
        entry["digest"] = entry["digest"] or digest_value(entry["python"]).hex()
    VECTORS.write_text(json.dumps(vectors, indent=2, ensure_ascii=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
