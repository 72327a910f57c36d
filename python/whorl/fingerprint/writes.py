"""
Code and the name of a global in, out whether running the code may change the global's value.

A use that only reads (``K``, ``K["a"]``, ``K.get("a")``, ``K.a``, ``x in K``) changes nothing; everything else (storing
the name, an item or an attribute at any depth, a method that is not known to read, handing the object on) may.  What
is computed by a class when it is asked (properties, ``__getattr__``, ``__missing__``) may, too.  On the arrow: inside
*fingerprint*, asked after a run only.
"""

from __future__ import annotations

import dis
from types import CodeType, FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import TYPE_CHECKING

from whorl.fingerprint.kinds import is_function, is_open_class, namespace_of, order_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Methods of the built-in containers, texts and numbers that leave their object as it is (library reference, "Built-in
# Types"); a method of another name may do anything.
_READERS = frozenset((
    "copy", "count", "decode", "difference", "encode", "endswith", "find", "findall", "finditer", "format", "fullmatch",
    "get", "index", "intersection", "isdisjoint", "issubset", "issuperset", "items", "join", "keys", "lower", "lstrip",
    "match", "partition", "replace", "rpartition", "rstrip", "search", "split", "splitlines", "startswith", "strip",
    "sub", "symmetric_difference", "title", "union", "upper", "values",
))  # fmt: skip
# Methods of containers, and of files in memory, that change their object.
_WRITERS = frozenset((
    "add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "extendleft", "insert",
    "intersection_update", "move_to_end", "pop", "popitem", "popleft", "remove", "reverse", "rotate", "setdefault",
    "sort", "subtract", "symmetric_difference_update", "update", "write", "writelines",
))  # fmt: skip
# Builtin functions that leave what they are given as it is, and how they are called.
_LOOKING = frozenset((
    "all", "any", "bool", "dict", "enumerate", "float", "frozenset", "int", "isinstance", "len", "list", "max", "min",
    "print", "repr", "reversed", "set", "sorted", "str", "sum", "tuple", "type",
))  # fmt: skip
_CALLS = ("CALL", "PRECALL", "CALL_KW")
# How code reaches a value by the kind of its place: a global, a default, a cell, an attribute of a function or class.
_LOADS = {
    "": ("LOAD_GLOBAL", "LOAD_NAME"),
    "default": ("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW", "LOAD_DEREF"),
    "cell": ("LOAD_DEREF", "LOAD_CLASSDEREF"),
    "attribute": ("LOAD_ATTR", "LOAD_METHOD"),
}
_STORES = {
    "": ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_NAME", "DELETE_NAME"),
    "default": (),
    "cell": ("STORE_DEREF", "DELETE_DEREF"),
    "attribute": ("STORE_ATTR", "DELETE_ATTR"),
}
_KEYS = ("LOAD_CONST", "LOAD_FAST", "LOAD_GLOBAL", "LOAD_SMALL_INT", "LOAD_FAST_BORROW")
_SUBSCRIPTS = ("BINARY_SUBSCR",)
_BINARY = ("CONTAINS_OP", "COMPARE_OP", "BINARY_OP", "IS_OP")
_READING = (*_BINARY, "POP_JUMP_IF_FALSE", "POP_JUMP_IF_TRUE", "GET_ITER")
_CHANGING = ("STORE_ATTR", "DELETE_ATTR")
_CHANGING_ITEMS = ("STORE_SUBSCR", "DELETE_SUBSCR", "COPY")  # K["a"] += 1 copies the object and the key first
_SKIPPED = ("CACHE", "EXTENDED_ARG", "NOP", "PUSH_NULL", "TO_BOOL")
# What stands in a class and computes nothing when an instance is asked for it.
_PLAIN = (FunctionType, staticmethod, classmethod, MemberDescriptorType, GetSetDescriptorType)
_ASKED_FOR_ATTRIBUTES = ("__getattr__", "__getattribute__")


def may_write(codes: Iterable[CodeType], name: str, kinds: Iterable[type] = ()) -> bool:
    """
    Tell whether one of the code objects, or code inside them, may change the value behind a name.

    ``name`` is that of a global, or ``default/x``, ``cell/x``, ``attribute/x``; ``kinds`` are the classes in the value.
    """
    classes = tuple(kinds)
    return any(
        is_stored or not _only_reads(steps[place + 1 :], classes) for steps, place, is_stored in _met(codes, name)
    )


def acts_on(codes: Iterable[CodeType], name: str, kinds: Iterable[type] = ()) -> bool:
    """
    Tell whether one of the code objects, or code inside them, may change the value behind a name as a whole.

    Other than ``may_write`` this leaves out what takes a part of the value and uses that, as in
    ``REGISTRY["sensor"].read()``: who does so may be a reader of what others have put there.
    """
    classes = tuple(kinds)
    return any(not is_read and not parts for parts, is_read in _uses(codes, name, classes))


def uses_of_parts(codes: Iterable[CodeType], name: str, kinds: Iterable[type] = ()) -> frozenset[tuple[str, ...]]:
    """Tell how code uses parts of the value behind a name that such a use may change: ``("[]", "read()")``."""
    return frozenset(parts for parts, is_read in _uses(codes, name, tuple(kinds)) if parts and not is_read)


def _uses(codes: Iterable[CodeType], name: str, classes: tuple[type, ...]) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Yield each use of a name: the way into a part that alone is used, or nothing; and whether it only reads."""
    for steps, place, is_stored in _met(codes, name):
        if is_stored:
            yield (), False
            continue
        following = steps[place + 1 :]
        is_read = _only_reads(following, classes) or _is_looked_at(steps, place, classes)
        yield _part_used(following, classes), is_read


def _met(codes: Iterable[CodeType], name: str) -> Iterator[tuple[list[dis.Instruction], int, bool]]:
    """Yield where code, or code inside it, names a value: its steps, the place in them, whether it is stored there."""
    kind, _, plain = name.rpartition("/")
    loads, stores = _LOADS.get(kind, ()), _STORES.get(kind, ())
    for code in (inner for outer in codes for inner in _with_nested(outer)):
        if plain not in (*code.co_names, *code.co_varnames, *code.co_cellvars, *code.co_freevars):
            continue
        steps = [step for step in dis.get_instructions(code) if step.opname not in _SKIPPED]
        for place, step in enumerate(steps):
            # Two locals loaded by one instruction: what is done with the first is not told by what follows.
            is_one_of_two = kind == "default" and isinstance(step.argval, tuple) and plain in step.argval
            if step.argval == plain and step.opname in (*loads, *stores):
                yield steps, place, step.opname in stores
            elif is_one_of_two and "FAST" in step.opname:
                yield steps, place, True


def _is_looked_at(steps: list[dis.Instruction], place: int, classes: tuple[type, ...]) -> bool:
    """Tell a value that is handed to a builtin function which looks at it: plain containers do not change by that."""
    before, after = steps[max(place - 1, 0)], steps[min(place + 1, len(steps) - 1)]
    is_call = after.opname in _CALLS and before.opname == "LOAD_GLOBAL" and before.argval in _LOOKING
    return is_call and not any(map(is_open_class, classes))


def _part_used(following: list[dis.Instruction], classes: tuple[type, ...]) -> tuple[str, ...]:
    """Say by which way a part is taken out of an object and used alone; nothing where the object itself may change."""
    way: list[str] = []
    while following:
        first = following[0].opname
        second = following[1].opname if first in _KEYS and len(following) > 1 else ""
        if first in _CHANGING or second in _CHANGING_ITEMS or first == "COPY":
            return ()
        if first in ("LOAD_METHOD", "LOAD_ATTR"):
            name = str(following[0].argval)
            if first == "LOAD_METHOD" or "NULL|self" in following[0].argrepr:
                return (*way, f"{name}()") if way and name not in _WRITERS else ()
            if not way and any(computes(kind, name) for kind in classes):
                return ()
            way, following = [*way, name], following[1:]
        elif second in _SUBSCRIPTS:
            if not way and any(_makes_items(kind) for kind in classes):
                return ()
            way, following = [*way, "[]"], following[2:]
        else:
            break
    return (*way, "handed on") if way else ()


def computes(kind: type, name: str) -> bool:
    """Tell whether a class may run code when one of its instances is asked for an attribute."""
    for base in order_of(kind):
        if name in namespace_of(base):
            found = type(namespace_of(base)[name])
            return not issubclass(found, _PLAIN) and any("__get__" in namespace_of(each) for each in order_of(found))
    return _has_function(kind, _ASKED_FOR_ATTRIBUTES)


def stored_globals(code: CodeType) -> Iterator[str]:
    """Name the globals that code, or code inside it, binds anew."""
    for each in _with_nested(code):
        yield from (step.argval for step in dis.get_instructions(each) if step.opname in _STORES[""][:2])


def _has_function(kind: type, names: Iterable[str]) -> bool:
    return any(is_function(namespace_of(base).get(name)) for base in order_of(kind) for name in names)


def _with_nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_nested(constant)


def _only_reads(following: list[dis.Instruction], classes: tuple[type, ...]) -> bool:
    """Tell whether what follows the load of an object takes something out of it, and changes neither."""
    taken, open_ones = False, any(map(is_open_class, classes))
    while following:
        first = following[0].opname
        second = following[1].opname if first in _KEYS and len(following) > 1 else ""
        if first in _CHANGING or second in _CHANGING_ITEMS:
            return False
        if first in ("LOAD_METHOD", "LOAD_ATTR"):
            if first == "LOAD_METHOD" or "NULL|self" in following[0].argrepr:
                return following[0].argval in _READERS and not _runs(classes, following[0].argval)
            if any(computes(kind, following[0].argval) for kind in classes):
                return False
            taken, following = True, following[1:]
        elif second in _SUBSCRIPTS:
            if any(_makes_items(kind) for kind in classes):
                return False
            # An object of a class that was taken out of a container may change when it is used.
            taken, following = not open_ones, following[2:]
        else:
            return taken or ((first in _READING or second in _BINARY) and not open_ones)
    return taken


def _makes_items(kind: type) -> bool:
    """Tell a mapping that may put in what it is asked for, such as a ``defaultdict``."""
    return any("__missing__" in namespace_of(base) for base in order_of(kind)) or _has_function(kind, ("__getitem__",))


def _runs(classes: tuple[type, ...], name: str) -> bool:
    """Tell a method that is written in Python, whatever the built-in one of that name does."""
    return any(_has_function(kind, (name,)) for kind in classes)
