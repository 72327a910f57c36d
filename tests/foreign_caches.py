"""
Caches as Nuthatch 0.4.11 and LWDP 0.0.4 and 0.0.5 lay them out, made by hand.

``tests/stores`` has some that these programs really wrote.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import shutil
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import write_deltalake

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline_folder import PipelineFolder

MADE = 1_700_000_000.0
STAGES = """
    import datetime as dt
    from typing import Literal
    import pandas as pd
    from whorl import cache, timeseries

    @cache()
    def plain() -> pd.DataFrame:
        return pd.DataFrame({"a": [1]})

    @cache(cache_args=["n"])
    def numbered(n: int, unused=None) -> pd.DataFrame:
        return pd.DataFrame({"a": [n]})

    @cache(cache_args=["first", "second"])
    def two(first: str, second: str):
        return None

    @cache(cache_args=["days"])
    def untyped(days=1):
        return None

    @cache(cache_args=["kind", "when"])
    def typed(kind: Literal["a_b", "a"], when: dt.date | None = None):
        return None

    @cache(cache_args=["n"], version=2)
    def versioned(n: int):
        return None

    @cache()
    def all_count(n: int = 1):
        return None

    @timeseries()
    @cache(cache_args=["n"])
    def reads_window(start_time, end_time, n: int):
        return start_time

    @cache(cache_args=["n"], namespace="pinned")
    def pinned(n: int):
        return None

    @cache(cache_args=["n"], ttl="30d")
    def expiring(n: int):
        return None
"""
_SUFFIXES = {"basic": "pkl", "parquet": "parquet", "delta": "delta", "zarr": "zarr"}


def adopt(folder: PipelineFolder, *more: str) -> dict[str, str]:
    """Adopt the cache; give what became of each entry: ``adopted``, or why not."""
    result = folder.whorl("import", "nuthatch", "old", "stages.py", "--json", *more)
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    return {item["entry"]: "adopted" for item in data["adopted"]} | {
        item["entry"]: item["reason"] for item in data["skipped"]
    }


def frame(number: int = 7) -> pd.DataFrame:
    """Give a frame that no stage here computes, with an index that must come back."""
    return pd.DataFrame({"a": [number]}, index=pd.Index(["x"], name="k"))


class NuthatchCache:
    """A folder with records and payloads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records = folder / "nuthatch_metadata.nut"
        self.records.mkdir(parents=True)
        (self.records / "exists.nut").touch()

    def put(self, key: str, value: object, namespace: str = "", backend: str = "parquet", **record: object) -> Path:
        """Keep a value; the payload of a frame is parquet, of all else a pickle."""
        path = self.payload(key, namespace, backend)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(value, pd.DataFrame):
            value.to_parquet(path)
        else:
            path.write_bytes(pickle.dumps(value))
        self.record(key, namespace, backend, **record)
        return path

    def payload(self, key: str, namespace: str = "", backend: str = "parquet") -> Path:
        """Name a payload as Nuthatch does: a suffix behind the key, also behind an empty one."""
        return self.folder / (os.path.join(namespace, key) + f".{_SUFFIXES.get(backend, backend)}")

    def record(self, key: str, namespace: str = "", backend: str = "parquet", **changed: object) -> Path:
        """Write the record of an entry."""
        row = {
            "cache_key": key, "namespace": namespace or None, "version": None, "backend": backend,
            "state": "confirmed", "last_modified": MADE * 1e6, "commit_hash": "no_git_repo", "user": "ann",
            "path": str(self.payload(key, namespace, backend)), **changed,
        }  # fmt: skip
        path = self.records / os.path.join(key, namespace, f"{backend}.parquet")
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist([row]), path)
        return path

    def write_table(self, *rows: dict[str, object]) -> None:
        """Write the records of rows as 0.1.1 does, None as a text, in place of those that are there."""
        shutil.rmtree(self.records)
        common = {"namespace": "None", "version": "None", "state": "confirmed", "last_modified": int(MADE * 1e6)}
        table = pa.Table.from_pylist([{**common, "commit_hash": "", "user": "ann", "path": "", **row} for row in rows])
        write_deltalake(str(self.folder / "nuthatch_metadata.delta"), table)

    def put_null(self, key: str, namespace: str = "") -> Path:
        """Keep a result that is None."""
        path = self.records / f"{os.path.join(key, namespace) if namespace else key}.null"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return path


def lwdp_hash(source: str, raws: tuple[str, ...] = (), upstreams: tuple[str, ...] = (), *, dated: bool = True) -> str:
    """Hash a stage as LWDP does: 0.0.5 with ``dated``, 0.0.4 without."""
    joined = re.sub('""".*"""', "", source.replace("\n", "").replace(" ", ""))
    hasher = hashlib.md5(joined.encode(), usedforsecurity=False)
    for raw in raws:
        stat = os.stat(raw)
        hasher.update((str((raw, stat.st_size, stat.st_mtime)) if dated else raw).encode())
    for upstream in upstreams:
        hasher.update(upstream.encode())
    return hasher.hexdigest()


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Give everything in a folder, with dates."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    }
