"""
A code object in; the digest of its normalized form, what it refers to, and what it reads about functions out.

A reference is a global name or a local import, with the chain of attributes that is read from it at once
(``utils.io.read`` is the name ``utils`` with the chain ``io.read``).  References stand in the order of the normalized
code, so that what they lead to counts, not how they are called.  Nested code is read with the code that holds it.  One
form per code object is kept in memory.  On the arrow: inside *fingerprint*.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import TYPE_CHECKING, NamedTuple

from whorl.digest import Encoder, OpcodeTable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from whorl.digest import Digest

# Facts about functions and classes that code may read; the others are read by these functions.
_INTROSPECTION = frozenset(
    (
        *("__doc__", "__annotations__", "__name__", "__qualname__", "__module__", "__code__", "__type_params__"),
        "__subclasses__",
    )
)
_READERS = frozenset(
    ("signature", "getfullargspec", "getargspec", "get_type_hints", "get_annotations", "getdoc", "getsource", "help")
)
_VARARGS, _VARKEYWORDS, _OPTIMIZED = 0x04, 0x08, 0x01
# *args, **kwargs, generator, coroutine, iterable coroutine, asynchronous generator; not those of __future__.
_BEHAVIOUR_FLAGS = _VARARGS | _VARKEYWORDS | 0x20 | 0x80 | 0x100 | 0x200
_OLDEST_DESCRIBED_BY_NAMES, _NEWEST = 14, 14
_MAX_FORMS = 65_536


class Reference(NamedTuple):
    """
    A name that code reads from outside: ``kind`` is ``global``, ``import`` or ``free`` (a variable of enclosing code).

    For an import, ``name`` is the module as written and ``level`` the number of leading dots; a chain of one empty
    name means that the module is imported, whatever is read from it.
    """

    kind: str
    name: str
    chain: tuple[str, ...]
    level: int = 0


# A global name, and the chain of attributes that is read from it at once.
Read = tuple[str, tuple[str, ...]]


class Load(NamedTuple):
    """
    A place in ``code``, in units of two bytes, where a name from outside and a chain below it are read.

    What the code imports itself is called ``import`` and its full name.
    """

    name: str
    chain: tuple[str, ...]
    code: CodeType
    unit: int


@dataclass(frozen=True, slots=True)
class CodeForm:
    """
    A code object, read.

    ``digest`` is that of its behaviour, without the values of names; ``reads`` are the facts about functions it reads,
    ``*`` for all; ``attributes`` are the names it reads from objects; ``loads`` are its global names, place by place,
    ``outside`` the same without places; ``notes`` are its docstring and name, and those of nested code.
    """

    digest: Digest
    references: tuple[Reference, ...]
    reads: frozenset[str]
    attributes: frozenset[str]
    loads: tuple[Load, ...]
    outside: frozenset[Read]
    notes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Binding:
    """What an import bound to a variable."""

    module: str
    level: int
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the normalizer says of a code object; names and constants are indices in the order of the graph."""

    digest: Digest
    names: list[int]
    constants: list[int]
    loads: list[tuple[str, bool, tuple[str, ...], int]]
    imports: list[tuple[str, int, int, list[tuple[str, str, bool]], int]]
    attributes: list[str]


_forms: dict[int, tuple[CodeType, CodeForm]] = {}
_lock = threading.Lock()


def read_code(code: CodeType) -> CodeForm:
    """Return the form of a code object, from memory if it was read before."""
    known = _forms.get(id(code))
    if known is not None and known[0] is code:
        return known[1]
    form = _read(code)
    with _lock:
        if len(_forms) >= _MAX_FORMS:
            _forms.clear()
        _forms[id(code)] = (code, form)
    return form


def parameter_names(code: CodeType) -> tuple[str, ...]:
    """Return the names of all parameters, ``*args`` and ``**kwargs`` last."""
    count = code.co_argcount + code.co_kwonlyargcount
    return code.co_varnames[: count + bool(code.co_flags & _VARARGS) + bool(code.co_flags & _VARKEYWORDS)]


