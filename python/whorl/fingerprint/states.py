"""
An object without a digest and without parts in, what tells it from others in this process out.

On the arrow: inside *fingerprint*, where values that stages change are compared with what they were.
"""

from __future__ import annotations

from typing import Any

from whorl.fingerprint.describe import is_data
from whorl.fingerprint.lazy import is_plan


class Same:
    """An object that only itself is equal to; it is held, so that no other can take its address."""

    __slots__ = ("_held",)

    def __init__(self, held: object) -> None:
        self._held = held

    def __eq__(self, other: object) -> bool:
        return type(other) is Same and other._held is self._held

    def __hash__(self) -> int:
        return id(self._held)


class Unknown:
    """What lies in an object that may change in place and cannot be read: not equal to anything, itself included."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


def state_of_leaf(value: object) -> object:
    """Give a plan by its name, where it can be changed in place; data that cannot be read is unknown."""
    kind = type(value)
    if hasattr(kind, "__dask_tokenize__"):
        plan: Any = value
        return Same(value), repr(plan.__dask_tokenize__())
    return Same(value) if is_plan(kind) or not is_data(kind) else Unknown()
