"""
A class in, its node out: bases in order, metaclass, and everything in its namespace that behaves.

Foreign classes count by name and distribution; functions that own code has put into them are followed.  Enum members
count in their order, other names do not.  On the arrow: inside *fingerprint*, one of the describers of ``walk``.
"""

from __future__ import annotations

import abc
import enum
import sys
from types import FunctionType, GetSetDescriptorType
from typing import TYPE_CHECKING

from whorl.fingerprint import foreign, patches
from whorl.fingerprint.boundary import Own, Stdlib, canonical_module, current_view, owner
from whorl.fingerprint.kinds import (
    answers_itself,
    bases_of,
    full_name,
    is_class,
    is_function,
    module_name_of,
    namespace_of,
    qualified_name_of,
)
from whorl.fingerprint.nodes import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whorl.fingerprint.nodes import Node
    from whorl.fingerprint.walk import Walk

# Where a class stands and how it was compiled, and what the interpreter or abc keeps for itself.
_UNCOUNTED = frozenset(
    (
        *(
            "__module__",
            "__qualname__",
            "__doc__",
            "__firstlineno__",
            "__static_attributes__",
            "__dict__",
            "__weakref__",
        ),
        *("_abc_impl", "__annotations_cache__", "__annotate_func__", "__slotnames__"),
        *("__protocol_attrs__", "__non_callable_proto_members__"),
        # What pydantic makes of fields, annotations, decorators and configuration, and what it remembers of setting.
        *("__pydantic_core_schema__", "__pydantic_validator__", "__pydantic_serializer__", "__pydantic_complete__"),
        *("__pydantic_fields_complete__", "__pydantic_setattr_handlers__", "__pydantic_parent_namespace__"),
    )
)
_CACHES = ("__slotnames__", "__annotations_cache__", "__protocol_attrs__", "__non_callable_proto_members__")
_ENUM_TABLES = frozenset(
    (
        *("_member_map_", "_member_names_", "_value2member_map_", "_unhashable_values_", "_unhashable_values_map_"),
        *("_hashable_values_", "_new_member_", "_use_args_", "_value_repr_", "_flag_mask_", "_singles_mask_"),
        *("_all_bits_", "_inverted_", "__new__"),
    )
)
# Where Python keeps its abstract classes.
_ABSTRACT_MODULES = (
    "_collections_abc",
    "numbers",
    "os",
    "io",
    "contextlib",
    "importlib.abc",
    "importlib.resources.abc",
    "typing",
)
# The name stands in the class, the order is that of the members.
_MEMBER_FACTS = frozenset(("_name_", "_sort_order_", "__objclass__"))


# What Python shows of members, exceptions and named tuples has the name of their class in it.
_SHOWN_BY_NAME = (enum.Enum, BaseException)
# So begin the names that attrs gives to the files of what it generates.
_MADE_BY_ATTRS = "<attrs generated "


class _Counted:
    """The length of a class's namespace without what copyreg, typing and annotationlib cache there one day."""

    __slots__ = ("_namespace",)

    def __init__(self, namespace: Mapping[str, object]) -> None:
        self._namespace = namespace

    def __len__(self) -> int:
        return len(self._namespace) - sum(name in self._namespace for name in _CACHES)


def describe(walk: Walk, node: Node) -> None:
    """Describe a class: followed if it is own code, by name if it is not."""
    kind = node.value
    assert is_class(kind)
    name = f"{canonical_module(module_name_of(kind))}.{qualified_name_of(kind)}"
    if not isinstance(owner(kind), Own):
        foreign.title_foreign(walk, node, kind, name)
        patches.link_class(walk, node, kind)
        if "_abc_impl" in namespace_of(kind) and not isinstance(owner(kind), Stdlib):
            _link_registered(walk, node, kind, all_of_them=False)
        return
    node.title("class", name)
    if issubclass(kind, _SHOWN_BY_NAME) or (issubclass(kind, tuple) and "_fields" in namespace_of(kind)):
        node.mark("shown as", str(walk.watches.attribute(kind, "__name__")))
    _complete(kind)
    for base in _watched_bases(walk, kind):
        walk.link(node, "base", base)
    if type(kind) is not type:
        walk.link(node, "metaclass", type(kind))
    _link_namespace(walk, node, kind)
    foreign.link_listeners(walk, node, kind)
    if "_abc_impl" in namespace_of(kind):
        _link_registered(walk, node, kind, all_of_them=True)
    _link_abilities(walk, node, kind)
    node.has_facts = True


