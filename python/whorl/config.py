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

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

logging.getLogger("whorl").addHandler(logging.NullHandler())

_PROJECT_MARKS = ("whorl.toml", "pyproject.toml", ".git")
_COMPUTING = "WHORL_COMPUTING_PROCESS"
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Mode:
    """What a mode lets a call do: look results up, store them."""

    reads: bool
    writes: bool
    meaning: str


# The one table of modes; the shared ones with tiers behind them join it with the tiers.
MODES: Mapping[str, Mode] = {
    "write": Mode(reads=True, writes=True, meaning="look up, compute what is missing, store it (the default)"),
    "overwrite": Mode(reads=False, writes=True, meaning="compute everything anew and store it"),
    "read_only": Mode(reads=True, writes=False, meaning="look up, compute what is missing, store nothing"),
    "off": Mode(reads=False, writes=False, meaning="plain function calls: neither look up nor store"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Everything that can be set; the docstring of each field is its documentation.

    ``filesystem``: the root store, a folder (default: ``.whorl`` beside the nearest pyproject.toml or .git, else the
    user's cache folder).  ``mode``: a name of ``MODES``.  ``wait_timeout``: seconds to wait for another process that
    computes the same key.  ``strict``: a failing store raises instead of warning.  ``durability``: ``fast``, ``fsync``.
    ``verify``: ``always``, ``first`` or ``never`` check payloads against their digests.  ``provenance``: keep host and
    user in manifests.  ``store_args``: keep short reprs of arguments.  ``jobs``: independent upstreams side by side.
    ``namespace``: where entries go unless a stage pins its own.  ``distributions``: how versions of distributions count
    (``exact``, ``minor``, ``ignore``, ``follow``; ``"*"`` for all).  ``stat_table``: where digests of raw files are
    remembered by what the file system says of them: ``on`` (the user's cache folder), ``off``, or an absolute path.
    """

    project: Path
    filesystem: str
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


_CHOICES = {"mode": tuple(MODES), "durability": ("fast", "fsync"), "verify": ("always", "first", "never")}
_NAMES = tuple(item.name for item in fields(Settings) if item.name != "project")
_VARIABLES = tuple((name, f"WHORL_{name.upper()}") for name in _NAMES if name != "distributions")

_configured: dict[str, object] = {}
_options: ContextVar[tuple[tuple[str, object], ...]] = ContextVar("whorl options", default=())


def settings() -> Settings:
    """Give the settings that hold for a call made now in this context; cheap when nothing changed."""
    environment = tuple((name, value) for name, variable in _VARIABLES if (value := os.environ.get(variable)))
    configured = tuple(_configured.items())
    try:
        return _merge(os.getcwd(), environment, configured, _options.get())
    except TypeError:  # an option that cannot be hashed, as a mapping of distributions, is merged each time
        return _merge.__wrapped__(os.getcwd(), environment, configured, _options.get())


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
        found = os.environ.get("WHORL_STAT_TABLE") or _stat_table_of_project()
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
    return replace(merged, filesystem=os.path.join(folder, os.path.expanduser(merged.filesystem)))


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
                found = {name: _checked(name, value, path.name) for name, value in table.items()}
                if "filesystem" in found:  # a path in a file is relative to the file
                    found["filesystem"] = str(project / os.path.expanduser(str(found["filesystem"])))
                return found
    return {}


def _may_hold(table: str, text: str) -> bool:
    """Tell whether TOML can have a table of that name: as it is, or with letters written as escapes."""
    # Loading tomllib takes longer than everything else that is read for a call.
    return table in text or "\\" in text


def _parse(name: str, text: str) -> object:
    default = Settings.__dataclass_fields__[name].type
    if default == "bool" and text.lower() in _TRUE + _FALSE:
        return text.lower() in _TRUE
    try:
        return float(text) if default == "float" else int(text) if default == "int" else text
    except ValueError:
        return text


def _checked(name: str, value: object, origin: str) -> object:
    if name not in _NAMES:
        raise ConfigError(f"unknown setting {name!r} in {origin}", tip=did_you_mean(name, _NAMES))
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ConfigError(f"{name} cannot be {value!r} ({origin})", tip=did_you_mean(str(value), _CHOICES[name]))
    if name == "filesystem" and isinstance(value, os.PathLike):
        return os.fspath(value)
    if name == "filesystem" and "://" in str(value):
        raise ConfigError(
            f"filesystem cannot be {value!r} ({origin})", "this release keeps results in local folders only"
        )
    wanted: Any = {"bool": bool, "float": (int, float), "int": int, "str": str}.get(
        str(Settings.__dataclass_fields__[name].type)
    )
    if wanted and (not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool)):
        raise ConfigError(
            f"{name} cannot be {value!r} ({origin})", f"it is a {Settings.__dataclass_fields__[name].type}"
        )
    return value


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
    text = os.environ.get(_COMPUTING, "")
    return int(text) if text.isdecimal() else None
