"""
A path in, a folder that is known to be a whorl store out: created, or checked before it is used.

A store belongs to one user, or to a team (``rights.py``).  What is made first is the record ``WHORL.json``; the other
files only tell backup programs and git to leave the folder alone.  What a killed process left of them lies in ``tmp``
and is swept with the rest.  On the arrow: before *lookup* and *commit*.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from whorl.errors import StoreError
from whorl.store.disk import guarded, link_once, make_folder, names_in, read_file, write_file
from whorl.store.places import VERSION
from whorl.store.process import own_name
from whorl.store.rights import check_rights

if TYPE_CHECKING:
    from whorl.store.places import Places

_ABOUT_LIMIT = 64 << 10
_OWN_NAMES = {"WHORL.json", "CACHEDIR.TAG", ".gitignore", "tmp", "used", "index", f"v{VERSION}"}
# The signature is fixed: https://bford.info/cachedir/
_CACHEDIR_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a store of whorl's results.\n"
_GITIGNORE = b"*\n"


def check_root(places: Places, *, is_mirror: bool = False) -> bool:
    """
    Return whether there is a store, having checked that it is ours and of a version we know.

    ``StoreError`` where it is someone else's or newer.  A mirror may be anybody's: nothing in it counts as one's own.
    """
    data = read_file(places.about, _ABOUT_LIMIT)
    if data is None:
        return False
    if not is_mirror:
        _check_owner(places.root)
    try:
        version = json.loads(data)["format"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        tip = "if the store is yours, remove this file: it is written anew, and the entries stay"
        raise StoreError(f"the store's record {places.about} is damaged", repr(error), tip) from error
    if version != VERSION:
        cause = f"it has format {version!r}, this whorl reads format {VERSION}"
        raise StoreError(f"the store {places.root} was written by another version", cause, "upgrade whorl")
    return True


def create_root(places: Places) -> None:
    """Make a store where there is none; several processes may do so at once."""
    if check_root(places):
        return
    make_folder(places.root)
    _check_owner(places.root)
    others = [name for name in names_in(places.root) if name not in _OWN_NAMES]
    if others:
        cause = f"it contains other things, such as {others[0]!r}, and no WHORL.json"
        raise StoreError(f"the folder {places.root} is not a store", cause, "choose an empty folder for the store")
    about = {"format": VERSION, "id": os.urandom(16).hex(), "capabilities": {}}
    _write_once(places, places.about, json.dumps(about, indent=2).encode() + b"\n")
    _write_once(places, f"{places.root}/CACHEDIR.TAG", _CACHEDIR_TAG)
    _write_once(places, f"{places.root}/.gitignore", _GITIGNORE)


def _write_once(places: Places, path: str, data: bytes) -> None:
    """Write a file as a whole unless it is there."""
    make_folder(places.temporary)
    temporary = f"{places.temporary}/{own_name()}-{os.urandom(8).hex()}"
    try:
        write_file(temporary, data)
        with guarded("write", path):
            if link_once(temporary, path) is None:
                os.rename(temporary, path)
    finally:
        with suppress(OSError):
            os.unlink(temporary)


def _check_owner(root: str) -> None:
    with guarded("read", root):
        check_rights(root)
