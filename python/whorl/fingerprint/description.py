"""
What a description of an object is made of: the four shapes that the walk in Rust understands.

The name in a shape says what the object is; segments (``.model``, ``["price"]``) say where a part stands, and count
like the parts themselves.  On the arrow: inside *digest values*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from whorl.fingerprint.boundary import canonical_module
from whorl.fingerprint.kinds import is_hashed, module_name_of, qualified_name_of

if TYPE_CHECKING:
    from whorl.digest import Digest

Description = tuple[object, ...]
# Any: each describer takes the type that it is listed for.
Describer = Callable[[Any], Description]
Parts = list[tuple[str, object]]


@dataclass(frozen=True, slots=True)
class Inner:
    """
    A part that only the library of the whole looks at, such as the numpy array in a frame.

    It counts as a value; the distribution of its type does not: numpy is a dependency of pandas (fingerprint.md).
    """

    value: object


@dataclass(frozen=True, slots=True)
class Described:
    """A part like ``Inner`` whose description was made beforehand, together with others."""

    description: Description


# What the walk meets and nobody made: their types say nothing about behaviour.
PARTS = (Inner, Described)


def code(obj: object) -> Description:
    """Describe a code object: it is handed back, and counts by its fingerprint."""
    return ("ref", obj)


def leaf(name: str, payload: Digest | bytes | str | None = None) -> Description:
    """Describe a thing by its name and one payload."""
    return ("leaf", name, payload)


def node(name: str, parts: Iterable[tuple[str, object]]) -> Description:
    """Describe a thing by its name and its named parts, in order."""
    return ("node", name, parts if type(parts) is list else list(parts))


def buffer(name: str, header: list[object], memory: object) -> Description:
    """Describe a thing by its name, some values, and a block of memory in C order that is hashed in place."""
    return ("buffer", name, header, memory)


def attributes(obj: object, *names: str) -> Parts:
    """List attributes as parts."""
    return [(f".{name}", getattr(obj, name)) for name in names]


def items(values: Iterable[tuple[str, object]]) -> Parts:
    """List named values, such as a namespace, as attributes."""
    return [(f".{name}", value) for name, value in values]


def full_name(kind: type) -> str:
    """Name a class by its module and qualified name; the script that runs by the name that it is imported by."""
    name = _names.get(kind) if is_hashed(kind) else None
    if name is None:
        name = f"{canonical_module(module_name_of(kind))}.{qualified_name_of(kind)}"
        if is_hashed(kind):
            _names[kind] = name
    return name


# To find the name of the script takes system calls.
_names: WeakKeyDictionary[type, str] = WeakKeyDictionary()
