"""
Libraries that ctypes has loaded in, descriptions out: their names, and what somebody has told of their functions.

What the library itself does is not followed (``data`` lists it).  Its address is that of this process, and a function
that was only called is remembered there as it was found.  On the arrow: inside *digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.fingerprint.description import full_name, items, node

if TYPE_CHECKING:
    from whorl.fingerprint.description import Describer, Description, Parts

_OF_PROCESS = frozenset(("_handle", "_FuncPtr"))


def describer_of(kind: type) -> Describer | None:
    """Return what describes a library; None for what is an instance like any other."""
    import ctypes

    return _describe_library if issubclass(kind, ctypes.CDLL) else None


def _describe_library(library: Any) -> Description:
    held: Parts = []
    for name, value in sorted(vars(library).items()):
        if type(value) is library._FuncPtr:  # noqa: SLF001 - ctypes has no other word for it
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
