"""
Nothing comes in, a new folder goes out that is there until this process ends.

On the arrow: *decode* of values that are files, where the store is not a place to leave them in.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path


def private_folder() -> Path:
    """Make a folder that nobody else uses."""
    return Path(tempfile.mkdtemp(dir=_above(os.getpid())))


@cache
def _above(process: int) -> str:
    """Make the folder of one process; a forked child makes its own, and removes no other."""
    folder = tempfile.mkdtemp(prefix="whorl-files-")
    atexit.register(_remove_as, process, folder)
    return folder


def _remove_as(process: int, folder: str) -> None:
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
