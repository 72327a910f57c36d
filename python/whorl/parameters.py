"""
Values and functions that a program sets as parameters in, a table of settings out when one is asked for.

A function that gives a parameter, such as a secret out of a vault, is called when a setting is first needed, once per
process, and never when it is defined.  Parameters of an installed library are its own: they are kept apart.  Beside the
arrow: ``config.py`` reads them.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from whorl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[[], object]")
INSTALLED = ("site-packages", "dist-packages")


@dataclass(slots=True)
class _Fetched:
    """A function that gives a value, and the value once it was asked for."""

    function: Callable[[], object]
    is_secret: bool
    value: object = None
    is_there: bool = False

    def get(self, name: str) -> object:
        if not self.is_there:
            try:
                self.value = self.function()
            except Exception as error:  # noqa: BLE001 - what it says may have the secret in it
                label = getattr(self.function, "__qualname__", "a function")
                raise ConfigError(
                    f"the parameter {name} cannot be had", f"{label} raised {type(error).__name__}"
                ) from None
            self.is_there = True
        return self.value


@dataclass(slots=True)
class _Parameters:
    """What one program, or one installed library, has set: by location, then by format or name."""

    table: dict[str, Any] = field(default_factory=dict)
    version: int = 0


_all: dict[str, _Parameters] = {}
_lock = threading.Lock()
PROGRAM = ""


def set_parameter(
    parameter_value: object,
    parameter_name: str | None = None,
    location: str | None = "root",
    backend: str | None = None,
) -> None:
    """
    Set a parameter for the whole process, or several as a dict.

    ``location`` is ``root``, ``local`` or a mirror (``mirror``, ``mirror-NAME``); None where the dict has locations for
    keys.  ``backend`` is the name of a format that the parameter is for.  In an installed library they are settings of
    that library's stages alone.  Raises ConfigError for a parameter that is unknown, when settings are next asked for.
    """
    if parameter_name is None and not isinstance(parameter_value, Mapping):
        raise ConfigError("a parameter without a name cannot be set", 'set_parameter("s3://…", "filesystem")')
    found = parameter_value if parameter_name is None else {parameter_name: parameter_value}
    for part in (backend, location):
        found = {part: found} if part is not None else found
    _add(_scope(), found)  # type: ignore[arg-type]


def config_parameter(
    parameter_name: str, location: str = "root", backend: str | None = None, *, secret: bool = False
) -> Callable[[F], F]:
    """
    Make a function the source of a parameter; it is called without arguments when settings are first needed.

    With ``secret`` its value is never shown.  What it raises becomes a ConfigError that does not repeat it.
    """
    scope = _scope()

    def register(function: F) -> F:
        held = _Fetched(function, secret)
        nested: dict[str, Any] = {parameter_name: held}
        for part in (backend, location):
            nested = {part: nested} if part is not None else nested
        _add(scope, nested)
        return function

    return register


def version(scope: str = PROGRAM) -> int:
    """Give a number that grows with each parameter of the program, or of an installed library."""
    found = _all.get(scope)
    return found.version if found is not None else 0


def table_of(scope: str = PROGRAM) -> dict[str, Any]:
    """Give what was set, functions called, mirrors under ``mirrors``; empty where nothing was."""
    found = _all.get(scope)
    return _placed(_resolved(found.table)) if found is not None else {}


def secret_names() -> frozenset[str]:
    """Give the names of parameters whose values are secret."""
    found = _all.get(PROGRAM)
    return frozenset(_secrets(found.table)) if found is not None else frozenset()


def forget() -> None:
    """Forget every parameter; for tests."""
    with _lock:
        for found in _all.values():
            found.table.clear()
            found.version += 1


def _scope() -> str:
    """Tell whose parameter the caller of the caller sets: that of an installed library, or the program's."""
    frame = sys._getframe(2)  # noqa: SLF001 - who calls is what decides
    path, module = str(frame.f_globals.get("__file__", "")), str(frame.f_globals.get("__name__", ""))
    return module.partition(".")[0] if any(part in path for part in INSTALLED) else PROGRAM


def _add(scope: str, table: Mapping[str, Any]) -> None:
    with _lock:
        found = _all.setdefault(scope, _Parameters())
        _merge(found.table, table)
        found.version += 1


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(name), dict) and name != "filesystem_options":
            _merge(into[name], value)
        else:
            into[name] = dict(value) if isinstance(value, Mapping) else value


def _resolved(table: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, _Fetched):
            found[key] = value.get(key)
        elif isinstance(value, dict) and key != "filesystem_options":
            found[key] = _resolved(value)
        else:
            found[key] = value
    return found


def _placed(table: dict[str, Any]) -> dict[str, Any]:
    """Put locations where files have them; whatever the root has besides are settings like any other."""
    placed: dict[str, Any] = {}
    for location, values in table.items():
        if not isinstance(values, Mapping) and (location == "root" or location.startswith("mirror")):
            raise ConfigError(f"the parameters of {location} cannot be used", f"they are a {type(values).__name__}")
        if location.startswith("mirror") and location != "mirrors":
            placed.setdefault("mirrors", {})[location.removeprefix("mirror").strip("-_") or "mirror"] = values
        elif location == "root":
            placed |= values
        else:
            placed[location] = values
    return placed


def _secrets(table: Mapping[str, Any]) -> list[str]:
    names: list[str] = []
    for key, value in table.items():
        if isinstance(value, _Fetched):
            names += [key] if value.is_secret else []
        elif isinstance(value, dict):
            names += _secrets(value)
    return names
