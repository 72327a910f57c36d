"""
Files, environment and calls in, one frozen ``Settings`` out.

Strongest first: ``with whorl.options(…)``, ``whorl.configure(…)``, ``set_parameter``, the environment (``WHORL_MODE``),
``[tool.whorl]`` in pyproject.toml or a whorl.toml, the user's file, Nuthatch's variables and files, defaults.  This is
the only module that reads the environment, at each call; ``config_files.py`` alone reads files, once per process.
Beside the arrow: every step reads its settings here.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whorl import config_files, parameters
from whorl.config_files import located_in, of_nuthatch, of_package, of_project, of_user
from whorl.errors import ConfigError
from whorl.sections import Layer, flatten, flatten_nuthatch, merge_layers, variable
from whorl.settings import NAMES, Settings, check_setting

if TYPE_CHECKING:
    from collections.abc import Iterator

logging.getLogger("whorl").addHandler(logging.NullHandler())

_PROJECT_MARKS = ("whorl.toml", "pyproject.toml", ".git")
_COMPUTING = "WHORL_COMPUTING_PROCESS"
_PREFIXES = ("WHORL_", "NUTHATCH_")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_MOST_KNOWN = 256

_Options = tuple[tuple[str, object], ...]
_Environment = tuple[tuple[str, str], ...]
_configured: dict[str, object] = {}
_options: ContextVar[_Options] = ContextVar("whorl options", default=())
_interned: dict[_Options, _Options] = {}


@dataclass(slots=True)
class _Known:
    """Settings by what they were made from; ``configured`` counts the changes of what is set for the process."""

    configured: int
    settings: dict[tuple[object, ...], tuple[_Options, Settings]]


_known = _Known(0, {})
_extended: dict[tuple[object, ...], tuple[Settings, tuple[object, ...], Settings]] = {}


def settings() -> Settings:
    """Give the settings that hold for a call made now in this context; the same object while nothing changes."""
    options = _options.get()
    # Options are the same object while a block lasts, and held here: their number is not used again.
    key = os.getcwd(), _environment(), _known.configured, parameters.version(), id(options)
    known = _known.settings.get(key)
    if known is None:
        if len(_known.settings) >= _MOST_KNOWN:
            _known.settings.clear()
        known = _known.settings[key] = options, _merged(_layers(key[0], key[1], options), key[0])
    return known[1]


def settings_for(module: str) -> Settings:
    """Give the settings for a stage of a module: an installed library brings its stores along, as mirrors."""
    mine, package = settings(), module.partition(".")[0]
    brought = _brought_by(package, parameters.version(package))
    return _with_mirrors(mine, brought) if brought else mine


def layers() -> list[Layer]:
    """Give what was set, the weakest first, and where: for ``whorl config``."""
    return _layers(os.getcwd(), _environment(), _options.get())


def _layers(folder: str, environment: _Environment, options: _Options) -> list[Layer]:
    project = find_project(Path(folder))
    set_here = parameters.table_of()
    return [
        *of_nuthatch(project),
        *_from_variables(environment, "NUTHATCH"),
        *of_user(_variable("WHORL_CONFIG")),
        *(of_project(project) if project else ()),
        *_from_variables(environment, "WHORL"),
        *([Layer("set_parameter()", flatten(set_here, "set_parameter()"))] if set_here else []),
        Layer("configure()", dict(_configured), adds=False),
        Layer("options()", dict(options), adds=False),
    ]


def _merged(found: list[Layer], folder: str) -> Settings:
    project = find_project(Path(folder))
    merged: dict[str, Any] = {}
    for layer in found:
        merged = merge_layers(merged, layer.values, adds=layer.adds)
    if "mirrors" in merged:
        check_setting("mirrors", merged["mirrors"], "the settings")
    placed = located_in(folder, merged)
    root = placed.get("local") or _default_root(project)
    return replace(Settings(project or Path(folder), root), **placed)


_Brought = tuple[tuple[str, Mapping[str, object]], ...]


@lru_cache(maxsize=256)
def _brought_by(package: str, _version: int) -> _Brought:
    """Give the stores that an installed package names, in a whorl.toml beside its code or as parameters, as mirrors."""
    place = getattr(sys.modules.get(package), "__file__", None)
    if place is None or not any(part in place for part in parameters.INSTALLED):
        return ()
    found = merge_layers(
        dict(of_package(os.path.dirname(place))), flatten(parameters.table_of(package), package), adds=True
    )
    stores: dict[str, Any] = {f"{package}-{name}": mirror for name, mirror in found.get("mirrors", {}).items()}  # type: ignore[attr-defined]
    if "filesystem" in found:
        root = {name: found[name] for name in ("filesystem", "filesystem_options") if name in found}
        stores = {f"{package}-root": root, **stores}
    return tuple(stores.items())


def _with_mirrors(mine: Settings, brought: _Brought) -> Settings:
    """Add mirrors to settings; the same ones give the same object."""
    key = id(mine), tuple(name for name, _ in brought)
    known = _extended.get(key)
    if known is None or known[0] is not mine or known[1] != brought:
        if len(_extended) >= _MOST_KNOWN:
            _extended.clear()
        known = _extended[key] = mine, brought, replace(mine, mirrors={**dict(brought), **mine.mirrors})
    return known[2]


def forget_files() -> None:
    """Read files anew when settings are next asked for: they are read once per project and process."""
    config_files.forget()
    _set_in_files.cache_clear()
    _brought_by.cache_clear()
    _known.settings.clear()


def _environment() -> _Environment:
    """Give the variables that may be settings."""
    held = getattr(os.environ, "_data", None)
    if held is None:  # something else was put in its place
        return tuple((name, text) for name, text in os.environ.items() if name.startswith(_PREFIXES))
    names = _names_of_ours(tuple(held))
    return _decoded(names, tuple([held.get(name) for name in names])) if names else ()


# What the environment has is looked at by each call; what it says is read again where that differs.
@lru_cache(maxsize=16)
def _names_of_ours(names: tuple[Any, ...]) -> tuple[Any, ...]:
    prefixes = tuple(map(os.environ.encodekey, _PREFIXES))
    computing = os.environ.encodekey(_COMPUTING)
    return tuple(sorted(name for name in names if name.startswith(prefixes) and name != computing))


@lru_cache(maxsize=64)
def _decoded(names: tuple[Any, ...], values: tuple[Any, ...]) -> _Environment:
    """Decode variables as ``os.environ`` does; those without a text are not set."""
    pairs = zip(map(os.environ.decodekey, names), values, strict=True)
    return tuple((name, os.environ.decodevalue(value)) for name, value in pairs if value)


def _from_variables(environment: _Environment, prefix: str) -> Iterator[Layer]:
    """Read the variables of a prefix; one that names no setting is none of ours."""
    understand = flatten if prefix == "WHORL" else flatten_nuthatch
    for name, text in environment:
        start, _, rest = name.partition("_")
        table = variable(rest.lower(), text) if start == prefix else None
        if table is not None:
            yield Layer(name, understand(_typed(table, name), name, is_part=True))


def unknown_variables() -> list[str]:
    """List the variables of whorl's name that are no setting."""
    names = [name for name, _ in _environment() if name.startswith("WHORL_")]
    return [name for name in names if variable(name.removeprefix("WHORL_").lower(), "") is None]


