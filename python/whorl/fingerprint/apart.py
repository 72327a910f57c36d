"""
A value that has no digest in, the parts that it falls into out, by name.

Containers give what they hold, whatever class was made from them; so do texts, numbers, files in memory and exceptions
of own classes.  Own objects and plain data of the standard library give their attributes and slots besides.  Nothing
else is taken apart: what connections, servers and compressed files keep changes with their use.  On the arrow: inside
*fingerprint*, below ``data``.
"""

from __future__ import annotations

import sys
from operator import itemgetter
from types import MemberDescriptorType
from typing import TYPE_CHECKING

from whorl.errors import UndigestableError
from whorl.fingerprint.boundary import Own, owner
from whorl.fingerprint.describe_instance import held_as_built_in, refuse
from whorl.fingerprint.describe_standard import STANDARD
from whorl.fingerprint.description import Described
from whorl.fingerprint.kinds import (
    attributes_of,
    full_name,
    module_name_of,
    namespace_of,
    order_of,
    qualified_name_of,
    top_of,
)
from whorl.fingerprint.shown import is_shown, short_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whorl.fingerprint.description import Describer, Parts

# Modules of the standard library whose objects hold plain data, and nothing that their use changes.
_PLAIN_MODULES = frozenset(
    ("types", "collections", "enum", "functools", "argparse", "configparser", "csv", "json", "string", "textwrap")
) | {"pprint", "_json"}
# Written in C, and their members are all that they have.
_SHOWN_BY_MEMBERS = frozenset(("_json.Scanner", "_json.Encoder"))
# No attribute is called so.
_CONTENT = "(content)"
_SHOWN_KEY = 40
# Tuples that are made at each question lie no deeper in what a describer gives.
_DEPTH = 3


def parts_of(value: object) -> list[tuple[str, object]]:
    """
    List what is in a value; nothing where it cannot be taken apart.

    Raises UndigestableError where reading it fails.
    """
    state = _state_of(value)
    try:
        described = _described(value)
    except Exception as error:
        raise refuse(type(value), f"reading it raised {error!r}") from error
    parts: list[tuple[str, object]] = []
    for segment, part in described:
        if segment == "":
            parts.extend(_items_of(part))
        elif segment[1:] not in state or state[segment[1:]] is not part:
            parts.append((segment, part))
    return [*parts, *state.items()]


def identity_of_parts(parts: Iterable[tuple[str, object]]) -> list[tuple[str, object]]:
    """
    Tell parts from others.

    They are held by their nodes, so that no identity can pass to another object.  What is made anew at each question
    is told by what it says.
    """
    return [(name, _identity_of(part, _DEPTH)) for name, part in parts]


def _identity_of(part: object, depth: int) -> object:
    kind = type(part)
    if kind is str or kind is bytes or kind is int:
        return kind, part
    if kind is float or kind is complex:
        return kind, repr(part)
    if kind is Described:
        return _digest_of(part)
    if kind is tuple and depth:
        return [_identity_of(item, depth - 1) for item in part]  # type: ignore[attr-defined]
    return id(part)


def _digest_of(part: object) -> object:
    from whorl.fingerprint.values import scan_value

    try:
        return scan_value(part).digest
    except UndigestableError:
        return id(part)


def _described(value: object) -> Parts:
    """Give what a value holds as what it was made from: a built-in type, or one that a describer knows."""
    kind = type(value)
    contents = held_as_built_in(value)
    if contents:
        return contents
    if issubclass(kind, BaseException):
        return [(".args", BaseException.args.__get__(value))]  # type: ignore[attr-defined]
    if _is_path(kind):
        return [("", str(value))]
    describer = next(filter(None, map(_describer_of, order_of(kind))), None)
    if describer is None:
        return []
    shape, _, *said = description = describer(value)
    return said[0] if shape == "node" else [("", Described(description))]  # type: ignore[return-value]


def _describer_of(base: type) -> Describer | None:
    return None if base is object else STANDARD.get((module_name_of(base), qualified_name_of(base)))


def _is_path(kind: type) -> bool:
    pathlib = sys.modules.get("pathlib")
    return pathlib is not None and issubclass(kind, pathlib.PurePath)


def _items_of(content: object) -> Iterator[tuple[str, object]]:
    """List what is in a container; anything else is one part."""
    if type(content) is list or type(content) is tuple:
        yield from ((str(index), item) for index, item in enumerate(content))
    elif type(content) is dict:
        for key, item in list(content.items()):
            yield _name_of_key(key), item
            if not is_shown(type(key)):
                yield f"key {_name_of_key(key)}", key
    elif type(content) is set or type(content) is frozenset:
        yield from sorted(((_name_of_key(item), item) for item in content), key=itemgetter(0))
    else:
        yield _CONTENT, bytes(content) if type(content) is bytearray else content


def _name_of_key(key: object) -> str:
    """Name a key by its digest, and where that is short and says it all by its text."""
    from whorl.fingerprint.values import scan_value

    text = short_text(key)
    if type(key) is str and len(key) <= _SHOWN_KEY:
        return text
    try:
        return f"{text} {scan_value(key).digest.hex()}"
    except UndigestableError:
        return text


def _state_of(value: object) -> dict[str, object]:
    """Give attributes and slots of own objects and of plain data, past what their classes answer when asked."""
    kind = type(value)
    is_plain = issubclass(kind, BaseException) or top_of(kind) in _PLAIN_MODULES
    if not (is_plain or isinstance(owner(kind), Own)):
        return {}
    return attributes_of(value) | dict(_slots_of(value))


def _slots_of(value: object) -> Iterator[tuple[str, object]]:
    """
    List the filled slots of an object, as classes written in Python declare them.

    Paths keep there what they were asked for.
    """
    for kind in order_of(type(value)):
        for name, slot in namespace_of(kind).items() if _declares_slots(kind) else ():
            if type(slot) is MemberDescriptorType:
                try:
                    yield name, slot.__get__(value)
                except AttributeError:
                    continue


def _declares_slots(kind: type) -> bool:
    if "__slots__" in namespace_of(kind):
        return top_of(kind) != "pathlib"
    return full_name(kind) in _SHOWN_BY_MEMBERS
