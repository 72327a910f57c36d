"""
Callables that are neither functions nor classes in, nodes for what they run out.

Partials, bound methods, properties, caches and dispatchers count by what they wrap and by their parameters, never by
what they have cached.  C functions count by module and name.  On the arrow: inside *fingerprint*, one of the describers
of ``walk``.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import types
from typing import TYPE_CHECKING

from whorl.fingerprint import foreign
from whorl.fingerprint.boundary import Own, canonical_module, owner
from whorl.fingerprint.kinds import in_order, is_bound_stage, is_function, is_module, module_name_of, qualified_name_of
from whorl.fingerprint.nodes import NOWHERE, Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.fingerprint.nodes import Node
    from whorl.fingerprint.walk import Walk

_CYTHON_FUNCTION = "cython_function_or_method"
_LRU_CACHE = type(functools.lru_cache(lambda: None))
# What ``functools`` itself puts on a dispatcher and on a cache.
_LEFT_THERE = frozenset(
    (
        *("__module__", "__name__", "__qualname__", "__doc__", "__annotations__", "__type_params__", "__wrapped__"),
        *("cache_parameters", "register", "registry", "dispatch", "_clear_cache"),
    )
)
_SORT_KEY = type(functools.cmp_to_key(lambda _a, _b: 0))


def describer_of(value: object) -> Callable[[Walk, Node], None] | None:
    """Return the describer of a wrapper; None for anything else."""
    kind = qualified_name_of(type(value))
    if kind == _CYTHON_FUNCTION:
        return _describe_compiled
    if kind == "ufunc" and module_name_of(type(value)) == "numpy" and _callables_in(value):
        return _describe_ufunc
    return _method if is_bound_stage(type(value)) else _DESCRIBERS.get(id(type(value)))


def is_singledispatch(function: types.FunctionType) -> bool:
    """Tell the dispatching function that ``functools.singledispatch`` makes."""
    return (
        function.__globals__ is vars(functools) and function.__code__.co_qualname == "singledispatch.<locals>.wrapper"
    )


def describe_singledispatch(walk: Walk, node: Node) -> None:
    """Describe a generic function by its registry, in an order that does not depend on who registered first."""
    function = node.value
    node.title("wrapper", f"singledispatch {function.__qualname__}")  # type: ignore[attr-defined]
    registry = function.registry  # type: ignore[attr-defined]
    walk.watches.size(registry)
    is_own = isinstance(owner(function.__wrapped__), Own)  # type: ignore[attr-defined]
    for kind in sorted(registry, key=_type_name):
        implementation = walk.watches.item(registry, kind)
        # What libraries register with each other depends on what was imported by now.
        if is_own or not _is_plain_foreign(implementation):
            walk.link(node, "type", kind)
            walk.link(node, "function", implementation)
    link_attributes(walk, node, _LEFT_THERE)


def _is_plain_foreign(function: object) -> bool:
    """Tell a function of a library that holds nothing which own code may have given to it."""
    if not is_function(function) or isinstance(owner(function), Own):
        return False
    return not (function.__closure__ or vars(function))


def _type_name(kind: type) -> str:
    return f"{canonical_module(module_name_of(kind))}.{qualified_name_of(kind)}"


def _describe_fields(*names: str, kind: type | None = None) -> Callable[[Walk, Node], None]:
    def describe(walk: Walk, node: Node) -> None:
        named = (kind or type(node.value)).__name__
        node.title("wrapper", named)
        node.mark("kind", named)
        for name in names:
            value = walk.watches.attribute(node.value, name)
            place = NOWHERE if value is None else Place(node.value, name)
            walk.link(node, name, value, place, annotated=node.annotated, within=True)

    return describe


def _describe_partial(walk: Walk, node: Node) -> None:
    partial = node.value
    assert isinstance(partial, functools.partial)
    node.title("wrapper", "partial")
    # Read-only, yet __setstate__ puts others in their places.
    for name in ("func", "args", "keywords"):
        walk.watches.attribute(partial, name)
    walk.link(node, "func", partial.func)
    for index, value in enumerate(partial.args):
        walk.link(node, f"argument/{index}", value, Place(partial, f"argument/{index}"), within=True)
    walk.watches.size(partial.keywords)
    for name in sorted(partial.keywords):
        value = walk.watches.item(partial.keywords, name)
        walk.link(node, f"argument/{name}", value, Place(partial, f"argument/{name}"), within=True)

    link_attributes(walk, node, _LEFT_THERE)


def link_attributes(walk: Walk, node: Node, besides: frozenset[str] = frozenset()) -> None:
    """Link what was set on a callable, besides what a decorator of Python's own leaves there."""
    attributes = vars(node.value)
    walk.watches.attribute(node.value, "__dict__")
    walk.watches.size(attributes)
    for name in in_order(attributes.keys() - besides):
        value, place = walk.watches.item(attributes, name), Place(node.value, f"attribute/{name}")
        walk.link(node, f"attribute/{name}", value, place, annotated=node.annotated, within=True)