def _read(code: CodeType) -> CodeForm:
    facts = _normalize(code)
    nested = [code.co_consts[index] for index in facts.constants]
    inner = [read_code(constant) for constant in nested if isinstance(constant, CodeType)]
    names = {load[0] for load in facts.loads}
    names.update(name for _, _, _, bound, _ in facts.imports for _, name, _ in bound)
    texts = [constant for constant in (code.co_consts[index] for index in facts.constants) if type(constant) is str]
    reads = _INTROSPECTION.intersection([*facts.attributes, *texts])
    everything = {"*"} if _READERS.intersection(facts.attributes) or _READERS & names else set()
    loads = (*_own_loads(code, facts), *(load for form in inner for load in form.loads))
    return CodeForm(
        _digest(code, facts.digest),
        _references(code, facts, inner),
        reads.union(everything, *(form.reads for form in inner)),
        frozenset(facts.attributes).union(*(form.attributes for form in inner)),
        loads,
        frozenset([load[:2] for load in loads]),
        ((_docstring(code), code.co_qualname), *(note for form in inner for note in form.notes)),
    )


def _own_loads(code: CodeType, facts: _Facts) -> Iterator[Load]:
    """Yield where the code reads global names, and variables that its own imports bind."""
    bindings = _bindings(code, facts) if facts.imports else {}
    for name, outside, chain, unit in facts.loads:
        if outside and name not in bindings:
            yield Load(name, chain, code, unit)
        for binding in bindings.get(name, ()):
            if not binding.level:
                yield Load(".".join((f"import {binding.module}", *binding.chain)), chain, code, unit)


def _digest(code: CodeType, instructions: Digest) -> Digest:
    encoder = Encoder("code").integer(code.co_flags & _BEHAVIOUR_FLAGS)
    encoder.integer(code.co_posonlyargcount).integer(code.co_argcount).integer(code.co_kwonlyargcount)
    for name in parameter_names(code):
        encoder.text(name)
    return encoder.digest(instructions).finish()


def _docstring(code: CodeType) -> str:
    """Return what may be the docstring; a first constant that is not costs nothing where nobody reads docstrings."""
    first = code.co_consts[0] if code.co_consts else None
    return first if isinstance(first, str) else ""


def _normalize(code: CodeType) -> _Facts:
    table = _table(sys.version_info.minor)
    constants = [(_digest_constant(constant), isinstance(constant, str)) for constant in code.co_consts]
    found = (
        None
        if table is None
        else table.normalize(
            code.co_code,
            code.co_exceptiontable,
            code.co_names,
            _locals(code),
            len(code.co_freevars),
            constants,
            class_body=not code.co_flags & _OPTIMIZED,
        )
    )
    return _raw(code, [digest for digest, _ in constants]) if found is None else _Facts(*found)


def _raw(code: CodeType, constants: Iterable[Digest]) -> _Facts:
    """Take a code object as it is, for a Python whose instructions are not known: every change counts."""
    encoder = Encoder("raw code").integer(sys.version_info.minor).bytes(code.co_code).bytes(code.co_exceptiontable)
    for digest in constants:
        encoder.digest(digest)
    for name in (*code.co_names, "", *_locals(code)):
        encoder.text(name)
    loads: list[tuple[str, bool, tuple[str, ...], int]] = [(name, True, (), 0) for name in code.co_names]
    loads += [(name, False, (), 0) for name in code.co_freevars]
    indices = list(range(len(code.co_names)))
    return _Facts(encoder.finish(), indices, list(range(len(code.co_consts))), loads, [], list(code.co_names))


@lru_cache(maxsize=2)
def _table(minor: int) -> OpcodeTable | None:
    if minor > _NEWEST:
        return None
    if minor < _OLDEST_DESCRIBED_BY_NAMES:
        return OpcodeTable(minor)
    import opcode

    caches = opcode._inline_cache_entries  # type: ignore[attr-defined]  # noqa: SLF001 - dis reads it likewise
    numbers = {name: number for name, number in opcode.opmap.items() if number < 256}  # noqa: PLR2004 - one byte
    return OpcodeTable(minor, [(number, name, caches.get(name, 0)) for name, number in numbers.items()])


