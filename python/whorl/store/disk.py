"""
Bytes and paths in, files on disk out: whole files, each failure a ``StoreError``.

Files appear under their name at once and complete, or not at all.  Who may use them says ``rights.py``.  On the
arrow: *lookup* and *commit*.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from whorl.digest import Digest, Hasher, is_absent, read_small
from whorl.errors import CorruptEntryError, StoreError
from whorl.store.rights import file_mode, folder_mode, settle_file, settle_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_BINARY = getattr(os, "O_BINARY", 0)
# Reads within this allocate what they ask for.
_AT_ONCE = 1 << 20
# O_NONBLOCK: of a pipe that stands where a file should be, opening would wait for ever; for files it means nothing.
_READ = os.O_RDONLY | _BINARY | sum(getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK"))
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | _BINARY
# ELOOP: a link, which is not followed.
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.EXDEV}
# A folder that was emptied has something in it again: someone writes there, a few more files at most.
_NOT_EMPTY, _REMOVALS = {errno.ENOTEMPTY, errno.EEXIST}, 8
# What a disk says that nothing more can be written to; libraries that write a file pass it on, often without its name.
_OF_DISKS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG}
_TIPS = {
    errno.ENOSPC: "free some space on this disk, or remove entries that are not needed: whorl rm --now",
    errno.EDQUOT: "free some space below your quota, or remove entries that are not needed: whorl rm --now",
    errno.EROFS: 'choose another store, or mode = "read_only"',
    errno.EACCES: "check the permissions of this folder, or choose another store",
    errno.EPERM: "check the permissions of this folder, or choose another store",
}


def digest_bytes(data: bytes | memoryview) -> Digest:
    """Digest bytes as a file of them would be: plain BLAKE3."""
    hasher = Hasher()
    hasher.update(data)
    return Digest(hasher.digest())


def failure(doing: str, path: str | os.PathLike[str], error: OSError) -> StoreError:
    """Word an error of the file system as a ``StoreError``."""
    tip = _TIPS.get(error.errno or 0, "")
    return StoreError(f"the store could not {doing} {os.fspath(path)}", error.strerror or repr(error), tip)


def is_below(error: OSError, folder: str | os.PathLike[str]) -> bool:
    """
    Say whether an error of the file system is of something below a folder whose own name no other has.

    Libraries that pass it on may name the path in their words alone, or not at all; then it is of this folder if it is
    what disks say that are written to.
    """
    if os.path.basename(folder) in f"{error} {error.filename} {error.filename2}":
        return True
    return error.filename is None and error.errno in _OF_DISKS


@contextmanager
def guarded(doing: str, path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn errors of the file system into ``StoreError``; those that already are one pass."""
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        raise failure(doing, path, error) from error


def read_file(path: str, limit: int) -> bytes | None:
    """
    Return a file's bytes, at most one byte beyond ``limit``; ``None`` where there is no such file.

    Links are not followed.  One open, one read, one close; memory is taken for what is there, not for ``limit``.
    """
    try:
        if limit >= _AT_ONCE:
            return _read_on(path, limit)
        sys.audit("open", path, None, _READ)  # as os.open does, for those who watch which files are opened
        return read_small(path, limit + 1)
    except OSError as error:
        raise failure("read", path, error) from error


def close_read(descriptor: int) -> None:
    """Close what nothing was written through; what the system says to that is of no interest, it is closed anyway."""
    with suppress(OSError):  # tests/faults/test_system_calls.py
        os.close(descriptor)


def _read_on(path: str, limit: int) -> bytes | None:
    try:
        descriptor = os.open(path, _READ)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            is_whole = os.fstat(descriptor).st_size <= limit
            return (file.readall() if is_whole else file.read(limit + 1)) or b""
    finally:
        close_read(descriptor)


def read_large(path: str, limit: int) -> bytes | None:
    """Return a file's bytes without taking memory for ``limit`` of them; ``None`` where it is absent or larger."""
    try:
        size = os.stat(path).st_size
        return read_exactly(path, size) if size <= limit else None
    except (FileNotFoundError, NotADirectoryError, CorruptEntryError):
        return None
    except StoreError:
        raise
    except OSError as error:
        raise failure("read", path, error) from error


