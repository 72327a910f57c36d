"""
A path of a store in, who may do what with it out: its owner alone, or for a team's store its group as well.

The umask has no say: what is made for a team gets its mode once more after it was made.  Folders of a team pass their
group on (set-group-ID).  Stores are made a team's once per process, before anything is written there.  On the arrow:
below *commit*.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from whorl.errors import StoreError

_OWN_FOLDER, _OWN_FILE = 0o700, 0o600
_TEAM_FOLDER, _TEAM_FILE = 0o2770, 0o660
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_shared: tuple[str, ...] = ()


def share(root: str) -> None:
    """Let whatever this process makes below a root, and the root, be its group's too."""
    global _shared  # noqa: PLW0603 - replaced as a whole, so that readers need no lock
    _shared = tuple({*_shared, f"{root}/"})


def folder_mode(path: str) -> int:
    """Return the mode of a folder that is about to be made."""
    return _TEAM_FOLDER if is_shared(path) else _OWN_FOLDER


def file_mode(path: str) -> int:
    """Return the mode of a file that is about to be made."""
    return _TEAM_FILE if is_shared(path) else _OWN_FILE


def is_shared(path: str) -> bool:
    """Whether a path is a team's."""
    return bool(_shared) and f"{path}/".startswith(_shared)


def settle_folder(path: str) -> None:
    """Give a folder that was just made for a team its whole mode: the umask has taken its part."""
    if is_shared(path):
        with suppress(PermissionError):  # another member made it at the same moment, and does this
            os.chmod(path, _TEAM_FOLDER)


def settle_file(path: str, descriptor: int) -> None:
    """Give a file that was just made for a team its whole mode."""
    if is_shared(path):
        with suppress(PermissionError):
            os.chmod(descriptor if os.chmod in os.supports_fd else path, _TEAM_FILE)


def settle_tree(path: str) -> None:
    """Give everything below a folder the mode for a team: libraries wrote there by rules of their own."""
    if not is_shared(path):
        return
    for folder, _, names in os.walk(path):
        os.chmod(folder, _TEAM_FOLDER)
        for name in names:
            os.chmod(f"{folder}/{name}", _TEAM_FILE)


def check_rights(root: str) -> None:
    """Raise ``StoreError`` for a root that people can write to who should not, or where whose it is does not fit."""
    if not hasattr(os, "geteuid"):
        return
    status = os.stat(root)
    if is_shared(root):
        _check_team(root, status)
    else:
        _check_private(root, status)


def _check_private(root: str, status: os.stat_result) -> None:
    owner, own = status.st_uid, os.geteuid()
    if owner != own:
        cause = f"it is owned by user {owner}, and this process runs as user {own}"
        tip = "choose a store of your own with filesystem = …, or WHORL_FILESYSTEM"
        raise StoreError(f"the store {root} is someone else's", cause, tip)
    if status.st_mode & _OTHERS_WRITE:
        cause = f"its mode is {stat.S_IMODE(status.st_mode):04o}: what is in it may be anybody's"
        tip = f'chmod 700 {root}; or share it with its group: store_mode = "team"'
        raise StoreError(f"others can write to the store {root}", cause, tip)


def _check_team(root: str, status: os.stat_result) -> None:
    mode = f"its mode is {stat.S_IMODE(status.st_mode):04o}"
    if status.st_gid not in {os.getegid(), *os.getgroups()}:
        cause = f"it is of group {status.st_gid}, and this process is not"
        raise StoreError(f"the store {root} is of another group", cause, "join the group, or choose another store")
    if status.st_mode & stat.S_IWOTH:
        raise StoreError(f"everybody can write to the store {root}", mode, f"chmod o-rwx {root}")
    if not status.st_mode & stat.S_IWGRP:
        tip = f'chmod -R g+rwX {root}; find {root} -type d -exec chmod g+s {{}} +; or store_mode = "private"'
        raise StoreError(f"the store {root} is not its group's", mode, tip)
