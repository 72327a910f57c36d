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
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whorl.errors import ConfigError
from whorl.modes import MODES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

logging.getLogger("whorl").addHandler(logging.NullHandler())

_PROJECT_MARKS = ("whorl.toml", "pyproject.toml", ".git")
_COMPUTING = "WHORL_COMPUTING_PROCESS"
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Everything that can be set; the docstring of each field is its documentation.

    ``filesystem``: the root store, a folder or the URL of a bucket (default: ``.whorl`` beside the nearest
    pyproject.toml or .git, else the user's cache folder; ``local`` where only that is set); ``filesystem_options``:
    what fsspec has to know to reach it. ``local``: the folder of the local tier, where results are kept close by as
    well (default: none; modes that name the local tier then use the default root). ``mirrors``: further stores by name,
    only read, each a mapping with ``filesystem`` and ``filesystem_options``. ``network_timeout``: seconds that one
    request to a store may take. ``lease_ttl``: seconds after which a silent holder of a lease behind a network counts
    as gone, half as long again. ``pickle``: what is done with results whose decoding runs code: ``local`` (decoded from
    a store of your own, not written to a shared one), ``never``, ``any``. ``mode``: a name of ``MODES``.
    ``wait_timeout``: seconds to wait for another process that computes the same key. ``strict``: a failing store raises
    instead of warning. ``durability``: ``fast``, ``fsync``. ``verify``: ``always``, ``first`` or ``never`` check
    payloads against their digests. ``provenance``: keep host and user in manifests. ``store_args``: keep short reprs of
    arguments. ``jobs``: independent upstreams side by side. ``namespace``: where entries go unless a stage pins its
    own. ``distributions``: how versions of distributions count (``exact``, ``minor``, ``ignore``, ``follow``; ``"*"``
    for all). ``stat_table``: where digests of raw files are remembered by what the file system says of them: ``on``
    (the user's cache folder), ``off``, or an absolute path.
    """

    project: Path
    filesystem: str
    filesystem_options: Mapping[str, object] = field(default_factory=dict, repr=False)
    local: str = ""
    mirrors: Mapping[str, Mapping[str, object]] = field(default_factory=dict, repr=False)
    network_timeout: float = 30.0
    lease_ttl: float = 30.0
    pickle: str = "local"
    mode: str = "write"
    wait_timeout: float = 24 * 3600.0
    strict: bool = False
    durability: str = "fast"
    verify: str = "always"
    provenance: bool = True
    store_args: bool = False
    jobs: int = 1
    namespace: str = "default"
    distributions: Mapping[str, str] = field(default_factory=dict)
    stat_table: str = "on"


# What the setting ``pickle`` can be, as docs/store.md has it.
PICKLE: Mapping[str, str] = {
    "local": "decoded from a store of your own on this machine; not written to one that is shared (the default)",
    "never": "neither decoded nor written anywhere",
    "any": "decoded from everywhere, and written everywhere: whoever writes to the store runs code on your machine",
}
_CHOICES = {
    "mode": tuple(MODES),
    "pickle": tuple(PICKLE),
    "durability": ("fast", "fsync"),
    "verify": ("always", "first", "never"),
}
_NAMES = tuple(item.name for item in fields(Settings) if item.name != "project")
_VARIABLES = tuple((name, f"WHORL_{name.upper()}") for name in _NAMES if name != "distributions")

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
    checked = tuple((name, _checked(name, value, "options()")) for name, value in values.items())
    token = _options.set(tuple({**dict(_options.get()), **dict(checked)}.items()))
    try:
        yield settings()
    finally:
        _options.reset(token)


def configure(**values: object) -> None:
    """Set options for the whole process; ``None`` takes one back."""
    for name, value in values.items():
        if value is None and name in _NAMES:
            _configured.pop(name, None)
        else:
            _configured[name] = _checked(name, value, "configure()")


def did_you_mean(name: str, known: object) -> str:
    """Word a tip that names the nearest known spelling, or all of them."""
    import difflib

    names = sorted(str(item) for item in known)  # type: ignore[attr-defined]
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"


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
    from_environment = {name: _checked(name, _parse(name, text), f"WHORL_{name.upper()}") for name, text in environment}
    layers = (_from_file(project) if project else {}, from_environment, dict(configured), dict(options))
    for layer in layers:
        merged = replace(merged, **layer)  # type: ignore[arg-type]
    local = _located(folder, merged.local) if merged.local else ""
    is_named = any("filesystem" in layer for layer in layers)
    root = _located(folder, merged.filesystem) if is_named or not local else local
    return replace(merged, filesystem=root, local=local)


def default_local(settings: Settings) -> str:
    """Give the folder of the local tier that modes use where none is configured: that of the default root."""
    has_project = find_project(settings.project) is not None
    return _default_root(settings.project if has_project else None)


def is_url(location: str) -> bool:
    """Tell a URL from a path."""
    return "://" in location


def _located(folder: str, location: str) -> str:
    """Make a path absolute; a URL stays as it is, but for that of a folder."""
    location = location.removeprefix("file://")
    return location if is_url(location) else os.path.join(folder, os.path.expanduser(location))


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
                found = {name: _checked(name, value, path.name) for name, value in _flattened(table).items()}
                for name in ("filesystem", "local"):
                    if name in found:  # a path in a file is relative to the file
                        found[name] = _located(str(project), str(found[name]))
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


def _checked(name: str, value: object, origin: str) -> object:
    if name not in _NAMES:
        raise ConfigError(f"unknown setting {name!r} in {origin}", tip=did_you_mean(name, _NAMES))
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ConfigError(f"{name} cannot be {value!r} ({origin})", tip=did_you_mean(str(value), _CHOICES[name]))
    if name in ("filesystem", "local") and isinstance(value, os.PathLike):
        return os.fspath(value)
    if name == "local" and is_url(str(value)):
        raise ConfigError(f"local cannot be {value!r} ({origin})", "the local tier is a folder of this machine")
    if name == "mirrors":
        _check_mirrors(value, origin)
    if name == "filesystem_options" and not isinstance(value, dict):
        raise ConfigError(f"filesystem_options cannot be used ({origin})", "they are a mapping of names to values")
    wanted: Any = {"bool": bool, "float": (int, float), "int": int, "str": str}.get(
        str(Settings.__dataclass_fields__[name].type)
    )
    if wanted and (not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool)):
        raise ConfigError(
            f"{name} cannot be {value!r} ({origin})", f"it is a {Settings.__dataclass_fields__[name].type}"
        )
    return value


def _check_mirrors(value: object, origin: str) -> None:
    known = {"filesystem", "filesystem_options"}
    for name, mirror in value.items() if isinstance(value, dict) else [("mirrors", value)]:
        if not isinstance(mirror, dict) or not isinstance(mirror.get("filesystem"), str) or not mirror.keys() <= known:
            raise ConfigError(
                f"the mirror {name!r} cannot be used ({origin})",
                "a mirror is a section with filesystem and, if it needs them, filesystem_options",
            )


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
