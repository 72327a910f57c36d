"""
A class in, its node out: bases in order, metaclass, and everything in its namespace that behaves.

Foreign classes count by name and distribution; functions that own code has put into them are followed.  Enum members
count in their order, other names do not.  On the arrow: inside *fingerprint*, one of the describers of ``walk``.
"""

from __future__ import annotations

import abc
import enum
import sys
from contextlib import suppress
from types import FunctionType, GetSetDescriptorType
from typing import TYPE_CHECKING

from whorl.fingerprint import foreign, patches, settled
from whorl.fingerprint.boundary import Own, Stdlib, canonical_module, current_view, owner
from whorl.fingerprint.describe_instance import content_of
from whorl.fingerprint.kinds import (
    answers_itself,
    bases_of,
    full_name,
    in_order,
    is_class,
    is_function,
    module_name_of,
    namespace_of,
    order_of,
    qualified_name_of,
)
from whorl.fingerprint.nodes import Place
from whorl.fingerprint.watches import MISSING

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
_PUT_LATER = ("__annotations__", "__init__")
# What typing and typing_extensions let stand in protocols until a class made from one is called.
_NO_INIT = ("_no_init_or_replace_init", "_no_init")
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
# What a flag remembers once it was inverted.
_INVERTED = "_inverted_"
# The name stands in the class, the order is that of the members.
_MEMBER_FACTS = frozenset(("_name_", "_sort_order_", "__objclass__", _INVERTED))


# What Python shows of members, exceptions and named tuples has the name of their class in it.
_SHOWN_BY_NAME = (enum.Enum, BaseException)
# So begin the names that attrs gives to the files of what it generates.
_MADE_BY_ATTRS = "<attrs generated "


class _Counted:
    """The length of a class's namespace without what copyreg, typing and annotationlib put there one day."""

    __slots__ = ("_kind",)

    def __init__(self, kind: type) -> None:
        self._kind = kind

    def __len__(self) -> int:
        namespace = namespace_of(self._kind)
        put = (name for name in _PUT_LATER if name in namespace and _is_put_by_python(self._kind, name, namespace))
        return len(namespace) - sum(name in namespace for name in _CACHES) - sum(1 for _ in put)


class _CountedMember:
    """The number of attributes of an enum member without what a flag remembers."""

    __slots__ = ("_state",)

    def __init__(self, state: Mapping[str, object]) -> None:
        self._state = state

    def __len__(self) -> int:
        return len(self._state) - (_INVERTED in self._state)


def _is_put_by_python(kind: type, name: str, namespace: Mapping[str, object]) -> bool:
    """Tell the empty annotations that asking for them leaves, and the ``__init__`` that typing copies to a class."""
    if name == "__annotations__":
        return namespace[name] == {}
    return _made_by_protocol(kind) and namespace[name] is _next_init(kind)


def _made_by_protocol(kind: type) -> bool:
    return type(kind) is not type and any(base.__name__ == "_ProtocolMeta" for base in order_of(type(kind)))


def _next_init(kind: type) -> object:
    """Find what a class without ``__init__`` inherits, past what protocols have in its place until they are made."""
    for base in order_of(kind)[1:]:
        found = namespace_of(base).get("__init__")
        if found is not None and not (is_function(found) and found.__name__ in _NO_INIT):
            return found
    return None


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
        with suppress(Exception):  # one that cannot be completed, as pydantic's own base, stays as it is
            kind.model_rebuild(raise_errors=False)


def _link_namespace(walk: Walk, node: Node, kind: type) -> None:
    namespace = namespace_of(kind)
    walk.watches.size(_Counted(kind))
    is_enum = issubclass(type(kind), enum.EnumMeta)
    members: Mapping[str, object] = kind.__members__ if is_enum else {}  # type: ignore[attr-defined]
    for name, member in members.items():
        _link_member(walk, node, name, member)
    for name in in_order(namespace):
        if name in _UNCOUNTED or name in members or (is_enum and name in _ENUM_TABLES):
            continue
        if name in _PUT_LATER and _is_put_by_python(kind, name, namespace):
            continue
        value = settled.counted_value(walk.watches, kind, name, walk.watches.item(namespace, name))
        if value is MISSING:
            continue
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
    walk.watches.size(_CountedMember(state))
    for held in content_of(member):
        walk.link(node, f"member/{name}", held, Place(member, ""), within=True)
    for key in in_order(state.keys() - _MEMBER_FACTS):
        value = settled.counted_value(walk.watches, member, key, walk.watches.item(state, key))
        if value is not MISSING:
            walk.link(node, f"member/{name}.{key}", value, Place(member, key), within=True)


def _is_code(value: object) -> bool:
    return is_function(value) or is_class(value)
