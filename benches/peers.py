"""
Peers that may not be there.

One that cannot be had is still an object: it raises the reason when it is asked to run, which the race shows.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import subprocess
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

_SOURCE = Path(__file__).with_name("loops.c")
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false", "-c", "gc.auto=0")
_AUTHOR = ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "core.looseCompression=0")
_BRANCH = ("-c", "init.defaultBranch=main")


class Absent:
    """Stands for a peer that could not be had; whatever is asked of it raises the reason."""

    def __init__(self, reason: Exception) -> None:
        self._reason = reason

    def __getattr__(self, name: str) -> object:
        """Raise."""
        raise self._reason


def imported(name: str) -> ModuleType | Absent:
    """Import a peer."""
    try:
        return import_module(name)
    except ImportError as error:
        return Absent(error)


def compiled(folder: Path) -> ctypes.CDLL | Absent:
    """Compile the loops in C into a folder and load them; threads run freely while they do."""
    library = folder / "loops.so"
    compiler = shlex.split(os.environ.get("CC", "cc"))
    try:
        subprocess.run([*compiler, "-O2", "-shared", "-fPIC", "-pthread", "-o", library, _SOURCE], check=True)
        loops = ctypes.CDLL(str(library))
    except (OSError, subprocess.CalledProcessError) as error:
        return Absent(error)
    loops.read_file.restype = loops.read_tree.restype = loops.stat_tree.restype = ctypes.c_int64
    return loops


class Repository:
    """A folder whose files git knows; the database of git lies elsewhere, and no settings of the user's count."""

    def __init__(self, tree: Path, database: Path) -> None:
        self._tree = tree
        self._database = database

    def status(self) -> bytes:
        """Ask git whether anything changed; the first question also brings the files under its control."""
        return self._run(*self._ready, "status", "-uno", "--porcelain")

    @cached_property
    def _ready(self) -> tuple[str, ...]:
        self._run(*_GIT, *_BRANCH, "init", "--quiet")
        self._run(*_GIT, *_AUTHOR, "add", ".")
        self._run(*_GIT, *_AUTHOR, "commit", "--quiet", "--message", "all")
        return _GIT

    def _run(self, *command: str) -> bytes:
        done = subprocess.run(command, check=True, cwd=self._tree, env=self._environment, stdout=subprocess.PIPE)
        return done.stdout

    @cached_property
    def _environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        return own | {
            "GIT_DIR": str(self._database),
            "GIT_WORK_TREE": str(self._tree),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }
