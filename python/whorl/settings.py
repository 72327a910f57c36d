"""
The name of a setting and its value in, the value checked out; and ``Settings``, all of them as one frozen value.

Nothing is read here: where values come from is the business of ``config.py``.  A value that may hold a secret is never
shown in an error.  Beside the arrow: every step reads its settings.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from whorl.errors import ConfigError
from whorl.format_options import OPTIONS, closest, fault_of_name, fault_of_value
from whorl.modes import MODES
from whorl.nuthatch_words import format_called, words_called

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Everything that can be set; the docstring of each field is its documentation.

    ``filesystem``: the root store, a folder or the URL of a bucket (default: ``.whorl`` beside the nearest
    pyproject.toml or .git, else the user's cache folder; ``local`` where only that is set); ``filesystem_options``:
    what fsspec has to know to reach it. ``local``: the folder of the local tier, where results are kept close by as
    well (default: none; a root that is a folder is both then, and modes that name the local tier use the default root
    beside one that is not). ``mirrors``: further stores by name, only read, each a mapping with ``filesystem`` and
    ``filesystem_options``. ``network_timeout``: seconds that one request to a store may take. ``lease_ttl``: seconds
    after which a silent holder of a lease behind a network counts as gone, half as long again. ``pickle``: which
    results may be decoded by running code: ``local`` (those of your own store; others if they are signed), ``signed``,
    ``never``, ``any``. ``require_signature``: serve signed entries alone. ``sign_with``: the file of the key that signs
    what is stored. ``trusted_keys``: keys whose signatures count, public ones as text, or files. ``store_mode``: stores
    in folders are for you (``private``) or for your group (``team``). ``mode``: a name of ``MODES``. ``wait_timeout``:
    seconds to wait for another process that computes the same key. ``strict``: a failing store raises instead of
    warning. ``durability``: ``fast``, ``fsync``. ``verify``: ``always``, ``first`` or ``never`` check payloads against
    their digests. ``provenance``: keep host and user in manifests. ``store_args``: keep short reprs of arguments.
    ``jobs``: independent upstreams side by side. ``namespace``: where entries go unless a stage pins its own.
    ``distributions``: how versions of distributions count (``exact``, ``minor``, ``ignore``, ``follow``; ``"*"`` for
    all). ``stat_table``: where digests of raw files are remembered by what the file system says of them: ``on`` (the
    user's cache folder), ``off``, or an absolute path. ``local_cache_size``: how many bytes results that are memoized
    may take in this process, as text (``500 MB``); ``remote_cache_size``: the same for those that dask holds.
    ``formats``: options of formats by their names, which are no part of what is stored, such as the ``url`` of a
    database.
    """

    project: Path
    filesystem: str = field(repr=False)  # a URL may have a password in it
    filesystem_options: Mapping[str, object] = field(default_factory=dict, repr=False)
    local: str = ""
    mirrors: Mapping[str, Mapping[str, object]] = field(default_factory=dict, repr=False)
    network_timeout: float = 30.0
    lease_ttl: float = 30.0
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
    pickle: str = "local"
    require_signature: bool = False
    sign_with: str = ""
    trusted_keys: tuple[str, ...] = ()
    store_mode: str = "private"
    local_cache_size: str = "2 GB"
    remote_cache_size: str = "32 GB"
    formats: Mapping[str, Mapping[str, object]] = field(default_factory=dict, repr=False)


# What the setting ``pickle`` can be, as docs/store.md has it.
PICKLE: Mapping[str, str] = {
    "local": "decoded from a store of your own on this machine; shared ones only if they are signed (the default)",
    "signed": "decoded and written everywhere if they are signed, and not else",
    "never": "neither decoded nor written anywhere",
    "any": "decoded from everywhere, and written everywhere: whoever writes to the store runs code on your machine",
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "mode": tuple(MODES),
    "durability": ("fast", "fsync"),
    "verify": ("always", "first", "never"),
    "pickle": tuple(PICKLE),
    "store_mode": ("private", "team"),
}
# The formats that may have a section of their own.
FORMATS = (
    "arrow", "csv", "delta", "excel", "feather", "file", "hdf", "html", "json", "netcdf", "npy", "orc", "parquet",
    "pickle", "sql", "stata", "terracotta", "xml", "zarr",
)  # fmt: skip
NAMES = tuple(item.name for item in fields(Settings) if item.name != "project")
# What others call the place of the store.
_MEANT = dict.fromkeys(("store", "root", "location", "cache_dir", "path", "folder", "url"), "filesystem")
PUBLIC = "ed25519:"
_SECRET = ("filesystem",)
_BYTES = re.compile(r"(\d+(?:\.\d*)?(?:e\d+)?)\s*(?:([kmgtp])(i)?)?b?", re.IGNORECASE)


