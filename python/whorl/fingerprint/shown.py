"""
Any value in, a few words for people out, and whether it is one of those that cannot change in place.

Only built-in values speak for themselves: to ask others would run code of their classes.  On the arrow: inside
*fingerprint*, below ``data``.
"""

from __future__ import annotations

import reprlib
import sys
from datetime import date, datetime, time, timedelta
from pathlib import PurePath
from types import EllipsisType, NoneType

from whorl.fingerprint.kinds import full_name, top_of

_ATOMS = frozenset((NoneType, bool, int, float, complex, str, bytes, EllipsisType, date, datetime, time, timedelta))
# Compared by identity, since a metaclass may refuse to be hashed.
_ATOM_IDS = frozenset(map(id, _ATOMS))
_SHOWN_IDS = _ATOM_IDS | {id(kind) for kind in (tuple, list, dict, set, frozenset)}
# Zones of these modules do not change.
_FIXED_ZONES = ("datetime", "zoneinfo")


class _Short(reprlib.Repr):
    """Shows built-in values, and of others in them the type: their own words would be code that runs."""

    def repr1(self, x: object, level: int) -> str:
        return super().repr1(x, level) if is_shown(type(x)) else f"<{full_name(type(x))}>"


_SHORT = _Short()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 2, 60, 60


def is_fixed(value: object) -> bool:
    """Tell a value that cannot change in place, so that its identity is enough."""
    pending = [value]
    while pending:
        item = pending.pop()
        if type(item) is tuple or type(item) is frozenset:
            pending.extend(item)
        elif type(item) is datetime or type(item) is time:
            if item.tzinfo is not None and top_of(type(item.tzinfo)) not in _FIXED_ZONES:
                return False
        elif not is_atom(type(item)) and not issubclass(type(item), type) and not _is_plain_path(item):
            return False
    return True


def _is_plain_path(value: object) -> bool:
    """Tell a path of Python's own: one of an own class may hold more, and change."""
    return issubclass(type(value), PurePath) and top_of(type(value)) == "pathlib"


def is_shown(kind: type) -> bool:
    """Tell a type whose values are shown as they are."""
    return id(kind) in _SHOWN_IDS or is_atom(kind)


def is_atom(kind: type) -> bool:
    """Tell a type whose values cannot change and hold nothing."""
    # decimal takes a while to load, and a program that has Decimals has loaded it.
    return id(kind) in _ATOM_IDS or kind is getattr(sys.modules.get("decimal"), "Decimal", None)


def short_text(value: object) -> str:
    """Show a value in a few words, without running code of its class."""
    if is_shown(type(value)):
        try:
            return _SHORT.repr(value)
        except Exception:  # noqa: BLE001 - another thread changed it, or it is a number of thousands of digits
            return f"<{full_name(type(value))}>"
    return f"<{full_name(type(value))}>"
