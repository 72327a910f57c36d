"""
Names of stages, namespaces and payload files in, names that are safe on any file system out.

Nothing that a user typed reaches a path unchecked, and two names never share a folder, not even where the file system
ignores case.  On the arrow: *lookup* and *commit*.
"""

from __future__ import annotations

import re
from functools import lru_cache

from whorl.errors import CorruptEntryError, StoreError
from whorl.store.disk import digest_bytes

FOLDER_LIMIT = 100
# The store's own names beside a payload's files.
REFS, SIDE = "refs", "side"

_PLAIN = re.compile(r"[a-z0-9_][a-z0-9._-]*")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")  # Windows, with any ending
_SEGMENT = re.compile(r"[A-Za-z0-9._-]{1,128}")
_NONCE = re.compile(r"[0-9a-f]{32}")
_NAME_LIMIT = 1024


@lru_cache(maxsize=1024)
def folder_name(text: str) -> str:
    """
    Return a folder name for a stage or a namespace: the text itself where it is plain, else with a digest at its end.

    Capitals make a name not plain, for file systems that ignore case; ``~`` stands in no plain name.
    """
    if len(text) <= FOLDER_LIMIT and _PLAIN.fullmatch(text) and not text.endswith(".") and not _DEVICE.match(text):
        return text
    suffix = "~" + digest_bytes(text.encode("utf-8", "surrogatepass")).hex()[:12]
    return "_" + _UNSAFE.sub("_", text)[: FOLDER_LIMIT - 1 - len(suffix)] + suffix


def is_changed(folder: str) -> bool:
    """Say whether a folder name is not the very name it stands for."""
    return "~" in folder


def checked_file(name: str) -> str:
    """Return a payload file's name as a manifest states it; ``CorruptEntryError`` where it could lead elsewhere."""
    if not _is_safe(name):
        raise CorruptEntryError(f"an entry names the file {name[:80]!r}", "the name is not safe")
    return name


def allowed_file(name: str) -> str:
    """Return a payload file's name as a format gives it; ``StoreError`` where no store could hold it."""
    if not _is_safe(name) or name.split("/", 1)[0] in (REFS, SIDE):
        raise StoreError(
            f"a payload file cannot be named {name[:80]!r}",
            "names are made of letters, digits, '.', '_' and '-', 128 at most between two '/'",
        )
    return name


def checked_nonce(text: str) -> str:
    """Return the name of an attempt as a manifest or pointer states it."""
    if not _NONCE.fullmatch(text):
        raise CorruptEntryError(f"an entry names the attempt {text[:80]!r}", "an attempt has 32 hexadecimal digits")
    return text


def _is_safe(name: str) -> bool:
    if _SEGMENT.fullmatch(name):  # nearly always one segment
        return name not in (".", "..")
    segments = name.split("/")
    return len(name) <= _NAME_LIMIT and all(_SEGMENT.fullmatch(part) and part not in (".", "..") for part in segments)
