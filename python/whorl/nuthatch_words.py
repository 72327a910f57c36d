"""
What Nuthatch calls its backends and their words in, what whorl calls the same out.

One table has both: options, which a decorator or a call gives, and settings, which files, variables and programs give,
are read by it wherever options of a format are given.  What whorl does anyway, or has no need to be told, is left out,
so that who brings a project along changes one line of it.  Beside the arrow: keywords and settings are read through it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whorl.errors import WhorlWarning, warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SERVER = ("driver", "host", "port", "database", "username", "password", "write_username", "write_password")
_PLACE = frozenset(("filesystem", "filesystem_options"))


def _same(*words: str) -> dict[str, str | None]:
    return {word: word for word in words}


def _needless(*words: str) -> dict[str, str | None]:
    return dict.fromkeys(words)


@dataclass(frozen=True, slots=True)
class Backend:
    """
    A backend of Nuthatch.

    ``format`` is what it is here; None for whatever suits a value.  ``words`` has what each of its options and settings
    is here; None for one that is not needed.
    """

    format: str | None
    words: Mapping[str, str | None] = field(default_factory=dict)


# As in 0.4.11, but for "deltalake", which 0.1.1 has.  docs/from-nuthatch.md has a row for each word.
BACKENDS: Mapping[str, Backend] = {
    "basic": Backend(None),
    "parquet": Backend("parquet"),
    "delta": Backend("delta"),
    "deltalake": Backend("delta"),
    "zarr": Backend(
        "zarr",
        _same("chunking", "chunk_by_arg", "auto_rechunk", "target_read_chunk_size_mb")
        | _same("chunk_size_upper_limit_mb", "chunk_size_lower_limit_mb"),
    ),
    # Names of tables fit every database, an index always comes back, rows go in batches.
    "sql": Backend("sql", _same(*_SERVER) | _needless("hash_table_name", "write_index", "chunk_size")),
    # Labels of every dimension are listed, maps are not warped, and their list lies beside them: there is no server.
    "terracotta": Backend(
        "terracotta",
        _same("latitude_dimension", "longitude_dimension", "override_path")
        | _needless("time_dimension", "resampling_method", *_SERVER),
    ),
}


def format_called(backend: str) -> str | None:
    """Name the format of a backend; None for the one that suits a value."""
    return BACKENDS[backend].format if backend in BACKENDS else backend


def section_called(name: str, formats: Iterable[str]) -> str | None:
    """Name the format that a section of settings is about; None for one that is about none."""
    name = format_called(name) or name
    return name if name in formats else None


def words_called(name: str | None, given: Mapping[str, object]) -> Mapping[str, object]:
    """Give the options of a format for those that its user gives, in Nuthatch's words or in whorl's."""
    words = BACKENDS[name].words if name is not None and name in BACKENDS else {}
    if not given.keys() & words.keys():
        return given
    called = ((words.get(word, word), value) for word, value in given.items())
    return {word: value for word, value in called if word is not None}


def without_place(backend: str, section: Mapping[str, object], origin: str) -> dict[str, object]:
    """Leave the place out that a section gives a backend of its own, with a warning: here there is one for all."""
    if section.keys() & _PLACE:
        warn(f"{origin} gives {backend} a file system of its own: here all formats are in one place", WhorlWarning)
    return {name: value for name, value in section.items() if name not in _PLACE}
