"""
Raw inputs in (a file, a folder, a glob, a URL), their digests and the paths to hand over out.

A raw input counts by content and by the last segment of its name: a copied project hits, a renamed file, whose name the
code may parse, does not.  Folders above it, dates, modes and owners never count.  On the arrow: *digest files, trees*.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, TypeVar

from whorl.digest import Encoder, scan_files, scan_tree
from whorl.errors import InputMissingError, InputUnreadableError
from whorl.fingerprint.urls import hide_secrets, is_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from whorl.digest import Digest, Leaves

T = TypeVar("T")
_met: ContextVar[list[RawInput] | None] = ContextVar("whorl inputs met", default=None)


def collect_inputs(work: Callable[[], T]) -> tuple[T, list[RawInput]]:
    """Do something, and collect the raw inputs that it digests inside other values: they can be checked again."""
    met: list[RawInput] = []
    token = _met.set(met)
    try:
        return work(), met
    finally:
        _met.reset(token)


@dataclass(frozen=True, slots=True, repr=False)
class RawInput:
    """A path that a stage reads; what it is (file, folder, glob, URL) is seen when it is digested."""

    path: str | PurePath

    @property
    def text(self) -> str:
        """The path as text, as the user wrote it."""
        return os.fspath(self.path)

    @property
    def shown(self) -> str:
        """The path as it may be shown and stored: without the secrets of a URL."""
        return hide_secrets(self.text) if is_url(self.text) else self.text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.shown!r})"

    @property
    def kind(self) -> str:
        """``file``, ``folder``, ``glob`` or ``url``, as the file system shows it now."""
        text = self.text
        if _names_url(text):
            return "url"
        if os.path.isdir(text):
            return "folder"
        return "glob" if glob.has_magic(text) and not os.path.lexists(text) else "file"

    def __whorl_digest__(self) -> Digest:
        if (met := _met.get()) is not None:
            met.append(self)
        return digest_input(self).digest


@dataclass(frozen=True, slots=True, repr=False)
class File(RawInput):
    """Exactly one file, also where its name looks like a glob."""

    @property
    def kind(self) -> str:
        """``file`` or ``url file``."""
        return "url file" if _names_url(self.text) else "file"


@dataclass(frozen=True, slots=True, repr=False)
class Folder(RawInput):
    """A folder with everything below it."""

    @property
    def kind(self) -> str:
        """``folder`` or ``url folder``."""
        return "url folder" if _names_url(self.text) else "folder"


@dataclass(frozen=True, slots=True, repr=False)
class Glob(RawInput):
    """All paths that match a pattern (``**`` crosses folders); handed over as a sorted list."""

    @property
    def kind(self) -> str:
        """``glob`` or ``url glob``."""
        return "url glob" if _names_url(self.text) else "glob"


@dataclass(frozen=True, slots=True)
class Declared:
    """A raw input that a stage declares, as a value: where nothing can be read yet, it counts by its text."""

    raw: RawInput

    def __whorl_digest__(self) -> Digest:
        try:
            found = digest_input(self.raw).digest
        except (InputMissingError, InputUnreadableError):  # the stage may be given another, or not be called at all
            return digest_of_nothing(self.raw)
        if (met := _met.get()) is not None:
            met.append(self.raw)
        return found


def digest_of_nothing(raw: RawInput) -> Digest:
    """Give what stands for the content of a raw input where there is none."""
    return Encoder("missing").text(raw.text).finish()


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file of a raw input: its name relative to the input, its size in bytes, the digest of its content."""

    name: str
    size: int
    digest: Digest


class _LazyFiles(Sequence[InputFile]):
    """Holds the files of a folder or glob as they were found; a hit asks for none of them."""

    def __init__(self, leaves: Leaves | list[tuple[str, int, Digest]]) -> None:
        self._leaves = leaves

    def __len__(self) -> int:
        return len(self._leaves)

    def __getitem__(self, index: int) -> InputFile:  # type: ignore[override]  # nobody takes slices
        return InputFile(*self._leaves[index])


@dataclass(frozen=True, slots=True)
class InputDigest:
    """The digest of a raw input, its files, and what is handed to the function: a path, or a list of paths."""

    digest: Digest
    kind: str
    files: Sequence[InputFile]
    handed: object


def digest_input(raw: RawInput) -> InputDigest:
    """
    Digest a raw input as it is now.

    Raises InputMissingError where nothing is there, a glob matches nothing, or the kind is not the one declared, and
    InputChangedError where it changes while it is read; for URLs also InputUnreadableError.
    """
    kind = raw.kind
    if is_remote(kind):
        from whorl.fingerprint.remote_inputs import digest_url  # it is written in terms of the types above

        return digest_url(raw)
    return {"file": _digest_file, "folder": _digest_folder, "glob": _digest_glob}[kind](raw)


def hand_over(raw: RawInput) -> object:
    """Give what the function receives for a raw input, without digesting anything: a path, or the paths of a glob."""
    kind = raw.kind
    if is_remote(kind):
        from whorl.fingerprint.remote_inputs import hand_over_url

        return hand_over_url(raw)
    if kind == "glob":
        return [type(raw.path)(match) for match in _match(raw.text)]
    if not os.path.exists(raw.text):
        raise _missing(raw.text)
    return raw.path


