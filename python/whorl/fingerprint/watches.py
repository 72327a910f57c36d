"""
What a fingerprint was made from in, whether all of it still stands out.

A watch compares by identity: names in namespaces, attributes, cells.  Values that can change in place are digested
again.  Every watched object is held, so that an identity cannot pass to another object.  On the arrow: the re-check of
*fingerprint* at each call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sized
    from types import CellType

MISSING = object()
EMPTY = object()


class _Lookup(Protocol):
    def get(self, key: str, default: object, /) -> object: ...


class Watches:
    """The conditions under which a fingerprint stays true."""

    __slots__ = ("_attributes", "_cells", "_items", "_results", "_sizes")

    def __init__(self) -> None:
        self._items: list[tuple[_Lookup, str, object]] = []
        self._attributes: list[tuple[object, str, object]] = []
        self._cells: list[tuple[CellType, object]] = []
        self._sizes: list[tuple[Sized, int]] = []
        self._results: list[tuple[Callable[[], object], object]] = []

    def item(self, mapping: Mapping[str, object], key: str) -> object:
        """Watch and return what stands under a key, ``MISSING`` where nothing does."""
        value = mapping.get(key, MISSING)
        self._items.append((mapping, key, value))
        return value

    def attribute(self, thing: object, name: str) -> object:
        """Watch and return an attribute that every object of the kind has."""
        value: object = getattr(thing, name)
        self._attributes.append((thing, name, value))
        return value

    def cell(self, cell: CellType) -> object:
        """Watch and return the content of a closure cell, ``EMPTY`` where there is none yet."""
        value = cell_content(cell)
        self._cells.append((cell, value))
        return value

    def size(self, sized: Sized) -> None:
        """Watch the number of items."""
        self._sizes.append((sized, len(sized)))

    def result(self, function: Callable[[], object]) -> object:
        """Watch and return what a function gives, compared by ``==``."""
        value = function()
        self._results.append((function, value))
        return value

    def hold(self) -> bool:
        """Tell whether everything is as it was."""
        for mapping, key, value in self._items:
            if mapping.get(key, MISSING) is not value:
                return False
        for thing, name, value in self._attributes:
            if getattr(thing, name, MISSING) is not value:
                return False
        for cell, value in self._cells:
            if cell_content(cell) is not value:
                return False
        for sized, length in self._sizes:
            if len(sized) != length:
                return False
        return all(function() == value for function, value in self._results)


def cell_content(cell: CellType) -> object:
    """Return the content of a cell, ``EMPTY`` where there is none."""
    try:
        content: object = cell.cell_contents
    except ValueError:
        return EMPTY
    return content
