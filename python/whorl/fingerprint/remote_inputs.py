"""
A raw input behind a URL in, its digest and what is handed over out.

One object counts by the last segment of its name, a folder and a pattern by relative names, as local ones do; what
stands for the content is decided in ``remote.py``.  URLs that lead through a local cache of fsspec are refused: the
function would be handed old bytes, and its result kept under the digest of the new ones.  On the arrow: *digest files*.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from whorl.digest import hash_file
from whorl.errors import ConfigError, InputMissingError
from whorl.fingerprint.inputs import (
    File,
    Folder,
    Glob,
    InputDigest,
    RawInput,
    digest_input,
    digest_names,
    fixed_part,
    hand_over,
    named,
)
from whorl.fingerprint.remote import Store
from whorl.fingerprint.remote_errors import worded
from whorl.fingerprint.urls import HTTP, has_magic, hide_secrets, last_segment, protocols

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whorl.digest import Digest
    from whorl.fingerprint.inputs import InputFile
    from whorl.fingerprint.remote import Infos

_LOCAL = frozenset({"file", "local"})
# They keep bytes for days without asking whether the object is still the same; simplecache never asks.
_CACHES = frozenset({"simplecache", "filecache", "blockcache", "cached"})


def digest_url(raw: RawInput) -> InputDigest:
    """
    Digest a raw input behind a URL as it is now.

    Raises as ``digest_input`` does, and InputUnreadableError where the store refuses or does not answer.
    """
    with worded(raw.text):
        if (local := _local(raw)) is not None:
            found = digest_input(local)
            return replace(found, kind=raw.kind, handed=_as_urls(raw, found.handed))
        store = _reach(raw.text)
        if _is_pattern(raw, store):
            return _digest_pattern(raw, store)
        return _digest_named(raw, store)


def hand_over_url(raw: RawInput) -> object:
    """Give what the function receives: the URL as it was written, and for a pattern the sorted URLs that match."""
    with worded(raw.text):
        if (local := _local(raw)) is not None:
            return _as_urls(raw, hand_over(local))
        store = _reach(raw.text)
        return store.urls(_match(store)) if _is_pattern(raw, store) else raw.path


def hash_url(url: str) -> Digest:
    """Digest the content of one object: what ``hash_file`` gives for a copy of it, whatever its store says."""
    with worded(url):
        if (local := _local(RawInput(url))) is not None:
            return hash_file(local.text)
        store = _reach(url)
        if store.info(store.path)["type"] == "directory":
            raise ConfigError(f"{hide_secrets(url)} is a folder", tip="name an object in it")
        return store.read(store.path).digest


def _reach(url: str) -> Store:
    if caches := _CACHES.intersection(protocols(url)):
        raise ConfigError(
            f"{hide_secrets(url)} leads through a local cache",
            f"{', '.join(sorted(caches))} hands out old bytes after the object has changed",
            "give the URL behind it: whorl keeps results, so that an object is read again only after it has changed",
        )
    return Store.at(url)


def _local(raw: RawInput) -> RawInput | None:
    """Give the path that ``file://…`` stands for: one file has one digest."""
    return type(raw)(Store.at(raw.text).path) if _LOCAL.issuperset(protocols(raw.text)) else None


def _as_urls(raw: RawInput, handed: object) -> object:
    return [f"file://{os.fspath(match)}" for match in handed] if isinstance(handed, list) else raw.path


def _is_pattern(raw: RawInput, store: Store) -> bool:
    """Tell a pattern from a name that looks like one: as with paths, a name that exists is that name."""
    if isinstance(raw, (File, Folder, Glob)):
        return isinstance(raw, Glob)
    return has_magic(store.path, store.protocol) and not store.exists(store.path)


def _match(store: Store) -> Infos:
    matches = store.match()
    if not matches:
        raise InputMissingError(f"no object matches {hide_secrets(store.url)}", tip="check the pattern")
    return matches


def _digest_pattern(raw: RawInput, store: Store) -> InputDigest:
    matches = _match(store)
    files = store.digest_all(matches, fixed_part(store.path))
    return InputDigest(digest_names("glob", _counted(files)), raw.kind, files, store.urls(matches))


def _digest_named(raw: RawInput, store: Store) -> InputDigest:
    if store.protocol in HTTP and isinstance(raw, Folder):  # there, folders are pages with links, and no info tells
        return _digest_folder(raw, store)
    info = store.info(store.path)
    if info["type"] == "directory":
        if isinstance(raw, File):
            tip = f"declare it as Folder({raw.shown!r})"
            raise InputMissingError(f"{raw.shown} is a folder, a file was meant", tip=tip)
        return _digest_folder(raw, store)
    if isinstance(raw, Folder):
        raise InputMissingError(f"{raw.shown} is not a folder", "it is a file")
    found = store.digest(store.path, info)
    return InputDigest(named("url", found.name, found.digest), raw.kind, (found,), raw.path)


def _digest_folder(raw: RawInput, store: Store) -> InputDigest:
    found = store.find()
    if not found and store.protocol in HTTP:
        raise InputMissingError(f"{raw.shown} is not a folder", "the page links to nothing below it")
    files = store.digest_all(found, store.path.rstrip("/"))
    name = last_segment(store.path.rstrip("/"), store.protocol)
    return InputDigest(named("url folder", name, digest_names("url tree", _counted(files))), raw.kind, files, raw.path)


def _counted(files: Iterable[InputFile]) -> Iterator[tuple[str, Digest]]:
    return ((file.name, file.digest) for file in files)
