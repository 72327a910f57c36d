"""
Parsed JSON in, checked values out: each function takes what a manifest states and returns it typed.

Whatever is not exactly as it should be is a ``CorruptEntryError``; a manifest may come from someone hostile.  On the
arrow: part of *lookup*.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn, cast

from whorl.digest import Digest
from whorl.errors import CorruptEntryError
from whorl.key import Component
from whorl.store.manifest import PayloadFile, RawFile, Slot, Trace, TracedCall, TracedInput
from whorl.store.names import checked_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from whorl.fingerprint.values import Behaviour

    Item = TypeVar("Item")

_SIZE_LIMIT = 1 << 62


def wrong(what: str, value: object) -> NoReturn:
    """Raise: the entry states something that it cannot."""
    raise CorruptEntryError(f"an entry is damaged: {what} expected", f"it has {str(value)[:80]!r}")


def _refuse(constant: str) -> NoReturn:
    wrong("a finite number", constant)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Take a JSON object in which no name stands twice: readers disagree about which of the two counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        wrong("each name once", [name for name, _ in pairs])
    return found


_decoder = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_once)
# Commas and brackets bound how many values a text can have, each of which takes many times its bytes.
_VALUE_LIMIT = 1_000_000


def parse(data: bytes) -> dict[str, object]:
    """Return the object of a JSON text."""
    if len(data) > _VALUE_LIMIT and sum(map(data.count, (b",", b"[", b"{"))) > _VALUE_LIMIT:
        raise CorruptEntryError("an entry is damaged: it has too many values")
    try:
        value, end = _decoder.raw_decode(data.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise CorruptEntryError("an entry is damaged: it is not JSON", str(error)[:80]) from error
    if type(value) is not dict or end != len(data):
        wrong("an object", value)
    return value


def member(parsed: Mapping[str, object], name: str) -> object:
    """Return what an object has under a name."""
    if name not in parsed:
        wrong(f"a field {name}", sorted(parsed))
    return parsed[name]


def text(value: object) -> str:
    """Return a text."""
    if type(value) is not str:
        wrong("a text", value)
    return value


def flag(value: object) -> bool:
    """Return true or false."""
    if type(value) is not bool:
        wrong("true or false", value)
    return value


def size(value: object) -> int:
    """Return a number of bytes."""
    if type(value) is not int or not 0 <= value < _SIZE_LIMIT:
        wrong("a size", value)
    return value


def number(value: object) -> float:
    """Return a finite number."""
    if type(value) is float and value - value == 0.0:
        return value
    if type(value) is int and abs(value) < _SIZE_LIMIT:
        return float(value)
    wrong("a number", value)


def optional_number(value: object) -> float | None:
    """Return a finite number or nothing."""
    return None if value is None else number(value)


def digest(value: object) -> Digest:
    """Return a digest."""
    if type(value) is not str or len(value) != 64 or value.lower() != value:  # noqa: PLR2004 - hex digits of 32 bytes
        wrong("a digest", value)
    try:
        return Digest.from_hex(value)
    except ValueError:
        wrong("a digest", value)


def optional_digest(value: object) -> Digest | None:
    """Return a digest or nothing."""
    return None if value is None else digest(value)


def many(value: object, item: Callable[[object], Item]) -> tuple[Item, ...]:
    """Return a list's items, each read by ``item``."""
    if type(value) is not list:
        wrong("a list", value)
    return tuple([item(each) for each in value])


def row(value: object, length: int) -> list[object]:
    """Return a list of known length."""
    if type(value) is not list or len(value) != length:
        wrong(f"a list of {length}", value)
    return value


def mapping(value: object) -> Mapping[str, object]:
    """Return a JSON object as it is."""
    if type(value) is not dict:
        wrong("an object", value)
    return cast("Mapping[str, object]", value)


def texts(value: object) -> tuple[str, ...]:
    """Return a list of texts."""
    return many(value, text)


def text_mapping(value: object) -> Mapping[str, str]:
    """Return an object of texts."""
    return {name: text(item) for name, item in mapping(value).items()}


def slot(value: object) -> Slot:
    """Return a slot."""
    namespace, stage, key = row(value, 3)
    return Slot(text(namespace), text(stage), digest(key))


def component(value: object) -> Component:
    """Return a component."""
    name, value = row(value, 2)
    return Component(text(name), digest(value))


def revision(value: object) -> tuple[Digest, str]:
    """Return a key with its revision."""
    key, nonce = row(value, 2)
    return digest(key), text(nonce)


def behaviour(value: object) -> Behaviour:
    """Return names with a digest, written ``{"digest": …}``, or a version."""
    return many(value, _behaviour_of_one)


def _behaviour_of_one(value: object) -> tuple[str, Digest | str]:
    name, of = row(value, 2)
    return text(name), (text(of) if type(of) is str else digest(mapping(of).get("digest")))


def payload_file(value: object) -> PayloadFile:
    """Return a payload file; its name leads nowhere else."""
    name, length, content = row(value, 3)
    return PayloadFile(checked_file(text(name)), size(length), digest(content))


def payload_files(value: object) -> tuple[PayloadFile, ...]:
    """Return payload files, no name twice."""
    files = many(value, payload_file)
    if len({file.name for file in files}) != len(files):
        wrong("a file once", value)
    return files


def raw_file(value: object) -> RawFile:
    """Return a file of a raw input."""
    of, name, length, content = row(value, 4)
    return RawFile(text(of), text(name), size(length), digest(content))


def traced_call(value: object) -> TracedCall:
    """Return a traced call."""
    stage, namespace, module, qualname, definition, replaced, key, nonce, expires = row(value, 9)
    return TracedCall(
        text(stage),
        text(namespace),
        text(module),
        text(qualname),
        digest(definition),
        texts(replaced),
        digest(key),
        text(nonce),
        optional_number(expires),
    )


def traced_input(value: object) -> TracedInput:
    """Return a traced raw input."""
    path, kind, content = row(value, 3)
    return TracedInput(text(path), text(kind), digest(content))


def trace(value: object) -> Trace:
    """Return a trace."""
    calls, inputs, types = row(value, 3)
    return Trace(many(calls, traced_call), many(inputs, traced_input), behaviour(types))
