"""Entries as someone hostile would leave them in a store: every digest right, names and contents chosen to do harm."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from store_examples import child_environment
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


CHILD = """
import sys
import hostile_child
hostile_child.act(*sys.argv[1:])
with open("/proc/self/status") as status:
    print(next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM")))
"""


def peak_memory(*arguments: str) -> int:
    """Do something in a process of its own; give the most memory that it had."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *arguments], capture_output=True, text=True, env=child_environment(), check=False
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])