def read_exactly(path: str, size: int) -> bytes:
    """Return the bytes of a file that must have ``size`` of them; ``CorruptEntryError`` where it is not so."""
    try:
        descriptor = os.open(path, _READ)
    except OSError as error:
        if error.errno in _NOT_THERE:
            raise CorruptEntryError(f"the stored file {path} is missing", error.strerror or "") from error
        raise failure("read", path, error) from error
    try:
        with guarded("read", path):
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size != size:  # before anything is allocated
                raise CorruptEntryError(f"the stored file {path} is damaged", f"it does not have {size} bytes")
            with open(descriptor, "rb", buffering=0, closefd=False) as file:
                return file.read()
    finally:
        close_read(descriptor)


def write_file(path: str, data: bytes | memoryview, *, durable: bool = False) -> None:
    """Create a file; an error where it exists."""
    with guarded("write", path), open(os.open(path, _CREATE, file_mode(path)), "wb", buffering=0) as file:
        settle_file(path, file.fileno())
        left = memoryview(data).cast("B")
        while left:  # one write takes 2 GiB at most
            left = left[file.write(left) :]
        if durable:
            os.fsync(file.fileno())


def copy_file(source: str, target: str) -> None:
    """Copy a file's bytes to a new file."""
    import shutil

    with guarded("write", target):
        shutil.copyfile(source, target, follow_symlinks=False)
        os.chmod(target, file_mode(target))


def replace_file(path: str, data: bytes, *, temporary: str, durable: bool = False) -> None:
    """Write a file under a temporary name, then give it its own, in place of what had it."""
    try:
        write_file(temporary, data, durable=durable)
        with guarded("write", path):
            os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def link_once(source: str, target: str) -> bool | None:
    """Give a file a second name if that is free: true, or false; ``None`` where the file system has no links."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno in _NO_LINKS:
            return None
        raise
    return True


def make_folder(path: str) -> None:
    """Make a folder with those above it, each as its store says: for its owner alone, or for a team."""
    try:
        os.mkdir(path, folder_mode(path))
        settle_folder(path)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_folder(os.path.dirname(path))
        _make_last(path)
    except OSError as error:
        raise failure("make the folder", path, error) from error


def _make_last(path: str) -> None:
    """Make a folder below one that is there by now; /proc is, and takes none."""
    with guarded("make the folder", path), suppress(FileExistsError):
        os.mkdir(path, folder_mode(path))
        settle_folder(path)


def sync_folder(path: str) -> None:
    """Have the names in a folder on disk, where the system can."""
    if os.name == "nt":  # folders cannot be opened there
        return
    with guarded("write", path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_tree(path: str) -> None:
    """Have every file and folder below a folder on disk."""
    with guarded("write", path):
        for folder, _, names in os.walk(path):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    os.fsync(file.fileno())
            sync_folder(folder)


def remove_file(path: str) -> bool:
    """Remove a file; false where there is none."""
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise failure("remove", path, error) from error
    return True


def remove_folder(path: str) -> None:
    """Remove a folder with everything below it, as far as it is there, and what is written into it meanwhile."""
    import shutil  # it brings the archive modules along

    for left in reversed(range(_REMOVALS)):
        try:
            shutil.rmtree(path)
        except FileNotFoundError:  # it is gone, or someone else is at it as well
            shutil.rmtree(path, ignore_errors=True)
        except OSError as error:
            if error.errno in _NOT_EMPTY and left:
                continue
            raise failure("remove", path, error) from error
        return


def names_in(path: str) -> list[str]:
    """Return the sorted names in a folder, none where there is no such folder."""
    with guarded("list", path), suppress(FileNotFoundError, NotADirectoryError):
        return sorted(os.listdir(path))
    return []


def is_there(path: str) -> bool:
    """Return whether a path leads to anything, be it a link; an error where that cannot be known."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise failure("read", path, error) from error
    return True


def has_names(path: str) -> bool:
    """Return whether there is anything in a folder."""
    if is_absent(path):
        return False
    with guarded("list", path), suppress(FileNotFoundError, NotADirectoryError), os.scandir(path) as found:
        return next(found, None) is not None
    return False


def tree_size(path: str) -> int:
    """Return the bytes of the files below a folder; those that go meanwhile do not count."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with guarded("read", folder), suppress(FileNotFoundError):
                total += os.lstat(f"{folder}/{name}").st_size
    return total
