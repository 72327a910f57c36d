"""
Bytes, files, folders and values in, digests out: the Rust module ``whorl._core`` under the names the others use.

A digest is 32 bytes of BLAKE3.  A file's digest is plain BLAKE3, what ``b3sum`` prints; composed things have domains
of their own.  A file that the stat table knows, by dates that no later change can share, is not read again.  On the
arrow: *digest*.  No other module imports ``_core``.
"""

from __future__ import annotations

import atexit
import logging
import os
from typing import TYPE_CHECKING, Literal

from whorl import _core
from whorl._core import (
    Conditions,
    Digest,
    Elements,
    Encoder,
    HashedMemory,
    Hasher,
    Leaves,
    OpcodeTable,
    StatTable,
    copy_plain,
    digest_arrow,
    digest_arrow_type,
    digest_graph,
    digest_value,
    encode_value,
    hash_memories,
    hash_stream,
    is_absent,
    read_small,
    walk_value,
)
from whorl.config import stat_table_path
from whorl.errors import ConfigError
from whorl.settings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Path = str | os.PathLike[str]

__all__ = [
    "Conditions",
    "Digest",
    "Elements",
    "Encoder",
    "HashedMemory",
    "Hasher",
    "Leaves",
    "OpcodeTable",
    "StatTable",
    "copy_plain",
    "digest_arrow",
    "digest_arrow_type",
    "digest_graph",
    "digest_value",
    "encode_value",
    "hash_file",
    "hash_memories",
    "hash_paths",
    "hash_stream",
    "hash_tree",
    "is_absent",
    "read_small",
    "scan_files",
    "scan_tree",
    "stat_table_in_use",
    "walk_value",
]

Verify = Literal["stat", "always"]

_VERIFY = ("stat", "always")
_MOST_THREADS = 1024
# By path, since the setting may change from call to call.
_tables: dict[str, StatTable] = {}
_inherited: list[StatTable] = []


def hash_file(
    path: Path,
    *,
    threads: int | None = None,
    mmap: bool = False,
    stat_table: bool = True,
    verify: Verify = "stat",
    progress: Callable[[int, int | None], object] | None = None,
) -> Digest:
    """
    Digest the content of one file: plain BLAKE3, what ``b3sum`` prints.  Links are followed.

    ``threads``: at most so many (default: one per processor); files of less than 1 MiB take one.  ``stat_table=False``
    neither asks nor teaches the stat table; ``verify="always"`` reads the file in any case.  ``progress`` is called
    with the bytes done and the size of the file about every 50 ms in the calling thread, and once at the end; what it
    raises ends the work and passes.  ``mmap=True`` is about a quarter cheaper on files in the page cache, but ends the
    whole process (SIGBUS) if somebody truncates the file meanwhile.

    Raises InputMissingError where there is no regular file, InputChangedError for one that changes each of three times
    it is read, and OSError as the system says.
    """
    return _core.hash_file(
        path,
        threads=_checked_threads(threads),
        mmap=mmap,
        table=_table(stat_table),
        always=_is_always(verify),
        progress=progress,
    )


def hash_tree(
    path: Path,
    *,
    follow_symlinks: bool = False,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    threads: int | None = None,
    stat_table: bool = True,
    verify: Verify = "stat",
    progress: Callable[[int, int | None], object] | None = None,
) -> Digest:
    """
    Digest the names and contents of everything below a folder; dates, modes, owners and the folder's name do not count.

    A link counts by the text it holds, or with ``follow_symlinks`` by what it leads to.  Empty folders count.
    ``exclude`` and ``include`` are patterns as in a .gitignore file, held against paths below the folder: what is
    excluded is not even listed; with ``include``, only files that a pattern names, or that lie in a folder it names,
    count, and folders that hold one.  A tree digests like a copy without what does not count.  ``threads``,
    ``stat_table``, ``verify`` and ``progress`` are as for ``hash_file``; the size of a tree is not known beforehand, so
    ``progress`` receives the bytes done and None.

    Raises InputMissingError for what is no folder, for special files and for links that lead round in a circle,
    InputChangedError for files that change or vanish, ConfigError for a pattern that cannot be read, and OSError as the
    system says.
    """
    return _core.hash_tree(
        path,
        follow_symlinks=follow_symlinks,
        include=_patterns("include", include),
        exclude=_patterns("exclude", exclude),
        threads=_checked_threads(threads),
        table=_table(stat_table),
        always=_is_always(verify),
        progress=progress,
    )


def hash_paths(paths: Iterable[Path], *, stat_table: bool = True, verify: Verify = "stat") -> list[Digest]:
    """Digest each of some files and folders, in their order, as ``hash_file`` and ``hash_tree`` do."""
    if isinstance(paths, str | bytes | os.PathLike):
        raise ConfigError("hash_paths takes a list of paths, not one", tip="hash_file and hash_tree take one path")
    return _core.hash_paths(list(paths), table=_table(stat_table), always=_is_always(verify))


def scan_tree(path: Path, *, follow_symlinks: bool = False) -> tuple[Digest, Leaves]:
    """Digest a folder and give its files, a sequence of relative name, size in bytes and digest, by raw name."""
    return _core.scan_tree(path, follow_symlinks=follow_symlinks, table=stat_table_in_use())


def scan_files(paths: Sequence[Path]) -> list[tuple[int, Digest]]:
    """Digest some files and give size in bytes and digest of each."""
    return _core.scan_files(paths, table=stat_table_in_use())


def stat_table_in_use() -> StatTable | None:
    """Give the stat table that the settings name; None where it is off."""
    path = stat_table_path()
    if path is None:
        return None
    return _tables.get(path) or _tables.setdefault(path, StatTable(path))


def _table(stat_table: object) -> StatTable | None:
    if stat_table is not True and stat_table is not False:
        raise ConfigError(
            f"stat_table cannot be {stat_table!r} here",
            "it is True or False",
            'whorl.options(stat_table="…") says where the table lies',
        )
    return stat_table_in_use() if stat_table else None


def _checked_threads(threads: int | None) -> int | None:
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise ConfigError(f"threads cannot be {threads!r}", "it is a number from 1 on, or None")
    return None if threads is None else min(threads, _MOST_THREADS)


def _is_always(verify: str) -> bool:
    if verify not in _VERIFY:
        raise ConfigError(f"verify cannot be {verify!r}", tip=did_you_mean(str(verify), _VERIFY))
    return verify == "always"


def _patterns(name: str, patterns: Iterable[str]) -> list[str]:
    if isinstance(patterns, str):
        raise ConfigError(f"{name} is a list of patterns, not one text", tip=f"write {name}=[{patterns!r}]")
    found = list(patterns)
    if not all(isinstance(pattern, str) for pattern in found):
        raise ConfigError(f"{name} is a list of texts", f"it holds {found!r}")
    return found


@atexit.register
def _flush() -> None:
    for table in _tables.values():
        try:
            table.flush()
        except OSError as error:
            # Nothing is lost but time: the files are read again.
            logging.getLogger("whorl").debug("the stat table %s cannot be written: %s", table.path, error)


def _forget_in_child() -> None:
    # A thread of the parent may have held the lock of a table, and does not live here; nor may it be let go of then.
    _inherited.extend(_tables.values())
    _tables.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
