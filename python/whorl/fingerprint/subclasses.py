"""
An object of a library's class, or of a class made from one, in; what it holds besides what the library keeps there out.

Everything counts that somebody has given to the object: attributes and slots of the class that was made from the
library's, and attributes set on a plain one.  What the library itself keeps there (its slots, the attributes that are
named to ``besides``, accessors that it remembers) does not: the describer reads its values in better ways.  On the
arrow: inside *digest values*, below the describers of libraries.
"""

from __future__ import annotations

import copyreg
from functools import cached_property
from typing import TYPE_CHECKING

from whorl.fingerprint.description import full_name

if TYPE_CHECKING:
    from collections.abc import Collection

    from whorl.fingerprint.description import Parts


def is_of(kind: type, family: str) -> bool:
    """Tell a class of the library from one that was made from it elsewhere."""
    return kind.__module__.partition(".")[0] == family


def class_name(obj: object, family: str, name: str) -> str:
    """Name a class of a library by its public name, since modules move between versions; other classes by their own."""
    kind = type(obj)
    return f"{family}.{name}" if is_of(kind, family) else full_name(kind)


def besides(obj: object, family: str, kept: Collection[str] = ()) -> Parts:
    """List attributes and slots that are not the library's; ``kept`` are the attributes that it keeps its values in."""
    kind = type(obj)
    held = _set_on(obj) if is_of(kind, family) else _added_by_class(obj, family)
    return [
        (f".{name}", value) for name, value in held.items() if not (name in kept or _is_remembered(kind, family, name))
    ]


def _set_on(obj: object) -> dict[str, object]:
    """Give what was set on an object of the library's own class; what the library adds there begins with a line."""
    if not type(obj).__dictoffset__:
        return {}
    return {name: value for name, value in vars(obj).items() if not name.startswith("_")}


def _added_by_class(obj: object, family: str) -> dict[str, object]:
    base = next(base for base in type(obj).__mro__ if is_of(base, family))
    slots: list[str] = copyreg._slotnames(base)  # type: ignore[attr-defined]  # noqa: SLF001 - as pickle finds them
    return {name: value for name, value in held_by(obj).items() if name not in slots}


def held_by(obj: object) -> dict[str, object]:
    """Give attributes and slots of an object, whoever keeps them."""
    state = object.__getstate__(obj)
    namespace, slots = state if type(state) is tuple else (state, None)
    return {**(namespace or {}), **(slots or {})}


def _is_remembered(kind: type, family: str, name: str) -> bool:
    """Tell what the library's own descriptor put there when it was asked for first, such as ``Series.str``."""
    base = next((base for base in kind.__mro__ if name in vars(base)), None)
    if base is None:
        return False
    descriptor = type(vars(base)[name])
    if descriptor is cached_property:
        return is_of(base, family)
    return is_of(descriptor, family) and hasattr(descriptor, "__get__")
