"""
Files, environment and calls in, one frozen ``Settings`` out.

Strongest first: ``with whorl.options(…)``, ``whorl.configure(…)``, the environment (``WHORL_MODE``), ``[tool.whorl]``
in pyproject.toml or a whorl.toml, defaults.  This is the only module that reads the environment and pyproject.toml; the
environment is read at each call, a file once per project and process.  Beside the arrow: every step reads its settings
here.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whorl.errors import ConfigError
from whorl.settings import NAMES, PUBLIC, Settings, check_setting, is_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

logging.getLogger("whorl").addHandler(logging.NullHandler())

_PROJECT_MARKS = ("whorl.toml", "pyproject.toml", ".git")
_COMPUTING = "WHORL_COMPUTING_PROCESS"
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


_VARIABLES = tuple((name, f"WHORL_{name.upper()}") for name in NAMES if name != "distributions")

_configured: dict[str, object] = {}
_options: ContextVar[tuple[tuple[str, object], ...]] = ContextVar("whorl options", default=())


def settings() -> Settings:
    """Give the settings that hold for a call made now in this context; cheap when nothing changed."""
    environment = _from_environment()
    configured = tuple(_configured.items())
    try:
        return _merge(os.getcwd(), environment, configured, _options.get())
    except TypeError:  # an option that cannot be hashed, as a mapping of distributions, is merged each time
        return _merge.__wrapped__(os.getcwd(), environment, configured, _options.get())


def _from_environment() -> tuple[tuple[str, str], ...]:
    held = getattr(os.environ, "_data", None)
    if held is not None and held.keys().isdisjoint(_encoded_variables()):
        return ()
    return tuple([(name, value) for name, variable in _VARIABLES if (value := os.environ.get(variable))])


@lru_cache(maxsize=1)
def _encoded_variables() -> tuple[object, ...]:
    return tuple(map(_encoded, (variable for _, variable in _VARIABLES)))


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
    found = dict(_options.get()).get("distributions", _configured.get("distributions"))
    if found is None:
        found = _from_file(current_project()).get("distributions", {})
    return found  # type: ignore[return-value]  # checked when it was set


def stat_table_path() -> str | None:
    """Give the file that the ``stat_table`` of the settings names, None for ``off``; asked for at each digest."""
    found = dict(_options.get()).get("stat_table", _configured.get("stat_table"))
    if found is None:
        found = _variable("WHORL_STAT_TABLE") or _stat_table_of_project()
    text = str(found)
    if text.lower() in _FALSE:
        return None
    if text.lower() in _TRUE:
        return _default_stat_table()
    path = os.path.expanduser(text)
    if not os.path.isabs(path):
        raise ConfigError(f"stat_table cannot be {text!r}", "it is on, off, or the absolute path of a file")
    return path


def _stat_table_of_project() -> object:
    try:
        return _from_file(current_project()).get("stat_table", "on")
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
    checked = tuple((name, check_setting(name, value, "options()")) for name, value in values.items())
    from whorl.carrying import carried

    token = _options.set(tuple({**dict(_options.get()), **dict(checked)}.items()))
    try:
        with carried(_options):
            yield settings()
    finally:
        _options.reset(token)


def configure(**values: object) -> None:
    """Set options for the whole process; ``None`` takes one back."""
    for name, value in values.items():
        if value is None and name in NAMES:
            _configured.pop(name, None)
        else:
            _configured[name] = check_setting(name, value, "configure()")


def find_project(start: Path) -> Path | None:
    """Find the nearest folder at or above ``start`` with a whorl.toml, a pyproject.toml or a .git."""
    return next(
        (folder for folder in (start, *start.parents) for mark in _PROJECT_MARKS if (folder / mark).exists()), None
    )


@lru_cache(maxsize=256)
def _merge(
    folder: str,
    environment: tuple[tuple[str, str], ...],
    configured: tuple[tuple[str, object], ...],
    options: tuple[tuple[str, object], ...],
) -> Settings:
    project = find_project(Path(folder))
    merged = Settings(project or Path(folder), _default_root(project))
    from_environment = {
        name: check_setting(name, _parse(name, text), f"WHORL_{name.upper()}") for name, text in environment
    }
    layers = (_from_file(project) if project else {}, from_environment, dict(configured), dict(options))
    for layer in layers:
        merged = replace(merged, **layer)  # type: ignore[arg-type]
    local = _located(folder, merged.local) if merged.local else ""
    is_named = any("filesystem" in layer for layer in layers)
    return replace(
        merged,
        filesystem=_located(folder, merged.filesystem) if is_named or not local else local,
        local=local,
        sign_with=_located(folder, merged.sign_with) if merged.sign_with else "",
        trusted_keys=_located_keys(folder, merged.trusted_keys),
    )


def default_local(settings: Settings) -> str:
    """Give the folder of the local tier that modes use where none is configured: that of the default root."""
    has_project = find_project(settings.project) is not None
    return _default_root(settings.project if has_project else None)


def _located(folder: str, location: str) -> str:
    """Make a path absolute; a URL stays as it is, but for that of a folder."""
    location = location.removeprefix("file://")
    return location if is_url(location) else os.path.join(folder, os.path.expanduser(location))


def _located_keys(folder: str, keys: Any) -> tuple[str, ...]:
    """Make the paths of key files absolute; public keys, which have a scheme before a colon, stay."""
    return tuple(key if key.startswith(PUBLIC) else _located(folder, key) for key in keys)


def _default_root(project: Path | None) -> str:
    if project:
        return str(project / ".whorl")
    from platformdirs import user_cache_dir

    return os.path.join(user_cache_dir("whorl"), "store")


@lru_cache(maxsize=64)
def _from_file(project: Path) -> Mapping[str, object]:
    for path, section in ((project / "whorl.toml", ()), (project / "pyproject.toml", ("tool", "whorl"))):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            if section and not _may_hold(section[-1], text):
                continue
            import tomllib

            try:
                table = tomllib.loads(text)
            except tomllib.TOMLDecodeError as error:
                raise ConfigError(f"{path.name} cannot be read", str(error)) from error
            for part in section:
                table = table.get(part, {})
            if table:
                found = {name: check_setting(name, value, path.name) for name, value in _flattened(table).items()}
                for name in ("filesystem", "local", "sign_with"):
                    if name in found:  # a path in a file is relative to the file
                        found[name] = _located(str(project), str(found[name]))
                if "trusted_keys" in found:
                    found["trusted_keys"] = _located_keys(str(project), found["trusted_keys"])
                return found
    return {}


def _may_hold(table: str, text: str) -> bool:
    """Tell whether TOML can have a table of that name: as it is, or with letters written as escapes."""
    # Loading tomllib takes longer than everything else that is read for a call.
    return table in text or "\\" in text


def _flattened(table: Mapping[str, Any]) -> dict[str, object]:
    """Take a section ``[tool.whorl.local]`` for its ``filesystem``."""
    local = table.get("local")
    if not isinstance(local, dict):
        return dict(table)
    if set(local) != {"filesystem"}:
        raise ConfigError("[tool.whorl.local] has one setting: filesystem", f"it says {', '.join(sorted(local))}")
    return {**table, "local": local["filesystem"]}


def _parse(name: str, text: str) -> object:
    default = Settings.__dataclass_fields__[name].type
    if str(default).startswith("Mapping"):
        return _parse_json(name, text)
    if name == "trusted_keys":
        return [key.strip() for key in text.split(",") if key.strip()]
    if default == "bool" and text.lower() in _TRUE + _FALSE:
        return text.lower() in _TRUE
    try:
        return float(text) if default == "float" else int(text) if default == "int" else text
    except ValueError:
        return text


def _parse_json(name: str, text: str) -> object:
    import json

    try:
        return json.loads(text)
    except ValueError as error:  # the text may have secrets in it: it is not shown
        raise ConfigError(f"WHORL_{name.upper()} cannot be read", "it is an object of JSON") from error


def environment_variable(name: str) -> str | None:
    """Read a variable of the environment that a stage declared with ``env=``."""
    return os.environ.get(name)


def announce_process(process: int | None) -> None:
    """Tell processes started from here which process computes, so that they pass on what they call; None ends it."""
    if process is None:
        os.environ.pop(_COMPUTING, None)
    else:
        os.environ[_COMPUTING] = str(process)


def announced_process() -> int | None:
    """Give the process that announced that it computes, if one did."""
    text = _variable(_COMPUTING) or ""
    return int(text) if text.isdecimal() else None
