"""
A function that numba compiles in; what own code has taught numba about the names in it out.

``overload`` and its like leave the function that they teach as it is: what compiled code runs in its place stands in
numba's registries only.  What own code has registered there counts where compiled code, or what replaces a part of it,
reads the function, the operator or the attribute that it is for.  Registrations for types alone (models, boxing, casts)
are not looked for.  On the arrow: inside *digest values*, below ``describe_numba``.
"""

from __future__ import annotations

import builtins
import dis
import operator
import re
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from whorl.fingerprint.boundary import Own, owner
from whorl.fingerprint.kinds import full_name, is_class, is_function
from whorl.fingerprint.references import read_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Types of jitted classes bear the address of an object in their names.
_ADDRESS = re.compile(r"#[0-9a-f]+")
_PLAIN = (bool, int, float, str, bytes, type(None))
_BINARY = {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "**": "pow", "@": "matmul",
    "&": "and_", "|": "or_", "^": "xor", "<<": "lshift", ">>": "rshift",
    "<": "lt", "<=": "le", "==": "eq", "!=": "ne", ">": "gt", ">=": "ge",
}  # fmt: skip
_OPERATIONS = {
    "BINARY_SUBSCR": "getitem", "BINARY_SLICE": "getitem", "STORE_SUBSCR": "setitem", "STORE_SLICE": "setitem",
    "DELETE_SUBSCR": "delitem", "CONTAINS_OP": "contains", "IS_OP": "is_", "UNARY_NEGATIVE": "neg",
    "UNARY_NOT": "not_", "UNARY_INVERT": "invert", "POP_JUMP_IF_FALSE": "truth", "POP_JUMP_IF_TRUE": "truth",
}  # fmt: skip


class Extension(NamedTuple):
    """Something registered: ``kind``, what it is ``for``, the own functions that were given, and with what options."""

    kind: str
    subject: object
    given: tuple[object, ...]
    options: tuple[object, ...]


class _Read(NamedTuple):
    """What the code of a function reads: names of any kind, and operators."""

    names: frozenset[str]
    operators: frozenset[str]


def text_of(thing: object) -> str:
    """Word a type or signature of numba's without addresses."""
    return _ADDRESS.sub("", str(thing))


def extensions_of(function: object) -> list[Extension]:
    """List what own code has registered for anything that a function, or what replaces a part of it, reads."""
    known = _registered()
    if not known or not is_function(function):
        return []
    found: dict[object, Extension] = {}
    pending, seen = [function], {id(function)}
    while pending:
        subjects, names = _reached(pending.pop())
        for key in (*map(id, subjects), *names):
            for extension in known.get(key, ()):
                found[_identity(extension)] = extension
                subjects += [each for given in extension.given for each in _held_by(given)]
        for subject in subjects:
            if is_function(subject) and id(subject) not in seen and _is_own(subject):
                seen.add(id(subject))
                pending.append(subject)
    return [found[key] for key in sorted(found, key=str)]


