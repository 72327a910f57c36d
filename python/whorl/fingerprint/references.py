"""
A code object in; what it refers to, what it reads about functions, and what cannot be followed out.

A reference is a global name or a local import, with the chain of attributes that is read from it at once
(``utils.io.read`` is the name ``utils`` with the chain ``io.read``).  Nested code is read with the code that holds it.
Memory: one form per code object, kept as long as the table below holds it.  On the arrow: inside *fingerprint*.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from types import CodeType
from typing import TYPE_CHECKING

from whorl.digest import Encoder
from whorl.fingerprint.mentions import Mention, digest_instructions, read_mentions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whorl.digest import Digest

INTROSPECTION = frozenset(
    (
        "__doc__",
        "__annotations__",
        "__name__",
        "__qualname__",
        "__module__",
        "__code__",
        "__kwdefaults__",
        "__defaults__",
    )
)
_READS_ALL = frozenset(("signature", "getfullargspec", "get_type_hints", "get_annotations", "getdoc", "getsource"))
_BEHAVIOUR_FLAGS = 0x04 | 0x08 | 0x20 | 0x80 | 0x100 | 0x200  # *args, **kwargs, generator, coroutine, async generator
_MAX_FORMS = 65_536
_LONGEST_CALL = 200


@dataclass(frozen=True, slots=True)
class Reference:
    """
    A name that code reads from outside: ``kind`` is ``global``, ``import`` or ``free`` (a variable of enclosing code).

    For an import, ``name`` is the module as written and ``level`` the number of leading dots; a chain of one empty
    name means that the module is imported, whatever is read from it.
    """

    kind: str
    name: str
    chain: tuple[str, ...]
    line: int
    level: int = 0


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that cannot be followed: ``what`` in words, and its ``line``."""

    what: str
    line: int