def _describe_cache(walk: Walk, node: Node) -> None:
    node.title("wrapper", "lru_cache")
    node.mark("parameters", repr(sorted(node.value.cache_parameters().items())))  # type: ignore[attr-defined]
    walk.link(node, "wrapped", walk.watches.attribute(node.value, "__wrapped__"))
    link_attributes(walk, node, _LEFT_THERE)


def _describe_sort_key(walk: Walk, node: Node) -> None:
    """Describe what ``cmp_to_key`` makes: it shows the comparison to nobody but the garbage collector."""
    node.title("wrapper", "cmp_to_key")
    _link_held(walk, node, "compares", _held_by)


def _held_by(value: object) -> list[object]:
    return [held for held in gc.get_referents(value) if held is not type(value)]


def _callables_in(value: object) -> list[object]:
    """Leave out what numpy notes about each ufunc."""
    return [held for held in _held_by(value) if callable(held)]


def _link_held(walk: Walk, node: Node, label: str, held_by: Callable[[object], list[object]]) -> None:
    """Link what only the garbage collector sees in a value."""
    value, held = node.value, held_by(node.value)
    walk.watches.result(lambda: [*map(id, held_by(value))], [*map(id, held)])
    for index, each in enumerate(held):
        walk.link(node, f"{label}/{index}", each, Place(value, f"{label}/{index}"), within=True)


def _describe_ufunc(walk: Walk, node: Node) -> None:
    """Describe what ``numpy.frompyfunc`` makes: it does not show its function either."""
    ufunc = node.value
    node.title("wrapper", "ufunc")
    node.mark("shape", str(ufunc.nin), str(ufunc.nout), repr(ufunc.identity))  # type: ignore[attr-defined]
    _link_held(walk, node, "function", _callables_in)


def _describe_builtin(walk: Walk, node: Node) -> None:
    function = node.value
    assert isinstance(function, types.BuiltinFunctionType)
    bound = function.__self__
    if bound is None or is_module(bound):
        foreign.title_foreign(walk, node, function, f"{function.__module__}.{function.__qualname__}")
    else:
        node.title("wrapper", f"method {function.__name__}")
        node.mark("method", function.__name__)
        walk.link(node, "self", bound, Place(function, "self"), within=True)


def _describe_compiled(walk: Walk, node: Node) -> None:
    function = node.value
    foreign.title_foreign(walk, node, function, f"{function.__module__}.{function.__qualname__}")  # type: ignore[attr-defined]


def _describe_slot(walk: Walk, node: Node) -> None:
    """Describe a method of a C class, or a slot: by its name, the class is told by who refers to it."""
    slot = node.value
    kind, name = getattr(slot, "__objclass__", type(None)), getattr(slot, "__name__", "")
    node.title("foreign", f"{kind.__module__}.{kind.__qualname__}.{name}")
    node.mark("slot", type(slot).__name__, name)
    if kind is not type(None) and not isinstance(slot, types.MemberDescriptorType | types.GetSetDescriptorType):
        walk.link(node, "class", kind)


_method = _describe_fields("__func__", "__self__", kind=types.MethodType)
# By identity, since a metaclass may refuse to be hashed.
_DESCRIBERS: dict[int, Callable[[Walk, Node], None]] = {
    id(kind): describe
    for kind, describe in {
        functools.partial: _describe_partial,
        functools.partialmethod: _describe_fields("func", "args", "keywords"),
        functools.cached_property: _describe_fields("func", "attrname"),
        # What ``contextlib.contextmanager`` makes; as a decorator it is a cell of a wrapper.
        contextlib._GeneratorContextManager: _describe_fields("func", "args", "kwds"),  # noqa: SLF001 - no other name
        contextlib._AsyncGeneratorContextManager: _describe_fields("func", "args", "kwds"),  # noqa: SLF001
        functools.singledispatchmethod: _describe_fields("dispatcher", "func"),
        _LRU_CACHE: _describe_cache,
        _SORT_KEY: _describe_sort_key,
        types.MethodType: _method,
        staticmethod: _describe_fields("__func__"),
        classmethod: _describe_fields("__func__"),
        property: _describe_fields("fget", "fset", "fdel"),
        types.BuiltinFunctionType: _describe_builtin,
        types.MethodDescriptorType: _describe_slot,
        types.ClassMethodDescriptorType: _describe_slot,
        types.WrapperDescriptorType: _describe_slot,
        types.MethodWrapperType: _describe_fields("__name__", "__self__"),
        types.MemberDescriptorType: _describe_slot,
        types.GetSetDescriptorType: _describe_slot,
    }.items()
}
