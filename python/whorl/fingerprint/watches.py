"""
What a fingerprint was made from in, whether all of it still stands out.

Names in namespaces, attributes and cells are compared by identity; values that can change in place are digested again.
Every watched object is held, so that an identity cannot pass to another object.  On the arrow: the re-check of
*fingerprint* at each call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from whorl.digest import Conditions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sized
    from types import CellType

MISSING = object()


class Watches:
    """
    The conditions under which a fingerprint stays true.

    ``hold`` may be called once no more is added, by any number of threads.
    """

    __slots__ = ("_attributes", "_cells", "_conditions", "_items", "_results", "_sizes", "_values")

    def __init__(self) -> None:
        self._items: dict[tuple[int, str], tuple[Mapping[str, object], str, object]] = {}
        self._attributes: list[tuple[object, str, object]] = []
        self._cells: list[tuple[object, object]] = []
        self._sizes: dict[int, tuple[Sized, int]] = {}
        self._values: dict[int, tuple[Mapping[str, object], list[object]]] = {}
        self._results: list[tuple[Callable[[], object], object]] = []
        self._conditions: Conditions | None = None

    @classmethod
    def of_all(cls, parts: Iterable[Watches]) -> Watches:
        """Join many into one; what several of them watch is watched once."""
        joined = cls()
        for part in parts:
            joined.take(part)
        return joined

    def take(self, other: Watches) -> None:
        """Watch what another one watches, too."""
        self._items |= other._items
        if other._attributes or other._cells or other._sizes or other._values or other._results:
            self._attributes += other._attributes
            self._cells += other._cells
            self._sizes |= other._sizes
            self._values |= other._values
            self._results += other._results

    def __bool__(self) -> bool:
        return bool(self._items or self._attributes or self._cells or self._sizes or self._values or self._results)

    def items(self) -> Iterable[tuple[tuple[int, str], tuple[Mapping[str, object], str, object]]]:
        """List the names that are watched: by their mapping's identity, with what stood there."""
        return self._items.items()

    def item(self, mapping: Mapping[str, object], key: str) -> object:
        """Watch and return what stands under a key, ``MISSING`` where nothing does."""
        value = mapping.get(key, MISSING)
        self._items[id(mapping), key] = (mapping, key, value)
        return value

    def attribute(self, thing: object, name: str) -> object:
        """Watch and return an attribute, ``MISSING`` where there is none."""
        value: object = getattr(thing, name, MISSING)
        self._attributes.append((thing, name, value))
        return value

    def required(self, thing: object, name: str) -> object:
        """Watch and return an attribute; raises AttributeError where there is none."""
        value: object = getattr(thing, name)
        self._attributes.append((thing, name, value))
        return value

    def cell(self, cell: CellType) -> object:
        """Watch and return the content of a closure cell, ``MISSING`` where there is none yet."""
        value = cell_content(cell)
        self._cells.append((cell, value))
        return value

    def size(self, sized: Sized) -> int:
        """Watch and return the number of items."""
        size = len(sized)
        self._sizes[id(sized)] = (sized, size)
        return size

    def values(self, mapping: Mapping[str, object]) -> None:
        """Watch everything that stands in a mapping."""
        self._values[id(mapping)] = (mapping, list(mapping.values()))

    def result(self, function: Callable[[], object], value: object) -> None:
        """Watch what a function gives, which is ``value`` now; compared by ``==``."""
        self._results.append((function, value))

    def hold(self) -> bool:
        """Tell whether everything is as it was."""
        if not self:
            return True
        if self._conditions is None:
            items, sizes = list(self._items.values()), cast("list[tuple[object, int]]", list(self._sizes.values()))
            values = list(self._values.values())
            self._conditions = Conditions(items, self._attributes, self._cells, sizes, values, MISSING)
        if not self._conditions.hold():
            return False
        return not self._results or all(function() == value for function, value in self._results)


def cell_content(cell: CellType) -> object:
    """Return the content of a cell, ``MISSING`` where there is none."""
    try:
        content: object = cell.cell_contents
    except ValueError:
        return MISSING
    return content
