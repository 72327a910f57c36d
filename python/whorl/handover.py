"""
A stored or computed value in, the value that its caller asked for out: read as wished, worked on by processors.

What is stored is never touched by it.  On the arrow: around *decode*.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from typing import TYPE_CHECKING

from whorl.formats.base import format_named, main_file
from whorl.processors.base import validating
from whorl.wish import PLAIN, Window, Wish

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whorl.access import Access
    from whorl.call import Call
    from whorl.processors.base import Processor
    from whorl.store.base import Reader
    from whorl.store.manifest import Manifest


# What was fetched goes with its reader.
_placed: list[Reader] = []
_links: dict[str, str] = {}


def wish_of(call: Call) -> Wish:
    """Say what a call wants of its stored result: the type, and the part that its processors keep."""
    if not call.definition.processors:
        return Wish(call.engine) if call.engine else PLAIN
    return Wish(call.engine, tuple(_windows(call)))


def _windows(call: Call) -> Iterator[Window]:
    """Give the windows that hold for what is stored: those of processors before which none makes something else."""
    values = call.values
    for processor in call.definition.processors:
        yield from processor.wish(values)
        if not processor.leaves_out:
            return


def as_engine(call: Call, value: object) -> object:
    """Give a value that was not stored as the type that a call asks for."""
    from whorl.formats.schema.engines import convert

    return convert(value, call.engine)


def place_of(access: Access, manifest: Manifest) -> str:
    """
    Say where the payload of an entry is: its main file, or the folder of its files, checked now.

    What lies behind a network is fetched.  A place outside of the store stays until this process ends.
    """
    assert access.store is not None
    reader = access.store.reader(manifest)
    paths = {name: str(reader.path(name)) for name in reader.names}
    _placed.append(reader)
    chosen = format_named(manifest.format)
    main = main_file(chosen, reader.names, reader.read)
    if main in paths:
        return paths[main]
    name, path = next(iter(paths.items()))
    folder = path.removesuffix(name).rstrip("/\\")
    return os.path.join(folder, main) if main else _linked(folder, chosen.suffix)


def _linked(folder: str, suffix: str) -> str:
    """Give a folder a name that ends as other programs expect it, by a link that lasts as long as this process."""
    if folder.endswith(suffix) or not hasattr(os, "symlink"):
        return folder
    known = _links.get(folder)
    if known is None:
        place = tempfile.mkdtemp(prefix="whorl-")
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        known = _links[folder] = os.path.join(place, f"data{suffix}")
        os.symlink(folder, known, target_is_directory=True)
    return known


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


def validators_of(call: Call) -> tuple[Processor, ...]:
    """Give the processors that say whether the value of a call is valid; none where nobody wants to know."""
    processors = call.definition.processors
    return validating(processors, call.options.validate_data) if processors else ()


def is_valid(call: Call, value: object) -> bool:
    """Whether the processors that validate take a value for what the call asked for."""
    validators = validators_of(call)
    return not validators or all(processor.validate(value, call.values) for processor in validators)


def put_into(earlier: object, value: object, call: Call) -> object:
    """Put the rows of a value into the table that an earlier entry held, by the keys that the stage declares."""
    from whorl.formats.schema.merging import merged

    return merged(earlier, value, call.definition.upsert_keys)