def _locals(code: CodeType) -> tuple[str, ...]:
    """Return the variables as the interpreter numbers them: a cell that is a parameter has one number."""
    cells = tuple(name for name in code.co_cellvars if name not in code.co_varnames)
    return code.co_varnames + cells + code.co_freevars


def _digest_constant(constant: object) -> Digest:
    if isinstance(constant, CodeType):
        return read_code(constant).digest
    return _digest_common(constant) if type(constant) in _COMMON else _digest_value(constant)


def _digest_value(constant: object) -> Digest:
    from whorl.fingerprint.values import scan_value

    return scan_value(constant).digest


# Types whose equal values are one value; zeros of floats have a sign, and tuples may hold floats.
_COMMON = frozenset((str, int, bool, bytes, type(None)))
_digest_common = lru_cache(maxsize=16_384, typed=True)(_digest_value)


def _references(code: CodeType, facts: _Facts, inner: Collection[CodeForm]) -> tuple[Reference, ...]:
    """Return what the code refers to, each once: global names in the order of the graph, nested code, imports."""
    bindings = _bindings(code, facts) if facts.imports else {}
    own = _own_references(code, facts, bindings)
    if bindings or inner:
        return tuple(dict.fromkeys(_all_references(code, own, bindings, inner)))
    return tuple(own)


def _all_references(
    code: CodeType, own: Iterable[Reference], bindings: dict[str, list[_Binding]], inner: Iterable[CodeForm]
) -> Iterator[Reference]:
    for reference in (*own, *(reference for form in inner for reference in form.references)):
        if reference.kind == "import":
            yield reference
        else:
            yield from _resolve(code, reference, bindings)
    for binding in sorted({item for bound in bindings.values() for item in bound}, key=_sort_key):
        yield Reference("import", binding.module, binding.chain or ("",), binding.level)


def _own_references(code: CodeType, facts: _Facts, bindings: Collection[str]) -> list[Reference]:
    """Return what the code itself reads: global names with each chain below them, then variables from outside."""
    places = {code.co_names[index]: place for place, index in enumerate(facts.names)}
    found = {(places[name], chain, name) for name, outside, chain, _ in facts.loads if outside and name in places}
    own = [Reference("global", name, chain) for _, chain, name in sorted(found)]
    if bindings or code.co_freevars:
        variables = {(name, chain) for name, outside, chain, _ in facts.loads if not outside}
        reached = {*bindings, *code.co_freevars}
        own += [Reference("free", name, chain) for name, chain in sorted(variables) if name in reached]
    return own


def _resolve(code: CodeType, reference: Reference, bindings: dict[str, list[_Binding]]) -> Iterator[Reference]:
    """Name what a variable stands for: the imports that bind it, and what is outside where it is not bound here."""
    for binding in bindings.get(reference.name, ()):
        yield Reference("import", binding.module, (*binding.chain, *reference.chain), binding.level)
    if reference.kind == "global" or reference.name in code.co_freevars:
        yield reference


def _bindings(code: CodeType, facts: _Facts) -> dict[str, list[_Binding]]:
    """Return what imports bind, by variable; ``import a.b`` binds ``a``, ``import a.b as c`` the module ``a.b``."""
    found: dict[str, list[_Binding]] = {}
    for module, level_index, names_index, bound, _ in facts.imports:
        level, names = code.co_consts[level_index], code.co_consts[names_index]
        for variable, attribute, top in bound or [("", "", False)]:
            name = module.partition(".")[0] if top and not names else module
            chain = (attribute,) if names and attribute else ()
            found.setdefault(variable, []).append(_Binding(name, level, chain))
    return found


def _sort_key(binding: _Binding) -> tuple[int, str, tuple[str, ...]]:
    return binding.level, binding.module, binding.chain
