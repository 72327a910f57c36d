"""
New names for what is being written out; what dead processes left behind is removed.

Each name begins with that of its process (``process.py``).  Something is left behind when that process is gone; where
this cannot be known (another machine), when it is older than a day by the file system's own clock.  On the arrow: part
of *commit*.
"""

from __future__ import annotations

import atexit
import os
import stat
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from whorl.errors import StoreError
from whorl.store.disk import guarded, make_folder, names_in, remove_folder, write_file
from whorl.store.process import has_ended, own_name

if TYPE_CHECKING:
    from collections.abc import Callable

_OLDEST = 24 * 3600.0


def system_folder() -> str:
    """Return a folder of this user's below the system's temporary one, or a new one where that is another's."""
    import tempfile

    above = tempfile.gettempdir()
    path = f"{above}/whorl-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    with guarded("make a folder in", above):
        with suppress(FileExistsError):
            os.mkdir(path, 0o700)
        status = os.lstat(path)
        is_own = stat.S_ISDIR(status.st_mode) and (os.name == "nt" or status.st_uid == os.getuid())
        return path if is_own else tempfile.mkdtemp(prefix="whorl-")


class Temporary:
    """The ``tmp`` folder of one store; ``prepare`` makes the store if there is none yet."""

    def __init__(self, folder: str, prepare: Callable[[], None]) -> None:
        self._folder = folder
        self._prepare = prepare
        self._is_swept = False

    def file(self) -> str:
        """Return the path of a temporary file that does not exist yet."""
        self._prepare()
        make_folder(self._folder)
        if not self._is_swept:
            self._is_swept = True
            self.sweep()
        return f"{self._folder}/{own_name()}-{os.urandom(8).hex()}"

    def new_folder(self) -> str:
        """Make a temporary folder."""
        path = self.file()
        make_folder(path)
        return path

    def outside(self) -> str:
        """Return a folder outside the store that goes when this process ends."""
        import tempfile

        with guarded("make a folder in", tempfile.gettempdir()):
            return tempfile.mkdtemp(dir=self._outside)

    def sweep(self) -> int:
        """Remove what was left behind; return how many things that were."""
        return sum(self._remove_left(name) for name in names_in(self._folder))

    @cached_property
    def _outside(self) -> str:
        import tempfile  # and random, hashlib with it

        folder = tempfile.mkdtemp(prefix="whorl-")
        # Not with the store: a path that was handed out may be in use for longer.
        atexit.register(_remove_as, os.getpid(), folder)
        return folder

    def _remove_left(self, name: str) -> bool:
        path = f"{self._folder}/{name}"
        is_left = has_ended(name)
        if not (self._is_old(path) if is_left is None else is_left):
            return False
        with suppress(OSError):  # another process sweeps as well, or it is not ours to remove
            if os.path.isdir(path) and not os.path.islink(path):
                remove_folder(path)
            else:
                os.unlink(path)
        return not os.path.lexists(path)

    def _is_old(self, path: str) -> bool:
        try:
            return self._now - os.lstat(path).st_mtime > _OLDEST
        except FileNotFoundError:
            return False

    @cached_property
    def _now(self) -> float:
        """What time it is on the file system, which may be another machine's."""
        path = f"{self._folder}/{own_name()}-{os.urandom(8).hex()}"
        write_file(path, b"")
        with guarded("read", path):
            now = os.lstat(path).st_mtime
            os.unlink(path)
        return now


def _remove_as(process: int, folder: str) -> None:
    """Remove a folder at the end of the process that made it; a forked child leaves it to its parent."""
    if os.getpid() == process:
        with suppress(StoreError):
            remove_folder(folder)
