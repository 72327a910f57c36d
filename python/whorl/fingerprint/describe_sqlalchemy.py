"""
Tables, columns, types and expressions of SQLAlchemy in, descriptions out: their state without what is remembered there.

SQLAlchemy keeps memoized attributes in the namespace of an object, under the name of the descriptor that made them, and
numbers its objects in the order in which the process made them; neither counts.  On the arrow: inside *digest values*.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from whorl.fingerprint.description import full_name, node
from whorl.fingerprint.listeners import own_compilers, own_listeners

if TYPE_CHECKING:
    from whorl.fingerprint.description import Describer, Description, Parts

_BASES = frozenset(("MetaData", "SchemaItem", "ClauseElement", "TypeEngine", "Visitable"))
# Numbers and addresses of this process, its events (listed by who listens), and caches that no descriptor tells of.
_OF_THE_PROCESS = frozenset(
    (
        *("_creation_order", "dispatch", "_memoized_keys", "_dialect_info", "_type_cache"),
        *("_orig", "_anon_map_key"),
    )
)
# What a parameter without a name is called: the names hold the address of an object.
_ANONYMOUS = frozenset(("key", "_identifying_key"))
# What somebody wrote for attributes that compute themselves; the rest is remembered.
_WRITTEN = {
    "hybrid_property": ("fget", "fset", "fdel", "expr", "custom_comparator", "update_expr"),
    "hybrid_method": ("func", "expr"),
    "AssociationProxy": (
        *("target_collection", "value_attr", "creator", "getset_factory", "proxy_factory", "proxy_bulk_set"),
        *("cascade_scalar_deletes", "create_on_none_assignment"),
    ),
}


def describer_of(kind: type) -> Describer | None:
    """Return what describes SQLAlchemy's schema and expressions; None for its other objects."""
    if any(base.__name__ in _BASES and base.__module__.startswith("sqlalchemy.sql.") for base in kind.__mro__):
        return _describe_element
    for base in kind.__mro__:
        if base.__name__ in _WRITTEN and base.__module__.startswith("sqlalchemy.ext."):
            return partial(_describe_written, _WRITTEN[base.__name__])
    return None


def _describe_written(names: tuple[str, ...], attribute: Any) -> Description:
    parts: Parts = [(f".{name}", getattr(attribute, name, None)) for name in names]
    return node(full_name(type(attribute)), parts)


def _describe_element(element: Any) -> Description:
    kind = type(element)
    held = vars(element)
    kept = sorted(name for name in held if name not in _OF_THE_PROCESS and not _is_memoized(kind, name))
    if held.get("unique") is True and "_orig_key" in held:
        kept = [name for name in kept if name not in _ANONYMOUS]
    parts: Parts = [(f".{name}", held[name]) for name in kept]
    if held.get("info"):
        parts.append((".info", held["info"]))
    # The options in full hold defaults of each dialect that was asked for; these are what somebody wrote.
    written = sorted(dict(element.dialect_kwargs).items()) if "dialect_options" in held else []
    if written:
        parts.append((".dialect_kwargs", written))
    for name, found in ((".listeners", own_listeners(element)), (".compilers", own_compilers(kind))):
        if found:
            parts.append((name, found))
    return node(full_name(kind), parts)


def _is_memoized(kind: type, name: str) -> bool:
    """Tell an attribute that stands in front of a descriptor which computes it."""
    if name == "type":  # of a column: memoized where nobody gave one
        return False
    for base in kind.__mro__:
        if name in vars(base):
            made = vars(base)[name]
            # A remembered method stands behind a plain function, which tells only by its code what it is.
            code = getattr(made, "__code__", None)
            return "memoized" in (type(made).__name__ if code is None else code.co_qualname)
    return False