def _typed(table: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """Read the texts of variables as what their settings are."""
    return {
        name: _typed(value, origin) if isinstance(value, dict) else _parse(name, value, origin)
        for name, value in table.items()
    }


def _variable(name: str) -> str | None:
    """Read a variable of the environment; most are not set, which ``os.environ`` takes an exception to find out."""
    environment = os.environ
    held = getattr(environment, "_data", None)
    if held is None:  # something else was put in its place
        return environment.get(name)
    return environment[name] if _encoded(name) in held else None


_encoded = lru_cache(maxsize=64)(os.environ.encodekey)


def current_project() -> Path:
    """Give the ``project`` of the settings alone: asked for at each fingerprint, so it does not read the rest."""
    return _project_at(os.getcwd())


def current_distributions() -> Mapping[str, str]:
    """Give the ``distributions`` of the settings alone; the environment has no say in them."""
    found = _set_in_process("distributions")
    return _of_files("distributions", {}) if found is None else found  # type: ignore[return-value]  # checked when set


def stat_table_path() -> str | None:
    """Give the file that the ``stat_table`` of the settings names, None for ``off``; asked for at each digest."""
    text = str(_set_in_process("stat_table") or _variable("WHORL_STAT_TABLE") or _stat_table_of_files())
    if text.lower() in _FALSE:
        return None
    if text.lower() in _TRUE:
        return _default_stat_table()
    path = os.path.expanduser(text)
    if not os.path.isabs(path):
        raise ConfigError(f"stat_table cannot be {text!r}", "it is on, off, or the absolute path of a file")
    return path


def _set_in_process(name: str) -> object:
    """Give a setting that a block or the process has; None where neither does."""
    options, found = _options.get(), _configured.get(name)
    return dict(options).get(name, found) if options else found


def _of_files(name: str, otherwise: object) -> object:
    """Give a setting that a file has, the project's before the user's."""
    return _set_in_files(current_project(), _variable("WHORL_CONFIG")).get(name, otherwise)


@lru_cache(maxsize=64)
def _set_in_files(project: Path, user: str | None) -> Mapping[str, object]:
    """Give what the user's file and the project's say: asked for at each fingerprint."""
    merged: dict[str, object] = {}
    for layer in (*of_user(user), *of_project(project)):
        merged |= layer.values
    return merged


def _stat_table_of_files() -> object:
    try:
        return _of_files("stat_table", "on")
    except (OSError, ConfigError):  # a folder that is gone, or settings that cannot be read, say nothing about files
        return "on"


@lru_cache(maxsize=1)
def _default_stat_table() -> str:
    from platformdirs import user_cache_dir

    # The number is the layout's: releases that disagree about it do not share a file.
    return os.path.join(user_cache_dir("whorl"), "stat-table-1")


@lru_cache(maxsize=256)
def _project_at(folder: str) -> Path:
    return find_project(Path(folder)) or Path(folder)


@contextmanager
def options(**values: object) -> Iterator[Settings]:
    """Set options for the calls made inside the block, in this context and in what is started from it."""
    from whorl.carrying import carried

    checked = {name: check_setting(name, value, "options()") for name, value in values.items()}
    merged = _interned_as_known(tuple({**dict(_options.get()), **checked}.items()))
    token = _options.set(merged)
    try:
        with carried(_options, "whorl.config:_options"):
            yield settings()
    finally:
        _options.reset(token)


def _interned_as_known(merged: _Options) -> _Options:
    """Give options of one content as one object, so that they give the same settings; what has no hash is its own."""
    try:
        known = _interned.setdefault(merged, merged)
    except TypeError:
        return merged
    if len(_interned) > _MOST_KNOWN:
        _interned.clear()
    # Numbers that Python takes for each other, such as True and 1, are not the same option.
    return known if repr(known) == repr(merged) else merged


def configure(**values: object) -> None:
    """Set options for the whole process; ``None`` takes one back."""
    for name, value in values.items():
        if value is None and name in NAMES:
            _configured.pop(name, None)
        else:
            _configured[name] = check_setting(name, value, "configure()")
        _known.configured += 1


def find_project(start: Path) -> Path | None:
    """Find the nearest folder at or above ``start`` with a whorl.toml, a pyproject.toml or a .git."""
    return next(
        (folder for folder in (start, *start.parents) for mark in _PROJECT_MARKS if (folder / mark).exists()), None
    )


def default_local(settings: Settings) -> str:
    """Give the folder of the local tier that modes use where none is configured: that of the default root."""
    has_project = find_project(settings.project) is not None
    return _default_root(settings.project if has_project else None)


def _default_root(project: Path | None) -> str:
    if project:
        return str(project / ".whorl")
    from platformdirs import user_cache_dir

    return os.path.join(user_cache_dir("whorl"), "store")


def _parse(name: str, text: str, origin: str) -> object:
    """Read the text of a variable as what its setting is; an option of a format stays a text."""
    kind = str(Settings.__dataclass_fields__[name].type) if name in NAMES else "str"
    if kind.startswith("Mapping"):
        return _parse_json(text, origin)
    if name == "trusted_keys":
        return [key.strip() for key in text.split(",") if key.strip()]
    if kind == "bool" and text.lower() in _TRUE + _FALSE:
        return text.lower() in _TRUE
    try:
        return float(text) if kind == "float" else int(text) if kind == "int" else text
    except ValueError:
        return text


def _parse_json(text: str, origin: str) -> object:
    import json

    try:
        return json.loads(text)
    except ValueError as error:  # the text may have secrets in it: it is not shown
        raise ConfigError(f"{origin} cannot be read", "it is an object of JSON") from error


def environment_variable(name: str) -> str | None:
    """Read a variable of the environment that a stage declared with ``env=``."""
    return os.environ.get(name)


def temporary_folders() -> tuple[str, ...]:
    """Give what the environment names as the folder for temporary files, first the one that comes first."""
    return tuple(path for path in map(_variable, ("TMPDIR", "TEMP", "TMP")) if path)


def announce_process(announcement: str | None) -> None:
    """Tell processes started from here that one computes, and where they pass on what they call; None ends it."""
    if announcement is None:
        os.environ.pop(_COMPUTING, None)
    else:
        os.environ[_COMPUTING] = announcement


def announced_process() -> str | None:
    """Give the announcement of a process that computes, if there is one."""
    return _variable(_COMPUTING)
