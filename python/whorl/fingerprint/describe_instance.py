"""
An instance of any class in, its class's name and its state out; a refusal where there is no state to read.

- Own classes, dataclasses and attrs: ``__getstate__`` if they have one, else ``__dict__`` and ``__slots__``.
- Subclasses of built-in types: what they hold as that type, and the state besides.
- Others: what ``__reduce_ex__(4)`` says, if it says the same twice.
- Refused: iterators, generators, open files, sockets, locks, threads, weak references: two of them that look alike may
  behave differently.

The code of own classes is not in the value's digest; whoever digests arguments collects it (``values.Behaviour``).  On
the arrow: inside *digest values*.
"""

from __future__ import annotations

import copyreg
import sys
from functools import partial
from types import BuiltinFunctionType, FunctionType, WrapperDescriptorType
from typing import TYPE_CHECKING, Any

from whorl.digest import encode_value
from whorl.errors import UndigestableError
from whorl.fingerprint.description import full_name, leaf, node
from whorl.fingerprint.kinds import is_hashed, order_of, top_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.fingerprint.description import Describer, Description, Parts

_TIP = "leave it out of the value, or say how it is digested: a method __whorl_digest__, or whorl.register_digest"
# Standard modules whose objects belong to the running process, and what these objects are.
LIVE = {
    "_io": "an open file",
    "io": "an open file",
    "_thread": "a lock",
    "threading": "a lock or a thread",
    "_socket": "a socket",
    "socket": "a socket",
    "ssl": "a connection",
    "_ssl": "a connection",
    "select": "a selector",
    "selectors": "a selector",
    "queue": "a queue",
    "_queue": "a queue",
    "mmap": "a memory map",
    "weakref": "a weak reference",
    "_weakref": "a weak reference",
    "_weakrefset": "a set of weak references",
    "contextvars": "a context variable",
    "_contextvars": "a context variable",
    "asyncio": "a part of an event loop",
    "_asyncio": "a part of an event loop",
    "sqlite3": "a connection",
    "unittest": "a mock, which grows while it is read",
}
# attrs keeps the hash of an instance among its fields once it was asked for; it depends on PYTHONHASHSEED.
_HASH_OF_ATTRS = "_attrs_cached_hash"
# How to see what a subclass holds as its built-in base, whatever methods it overrides.
_CONTENT: dict[type, Callable[[Any], object]] = {
    list: lambda obj: list.__getitem__(obj, slice(None)),
    tuple: lambda obj: tuple.__getitem__(obj, slice(None)),
    dict: dict.copy,
    set: set,
    frozenset: frozenset,
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    complex: complex.__complex__,
    bytes: lambda obj: bytes(memoryview(obj)),
    bytearray: lambda obj: bytearray(memoryview(obj)),
}


def content_of(value: object) -> list[object]:
    """Give what an instance of a subclass of a built-in type holds as that type, in a list; none for other objects."""
    base = _built_in_base(value)
    return [] if base is None else [_CONTENT[base](value)]


def held_as_built_in(value: object) -> Parts:
    """Give what an instance of a built-in type, or of a subclass, holds as that type, as parts; none for others."""
    base = _built_in_base(value)
    return [] if base is None else _held_as(base, value)


def _built_in_base(value: object) -> type | None:
    return next((base for base in order_of(type(value)) if is_hashed(base) and base in _CONTENT), None)


class OpaqueError(UndigestableError):
    """
    An object shows nothing of what it holds, as a lock, an iterator or a client of some service.

    What is refused with any other error has contents that count, and that cannot be known.
    """


def refuse(kind: type, cause: str, tip: str = _TIP) -> UndigestableError:
    """Make the error for an object whose contents cannot be known; the walk adds where it was met."""
    return UndigestableError(f"a {full_name(kind)} has no digest", cause, tip)


def refuse_plan(kind: type, tip: str) -> UndigestableError:
    """Make the error for what reads files when it is asked for rows."""
    cause = "it is a plan: the files that it reads may hold something else when it is carried out"
    return refuse(kind, cause, f"{tip}; declare its files as raw inputs")


def opaque(kind: type, cause: str) -> OpaqueError:
    """Make the error for an object that shows nothing of what it holds."""
    return OpaqueError(f"a {full_name(kind)} has no digest", cause, _TIP)


def refusal_of(kind: type) -> Describer | None:
    """Return what refuses objects of a type; None for types that have a state."""
    bases = () if issubclass(kind, BaseException) else kind.__mro__
    for base in bases:
        found = LIVE.get(top_of(base))
        if found is not None:
            return partial(_refuse, f"{found} belongs to the running process")
    if isinstance(getattr(kind, "__next__", None), WrapperDescriptorType):
        return partial(_refuse, "what an iterator will give cannot be read without taking it")
    return None


def _refuse(cause: str, obj: object) -> Description:
    raise opaque(type(obj), cause)


def describer_of_instances(kind: type) -> Describer:
    """Choose how instances of a class are described: by name and state, as a built-in type, or by ``__reduce_ex__``."""
    base = next((base for base in kind.__mro__ if is_hashed(base) and base in _CONTENT), None)
    if base is not None and _reduces_plainly(kind, base):
        return partial(_describe_builtin_subclass, base)
    if base is None and _reduces_plainly(kind, object) and not _has_arguments(kind):
        return _PlainInstances()
    return _describe_reduced


class _PlainInstances:
    """Describes instances of one class; the first one tells whether the class keeps state out of sight."""

    def __init__(self) -> None:
        self._checked = False

    def __call__(self, obj: object) -> Description:
        if not self._checked:
            check_state(obj, type(obj))
            self._checked = True
        return node(full_name(type(obj)), state_of(obj))


