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
    folder = project / ".git"
    try:
        head = (folder / "HEAD").read_text(encoding="utf-8").strip()
        name = head.removeprefix("ref: ")
        if name == head:
            return head
        loose = folder / name
        if loose.is_file():
            return loose.read_text(encoding="utf-8").strip()
        packed = (folder / "packed-refs").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(" ")[0] for line in packed if line.endswith(f" {name}")), "")


@cache
def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else ""
