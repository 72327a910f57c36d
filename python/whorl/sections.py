"""
Tables as files and calls write them in, settings by name out, each checked.

Whorl's own tables may have the sections ``root``, ``local``, ``mirrors.NAME`` and one per format; what is unknown is an
error.  Nuthatch's are read as far as whorl has the same; what it has not is left out.  Beside the arrow: ``config.py``
reads, this understands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from whorl.errors import ConfigError
from whorl.format_options import OPTIONS
from whorl.nuthatch_words import BACKENDS, section_called, without_place, words_called
from whorl.settings import FORMATS, NAMES, check_setting, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT = ("filesystem", "filesystem_options")
_OF_TEXTS, _NUMBER = ("sql", "terracotta"), re.compile(r"\d+(\.\d+)?")
# Other names of settings: Nuthatch's, and a shorter one.
_ALIASES: Mapping[str, str] = {"cache_mode": "mode", "memory": "local_cache_size"}
# Mappings that have variables of their own, or none.
_NO_VARIABLES = ("distributions", "formats", "mirrors")
_SHARED = ("local_cache_size", "remote_cache_size", *_ROOT)


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings that came from one place; ``origin`` names it.  ``adds``: mirrors join those of weaker layers."""

    origin: str
    values: Mapping[str, object]
    adds: bool = True


def flatten(table: Mapping[str, Any], origin: str, *, is_part: bool = False) -> dict[str, object]:
    """
    Read a table of whorl's; ConfigError, with where it came from, for what is unknown or cannot be.

    ``is_part`` is for what a single variable says: a mirror may have its other half in another one.
    """
    found: dict[str, object] = {}
    for name, value in table.items():
        if name == "root":
            _merge(found, _location(value, origin, "root"))
        elif name == "local" and isinstance(value, dict):
            _refuse_others(value, ("filesystem",), f"{origin}, section local")
            found["local"] = value.get("filesystem", "")
        elif section_called(name, FORMATS) and (name not in NAMES or isinstance(value, dict)):  # "pickle" is one, too
            _merge(found, {"formats": {section_called(name, FORMATS): _section(value, origin, name)}})
        elif name not in NAMES and name not in _ALIASES:
            known = (*NAMES, *_ALIASES, *FORMATS, "root")
            raise ConfigError(f"unknown setting {name!r} in {origin}", tip=did_you_mean(name, known))
        else:
            found[_ALIASES.get(name, name)] = value
    return _checked(found, origin, is_part=is_part)


def _checked(found: Mapping[str, object], origin: str, *, is_part: bool) -> dict[str, object]:
    return {
        name: value if is_part and name == "mirrors" else check_setting(name, value, origin)
        for name, value in found.items()
    }


def flatten_nuthatch(table: Mapping[str, Any], origin: str, *, is_part: bool = False) -> dict[str, object]:
    """Read a table of Nuthatch's as far as it has a meaning here."""
    found: dict[str, object] = {}
    for name, value in table.items():
        if name == "root" and isinstance(value, dict):
            parts = _split(value)
            if "formats" in parts:
                sections = parts["formats"].items()
                parts["formats"] = {key: _of_nuthatch(key, section, origin) for key, section in sections}
            _merge(found, {key: item for key, item in parts.items() if key in (*_SHARED, "formats")})
        elif name == "local" and isinstance(value, dict):
            found |= {"local": value["filesystem"]} if "filesystem" in value else {}
        elif name == "mirrors":  # of variables, which name them so
            _merge(found, {"mirrors": value})
        elif name.startswith("mirror") and isinstance(value, dict) and "filesystem" in value:
            mirror = {key: value[key] for key in _ROOT if key in value}
            _merge(found, {"mirrors": {name.removeprefix("mirror").strip("-_") or "mirror": mirror}})
        elif name in _SHARED:
            found[name] = value
        elif (called := section_called(name, FORMATS)) and isinstance(value, dict):
            _merge(found, {"formats": {called: _of_nuthatch(name, value, origin)}})
    return _checked(found, origin, is_part=is_part)


