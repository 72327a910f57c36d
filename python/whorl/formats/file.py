"""
The path of a file or folder comes in, a copy of what it leads to goes out; the path of that copy comes back.

==========================  ==================================================================================
a file                      kept with its name, byte for byte
a folder                    kept with everything below it, empty folders too
``str``, lists of paths     refused: a text is a value of its own; return the folder that they are in
symbolic links              refused, as are sockets, pipes and devices
dates, modes, owners        left out: they are no part of a value
==========================  ==================================================================================

What comes back is a path that counts by what it leads to, as ``whorl.File`` does (``schema/stored_path.py``); so a hit
and a miss give values of one digest, and who is handed the path depends on the content.  It leads into the store where
that is a local one: such files are made read-only, and damage to them is found at the next hit.  Where the store is far
away, or has no such names, it leads to a private copy that goes when the process ends.  Files of other names than
letters, digits, ``.``, ``_`` and ``-`` stand in the payload under numbers; the true names are in ``file.json``.  There
are no options.  On the arrow: *encode* and *decode*.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from whorl.errors import CorruptEntryError
from whorl.formats.base import check_options
from whorl.formats.schema.loss import Loss, refusing
from whorl.formats.schema.private_folder import private_folder
from whorl.formats.schema.stored_path import StoredPath

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from whorl.formats.base import Format, PayloadReader, PayloadWriter

_DESCRIPTION = "file.json"
_BELOW = "content"
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,128}")
# Of the 1024 characters that the name of a payload file may have.
_LONGEST = 900


class File:
    """The format ``file``."""

    name = "file"
    # The name of the file is the stage's, and so is its ending.
    suffix = ""
    # What is returned is the copy, also after a miss.
    exact = False
    runs_code = False
    # The value's digest is that of what was stored: a path as it is given counts by its text.
    digests_stored = True

    def accepts(self, value: object) -> bool:
        """Take paths of the file system."""
        return isinstance(value, Path)

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        """Copy the file, or everything below the folder."""
        check_options(self, options, ())
        with refusing(self.name, value):
            if not isinstance(value, Path):
                raise Loss("it is not a pathlib.Path", "")
            top = Path(os.path.abspath(value))
            folders, files = _listed(top)
            names = _payload_names(files)
            described = {"version": 1, "name": top.name, "folders": folders, "files": names}
            data = json.dumps(described, ensure_ascii=False).encode()
        for file, name in names.items():
            shutil.copyfile(top.parent / file, writer.path(name))
        writer.write(_DESCRIPTION, data)
        writer.folder  # noqa: B018 - never inline: whoever has the path finds a file there

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:  # noqa: ARG002 - it has none
        """Give the path of the checked copy."""
        name, folders, files = _described(reader.read(_DESCRIPTION))
        if {_DESCRIPTION, *files.values()} != set(reader.names):
            raise CorruptEntryError(f"the stored {name} has other files than it says")
        place = _in_store(reader, name, folders, files) or _copied(reader, name, folders, files)
        return StoredPath(place)

    def main_file(self, names: tuple[str, ...], read: Callable[[str], bytes]) -> str:  # noqa: ARG002 - see base.main_file
        """Name what holds everything in the payload: the file, or the folder that the files are below."""
        name, folders, files = _described(read(_DESCRIPTION))
        return f"{_BELOW}/{name}" if folders else next(iter(files.values()))


def _listed(top: Path) -> tuple[list[str], list[str]]:
    """List folders and files by their names relative to what is above the path: of a file its own name alone."""
    if not os.path.lexists(top):
        raise Loss(f"there is no file or folder {top}", "")
    folders: list[str] = []
    files: list[str] = []
    pending = [top]
    while pending:
        item = pending.pop()
        name = item.relative_to(top.parent).as_posix()
        if not _is_safe(name):
            raise Loss(f"the name {name!r}", "")
        status = item.lstat()
        if stat.S_ISDIR(status.st_mode):
            folders.append(name)
            pending += item.iterdir()
        elif stat.S_ISREG(status.st_mode):
            files.append(name)
        else:
            raise Loss(f"{name} is a symbolic link, or neither file nor folder", "")
    return sorted(folders), sorted(files)


def _payload_names(files: Sequence[str]) -> dict[str, str]:
    """Choose names in the payload: their own where all are plain and differ in more than capitals, else numbers."""
    is_plain = all(len(file) <= _LONGEST and all(map(_PLAIN.fullmatch, file.split("/"))) for file in files)
    if is_plain and len({file.lower() for file in files}) == len(files):
        return {file: f"{_BELOW}/{file}" for file in files}
    return {file: f"{_BELOW}/{number}" for number, file in enumerate(files)}


def _described(data: bytes) -> tuple[str, list[str], dict[str, str]]:
    """Read the names, each of which leads below the place that is chosen for them."""
    tree = json.loads(data)
    if tree["version"] != 1:
        raise ValueError(f"a stored file is of version {tree['version']}, and this whorl reads 1")
    name, folders, files = tree["name"], tree["folders"], tree["files"]
    within = all(_is_safe(each) and each.split("/")[0] == name for each in (*folders, *files))
    if not within or "/" in name or (name not in folders and list(files) != [name]):
        raise CorruptEntryError("a stored file has a name that leads elsewhere", repr(name)[:80])
    return name, folders, files


def _is_safe(name: str) -> bool:
    """Say whether a relative name leads below where it is put, on every system."""
    return not set("\0\\") & set(name) and all(part not in ("", ".", "..") for part in name.split("/"))


def _in_store(reader: PayloadReader, name: str, folders: Sequence[str], files: Mapping[str, str]) -> Path | None:
    """Give the path in the store, all files checked; None where it does not stay, or has not all of the names."""
    above = {parent.as_posix() for file in files for parent in PurePosixPath(file).parents}
    if not reader.stays or set(folders) - above or any(stored != f"{_BELOW}/{file}" for file, stored in files.items()):
        return None
    for file, stored in files.items():
        path = reader.path(stored)
        top = path.parents[file.count("/")] / name
        with suppress(OSError):  # of another owner, whose files are not for us to change anyway
            path.chmod(path.stat().st_mode & ~0o222)
    found = _listed(top)
    if found != (sorted(folders), sorted(files)):
        raise CorruptEntryError(f"the stored folder {top} has other files than its entry lists")
    return top


def _copied(reader: PayloadReader, name: str, folders: Sequence[str], files: Mapping[str, str]) -> Path:
    """Copy everything to a folder of its own that goes when the process ends."""
    place = private_folder()
    for folder in sorted(folders):
        (place / folder).mkdir()
    for file, stored in files.items():
        shutil.copyfile(reader.path(stored), place / file)
        (place / file).chmod(0o400)
    return place / name


FORMAT: Format = File()