def read_input_path(kind: str, path: str) -> RawInput:
    """Rebuild the raw input that a trace recorded by its kind and path; ``InputMissingError`` for an unknown kind."""
    known = {"file": File, "folder": Folder, "glob": Glob, "url": RawInput}.get(kind.removeprefix("url "))
    if known is None:
        raise InputMissingError(f"{path[:80]!r} cannot be read", f"{kind[:80]!r} is no kind of input")
    return known(path)


def is_remote(kind: str) -> bool:
    """Whether an input of this kind is named by a URL, which is no path."""
    return kind.startswith("url")


def _names_url(text: str) -> bool:
    """Tell a URL from a path: what looks like a chain (``ab::c``), and has no ``://``, is a path where that exists."""
    return is_url(text) and ("://" in text or not os.path.lexists(text))


def _digest_file(raw: RawInput) -> InputDigest:
    path = raw.text
    if os.path.isdir(path):
        raise InputMissingError(f"{path} is a folder, a file was meant", tip=f"declare it as Folder({path!r})")
    try:
        with _worded("declare a file that has content"):
            [(size, digest)] = scan_files([path])
    except InputMissingError:
        if os.path.lexists(path):
            raise
        raise _missing(path) from None
    content = InputFile(_last_segment(path), size, digest)
    return InputDigest(named("file", content.name, digest), "file", (content,), raw.path)


def _missing(path: str) -> InputMissingError:
    """Say where a missing file was looked for, and which name beside it is nearest."""
    folder, name = os.path.split(os.path.abspath(path))
    if not os.path.isdir(folder):
        return InputMissingError(f"{path} is not there", f"{folder} is no folder")
    import difflib

    near = difflib.get_close_matches(name, os.listdir(folder), n=1)
    tip = f"did you mean {near[0]!r}?" if near else "check the path and the working directory"
    return InputMissingError(f"{path} is not there", f"looked in {folder}", tip)


@contextmanager
def _worded(tip: str) -> Iterator[None]:
    """Say of what lies there and has no content what it is, and what to do about it in a raw input."""
    try:
        yield
    except InputMissingError as error:
        path = error.message.rpartition(": ")[0]
        if os.path.islink(path) and not os.path.exists(path):
            cause = f"it points to {os.readlink(path)}, and raw inputs are read through links"
            raise InputMissingError(
                f"{path} is a link that leads nowhere", cause, "remove the link, or put back what it points to"
            ) from None
        if os.path.lexists(path):
            raise InputMissingError(error.message, error.cause, tip) from None
        raise


def _digest_folder(raw: RawInput) -> InputDigest:
    path = raw.text
    if not os.path.isdir(path):
        cause = "it is a file" if os.path.exists(path) else "nothing is there"
        raise InputMissingError(f"{path} is not a folder", cause)
    with _worded("remove it, or declare the files that are meant as a Glob"):
        digest, entries = scan_tree(path, follow_symlinks=True)
    return InputDigest(named("folder", _last_segment(path), digest), "folder", _LazyFiles(entries), raw.path)


def _digest_glob(raw: RawInput) -> InputDigest:
    matches = _match(raw.text)
    leaves: list[tuple[str, int, Digest]] = []
    counted: list[tuple[str, Digest]] = []
    with _worded("remove it, or write a pattern that does not match it"):
        folders = {match: scan_tree(match, follow_symlinks=True) for match in matches if os.path.isdir(match)}
        contents = iter(scan_files([match for match in matches if match not in folders]))
    for match, name in zip(matches, _names_below(fixed_part(raw.text), matches), strict=True):
        if match in folders:
            digest, entries = folders[match]
            leaves += [(f"{name}/{file.name}", file.size, file.digest) for file in _LazyFiles(entries)]
        else:
            size, digest = next(contents)
            leaves.append((name, size, digest))
        counted.append((name, digest))
    like = type(raw.path)
    return InputDigest(digest_names("glob", counted), "glob", _LazyFiles(leaves), [like(match) for match in matches])


def _names_below(base: str, matches: Iterable[str]) -> Iterator[str]:
    """Name some matches relative to the folder that they begin with, as ``os.path.relpath`` does, which is slow."""
    prefix = os.path.join(base, "")
    for match in matches:
        name = os.path.normpath(match.removeprefix(prefix))
        if not match.startswith(prefix) or name.startswith(("..", os.sep)):
            name = os.path.relpath(match, base or os.curdir)
        yield name.replace(os.sep, "/")


def _match(pattern: str) -> list[str]:
    matches = sorted(glob.glob(pattern, recursive=True))
    if not matches:
        raise InputMissingError(
            f"no path matches {pattern}", f"looked from {os.getcwd()}", "check the pattern and the working directory"
        )
    return matches


def fixed_part(pattern: str) -> str:
    """Give the folders in front of the first segment with a wildcard: names count relative to them."""
    folder = os.path.dirname(pattern)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder


def digest_names(kind: str, contents: Iterable[tuple[str, Digest]]) -> Digest:
    """Digest the relative names and contents of some files."""
    encoder = Encoder(kind)
    for name, digest in contents:
        encoder.bytes(os.fsencode(name)).digest(digest)
    return encoder.finish()


def named(kind: str, name: str, content: Digest) -> Digest:
    """Digest a content together with the name that code may parse."""
    return Encoder("raw").text(kind).bytes(os.fsencode(name)).digest(content).finish()


def _last_segment(path: str) -> str:
    return Path(os.path.abspath(path)).name
