"""
The keywords of a decorator or a call in, their checked values out.

Three tables say which keywords there are: those of ``stage``, those that ``cache`` has besides, and those of a call
(semantics.md).  A value that a keyword cannot have is a ConfigError that names the keyword.  Before the arrow: where
stages are defined and called.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from whorl.errors import ConfigError
from whorl.modes import MODES
from whorl.nuthatch_words import format_called
from whorl.settings import did_you_mean
from whorl.typenames import type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ALL = "_all"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def parse_ttl(name: str, value: object) -> float | None:
    """Read seconds, a timedelta or a text such as ``30d`` or ``1h30m`` as seconds."""
    if value is None:
        return None
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    else:
        seconds = _parse_duration(name, value)
    if not seconds >= 0:
        raise ConfigError(f"{name} cannot be {value!r}", "a time to live is not negative")
    return seconds


def _parse_duration(name: str, value: object) -> float:
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([smhdw])", str(value))
    if not parts or re.sub(r"(\d+(?:\.\d+)?)\s*([smhdw])", "", str(value)).strip():
        raise ConfigError(
            f"{name} cannot be {value!r}", tip="give seconds, a timedelta, or text such as '30d' or '1h30m'"
        )
    return float(sum(float(number) * _SECONDS[unit] for number, unit in parts))


def _tuple(_name: str, value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, (list, tuple, set, frozenset)) else (value,)


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{name} cannot be {value!r}", "it is True or False")
    return value


def _text(name: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{name} cannot be {value!r}", "it is a text")
    return value


def _version(name: str, value: object) -> str | None:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(name, value)


def _track_code(_name: str, value: object) -> bool | str:
    if value is True or value is False or value == "warn":
        return value
    raise ConfigError(f"track_code cannot be {value!r}", tip="True, False or 'warn'")


def _jobs(_name: str, value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    raise ConfigError(f"jobs cannot be {value!r}", "it is a whole number above 0")


def _names(name: str, value: object) -> tuple[str, ...]:
    names = _tuple(name, value)
    if not all(isinstance(item, str) for item in names):
        raise ConfigError(f"{name} cannot be {value!r}", "it is a list of names")
    return tuple(str(item) for item in names)


def _mapping(name: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ConfigError(f"{name} cannot be {value!r}", "it is a dict")
    return dict(value)


def _conditions(name: str, value: object) -> tuple[Mapping[str, object], ...]:
    """Take one dict of arguments or several; one that names no argument at all would hold for every call."""
    conditions = _tuple(name, value)
    if not all(isinstance(condition, dict) and condition for condition in conditions):
        cause = "it is a dict of arguments, or a list of such dicts, none of them empty"
        raise ConfigError(f"{name} cannot be {value!r}", cause)
    return conditions  # type: ignore[return-value]


def _engine(name: str, value: object) -> str:
    """Take a text or a class: ``"pandas"``, ``pandas.DataFrame``; FormatError for what no value can be read as."""
    from whorl.formats.schema.engines import engine_named

    if isinstance(value, type):
        return engine_named(type_name(value))
    return engine_named(_text(name, value) or "")


def _format(name: str, value: object) -> str | None:
    text = _text(name, value)
    return format_called(text) if text is not None else None


def _mode(name: str, value: object) -> str:
    if value not in MODES:
        raise ConfigError(f"{name} cannot be {value!r}", tip=did_you_mean(str(value), MODES))
    return str(value)


def _reach(name: str, value: object) -> bool | frozenset[str]:
    """Take True or False for this call alone, a name or several for whatever it reaches, ``"_all"`` for everything."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value:
        return frozenset((value,))
    if isinstance(value, (list, tuple, set, frozenset)) and all(isinstance(item, str) and item for item in value):
        return frozenset(value)
    raise ConfigError(f"{name} cannot be {value!r}", f"it is True, False, a stage's name, a list of names or {ALL!r}")


def _callables(name: str, value: object) -> tuple[Callable[[object], object], ...]:
    found = _tuple(name, value)
    if not all(callable(item) for item in found):
        raise ConfigError(f"{name} cannot be {value!r}", "it is a list of functions")
    return found  # type: ignore[return-value]


_STAGE: Mapping[str, Callable[[str, object], object]] = {
    "cache": _flag, "format": _format, "cache_format": _format, "name": _text, "version": _version,
    "namespace": _text, "ttl": parse_ttl, "depends_on": _tuple, "ignore": _tuple, "track_code": _track_code,
    "memoize": _flag, "jobs": _jobs, "env": _names, "format_options": _mapping,
}  # fmt: skip
_CACHE: Mapping[str, Callable[[str, object], object]] = {
    **_STAGE, "cache_args": _names, "cache_disable_if": _conditions, "fail_if_no_cache": _flag, "engine": _engine,
    "backend": _format, "backend_kwargs": _mapping, "storage_backend": _format, "storage_backend_kwargs": _mapping,
    "upsert_keys": _names,
}  # fmt: skip
_CALL: Mapping[str, Callable[[str, object], object]] = {
    "cache": _flag, "namespace": _text, "engine": _engine, "backend": _format, "backend_kwargs": _mapping,
    "storage_backend": _format, "storage_backend_kwargs": _mapping, "filepath_only": _flag, "recompute": _reach,
    "memoize": _reach, "cache_mode": _mode, "retry_null_cache": _flag, "fail_if_no_cache": _flag, "upsert": _flag,
    "post_processors": _callables, "validate_data": _flag, "force_overwrite": _flag,
}  # fmt: skip
STAGE_OPTIONS = tuple(_STAGE)
CACHE_OPTIONS = tuple(_CACHE)
CALL_OPTIONS = frozenset(_CALL)


def check_declared(given: Mapping[str, object]) -> dict[str, object]:
    """
    Check the keywords of a decorator; None stands for a keyword that was not given.

    What is stored is one format with its options, whichever of the keywords named it: ``storage_backend`` before
    ``backend`` before ``format``.
    """
    checked = {name: _CACHE[name](name, value) for name, value in given.items() if value is not None}
    return _with_format(checked)


def check_asked(given: Mapping[str, object]) -> dict[str, object]:
    """Check the keywords of a call; None stands for a keyword that was not given."""
    for name in given:
        if name not in _CALL:
            raise ConfigError(f"a call has no option {name!r}", tip=did_you_mean(name, _CALL))
    checked = {name: _CALL[name](name, value) for name, value in given.items() if value is not None}
    checked.pop("force_overwrite", None)  # nothing is ever asked before something is overwritten
    return _with_format(checked)


def _with_format(checked: dict[str, object]) -> dict[str, object]:
    named = {name: checked.pop(name, None) for name in ("storage_backend", "backend", "format", "cache_format")}
    chosen = next((name for name in named.values() if name is not None), None)
    options: dict[str, object] = {}
    for name in ("format_options", "backend_kwargs", "storage_backend_kwargs"):
        given = cast("dict[str, object]", checked.pop(name, {}))
        if name != "backend_kwargs" or named["backend"] in (None, chosen):  # they may be of what is read from alone
            options |= given
    if chosen is not None:
        checked["format"] = chosen
    if options:
        checked["format_options"] = options
    return checked
