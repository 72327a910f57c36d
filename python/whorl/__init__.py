"""
whorl: decorate the functions of a pipeline; what changed runs again, everything else is kept.

The public names are imported when they are first used, so that ``import whorl`` costs a few milliseconds and works
without pandas, numpy or pyarrow.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whorl.cache import cache as cache
    from whorl.config import configure as configure
    from whorl.config import options as options
    from whorl.definition import Param as Param
    from whorl.digest import Digest as Digest
    from whorl.digest import Hasher as Hasher
    from whorl.digest import hash_file as hash_file
    from whorl.digest import hash_paths as hash_paths
    from whorl.digest import hash_stream as hash_stream
    from whorl.digest import hash_tree as hash_tree
    from whorl.errors import ConfigError as ConfigError
    from whorl.errors import CorruptEntryError as CorruptEntryError
    from whorl.errors import FormatError as FormatError
    from whorl.errors import InputChangedError as InputChangedError
    from whorl.errors import InputMissingError as InputMissingError
    from whorl.errors import InputUnreadableError as InputUnreadableError
    from whorl.errors import InvalidValueError as InvalidValueError
    from whorl.errors import LeaseTimeoutError as LeaseTimeoutError
    from whorl.errors import NoEntryError as NoEntryError
    from whorl.errors import NotFollowedWarning as NotFollowedWarning
    from whorl.errors import SignatureError as SignatureError
    from whorl.errors import StaleWarning as StaleWarning
    from whorl.errors import StoreError as StoreError
    from whorl.errors import StoreWarning as StoreWarning
    from whorl.errors import UndigestableError as UndigestableError
    from whorl.errors import WhorlError as WhorlError
    from whorl.errors import WhorlWarning as WhorlWarning
    from whorl.fingerprint.code import Fingerprint as Fingerprint
    from whorl.fingerprint.code import fingerprint as fingerprint
    from whorl.fingerprint.inputs import File as File
    from whorl.fingerprint.inputs import Folder as Folder
    from whorl.fingerprint.inputs import Glob as Glob
    from whorl.fingerprint.values import hash_value as hash_value
    from whorl.fingerprint.values import register_digest as register_digest
    from whorl.formats.base import register_format as register_format
    from whorl.memoized import clear_memoizer as clear_memoizer
    from whorl.outcome import Outcome as Outcome
    from whorl.outcome import observe as observe
    from whorl.parameters import config_parameter as config_parameter
    from whorl.parameters import set_parameter as set_parameter
    from whorl.processors.base import Processor as Processor
    from whorl.processors.timeseries import timeseries as timeseries
    from whorl.stage import Stage as Stage
    from whorl.stage import stage as stage

__version__ = "0.1.0"

_PLACES = {
    "whorl.config": ("configure", "options"),
    "whorl.digest": ("Digest", "Hasher", "hash_file", "hash_paths", "hash_stream", "hash_tree"),
    "whorl.outcome": ("Outcome", "observe"),
    "whorl.errors": (
        "ConfigError",
        "CorruptEntryError",
        "FormatError",
        "InputChangedError",
        "InputMissingError",
        "InputUnreadableError",
        "InvalidValueError",
        "LeaseTimeoutError",
        "NoEntryError",
        "NotFollowedWarning",
        "SignatureError",
        "StaleWarning",
        "StoreError",
        "StoreWarning",
        "UndigestableError",
        "WhorlError",
        "WhorlWarning",
    ),
    "whorl.fingerprint.code": ("Fingerprint", "fingerprint"),
    "whorl.fingerprint.inputs": ("File", "Folder", "Glob"),
    "whorl.fingerprint.values": ("hash_value", "register_digest"),
    "whorl.formats.base": ("register_format",),
    "whorl.cache": ("cache",),
    "whorl.memoized": ("clear_memoizer",),
    "whorl.parameters": ("config_parameter", "set_parameter"),
    "whorl.processors.base": ("Processor",),
    "whorl.processors.timeseries": ("timeseries",),
    "whorl.stage": ("Stage", "stage"),
    "whorl.definition": ("Param",),
}
_PLACE_OF = {name: place for place, names in _PLACES.items() for name in names}

__all__ = sorted(_PLACE_OF)  # noqa: PLE0605 - a list, made from the table above


def __getattr__(name: str) -> object:
    place = _PLACE_OF.get(name)
    if place is None:
        raise AttributeError(f"module 'whorl' has no attribute {name!r}")
    value: object = getattr(import_module(place), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """Keeps ``whorl.stage`` and ``whorl.fingerprint`` the functions, not the modules of the same names."""

    def __setattr__(self, name: str, value: object) -> None:
        # The import system binds a submodule to its parent; for these two names the public function stands there.
        if not (isinstance(value, ModuleType) and name in _PLACE_OF):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