@dataclass(frozen=True, slots=True)
class CodeForm:
    """
    A code object, read: the digest of its behaviour without names' values, and what it refers to.

    ``calls`` are global names called with what a rule about them may need: the constant arguments, by position.
    """

    digest: Digest
    references: tuple[Reference, ...]
    reads: frozenset[str]
    calls: tuple[Call, ...]
    attributes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a global name or of a chain below it; arguments that are not constants are ``Ellipsis``."""

    name: str
    chain: tuple[str, ...]
    arguments: tuple[object, ...]
    line: int


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


def _read(code: CodeType) -> CodeForm:
    mentions = read_mentions(code)
    inner = [read_code(mention.value) for mention in mentions if isinstance(mention.value, CodeType)]
    bindings = _bindings(code, mentions)
    references = [*_own_references(code, mentions, bindings)]
    for form in inner:
        references += _resolve_free(code, form.references, bindings)
    attributes = frozenset(str(mention.value) for mention in mentions if mention.word == "attribute")
    names = {str(mention.value) for mention in mentions if mention.word in ("global", "import from")}
    reads = (attributes & INTROSPECTION) | ({"*"} if (attributes | names) & _READS_ALL else set())
    return CodeForm(
        _digest_form(code),
        tuple(dict.fromkeys(references)),
        frozenset().union(reads, *(form.reads for form in inner)),
        (*_read_calls(mentions), *(call for form in inner for call in form.calls)),
        attributes.union(*(form.attributes for form in inner)),
    )


def _digest_form(code: CodeType) -> Digest:
    from whorl.fingerprint.values import scan_value

    def digest_constant(constant: object) -> Digest:
        return read_code(constant).digest if isinstance(constant, CodeType) else scan_value(constant).digest

    encoder = Encoder("code").integer(code.co_flags & _BEHAVIOUR_FLAGS)
    encoder.integer(code.co_posonlyargcount).integer(code.co_argcount).integer(code.co_kwonlyargcount)
    for name in parameter_names(code):
        encoder.text(name)
    return encoder.digest(digest_instructions(code, digest_constant)).finish()


def parameter_names(code: CodeType) -> tuple[str, ...]:
    """Return the names of all parameters, ``*args`` and ``**kwargs`` last."""
    count = code.co_argcount + code.co_kwonlyargcount
    return code.co_varnames[: count + bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)]


@dataclass(frozen=True, slots=True)
class _Binding:
    """What an import bound to a local name."""

    module: str
    level: int
    chain: tuple[str, ...]


def _bindings(code: CodeType, mentions: tuple[Mention, ...]) -> dict[str, list[_Binding]]:
    """Return local names bound by imports; those assigned otherwise too are still listed: both may be meant."""
    found: dict[str, list[_Binding]] = {}
    for index, mention in enumerate(mentions):
        if mention.word == "import":
            for name, binding in _bound_by(mentions, index):
                found.setdefault(name, []).append(binding)
    return found


def _bound_by(mentions: tuple[Mention, ...], index: int) -> Iterator[tuple[str, _Binding]]:
    module = str(mentions[index].value)
    level, names = mentions[index - 2].value, mentions[index - 1].value
    level = level if isinstance(level, int) else 0
    following = mentions[index + 1 :]
    if names:
        yield from _bound_from(module, level, following)
        return
    store = next((item for item in following if item.word in ("store", "store global")), None)
    if store is None:
        return
    plain = bool(following) and following[0] is store and "." in module
    yield str(store.value), _Binding(module.partition(".")[0] if plain else module, level, ())


def _bound_from(module: str, level: int, following: tuple[Mention, ...]) -> Iterator[tuple[str, _Binding]]:
    for source, target in zip(following[::2], following[1::2], strict=False):
        if source.word != "import from":
            return
        yield str(target.value), _Binding(module, level, (str(source.value),))


def _own_references(
    code: CodeType, mentions: tuple[Mention, ...], bindings: dict[str, list[_Binding]]
) -> Iterator[Reference]:
    for index, mention in enumerate(mentions):
        if mention.word in ("global", "load"):
            name, chain = str(mention.value), _chain_after(mentions, index)
            kind = "global" if mention.word == "global" else "free"
            yield from _resolve(code, Reference(kind, name, chain, mention.line), bindings)
        elif mention.word == "import":
            yield from _imported(mentions, index)


def _imported(mentions: tuple[Mention, ...], index: int) -> Iterator[Reference]:
    """Name what an import statement itself needs: the names it takes, or the module, whose running may have effects."""
    for _, binding in _bound_by(mentions, index):
        chain = binding.chain or ("",)
        yield Reference("import", binding.module, chain, mentions[index].line, binding.level)


def _resolve_free(
    code: CodeType, references: tuple[Reference, ...], bindings: dict[str, list[_Binding]]
) -> Iterator[Reference]:
    """Name what nested code reads: the variables that this code binds by an import are references to the import."""
    for reference in references:
        if reference.kind == "import":
            yield reference
        else:
            yield from _resolve(code, reference, bindings)


def _resolve(code: CodeType, reference: Reference, bindings: dict[str, list[_Binding]]) -> Iterator[Reference]:
    for binding in bindings.get(reference.name, ()):
        chain = (*binding.chain, *reference.chain)
        yield Reference("import", binding.module, chain, reference.line, binding.level)
    if reference.kind == "global" or reference.name in code.co_freevars:
        yield reference


def _chain_after(mentions: tuple[Mention, ...], index: int) -> tuple[str, ...]:
    end = index + 1
    while end < len(mentions) and mentions[end].word == "attribute":
        end += 1
    return tuple(str(mention.value) for mention in mentions[index + 1 : end])


def _read_calls(mentions: tuple[Mention, ...]) -> Iterator[Call]:
    for index, mention in enumerate(mentions):
        if mention.word == "global":
            chain = _chain_after(mentions, index)
            arguments = _arguments_after(mentions, index + 1 + len(chain))
            if arguments is not None:
                yield Call(str(mention.value), chain, arguments, mention.line)


def _arguments_after(mentions: tuple[Mention, ...], start: int) -> tuple[object, ...] | None:
    """Return the arguments if what stands before ``start`` is called; each is one constant or ``Ellipsis``."""
    stack: list[object] = []
    for mention in mentions[start : start + _LONGEST_CALL]:
        if mention.word == "CALL" and mention.value == len(stack):
            return tuple(stack)
        if mention.word in ("CALL_KW", "CALL_FUNCTION_EX") and len(stack) + mention.effect <= 0:
            return tuple(stack)
        depth = len(stack) + mention.effect
        if depth < 0 or mention.word.startswith(("POP_TOP", "STORE", "store", "RETURN")):
            return None
        if mention.effect > 0:
            stack += [mention.value if mention.word == "constant" else ...] * mention.effect
        else:
            stack = [*stack[: max(depth - 1, 0)], ...][:depth]
    return None
