"""
A dataclass instance or an enum member comes in, its fields or name go out, and back, for classes that are given.

No class is ever found by a name in a file: decoding makes instances of the classes it is given and of no other, and
runs none of their code.  On the arrow: *encode* and *decode*.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whorl.formats.schema.loss import Loss


def is_record(kind: type) -> bool:
    """Say whether a class is a dataclass or an enum."""
    return is_dataclass(kind) or issubclass(kind, Enum)


def record_of(value: object, child: Callable[[object, object], object], loss: Callable[[str], Loss]) -> object:
    """Give the tree of a dataclass instance or an enum member; ``child`` packs what is in it."""
    if isinstance(value, Enum):
        return _member(value, child)
    if not is_dataclass(value):
        raise loss(f"is of type {type(value).__qualname__}, which is neither a dataclass nor an enum")
    state = _state(value, loss)
    names = {item.name for item in fields(value)}
    if state.keys() != names:
        odd = ", ".join(sorted(state.keys() ^ names))
        raise loss(f"has attributes that are not fields of its class, or fields without a value: {odd}")
    return {name: child(item, name) for name, item in state.items()}


def record_from(name: str, tree: object, types: Mapping[str, type]) -> object:
    """Make the instance or member again; only of a class in ``types``."""
    kind = types.get(name)
    if kind is None:
        raise ValueError(f"the class {name} is not among those that may be decoded here")
    parts = cast("dict[str, object]", tree)
    if issubclass(kind, Enum):
        return kind[cast("str", parts["name"])] if "name" in parts else kind(parts["value"])
    instance: object = object.__new__(kind)
    for field_name, item in parts.items():
        object.__setattr__(instance, field_name, item)
    return instance


def _member(value: Enum, child: Callable[[object, object], object]) -> object:
    if type(value).__members__.get(value.name) is value:
        return {"name": value.name}
    return {"value": child(value.value, "value")}  # flags that are combined have no entry of their own


def _state(value: object, loss: Callable[[str], Loss]) -> dict[str, object]:
    """Return every attribute that is set, in the dictionary or in slots, without asking the class."""
    try:
        object.__new__(type(value))
    except TypeError:
        raise loss("is also an instance of a builtin type") from None
    state = object.__getstate__(value)
    plain, slots = state if isinstance(state, tuple) else (state, None)
    return {**(plain or {}), **(slots or {})}
