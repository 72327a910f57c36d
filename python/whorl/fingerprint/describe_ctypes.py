"""
Libraries that ctypes has loaded, and their functions, in; out their names, and what somebody has told of functions.

What the library itself does is not followed (``data`` lists it).  Its address is that of this process, and a function
that was only called is remembered there as it was found.  On the arrow: inside *digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.fingerprint.describe_instance import opaque
from whorl.fingerprint.description import full_name, items, node
from whorl.fingerprint.kinds import order_of

if TYPE_CHECKING:
    from whorl.fingerprint.description import Describer, Description, Parts

_OF_PROCESS = frozenset(("_handle", "_FuncPtr"))


def describer_of(kind: type) -> Describer | None:
    """Return what describes a library or a function; None for what is an instance like any other."""
    import ctypes

    if issubclass(kind, ctypes.CDLL):
        return _describe_library
    return _describe_function if any(map(_is_of_functions, order_of(kind))) else None


def _is_of_functions(base: type) -> bool:
    return full_name(base) == "_ctypes.CFuncPtr"


def _describe_function(function: Any) -> Description:
    import ctypes

    held = (function._objects or {}).values()  # noqa: SLF001 - ctypes has no other word for it
    library = next((each for each in held if isinstance(each, ctypes.CDLL)), None)
    name = getattr(function, "__name__", None)
    if library is None or name is None:
        raise opaque(type(function), "which function it calls cannot be read")
    named = [(".name", name), (".library", library._name), (".flags", function._flags_)]  # noqa: SLF001 - as above
    return node("ctypes function", [*named, *_told_of_function("", function)])


def _describe_library(library: Any) -> Description:
    held: Parts = []
    for name, value in sorted(vars(library).items()):
        if type(value) is library._FuncPtr:  # noqa: SLF001 - as above
            held += _told_of_function(name, value)
        elif name not in _OF_PROCESS:
            held += items([(name, value)])
    return node(full_name(type(library)), [*held, (".flags", library._FuncPtr._flags_)])  # noqa: SLF001 - as above


def _told_of_function(name: str, function: Any) -> Parts:
    """List what somebody has said of a function; nothing where it is as the library gives it."""
    told = [function.restype, function.argtypes, function.errcheck]
    attributes = {key: value for key, value in vars(function).items() if key != "__name__"}
    is_plain = told == [type(function)._restype_, None, None]
    if is_plain and not attributes and function.__name__ == name:
        return []
    return [(f".{name}", [function.__name__, *told, attributes])]