def _reached(function: FunctionType) -> tuple[list[object], frozenset[str]]:
    """Find the objects behind the names of a function, those in modules included, and name its attributes."""
    read = _read(function.__code__)
    scope = {**vars(builtins), **function.__globals__}
    found = [scope[name] for name in read.names if name in scope]
    found += [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    found += [getattr(operator, name) for name in read.operators]
    modules = {id(each): each for each in found if isinstance(each, ModuleType)}
    pending = list(modules.values())
    while pending:
        namespace = vars(pending.pop())
        for name in read.names & namespace.keys():
            each = namespace[name]
            found.append(each)
            if isinstance(each, ModuleType) and id(each) not in modules:
                modules[id(each)] = each
                pending.append(each)
    return found, read.names


@lru_cache(maxsize=4096)
def _read(code: CodeType) -> _Read:
    names = set(code.co_names)
    operators = {name for step in dis.get_instructions(code) for name in _operators_of(step)}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner = _read(constant)
            names |= inner.names
            operators |= inner.operators
    return _Read(frozenset(names), frozenset(name for name in operators if hasattr(operator, name)))


def _operators_of(step: dis.Instruction) -> Iterator[str]:
    if step.opname == "BINARY_OP":
        sign = step.argrepr.rstrip("=")
        named = _BINARY.get(sign, "getitem")
        yield named
        if sign != step.argrepr:
            yield f"i{named.rstrip('_')}"
    elif step.opname == "COMPARE_OP":
        yield _BINARY.get(step.argrepr.removeprefix("bool(").removesuffix(")"), "eq")
    elif step.opname in _OPERATIONS:
        yield _OPERATIONS[step.opname]


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - to read it is the question
    except ValueError:
        return False
    return True


def _held_by(given: object) -> Iterator[object]:
    """Give the functions in a function or class that was registered: itself, its methods, and what it encloses."""
    yield given
    if is_class(given):
        yield from (value for value in vars(given).values() if is_function(value))
    elif is_function(given):
        yield from (cell.cell_contents for cell in given.__closure__ or () if _is_filled(cell))


# ── what stands in numba's registries ──

# One entry: what was made of the registries when they had these lengths; they only grow.
_index: dict[tuple[int, ...], dict[object, list[Extension]]] = {}


def _registered() -> dict[object, list[Extension]]:
    """Give own registrations by the identity of an object or the name of an attribute; read anew as they grow."""
    from numba.core.imputils import builtin_registry as lowered
    from numba.core.typing.templates import builtin_registry as typed

    lists = (typed.functions, typed.attributes, typed.globals, lowered.functions, lowered.getattrs, lowered.setattrs)
    lengths = tuple(map(len, lists))
    known = _index.get(lengths)
    if known is None:
        known = {}
        for key, extension in (*_typed(typed), *_lowered(lowered)):
            known.setdefault(key, []).append(extension)
        _index.clear()
        _index[lengths] = known
    return known


def _typed(registry: Any) -> Iterator[tuple[object, Extension]]:
    for template in registry.functions:
        if own := _own_in(template):
            key = vars(template).get("key")
            yield _key_of(key), Extension("function", key, own, _options(template))
    for value, kind in registry.globals:
        for template in getattr(kind, "templates", ()):
            if own := _own_in(template):
                yield _key_of(value), Extension("function", value, own, _options(template))
    for template in registry.attributes:
        if own := _own_in(template):
            subject = _word(vars(template).get("key"))
            for name in _attributes_of(template):
                yield name, Extension("attribute", (subject, name), own, _options(template))


def _lowered(registry: Any) -> Iterator[tuple[object, Extension]]:
    for implementation, key, types in registry.functions:
        if own := _own_among(_held_by(implementation)):
            yield _key_of(key), Extension("lowered function", key, own, tuple(map(_word, types)))
    for implementation, name, signature in (*registry.getattrs, *registry.setattrs):
        if own := _own_among(_held_by(implementation)):
            yield name, Extension("lowered attribute", name, own, (_word(signature),))


def _own_in(template: type) -> tuple[object, ...]:
    """Return the own functions that a template was made of, or its own classes."""
    made = [vars(template).get(name) for name in ("_overload_func", "generic")]
    functions = [each for each in (getattr(given, "__func__", given) for given in made) if is_function(each)]
    own = _own_among(held for function in functions for held in _held_by(function))
    return own or tuple(base for base in template.__mro__[:-1] if _is_own(base))


def _own_among(things: Iterable[object]) -> tuple[object, ...]:
    return tuple(each for each in things if is_function(each) and _is_own(each))


def _is_own(thing: object) -> bool:
    if is_function(thing) and "__name__" not in thing.__globals__:
        return False  # generated by a library
    return isinstance(owner(thing), Own)


def _attributes_of(template: type) -> Iterable[str]:
    name = vars(template).get("_attr")
    return [name] if isinstance(name, str) else [name.removeprefix("resolve_") for name in vars(template)]


def _options(template: type) -> tuple[object, ...]:
    held = vars(template)
    inline = getattr(held.get("_inline"), "__func__", None)
    options = [*sorted(dict(held.get("_jit_options", {})).items()), *sorted(dict(held.get("metadata", {})).items())]
    kept = (*_PLAIN, set, dict, FunctionType)
    words = [(name, value if isinstance(value, kept) else str(value)) for name, value in options]
    return (*words, held.get("_strict"), held.get("prefer_literal"), _inlined(inline))


def _inlined(options: Any) -> object:
    """Tell how a template is inlined: a word, or the function that decides."""
    value = getattr(options, "value", None)
    return value if is_function(value) else str(value)


def _key_of(subject: object) -> object:
    """Look functions up by identity; what numba itself names by a word is an operator."""
    named = getattr(operator, subject, None) if isinstance(subject, str) else subject
    return id(named)


def _word(thing: object) -> str:
    return full_name(thing) if is_class(thing) else text_of(thing)


def _identity(extension: Extension) -> tuple[object, ...]:
    """Name a registration so that one that is made again, as by a cell that is run twice, is the same."""
    subject = extension.subject
    named = subject if isinstance(subject, (str, tuple)) else full_name(subject)
    return extension.kind, str(named), str(extension.options), *map(_identity_of_given, extension.given)


def _identity_of_given(given: object) -> tuple[object, ...]:
    if not is_function(given):
        return (full_name(given),)
    held = [cell.cell_contents for cell in given.__closure__ or () if _is_filled(cell)]
    plain = [each if isinstance(each, _PLAIN) else full_name(each) for each in held]
    return full_name(given), read_code(given.__code__).digest.hex(), *plain
