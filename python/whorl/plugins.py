"""
The name of an entry-point group in; what installed distributions bring for it out.

``importlib.metadata`` takes tens of milliseconds to import and to look through an environment, so it is only asked
when a file ``entry_points.txt`` on ``sys.path`` names the group at all.  Distributions that an import hook keeps
elsewhere are not seen.  A plugin that cannot be loaded warns and is skipped: it must not keep anyone from working.
Beside the arrow: digesting values and choosing formats ask here.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import TYPE_CHECKING, TypeVar

from whorl.errors import WhorlWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from importlib.metadata import EntryPoint

T = TypeVar("T")

_METADATA = (".dist-info", ".egg-info")


def scan(group: str) -> list[EntryPoint]:
    """List the entry points of a group."""
    if not any(_names(path, group) for path in _lists()):
        return []
    from importlib.metadata import entry_points

    return list(entry_points(group=group))


def load_or_skip(entry: EntryPoint, what: str, make: Callable[[object], T]) -> T | None:
    """Load what an entry point names and make something of it; None, with a warning, where that fails."""
    try:
        return make(entry.load())
    except Exception as error:  # noqa: BLE001 - whatever a foreign module raises when it is imported
        message = f"the {what} plugin {entry.name!r} ({entry.value}) is skipped: {error!r}"
        warnings.warn(message, WhorlWarning, stacklevel=5)
        return None


def _lists() -> Iterator[str]:
    for folder in dict.fromkeys(sys.path):
        try:
            names = os.listdir(folder or ".")
        except NotADirectoryError:  # a zip file may hold distributions too
            yield folder
        except OSError:
            continue
        else:
            yield from (os.path.join(folder, name, "entry_points.txt") for name in names if name.endswith(_METADATA))


def _names(path: str, group: str) -> bool:
    """Tell whether a list of entry points names a group; of a zip file, that it might."""
    try:
        with open(path, "rb") as file:
            return not path.endswith(".txt") or f"[{group}]".encode() in file.read()
    except OSError:
        return False
