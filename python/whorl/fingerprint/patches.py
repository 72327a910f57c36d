"""
Classes of libraries in, the own code that was put into them out.

Where code names such a class, all own code in it and in its bases counts.  Where code only reads a name from something
unknown (``table.margin()``, ``table.geo.centre``), the classes that libraries let others extend are asked for own code
of that name: pandas's frames with their accessors, and their like.  On the arrow: inside *fingerprint*, below the
describers of ``walk``.
"""

from __future__ import annotations

import functools
import sys
from functools import lru_cache
from types import NoneType
from typing import TYPE_CHECKING, Any

from whorl.fingerprint.boundary import Own, current_view, owner
from whorl.fingerprint.kinds import (
    full_name,
    is_class,
    is_function,
    is_open_class,
    module_name_of,
    namespace_of,
    order_of,
)
from whorl.fingerprint.nodes import Place
from whorl.fingerprint.subclasses import held_by
from whorl.fingerprint.watches import MISSING, Watches, cell_content

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from whorl.fingerprint.nodes import Node
    from whorl.fingerprint.walk import Walk

# Classes that values of unknown origin have, and that own code adds methods or accessors to.
_EXTENDED = {
    "pandas": ("DataFrame", "Series", "Index"),
    "pandas.core.groupby": ("DataFrameGroupBy", "SeriesGroupBy"),
    "xarray": ("DataArray", "Dataset", "DataTree"),
    "polars": ("DataFrame", "LazyFrame", "Series", "Expr"),
    "dask.dataframe": ("DataFrame", "Series"),
}
_PLAIN_IDS = frozenset(map(id, (NoneType, bool, int, float, str, bytes, tuple, list, dict, set, frozenset)))

# A class and what stands in it.
_Space = tuple[type, "Mapping[str, object]"]


def watch_class(walk: Walk, kind: type) -> None:
    """Watch everything in a library's class and its bases: own code may take any place there."""
    for _, namespace in _spaces_of(kind):
        walk.watches.values(namespace)


def link_class(walk: Walk, node: Node, kind: type) -> None:
    """Link the own code in a library's class and its bases."""
    watch_class(walk, kind)
    for base, name in own_code_in(kind):
        label = f"attribute/{name}" if base is kind else f"attribute/{full_name(base)}.{name}"
        walk.link(node, label, namespace_of(base)[name], Place(base, name))


def own_code_in(kind: type) -> tuple[tuple[type, str], ...]:
    """Return where own code stands in a library's class and its bases, as class and name."""
    bases = [base for base, _ in _spaces_of(kind)]
    return tuple((base, name) for base in bases for name in current_view().once(_Content, base).own_code())


def link_reads(walk: Walk, node: Node, names: Collection[str]) -> None:
    """Link the own code that stands under one of the names that code reads, in a class that others extend."""
    if not names:
        return
    walk.watches.size(_EXTENT)
    for name in sorted(names):
        found = walk.patched.get(name)
        if found is None:
            found = walk.patched[name] = [*_standing(name)]
        for kind, namespace, original in found:
            value = walk.watches.item(namespace, name)
            if value is not original and holds_own_code(value):
                walk.link(node, f"attribute/{full_name(kind)}.{name}", value, Place(kind, name))


def _standing(name: str) -> Iterator[tuple[type, Mapping[str, object], object]]:
    """Find the classes in which a name stands, with what the library itself has put there, ``MISSING`` for own code."""
    for kind, namespace in _EXTENT.spaces():
        if name in namespace:
            value = namespace[name]
            yield kind, namespace, MISSING if holds_own_code(value) else value


class _Extent:
    """
    The classes that others extend, with their bases, of the libraries that are loaded.

    Its length is made of theirs, so that a node which watches it notices a name that comes or goes.
    """

    __slots__ = ()

    def spaces(self) -> tuple[_Space, ...]:
        """List them, as they are now."""
        loaded = ((sys.modules.get(module), names) for module, names in _EXTENDED.items())
        return _spaces_of_all(*[getattr(module, name, None) for module, names in loaded if module for name in names])

    def __len__(self) -> int:
        return hash(tuple([len(namespace) for _, namespace in self.spaces()])) & sys.maxsize


_EXTENT = _Extent()


@lru_cache(maxsize=4)
def _spaces_of_all(*kinds: object) -> tuple[_Space, ...]:
    """List classes with their bases; some are not there while their library is being loaded."""
    found: dict[type, Mapping[str, object]] = {}
    for kind in filter(is_class, kinds):
        found |= _spaces_of(kind)
    return tuple(found.items())


class _Content:
    """What stands in one class, asked for own code once: a large class of a library has hundreds of functions."""

    __slots__ = ("_found", "_namespace")

    def __init__(self, kind: type) -> None:
        self._namespace = namespace_of(kind)
        self._found: tuple[Watches, tuple[str, ...]] | None = None

    def own_code(self) -> tuple[str, ...]:
        """Return the names of own code, as it is now."""
        if self._found is None or not self._found[0].hold():
            watches = Watches()
            watches.values(self._namespace)
            items = list(self._namespace.items())
            self._found = watches, tuple(sorted(name for name, value in items if holds_own_code(value)))
        return self._found[1]


def _spaces_of(kind: type) -> tuple[_Space, ...]:
    """List a library's class and its bases, as far as anything can be put into them."""
    return tuple(
        (base, namespace_of(base))
        for base in order_of(kind)
        if is_open_class(base) and not isinstance(owner(base), Own)
    )


def holds_own_code(value: object) -> bool:
    """
    Tell an own function or class, or what a library makes of one.

    Looks into descriptors, into objects with attributes, such as pandas's accessors, and into what functions close
    over.
    """
    pending, seen = [value], set[int]()
    while pending:
        thing = pending.pop()
        if id(type(thing)) in _PLAIN_IDS or id(thing) in seen:
            continue
        seen.add(id(thing))
        if _is_own_code(thing):
            return True
        pending.extend(_code_in(thing))
    return False


def _is_own_code(thing: object) -> bool:
    if is_function(thing):
        # Functions that a library generated have no module.
        return "__name__" in thing.__globals__ and isinstance(owner(thing), Own)
    kind = thing if is_class(thing) else type(thing)
    return module_name_of(kind) in sys.modules and isinstance(owner(kind), Own)


def _code_in(thing: Any) -> Iterator[object]:
    """Yield what a thing of a library may have been made of: functions, classes, and descriptors."""
    kind = type(thing)
    if is_function(thing):
        yield from filter(_is_code, map(cell_content, thing.__closure__ or ()))
    elif kind is property:
        yield from (thing.fget, thing.fset, thing.fdel)
    elif kind is staticmethod or kind is classmethod:
        yield thing.__func__
    elif kind is functools.partialmethod or kind is functools.cached_property:
        yield thing.func
    elif not is_class(thing):
        yield from filter(_is_code, held_by(thing).values())


def _is_code(value: object) -> bool:
    return is_function(value) or is_class(value)
