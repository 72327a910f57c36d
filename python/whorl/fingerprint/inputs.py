"""
Raw inputs in (a file, a folder, a glob, a URL), their digests and the paths to hand over out.

A raw input counts by content and by the last segment of its name: a copied project hits, a renamed file, whose name the
code may parse, does not.  Folders above it, dates, modes and owners never count.  On the arrow: *digest files, trees*.
"""

from __future__ import annotations

import difflib
import glob
import os
import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from whorl.digest import Encoder, hash_stream, scan_files, scan_tree
from whorl.errors import InputMissingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whorl.digest import Digest

_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+(::|://)")
# What a store says of an object that changes with its content: S3 and HTTP entity tags, GCS and S3 versions, checksums.
_STRONG_TOKENS = ("version_id", "VersionId", "generation", "md5Hash", "content_md5", "ETag", "etag")


_met: ContextVar[list[RawInput] | None] = ContextVar("whorl inputs met", default=None)


@contextmanager
def collect_inputs() -> Iterator[list[RawInput]]:
    """Collect the raw inputs that are digested inside other values, so that they can be checked again."""
    met: list[RawInput] = []
    token = _met.set(met)
    try:
        yield met
    finally:
        _met.reset(token)


@dataclass(frozen=True, slots=True)
class RawInput:
    """A path that a stage reads; what it is (file, folder, glob, URL) is seen when it is digested."""

    path: str | PurePath

    @property
    def text(self) -> str:
        """The path as text, as the user wrote it."""
        return os.fspath(self.path)

    @property
    def kind(self) -> str:
        """``file``, ``folder``, ``glob`` or ``url``, as the file system shows it now."""
        text = self.text
        if _URL.match(text):
            return "url"
        if os.path.isdir(text):
            return "folder"
        return "glob" if glob.has_magic(text) and not os.path.lexists(text) else "file"

    def __whorl_digest__(self) -> Digest:
        if (met := _met.get()) is not None:
            met.append(self)
        return digest_input(self).digest


@dataclass(frozen=True, slots=True)
class File(RawInput):
    """Exactly one file, also where its name looks like a glob."""

    @property
    def kind(self) -> str:
        """``file`` or ``url``."""
        return "url" if _URL.match(self.text) else "file"


@dataclass(frozen=True, slots=True)
class Folder(RawInput):
    """A folder with everything below it."""

    @property
    def kind(self) -> str:
        """``folder``."""
        return "folder"


@dataclass(frozen=True, slots=True)
class Glob(RawInput):
    """All paths that match a pattern (``**`` crosses folders); handed over as a sorted list."""

    @property
    def kind(self) -> str:
        """``glob`` or ``url``."""
        return "url" if _URL.match(self.text) else "glob"


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file of a raw input: its name relative to the input, its size in bytes, the digest of its content."""

    name: str
    size: int
    digest: Digest


@dataclass(frozen=True, slots=True)
class InputDigest:
    """The digest of a raw input, its files, and what is handed to the function: a path, or a list of paths."""

    digest: Digest
    kind: str
    files: tuple[InputFile, ...]
    handed: object


def digest_input(raw: RawInput) -> InputDigest:
    """
    Digest a raw input as it is now.

    Raises InputMissingError where nothing is there, a glob matches nothing, or the kind is not the one declared, and
    InputChangedError where it changes while it is read.
    """
    digest = {"file": _digest_file, "folder": _digest_folder, "glob": _digest_glob, "url": _digest_url}[raw.kind]
    return digest(raw)


def hand_over(raw: RawInput) -> object:
    """Give what the function receives for a raw input, without digesting anything: a path, or the paths of a glob."""
    if raw.kind == "url":
        return _list_url(raw)
    if raw.kind == "glob":
        return [type(raw.path)(match) for match in _match(raw.text)]
    if not os.path.exists(raw.text):
        raise _missing(raw.text)
    return raw.path


def read_input_path(kind: str, path: str) -> RawInput:
    """Rebuild the raw input that a trace recorded by its kind and path."""
    return {"file": File, "folder": Folder, "glob": Glob, "url": RawInput}[kind](path)


def _digest_file(raw: RawInput) -> InputDigest:
    path = raw.text
    if os.path.isdir(path):
        raise InputMissingError(f"{path} is a folder, a file was meant", tip=f"declare it as Folder({path!r})")
    try:
        [(size, digest)] = scan_files([path])
    except InputMissingError:
        if os.path.lexists(path):
            raise
        raise _missing(path) from None
    content = InputFile(_last_segment(path), size, digest)
    return InputDigest(_named("file", content.name, digest), "file", (content,), raw.path)


def _missing(path: str) -> InputMissingError:
    """Say where a missing file was looked for, and which name beside it is nearest."""
    folder, name = os.path.split(os.path.abspath(path))
    if not os.path.isdir(folder):
        return InputMissingError(f"{path} is not there", f"{folder} is no folder")
    near = difflib.get_close_matches(name, os.listdir(folder), n=1)
    tip = f"did you mean {near[0]!r}?" if near else "check the path and the working directory"
    return InputMissingError(f"{path} is not there", f"looked in {folder}", tip)


def _digest_folder(raw: RawInput) -> InputDigest:
    path = raw.text
    if not os.path.isdir(path):
        cause = "it is a file" if os.path.exists(path) else "nothing is there"
        raise InputMissingError(f"{path} is not a folder", cause)
    digest, entries = scan_tree(path, follow_symlinks=True)
    files = tuple(InputFile(*entry) for entry in entries)
    return InputDigest(_named("folder", _last_segment(path), digest), "folder", files, raw.path)


def _digest_glob(raw: RawInput) -> InputDigest:
    matches = _match(raw.text)
    base = _fixed_part(raw.text)
    files: list[InputFile] = []
    encoder = Encoder("glob")
    folders = {match for match in matches if os.path.isdir(match)}
    contents = iter(scan_files([match for match in matches if match not in folders]))
    for match in matches:
        name = os.path.relpath(match, base or os.curdir).replace(os.sep, "/")
        if match in folders:
            digest, entries = scan_tree(match, follow_symlinks=True)
            files += (InputFile(f"{name}/{entry[0]}", *entry[1:]) for entry in entries)
        else:
            size, digest = next(contents)
            files.append(InputFile(name, size, digest))
        encoder.bytes(os.fsencode(name)).digest(digest)
    like = type(raw.path)
    return InputDigest(encoder.finish(), "glob", tuple(files), [like(match) for match in matches])


def _match(pattern: str) -> list[str]:
    matches = sorted(glob.glob(pattern, recursive=True))
    if not matches:
        raise InputMissingError(
            f"no path matches {pattern}", f"looked from {os.getcwd()}", "check the pattern and the working directory"
        )
    return matches


def _fixed_part(pattern: str) -> str:
    """Give the folders in front of the first segment with a wildcard: names count relative to them."""
    folder = os.path.dirname(pattern)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder


def _digest_url(raw: RawInput) -> InputDigest:
    url = raw.text
    system, path = _open_url(url)
    if glob.has_magic(path) and not isinstance(raw, File):
        return _digest_url_glob(system, url, path)
    try:
        if system.isdir(path):
            return _digest_url_folder(system, raw, path)
        found = _digest_object(system, path)
    except FileNotFoundError as error:
        raise InputMissingError(f"{url} is not there", str(error)) from error
    return InputDigest(_named("url", found.name, found.digest), "url", (found,), raw.path)


def _open_url(url: str) -> tuple[Any, str]:
    import fsspec

    try:
        # Cached listings would hide a change of the object from a process that lives on.
        found: tuple[Any, str] = fsspec.core.url_to_fs(url, skip_instance_cache=True, use_listings_cache=False)
    except ImportError as error:
        raise InputMissingError(f"{url} cannot be read", "a library is missing", str(error)) from error
    return found


def _list_url(raw: RawInput) -> object:
    system, path = _open_url(raw.text)
    if glob.has_magic(path) and not isinstance(raw, File):
        return [system.unstrip_protocol(match) for match in _match_url(system, raw.text, path)]
    return raw.path


def _match_url(system: Any, url: str, path: str) -> list[str]:
    matches = sorted(match for match in system.glob(path) if not system.isdir(match))
    if not matches:
        raise InputMissingError(f"no object matches {url}")
    return matches


def _digest_url_glob(system: Any, url: str, path: str) -> InputDigest:
    matches = _match_url(system, url, path)
    files = _objects_below(system, matches, _fixed_part(path))
    handed = [system.unstrip_protocol(match) for match in matches]
    return InputDigest(_digest_names("glob", files), "url", files, handed)


def _digest_url_folder(system: Any, raw: RawInput, path: str) -> InputDigest:
    files = _objects_below(system, sorted(system.find(path)), path.rstrip("/"))
    digest = _named("url folder", _last_segment(path), _digest_names("url tree", files))
    return InputDigest(digest, "url", files, raw.path)


def _objects_below(system: Any, paths: Iterable[str], base: str) -> tuple[InputFile, ...]:
    found = ((path[len(base) :].lstrip("/"), _digest_object(system, path)) for path in paths)
    return tuple(InputFile(name, content.size, content.digest) for name, content in found)


def _digest_object(system: Any, path: str) -> InputFile:
    """By the store's strong version or checksum where it gives one (a token, not a content hash), else by content."""
    info = system.info(path)
    name, size = _last_segment(path), int(info.get("size") or 0)
    for key in _STRONG_TOKENS:
        token = info.get(key)
        if token and not str(token).startswith("W/"):
            return InputFile(name, size, Encoder("remote").text(key).text(str(token)).integer(size).finish())
    with system.open(path, "rb") as stream:
        return InputFile(name, size, hash_stream(stream))


def _digest_names(kind: str, files: Iterable[InputFile]) -> Digest:
    encoder = Encoder(kind)
    for found in files:
        encoder.bytes(os.fsencode(found.name)).digest(found.digest)
    return encoder.finish()


def _named(kind: str, name: str, content: Digest) -> Digest:
    return Encoder("raw").text(kind).bytes(os.fsencode(name)).digest(content).finish()


def _last_segment(path: str) -> str:
    return Path(os.path.abspath(path)).name if "://" not in path else PurePath(path).name
