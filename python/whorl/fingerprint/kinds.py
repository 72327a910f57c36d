"""
Any object in, what it is by its real type out.

``isinstance`` asks the object itself through ``__class__``: proxies (wrapt, Django's lazy objects) would pass for the
functions they wrap, and their own code would not count.  Names are read past metaclasses that answer for their classes.
On the arrow: inside *fingerprint*.
"""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_BASES_OF_CLASS = type.__dict__["__bases__"]
_MODULE_OF_CLASS = type.__dict__["__module__"]
_NAMESPACE_OF_CLASS = type.__dict__["__dict__"]
_ORDER_OF_CLASS = type.__dict__["__mro__"]
_NAME_OF_CLASS = type.__dict__["__qualname__"]
_FLAGS_OF_CLASS = type.__dict__["__flags__"]
# Py_TPFLAGS_HEAPTYPE and Py_TPFLAGS_IMMUTABLETYPE of CPython's object.h
_MADE_AT_RUN_TIME, _IMMUTABLE = 1 << 9, 1 << 8

# The running script: as itself, and as workers name it that multiprocessing starts anew.
MAINS = ("__main__", "__mp_main__")


def is_function(value: object) -> TypeGuard[FunctionType]:
    """Tell a function written in Python."""
    return type(value) is FunctionType


def is_class(value: object) -> TypeGuard[type]:
    """Tell a class."""
    return issubclass(type(value), type)


def is_bound_stage(kind: type) -> bool:
    """Tell the class of stages that are bound to an object, as methods are: they count as methods do."""
    return class_attribute(kind, "__whorl_bound__") is True


def is_module(value: object) -> TypeGuard[ModuleType]:
    """Tell a module."""
    return issubclass(type(value), ModuleType)


def has_own_name(value: object) -> bool:
    """Tell a function, class or module: what is known by itself, wherever it hangs."""
    kind = type(value)
    return kind is FunctionType or issubclass(kind, (type, ModuleType))


def module_name_of(kind: type) -> str:
    """Name a class's module; Cython and careless code may put something else than a name there."""
    try:
        name = _MODULE_OF_CLASS.__get__(kind)
    except AttributeError:
        return "builtins"
    return name if isinstance(name, str) else "builtins"


def top_of(kind: type) -> str:
    """Name the package that a class's module is of."""
    return module_name_of(kind).partition(".")[0]


def attributes_of(value: object) -> dict[str, object]:
    """Give the attributes that an object holds, past what its class answers when it is asked for them."""
    try:
        held: dict[str, object] = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return held


def qualified_name_of(kind: type) -> str:
    """Name a class inside its module."""
    return str(_NAME_OF_CLASS.__get__(kind))


def is_hashed(kind: type) -> bool:
    """Tell a class that dictionaries take by its identity: a metaclass may compare in its own way, or refuse."""
    return type(kind).__hash__ is type.__hash__


def is_open_class(kind: type) -> bool:
    """Tell a class whose attributes can be set: most that were written in C are closed."""
    flags = _FLAGS_OF_CLASS.__get__(kind)
    return bool(flags & _MADE_AT_RUN_TIME) and not flags & _IMMUTABLE


def bases_of(kind: type) -> tuple[type, ...]:
    """List the bases of a class."""
    bases: tuple[type, ...] = _BASES_OF_CLASS.__get__(kind)
    return bases


def order_of(kind: type) -> tuple[type, ...]:
    """List a class and those it inherits from, in the order in which attributes are looked up."""
    order: tuple[type, ...] = _ORDER_OF_CLASS.__get__(kind)
    return order


def namespace_of(kind: type) -> Mapping[str, object]:
    """Give what stands in a class itself."""
    namespace: Mapping[str, object] = _NAMESPACE_OF_CLASS.__get__(kind)
    return namespace


def class_attribute(kind: type, name: str) -> object:
    """Read an attribute of a class as instances find it; None where there is none."""
    if type(kind) is type:
        return getattr(kind, name, None)
    try:
        return type.__getattribute__(kind, name)
    except AttributeError:
        return None


def answers_itself(kind: type) -> bool:
    """Tell a class whose metaclass has a say in what its bases are."""
    before_type = (namespace_of(base) for base in order_of(type(kind)) if base is not type and base is not object)
    return any("__getattribute__" in namespace or "__bases__" in namespace for namespace in before_type)


def in_order(names: Iterable[str]) -> list[str]:
    """Put the names of a namespace in order; what is no text, as careless code may put there, comes first."""
    return sorted(names, key=_text)


def _text(name: object) -> str:
    return name if isinstance(name, str) else ""


def name_of_module(module: ModuleType) -> str:
    """Name a module; one without a name is called nothing."""
    name = vars(module).get("__name__")
    return name if isinstance(name, str) else ""


def full_name(value: object) -> str:
    """Name a function, class, method or module with its module; empty for anything else."""
    if is_module(value):
        return name_of_module(value)
    if is_class(value):
        return f"{module_name_of(value)}.{qualified_name_of(value)}"
    kind = type(value)
    if any(kind is each for each in (FunctionType, BuiltinFunctionType, MethodType)) or is_bound_stage(kind):
        module, name = value.__module__, value.__qualname__  # type: ignore[attr-defined]
        return f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else ""
    return ""
