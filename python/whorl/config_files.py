"""
Folders in, the settings that files in them have out; a file is read once per process.

A project has a whorl.toml or ``[tool.whorl]`` in its pyproject.toml, a user a whorl.toml where the system keeps
settings, an installed library a whorl.toml beside its code.  Nuthatch's files are read likewise.  A path in a file is
relative to the file.  Beside the arrow: ``config.py`` asks.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whorl.errors import ConfigError
from whorl.sections import Layer, flatten, flatten_nuthatch
from whorl.settings import PUBLIC, is_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LOCATED = ("filesystem", "local", "sign_with")
_PROJECT = (("whorl.toml", ()), ("pyproject.toml", ("tool", "whorl")))
_NUTHATCH = (("nuthatch.toml", ("tool", "nuthatch")), ("pyproject.toml", ("tool", "nuthatch")))
_USERS_NUTHATCH = ((".nuthatch.toml", ("tool", "nuthatch")),)
_Sections = tuple[tuple[str, tuple[str, ...]], ...]


def of_project(project: Path) -> Iterator[Layer]:
    """Give the settings of a project, if it has any: those of the first file that has some."""
    yield from _first(project, _PROJECT, is_nuthatch=False)


def of_user(path: str | None) -> Iterator[Layer]:
    """Give the settings of a user: of the file at a path, by default where the system keeps settings."""
    file = Path(path) if path else _user_file()
    yield from _first(file.parent, ((file.name, ()),), is_nuthatch=False)


def of_nuthatch(project: Path | None) -> Iterator[Layer]:
    """Give what Nuthatch's files say, the user's first."""
    yield from _first(Path.home(), _USERS_NUTHATCH, is_nuthatch=True)
    if project is not None:
        yield from _first(project, _NUTHATCH, is_nuthatch=True)


@lru_cache(maxsize=64)
def of_package(folder: str) -> Mapping[str, object]:
    """Give the settings that an installed package brings along: whorl's, else Nuthatch's."""
    place = Path(folder)
    found = [*_first(place, _PROJECT[:1], is_nuthatch=False), *_first(place, _NUTHATCH[:1], is_nuthatch=True)]
    return found[0].values if found else {}


def forget() -> None:
    """Read files anew when they are next asked for."""
    _read.cache_clear()
    of_package.cache_clear()


def located(folder: str, location: str) -> str:
    """Make a path absolute; a URL stays as it is, but for that of a folder."""
    location = location.removeprefix("file://")
    return location if is_url(location) else os.path.join(folder, os.path.expanduser(location))


def located_in(folder: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Make the paths among settings absolute; public keys, which have a scheme before a colon, stay."""
    placed = dict(found)
    for name in _LOCATED:
        if placed.get(name):
            placed[name] = located(folder, str(placed[name]))
    if "mirrors" in placed:
        placed["mirrors"] = {
            name: {**mirror, "filesystem": located(folder, mirror["filesystem"])} if "filesystem" in mirror else mirror
            for name, mirror in placed["mirrors"].items()
        }
    if "trusted_keys" in placed:
        placed["trusted_keys"] = tuple(
            key if key.startswith(PUBLIC) else located(folder, key) for key in placed["trusted_keys"]
        )
    return placed


def _first(folder: Path, files: _Sections, *, is_nuthatch: bool) -> Iterator[Layer]:
    for name, section in files:
        found = _read(folder / name, section, is_nuthatch)
        if found is not None:
            yield found
            return


@lru_cache(maxsize=256)
def _read(path: Path, section: tuple[str, ...], is_nuthatch: bool) -> Layer | None:  # noqa: FBT001 - cached
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"{path.name} cannot be read", str(error)) from error
    if section and not _may_hold(section[-1], text):
        return None
    table = _parsed(path, text)
    inner: Any = table
    for part in section:
        inner = inner.get(part, {})
    if is_nuthatch and not inner:
        inner = table.get("nuthatch", {})
    if not inner:
        return None
    origin = f"{path.name} [{'.'.join(section)}]" if section else path.name
    found = (flatten_nuthatch if is_nuthatch else flatten)(inner, path.name)
    return Layer(origin, located_in(str(path.parent), found))


def _parsed(path: Path, text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path.name} cannot be read", str(error)) from error


def _may_hold(table: str, text: str) -> bool:
    """Tell whether TOML can have a table of that name: as it is, or with letters written as escapes."""
    # Loading tomllib takes longer than everything else that is read for a call.
    return table in text or "\\" in text


def _user_file() -> Path:
    from platformdirs import user_config_dir

    return Path(user_config_dir("whorl")) / "whorl.toml"
