"""Entries as someone hostile would leave them in a store: every digest right, names and contents chosen to do harm."""

from __future__ import annotations

import os
import pickle
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from whorl.digest import Digest, Hasher
from whorl.store.local import LocalStore
from whorl.store.manifest import Manifest, PayloadFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Touching:
    """A value whose pickle makes a folder when it is decoded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


def canary_pickle(path: Path) -> dict[str, bytes]:
    """Give the files of a payload that touches a path when it is decoded."""
    return {"data.pickle": pickle.dumps(Touching(path))}


def with_files(manifest: Manifest, files: dict[str, bytes]) -> Manifest:
    """Put other files into a manifest, with their right sizes and digests."""
    listed = tuple(PayloadFile(name, len(data), Digest(Hasher(data).digest())) for name, data in sorted(files.items()))
    return replace(manifest, files=listed, inline=files)


def tamper(root: Path, change: Callable[[Manifest], Manifest]) -> int:
    """Replace every entry of a store in a folder by what ``change`` makes of it; return how many those were."""
    store = LocalStore(root)
    entries = list(store.entries())
    for entry in entries:
        changed = change(entry)
        attempt = store.begin(entry.slot)
        for name, data in (changed.inline or {}).items():
            attempt.write(name, data)
        store.commit(attempt, changed, replace=lambda _: True)
    for generations in root.glob("v1/*/g"):
        shutil.rmtree(generations)  # the sound ones would still answer
    return len(entries)
