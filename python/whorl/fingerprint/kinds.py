"""
Any object in, what it is by its real type out.

``isinstance`` asks the object itself through ``__class__``: proxies (wrapt, Django's lazy objects) would pass for the
functions they wrap, and their own code would not count.  Names are read past metaclasses that answer for their classes.
On the arrow: inside *fingerprint*.
"""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import TypeGuard

_MODULE_OF_CLASS = type.__dict__["__module__"]
_NAME_OF_CLASS = type.__dict__["__qualname__"]


def is_function(value: object) -> TypeGuard[FunctionType]:
    """Tell a function written in Python."""
    return type(value) is FunctionType


def is_class(value: object) -> TypeGuard[type]:
    """Tell a class."""
    return issubclass(type(value), type)


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


def qualified_name_of(kind: type) -> str:
    """Name a class inside its module."""
    return str(_NAME_OF_CLASS.__get__(kind))


def full_name(value: object) -> str:
    """Name a function, class, method or module with its module; empty for anything else."""
    if is_module(value):
        return value.__name__
    if is_class(value):
        return f"{module_name_of(value)}.{qualified_name_of(value)}"
    if any(type(value) is kind for kind in (FunctionType, BuiltinFunctionType, MethodType)):
        module, name = value.__module__, value.__qualname__  # type: ignore[attr-defined]
        return f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else ""
    return ""
