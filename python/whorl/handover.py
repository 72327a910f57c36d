"""
A stored or computed value in, the value that its caller asked for out: read as wished, worked on by processors.

What is stored is never touched by it.  On the arrow: around *decode*.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from whorl.errors import ConfigError, FormatError
from whorl.formats.base import format_named
from whorl.wish import PLAIN, Wish

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whorl.access import Access
    from whorl.call import Call
    from whorl.formats.base import Format
    from whorl.store.base import Attempt, Reader
    from whorl.store.manifest import Manifest


# What was fetched goes with its reader.
_placed: list[Reader] = []


def wish_of(call: Call) -> Wish:
    """Say what a call wants of its stored result: the type, and the part that its processors keep."""
    processors = call.definition.processors
    if not processors:
        return Wish(call.engine) if call.engine else PLAIN
    values = call.values
    return Wish(call.engine, tuple(window for processor in processors for window in processor.wish(values)))


def as_engine(call: Call, value: object) -> object:
    """Give a value that was not stored as the type that a call asks for."""
    from whorl.formats.schema.engines import convert

    return convert(value, call.engine)


def place_of(access: Access, manifest: Manifest) -> str:
    """
    Say where the payload of an entry is: its main file, or the folder of its files, checked now.

    What lies behind a network is fetched, and stays until this process ends.
    """
    assert access.store is not None
    reader = access.store.reader(manifest)
    paths = {name: str(reader.path(name)) for name in reader.names}
    _placed.append(reader)
    suffix = format_named(manifest.format).suffix
    main = [path for path in paths.values() if path.endswith(suffix)]
    if len(main) == 1:
        return main[0]
    name, path = next(iter(paths.items()))
    folder = path.removesuffix(name).rstrip("/\\")
    tops = {name.partition("/")[0] for name in paths}
    return os.path.join(folder, *tops) if len(tops) == 1 else folder


def hints_of(call: Call, format_name: str) -> dict[str, object]:
    """Give the options of a format that make what the processors do to its payloads cheap."""
    hints: dict[str, object] = {}
    for processor in call.definition.processors:
        wanted: Mapping[str, object] = processor.hints().get(format_name, {})
        hints = {**wanted, **hints}
    return hints


def work_on(call: Call, value: object) -> object:
    """Let the processors of a stage work on a value, in the order written."""
    if call.definition.processors:
        values = call.values
        for processor in call.definition.processors:
            value = processor.process(value, values)
    return value


def post_process(call: Call, value: object) -> object:
    """Let the functions that were given at the call work on a value."""
    for function in call.options.post_processors:
        value = function(value)
    return value


def is_valid(call: Call, value: object) -> bool:
    """Whether every processor of a stage takes a value for what the call asked for."""
    values = call.values
    return all(processor.validate(value, values) for processor in call.definition.processors)


def upsert_into(
    existing: Reader, stored: Manifest, chosen: Format, value: object, call: Call, writer: Attempt,
    options: Mapping[str, object],
) -> None:  # fmt: skip
    """Write what an entry holds with a value's rows put in, by the keys that the stage declares."""
    keys = call.definition.upsert_keys
    if not keys:
        name = call.definition.name
        raise ConfigError(f"stage {name} cannot upsert", "it declares no upsert_keys", '@cache(upsert_keys=["id"])')
    upsert = getattr(chosen, "upsert", None)
    if upsert is None or stored.format != chosen.name:
        cause = f"the entry is stored as {stored.format}"
        tip = 'store it as a table that takes rows: backend="delta" or "sql"'
        raise FormatError(f"rows cannot be put into a {chosen.name} of {call.definition.name}", cause, tip)
    upsert(existing, value, keys, writer, options)