def did_you_mean(name: str, known: object) -> str:
    """Word a tip that names the nearest known spelling, or all of them."""
    names = sorted(str(item) for item in known)  # type: ignore[attr-defined]
    return closest(name, names) or f"known: {', '.join(names)}"


def is_url(location: str) -> bool:
    """Tell a URL from a path."""
    return "://" in location


def parse_bytes(text: str) -> int:
    """Read a number of bytes, as ``2 GB``, ``512 MiB`` or ``1e9``; ValueError for what is none."""
    found = _BYTES.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no number of bytes")
    number, prefix, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** (" kmgtp".index((prefix or " ").lower())))


def check_setting(name: str, value: object, origin: str) -> object:
    """Return a setting's value as it is kept; ConfigError, which names where it came from, where it cannot be that."""
    if name not in NAMES:
        raise ConfigError(f"unknown setting {name!r} in {origin}", tip=did_you_mean(_MEANT.get(name, name), NAMES))
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ConfigError(f"{name} cannot be {value!r} ({origin})", tip=did_you_mean(str(value), _CHOICES[name]))
    if name in _READ:
        return _READ[name](name, value, origin)
    if name in ("filesystem", "local", "sign_with") and isinstance(value, os.PathLike):
        return os.fspath(value)
    if name == "local" and is_url(str(value)):
        raise ConfigError(f"local cannot be a URL ({origin})", "the local tier is a folder of this machine")
    if name == "mirrors":
        _check_mirrors(value, origin)
    if name == "filesystem_options":
        return _checked_mapping(name, value, origin)
    wanted: Any = {"bool": bool, "float": (int, float), "int": int, "str": str}.get(
        str(Settings.__dataclass_fields__[name].type)
    )
    if wanted and (not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool)):
        shown = f"a {type(value).__name__}" if name in _SECRET else repr(value)
        raise ConfigError(f"{name} cannot be {shown} ({origin})", f"it is a {Settings.__dataclass_fields__[name].type}")
    return value


def _checked_size(name: str, value: object, origin: str) -> str:
    try:
        parse_bytes(str(value))
    except ValueError as error:
        raise ConfigError(f"{name} cannot be {value!r} ({origin})", str(error), 'give "500 MB"') from error
    return str(value)


def _checked_mapping(name: str, value: object, origin: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{name} cannot be used ({origin})", "they are a mapping of names to values")
    return value


def _checked_formats(setting: str, value: object, origin: str) -> dict[str, Mapping[str, object]]:
    """Take options by the names of formats, in Nuthatch's words too."""
    formats: dict[str, Mapping[str, object]] = {}
    for name, section in _checked_mapping(setting, value, origin).items():
        if not isinstance(section, Mapping):
            cause = f"it is a mapping with options of the format, not a {type(section).__name__}"
            raise ConfigError(f"{name} cannot be used ({origin})", cause)
        called = format_called(name) or name
        formats[called] = {**formats.get(called, {}), **words_called(called, section)}
        _check_options(called, formats[called], origin)
    return formats


def _check_options(name: str, options: Mapping[str, object], origin: str) -> None:
    """Refuse what a built-in format does not have; of another one only itself knows."""
    for option, value in options.items() if name in OPTIONS else ():
        fault = fault_of_name(name, option, OPTIONS[name]) or fault_of_value(name, option, value)
        if fault:
            what, cause, tip = fault
            raise ConfigError(f"{what} ({origin})", cause, tip)


def _checked_keys(_name: str, value: object, origin: str) -> tuple[str, ...]:
    """Take public keys and paths; a secret does not belong into a configuration, and what it says is not shown."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(key, (str, os.PathLike)) for key in value):
        raise ConfigError(f"trusted_keys cannot be used ({origin})", "they are a list of public keys and files")
    keys = tuple(os.fspath(key) for key in value)
    if any(key.startswith(("hmac", "whorl-")) for key in keys):
        tip = "leave it in a file that is yours alone, and name the file"
        raise ConfigError(f"trusted_keys has a secret in it ({origin})", "a configuration is read by many", tip)
    return keys


_READ: Mapping[str, Callable[[str, object, str], object]] = {
    "formats": _checked_formats,
    "local_cache_size": _checked_size,
    "remote_cache_size": _checked_size,
    "trusted_keys": _checked_keys,
}


def _check_mirrors(value: object, origin: str) -> None:
    known = {"filesystem", "filesystem_options"}
    for name, mirror in value.items() if isinstance(value, dict) else [("mirrors", value)]:
        section: Any = mirror if isinstance(mirror, dict) and mirror.keys() <= known else {}
        options = section.get("filesystem_options", {})
        if not isinstance(section.get("filesystem"), str) or not isinstance(options, dict):
            raise ConfigError(
                f"the mirror {name!r} cannot be used ({origin})",
                "a mirror is a section with filesystem and, if it needs them, filesystem_options",
            )
