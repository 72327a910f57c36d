"""
The folder of a table comes in, one that deltalake can name goes out.

The library takes folders for URLs, after it has followed links, and for some names it panics or goes elsewhere: those
with brackets, a bar, a backslash or what looks like an escape.  For these a folder of temporary files stands in.  On
the arrow: *encode* and *decode* of delta.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ODD = frozenset("[]|^%") | (frozenset() if os.sep == "\\" else {"\\"})


@contextmanager
def folder_to_write(folder: Path) -> Iterator[str]:
    """Give the folder, or one whose files are moved there when they are written."""
    if not _is_odd(folder):
        yield str(folder)
        return
    with tempfile.TemporaryDirectory(prefix="whorl-delta-") as stand_in:
        yield stand_in
        folder.mkdir(parents=True, exist_ok=True)
        for child in Path(stand_in).iterdir():
            shutil.move(child, folder / child.name)


@contextmanager
def folder_to_read(folder: Path, files: Mapping[str, Path]) -> Iterator[str]:
    """Give the folder, or one that has its files: they are called by their names in it."""
    if not _is_odd(folder):
        yield str(folder)
        return
    with tempfile.TemporaryDirectory(prefix="whorl-delta-") as stand_in:
        for name, path in files.items():
            place = Path(stand_in, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, place)
            except OSError:  # another disk, or one that has no links
                shutil.copyfile(path, place)
        yield stand_in


def _is_odd(folder: Path) -> bool:
    name = os.path.realpath(folder)
    return not _ODD.isdisjoint(name) or not name.isprintable()