def _reduces_plainly(kind: type, base: type) -> bool:
    """Tell whether nobody above the base says how to take an instance apart; collections say nothing new."""
    methods: list[object] = [kind.__reduce__, kind.__reduce_ex__]
    inherited: list[object] = [base.__reduce__, base.__reduce_ex__, object.__reduce__, object.__reduce_ex__]
    return kind not in copyreg.dispatch_table and all(
        method in inherited or getattr(method, "__module__", None) == "collections" for method in methods
    )


def _has_arguments(kind: type) -> bool:
    return hasattr(kind, "__getnewargs__") or hasattr(kind, "__getnewargs_ex__")


def check_state(obj: object, kind: type) -> None:
    """Refuse an object of a C class that keeps state where Python does not see it."""
    getstate: object = kind.__getstate__
    if getstate is not object.__getstate__:
        return
    try:
        object.__reduce_ex__(obj, 4)
    except TypeError as error:
        raise opaque(kind, str(error)) from error


def _describe_builtin_subclass(base: type, obj: object) -> Description:
    return node(full_name(type(obj)), [*_held_as(base, obj), *state_of(obj)])


def _held_as(base: type, obj: Any) -> Parts:
    """List what an object holds as a built-in type, whatever its class says when it is asked."""
    kind = type(obj)
    fields = getattr(kind, "_fields", None)
    content = _CONTENT[base](obj)
    if base is tuple and isinstance(fields, tuple) and len(fields) == len(content):  # type: ignore[arg-type]
        return [(f".{field}", value) for field, value in zip(fields, content, strict=True)]  # type: ignore[call-overload]
    return _describe_mapping(obj, kind, content) if base is dict else [("", content)]


def _describe_mapping(obj: Any, kind: type, content: object) -> Parts:
    collections = sys.modules.get("collections")
    if collections and issubclass(kind, collections.OrderedDict):
        # An OrderedDict keeps an order of its own, which move_to_end changes.
        return [("", dict(collections.OrderedDict.items(obj)))]
    if collections and issubclass(kind, collections.defaultdict):
        return [("", content), (".default_factory", obj.default_factory)]
    return [("", content)]


def state_of(obj: object) -> Parts:
    """List what an instance holds in its namespace and slots, or what its ``__getstate__`` says instead."""
    kind = type(obj)
    getstate = kind.__getstate__
    if getstate is object.__getstate__ or getattr(getstate, "__module__", None) == "dataclasses":
        state = object.__getstate__(obj)
    else:
        state = getstate(obj)
    return _parts_of_state(state)


def _parts_of_state(state: object) -> Parts:
    if state is None:
        return []
    if type(state) is dict:
        return [(_segment(name), value) for name, value in state.items() if name != _HASH_OF_ATTRS]
    match state:
        case (dict() | None as namespace, dict() as slots) if type(state) is tuple:
            # What copyreg makes of an instance with slots.
            return [*_parts_of_state(namespace), *_parts_of_state(slots)]
    return [("", state)]


def _segment(name: object) -> str:
    return f".{name}" if isinstance(name, str) else f"[{name!r}]"


# ── what __reduce_ex__ says ──


def _describe_reduced(obj: object) -> Description:
    kind = type(obj)
    said = _reduce(obj, kind)
    if isinstance(said, str):
        return leaf(full_name(kind), said)
    if said[0] not in (copyreg.__newobj__, kind):  # type: ignore[attr-defined]
        _check_deterministic(obj, kind, said)
    parts = _parts_of_reduced(kind, said)
    if isinstance(kind.__reduce__, FunctionType) or _state_in(said) is not None:
        return node(full_name(kind), parts)
    # C classes often leave the attributes of subclasses out.
    return node(full_name(kind), [*parts, *_parts_of_state(getattr(obj, "__dict__", None))])


def _state_in(said: tuple[object, ...]) -> object:
    _, _, state, *_ = (*said, None)
    return state


def _reduce(obj: object, kind: type) -> Any:
    reducer = copyreg.dispatch_table.get(kind)
    try:
        said = obj.__reduce_ex__(4) if reducer is None else reducer(obj)
    except (TypeError, NotImplementedError, AttributeError) as error:
        raise opaque(kind, str(error)) from error
    return said


def _check_deterministic(obj: object, kind: type, said: tuple[Any, ...]) -> None:
    """Refuse an object that takes itself apart in another way each time; its parts are not looked into."""
    again = _reduce(obj, kind)
    shapes = [encode_value([*_parts_of_reduced(kind, parts)], _describe_opaque) for parts in (said, again)]
    if shapes[0][0] != shapes[1][0]:
        raise opaque(kind, "its __reduce_ex__ says something else each time")


def _describe_opaque(obj: object) -> Description:
    return leaf(full_name(type(obj)))


def _parts_of_reduced(kind: type, said: tuple[Any, ...]) -> Parts:
    make, arguments, state, listed, paired, *_ = (*said, None, None, None, None)
    parts: Parts = []
    if make is copyreg.__newobj__ and arguments[0] is kind:  # type: ignore[attr-defined]
        arguments = arguments[1:]
    elif make is not kind:
        parts.append(("", _name_of_maker(make)))
    parts.extend((f"[{index}]", argument) for index, argument in enumerate(arguments))
    parts.extend(_parts_of_state(state))
    if listed is not None:
        parts.append(("[…]", list(listed)))
    if paired is not None:
        parts.append(("[…]", list(paired)))
    return parts


def _name_of_maker(make: object) -> object:
    """Name a module-level function; its code counts through the class that uses it."""
    if isinstance(make, FunctionType | BuiltinFunctionType):
        return f"{make.__module__}.{make.__qualname__}"
    return make