def _watched_bases(walk: Walk, kind: type) -> tuple[type, ...]:
    bases = bases_of(kind)
    if answers_itself(kind):
        walk.watches.result(lambda: [*map(id, bases_of(kind))], [*map(id, bases)])
    else:
        walk.watches.attribute(kind, "__bases__")
    return bases


def _complete(kind: type) -> None:
    """Let pydantic resolve names that were not yet defined, as it would when the stage first uses the model."""
    if namespace_of(kind).get("__pydantic_complete__") is False and hasattr(kind, "model_rebuild"):
        kind.model_rebuild(raise_errors=False)


def _link_namespace(walk: Walk, node: Node, kind: type) -> None:
    namespace = namespace_of(kind)
    walk.watches.size(_Counted(namespace))
    is_enum = issubclass(type(kind), enum.EnumMeta)
    members: Mapping[str, object] = kind.__members__ if is_enum else {}  # type: ignore[attr-defined]
    for name, member in members.items():
        _link_member(walk, node, name, member)
    for name in sorted(namespace):
        if name in _UNCOUNTED or name in members or (is_enum and name in _ENUM_TABLES):
            continue
        value = walk.watches.item(namespace, name)
        if name == "__hash__" and is_function(value) and value.__code__.co_filename.startswith(_MADE_BY_ATTRS):
            value = _without_salt(value)
        if not (type(value) is GetSetDescriptorType and name in ("__dict__", "__weakref__")):
            walk.link(node, f"attribute/{name}", value, Place(kind, name), within=not _is_code(value))


def _without_salt(function: FunctionType) -> FunctionType:
    """Copy a hash that attrs generated, without the one number in it: that depends on PYTHONHASHSEED."""
    code = function.__code__
    constants = tuple(0 if type(constant) is int else constant for constant in code.co_consts)
    return FunctionType(code.replace(co_consts=constants), function.__globals__, function.__name__)


def _link_registered(walk: Walk, node: Node, kind: type, *, all_of_them: bool) -> None:
    """Count the classes, or the own ones, that were registered with an abstract one: its instances' classes too."""
    walk.watches.result(lambda: _registered(kind), _registered(kind))
    for registered in _registered(kind):
        if all_of_them or isinstance(owner(registered), Own):
            walk.link(node, "registered", registered)


def _registered(kind: type) -> list[type]:
    """List registered classes by their names; the first of abc's tables holds weak references to them."""
    held = [reference() for reference in abc._get_dump(kind)[0]]  # type: ignore[attr-defined]  # noqa: SLF001
    return sorted((found for found in held if found is not None), key=full_name)


def _link_abilities(walk: Walk, node: Node, kind: type) -> None:
    """
    Count the abstract classes of Python's own that an own class was registered with.

    The class tells it, not the abstract one: what else was registered with ``Sequence`` depends on what was imported.
    """
    token = abc.get_cache_token()
    walk.watches.result(abc.get_cache_token, token)
    for name in current_view().once(_abilities, token).get(id(kind), ()):
        walk.leaf(node, "registered with", "foreign", name)


def _abilities(_token: int) -> dict[int, list[str]]:
    """Map registered classes, by identity, to the names of the abstract classes of Python that know them."""
    found: dict[int, list[str]] = {}
    for abstract in _abstract_classes():
        for registered in _registered(abstract):
            found.setdefault(id(registered), []).append(full_name(abstract))
    return found


def _abstract_classes() -> list[type]:
    modules = filter(None, map(sys.modules.get, _ABSTRACT_MODULES))
    named = (value for module in modules for _, value in sorted(vars(module).items()))
    return [value for value in dict.fromkeys(filter(is_class, named)) if "_abc_impl" in namespace_of(value)]


def _link_member(walk: Walk, node: Node, name: str, member: object) -> None:
    """Count an enum member by its name and by what it holds; its class is the node itself."""
    state = getattr(member, "__dict__", {})
    walk.watches.size(state)
    for key in sorted(state.keys() - _MEMBER_FACTS):
        walk.link(node, f"member/{name}.{key}", walk.watches.item(state, key), Place(member, key), within=True)


def _is_code(value: object) -> bool:
    return is_function(value) or is_class(value)
