"""
What Nuthatch calls its backends, their options and their settings in, what whorl calls the same out.

What whorl does anyway, or has no need to be told, is left out: who brings a project along changes one line of it.
Beside the arrow: keywords and settings are read through it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whorl.errors import WhorlWarning, warn

if TYPE_CHECKING:
    from collections.abc import Mapping

# "basic" is whatever suits a value that has no backend of its own.
_BACKENDS: Mapping[str, str | None] = {"basic": None, "deltalake": "delta"}
# An index always comes back, names of tables fit every database, rows go in batches; maps are not warped, and the
# labels of every dimension are listed.
_NEEDLESS = frozenset(("hash_table_name", "write_index", "chunk_size", "time_dimension", "resampling_method"))
# The list of maps lies beside them: there is no server to log in to.
_SERVER = frozenset(("driver", "host", "port", "database", "username", "password", "write_username", "write_password"))
_PLACE = frozenset(("filesystem", "filesystem_options"))


def format_called(backend: str) -> str | None:
    """Name the format of a backend; None for the one that suits a value."""
    return _BACKENDS.get(backend, backend)


def options_called(backend_kwargs: Mapping[str, object]) -> dict[str, object]:
    """Give the options of a format that ``backend_kwargs`` ask for."""
    return {name: value for name, value in backend_kwargs.items() if name not in _NEEDLESS}


def settings_called(backend: str, section: Mapping[str, object], origin: str) -> dict[str, object]:
    """Give the settings of a format that a section of a backend has; a place of its own is warned of and left out."""
    if section.keys() & _PLACE:
        warn(f"{origin} gives {backend} a file system of its own: here all formats are in one place", WhorlWarning)
    unknown = _PLACE | (_SERVER if backend == "terracotta" else frozenset())
    return {name: value for name, value in section.items() if name not in unknown}