def _of_nuthatch(backend: str, section: Mapping[str, object], origin: str) -> dict[str, object]:
    """Leave out what the format has no word for."""
    called = section_called(backend, FORMATS) or backend
    options = words_called(called, without_place(backend, section, origin))
    return {name: value for name, value in options.items() if name in OPTIONS.get(called, options)}


def merge_layers(below: dict[str, object], above: Mapping[str, object], *, adds: bool) -> dict[str, object]:
    """Put a stronger layer over another; mirrors and formats of files and variables add up (``adds``)."""
    merged = below | dict(above)
    for name in ("formats", *(("mirrors",) if adds else ())):
        if name in below and name in above:
            merged[name] = _joined(below[name], above[name])  # type: ignore[arg-type]
    return merged


def _joined(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Join sections of one kind; of two with one name, both count."""
    return {**below, **{name: {**below.get(name, {}), **section} for name, section in above.items()}}


def variable(rest: str, value: str) -> dict[str, Any] | None:
    """
    Read what follows ``WHORL_`` or ``NUTHATCH_`` in a variable's name, in lower case, as a table; None for none.

    ``<name>``, ``<location>_<name>``, ``<location>_<format>_<name>``, ``<format>_<name>``.
    """
    if (rest in NAMES and rest not in _NO_VARIABLES) or rest in _ALIASES:
        return {rest: value}
    location, _, name = rest.partition("_")
    if location in ("root", "local") and name:
        inner = variable(name, value)
        return None if inner is None or location in inner else {location: inner}
    if location in ("mirror", "mirrors"):
        kind = next((key for key in reversed(_ROOT) if name.endswith(f"_{key}")), None)
        return None if kind is None else {"mirrors": {name.removesuffix(f"_{kind}"): {kind: value}}}
    called = section_called(location, FORMATS)
    return {location: {name: _option(called, value)}} if called and _is_option(called, name) else None


def _option(called: str, text: str) -> object:
    """Read the text of an option: numbers and truths are these, but for databases, where a password may look so."""
    if called in _OF_TEXTS:
        return text
    if not _NUMBER.fullmatch(text):
        return {"true": True, "false": False}.get(text.lower(), text)
    if "." not in text:
        return int(text)
    return float(text) if called == "zarr" else text  # a version, elsewhere


def _is_option(called: str, name: str) -> bool:
    """Say whether a format has an option, under whorl's name or Nuthatch's."""
    return name in OPTIONS[called] or (called in BACKENDS and name in BACKENDS[called].words)


def _section(table: object, origin: str, name: str) -> dict[str, Any]:
    if not isinstance(table, dict):
        what = "filesystem and options" if name == "root" else "options of the format"
        cause = f"it is a section with {what}, not a {type(table).__name__}"
        raise ConfigError(f"{name} cannot be used ({origin})", cause)
    return dict(table)


def _location(table: object, origin: str, name: str) -> dict[str, object]:
    found = _split(_section(table, origin, name))
    _refuse_others(found, (*_ROOT, "formats"), f"{origin}, section {name}")
    return found


def _split(table: Mapping[str, Any]) -> dict[str, Any]:
    """Take the sections of formats out of that of a location."""
    plain: dict[str, Any] = {}
    formats: dict[str, dict[str, object]] = {}
    for key, item in table.items():
        name = section_called(key, FORMATS) if isinstance(item, dict) else None
        if name is None:
            plain[key] = item
        else:
            formats[name] = {**formats.get(name, {}), **item}
    return {**plain, **({"formats": formats} if formats else {})}


def _refuse_others(table: Mapping[str, object], known: tuple[str, ...], origin: str) -> None:
    for name in table:
        if name not in known:
            tip = did_you_mean(name, [item for item in known if item != "formats"])
            raise ConfigError(f"unknown setting {name!r} in {origin}", tip=tip)


def _merge(into: dict[str, object], more: Mapping[str, object]) -> None:
    into.update(merge_layers(into, more, adds=True))
