"""
Any object in; its digest, the code objects in it, and the classes it behaves by out.

The walk over exact built-in types happens in Rust (``whorl.digest.walk_value``); every other object is described once
by ``describe``.  Code objects (functions, classes, modules, stages) stand in a value's digest by ordinals and are
handed back, so that values and code, which refer to each other, can be digested as one graph.  On the arrow: *digest
values*.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from types import FunctionType, MethodType
from typing import TYPE_CHECKING

from whorl.digest import Digest, Encoder, digest_value, walk_value
from whorl.errors import ConfigError
from whorl.fingerprint.describe import describe, forget_types, registered
from whorl.fingerprint.description import PARTS
from whorl.fingerprint.kinds import is_bound_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Behaviour = tuple[tuple[str, Digest | str], ...]

_DISTRIBUTION = "distribution/"
# What the walk itself writes, without asking anybody.
_BUILT_IN = frozenset(
    (type(None), bool, int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset, type)
)
_telling: ContextVar[frozenset[int]] = ContextVar("whorl stages being told of", default=frozenset())
# What whorl's own types say is covered by the numbers of the schemes.
_SELF = "whorl"


@dataclass(frozen=True, slots=True)
class ValueScan:
    """
    What one walk over a value found.

    ``digest`` covers its shape, with code objects as ordinals; ``refs`` are these code objects; ``types`` are the
    classes of the described objects, in the order they were met.
    """

    digest: Digest
    refs: tuple[object, ...]
    types: tuple[type, ...]


def scan_value(obj: object, path: str = "") -> ValueScan:
    """
    Walk a value.

    Raises UndigestableError, with ``path`` and the way inside the value, for what has no readable state.
    """
    digest, refs, types = walk_value(obj, describe, path, order=_order_key)
    met = (MethodType if is_bound_stage(kind) else kind for kind in types if kind not in PARTS)
    return ValueScan(digest, tuple(refs), tuple(dict.fromkeys(met)))


def hash_value(obj: object) -> Digest:
    """
    Digest any value; code in it counts by its fingerprint.

    Raises UndigestableError, with the way inside the value, for what has no readable state.
    """
    return digest_value(obj, describe, _order_key, _with_code)


def digest_argument(obj: object, path: str) -> tuple[Digest, Behaviour]:
    """Digest a value and collect, in the same walk, the code and the distributions that decide how it behaves."""
    digest, refs, types = walk_value(obj, describe, path, order=_order_key)
    return (_with_code(digest, refs) if refs else digest), (_behaviour_of(types) if types else ())


def current_behaviour(names: Iterable[str]) -> dict[str, Digest | str | None]:
    """Find what stands now for each name of a behaviour recorded earlier; None where it cannot be found."""
    return {name: _current(name) for name in names}


def register_digest(kind: type, function: Callable[[object], object]) -> None:
    """
    Say how objects of a type, and of its subclasses, are digested.

    ``function`` takes the object and returns a ``Digest``, or any value that has one and says everything that counts.
    The object's own ``__whorl_digest__`` comes first.  A distribution can bring such functions for the types of others
    without being imported: an entry point of the group ``whorl.digests``, named after the type
    (``"package.module:Type" = "plugin.module:function"``).  What is registered here comes before these.

    Raises ConfigError for what is no class and for the built-in types that values are made of.
    """
    if not isinstance(kind, type) or not callable(function):
        raise ConfigError("register_digest takes a class and a function", f"not {kind!r} and {function!r}")
    if kind is object or kind in _BUILT_IN:
        raise ConfigError(
            f"objects of {kind.__name__} cannot be digested in another way",
            "every value has some of them" if kind is object else "they are values that all keys are made of",
            "register a class of yours",
        )
    registered[kind] = function
    forget_types()


def _with_code(digest: Digest, refs: Iterable[object]) -> Digest:
    from whorl.fingerprint.code import fingerprint

    encoder = Encoder("value with code").digest(digest)
    for ref in refs:
        found = fingerprint(ref)
        encoder.digest(found.digest)
        for number, stage in enumerate(found.stages):
            if told := _told_of(stage, ref):
                encoder.integer(number).digest(told)
    return encoder.finish()


def _told_of(stage: object, ref: object) -> Digest | None:
    """
    Digest what counts of a stage that the code of a value refers to, besides its code.

    Of those that a class has, only what they were told by ``options`` does: methods that somebody else calls may
    declare what they like.
    """
    counted = getattr(stage, "asked" if isinstance(ref, type) else "counted", ())
    seen = _telling.get()
    if not counted or id(stage) in seen:  # what works on its value may refer to the stage
        return None
    token = _telling.set(seen | {id(stage)})
    try:
        return hash_value(counted)
    finally:
        _telling.reset(token)


def _order_key(code: object) -> str:
    """
    Put code objects that are elements of one set in order, by name and then by what their own bytecode says.

    Their fingerprints would tell more apart, but a function may refer to the set that it is an element of.  Where this
    order is left to chance, equal sets may miss; they never hit by mistake.
    """
    name = f"{getattr(code, '__module__', None)}:{getattr(code, '__qualname__', None)}"
    if not isinstance(code, FunctionType):
        return name
    held = [cell.cell_contents for cell in code.__closure__ or () if _is_plain(cell)]
    said = (code.__code__.co_code, code.__code__.co_names, tuple(held))
    return f"{name} {walk_value(said, _describe_nothing)[0].hex()}"


def _is_plain(cell: object) -> bool:
    try:
        return type(cell.cell_contents) in (bool, int, float, str, bytes)  # type: ignore[attr-defined]
    except ValueError:  # an empty cell
        return False


def _describe_nothing(_: object) -> tuple[object, ...]:
    return ("leaf", "something", None)


def _behaviour_of(types: Iterable[type]) -> Behaviour:
    from whorl.fingerprint.boundary import Distribution, Own, canonical_module, owner
    from whorl.fingerprint.code import digest_code

    found: dict[str, Digest | str] = {}
    for kind in types:
        if kind in PARTS:
            continue
        owned_by = owner(kind)
        if isinstance(owned_by, Own):
            found[f"{canonical_module(kind.__module__)}:{kind.__qualname__}"] = digest_code(kind)
        elif isinstance(owned_by, Distribution) and owned_by.name != _SELF:
            found[_DISTRIBUTION + owned_by.name] = owned_by.version
    return tuple(sorted(found.items()))


def _current(name: str) -> Digest | str | None:
    from whorl.fingerprint.boundary import policy_version
    from whorl.fingerprint.code import digest_code

    if name.startswith(_DISTRIBUTION):
        return policy_version(name.removeprefix(_DISTRIBUTION))
    module, _, qualname = name.partition(":")
    found = _find_class(module, qualname)
    return None if found is None else digest_code(found)


def _find_class(module: str, qualname: str) -> type | None:
    found: object = _find_module(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None


def _find_module(name: str) -> object:
    from whorl.fingerprint.boundary import canonical_module

    if canonical_module("__main__") == name:
        return sys.modules["__main__"]
    try:
        return import_module(name)
    except (Exception, SystemExit):  # noqa: BLE001 - what cannot be imported has no behaviour to compare: a miss
        return None
