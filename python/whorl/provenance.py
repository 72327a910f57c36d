"""
Where a result comes from: Python, platform, distributions, git commit, host and user, for people to read.

Nothing here enters a key.  Host and user are left out with ``provenance = false``.  On the arrow: part of *commit*.
"""

from __future__ import annotations

import getpass
import os
import platform
import socket
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from whorl.fingerprint.code import Fingerprint
    from whorl.settings import Settings


def describe_origin(settings: Settings, code: Fingerprint) -> dict[str, object]:
    """Describe this process and the versions of the distributions that the code names."""
    origin: dict[str, object] = {
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
        "distributions": {found.name: found.exact for found in code.distributions},
        "git": _git_commit(settings.project),
    }
    if settings.provenance:
        origin.update(host=socket.gethostname(), user=_user())
    return origin


def _git_commit(project: Path) -> str:
    """Read HEAD of the project's repository without starting git; empty where there is none."""
    folder = f"{project}/.git"  # as text: each result that is stored asks, and ``Path`` costs ten times as much
    try:
        head = _text_of(f"{folder}/HEAD")
        name = head.removeprefix("ref: ")
        if name == head:
            return head
        if os.path.isfile(f"{folder}/{name}"):
            return _text_of(f"{folder}/{name}")
        packed = _text_of(f"{folder}/packed-refs").splitlines()
    except OSError:
        return ""
    return next((line.split(" ")[0] for line in packed if line.endswith(f" {name}")), "")


def _text_of(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


@cache
def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else ""
