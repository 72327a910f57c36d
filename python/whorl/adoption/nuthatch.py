"""
A cache folder of Nuthatch and stages in, offers out: which call of which stage made each entry.

A function is known by its bare name, its arguments by one text (``texts.py``), which one stage alone and one set of
arguments alone must have.  Where Nuthatch's key lacks something that decides the result, nothing is offered.  Beside
the arrow: what was computed elsewhere.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from whorl.adoption.behind import bare_name, stages_behind
from whorl.adoption.grids import is_incomplete
from whorl.adoption.offers import Offer, Skipped, UnfitError
from whorl.adoption.payloads import read_payload
from whorl.adoption.records import RECORDS, SUFFIXES, TABLE, crowded, read_entries
from whorl.adoption.texts import read_arguments, return_type
from whorl.asked import CallOptions
from whorl.call import call_of_key
from whorl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from whorl.adoption.offers import Allowed
    from whorl.adoption.records import Entry
    from whorl.adoption.texts import Types
    from whorl.call import Call
    from whorl.definition import Definition

_SLACK = 1.0  # seconds between the last write of a payload and its record


@dataclass(frozen=True, slots=True)
class Source:
    """
    The folder and how it is read.

    ``is_local``: the folder is a local cache, whose texts have every argument, and whose values processors have sliced.
    With ``backend``, what is stored in others is left alone.
    """

    folder: str
    types: Types
    allowed: Allowed
    is_local: bool = False
    backend: str = ""


def check_folder(folder: str, *, is_local: bool) -> None:
    """Refuse a folder that Nuthatch has not written, or that is another kind of cache than it is said to be."""
    if not os.path.isdir(folder):
        raise ConfigError(f"there is no folder {folder}", tip="give the folder that `filesystem` names for Nuthatch")
    if not any(os.path.isdir(os.path.join(folder, name)) for name in (RECORDS, TABLE)):
        raise ConfigError(f"{folder} is no cache of Nuthatch", f"it has no folder {RECORDS}")
    if not is_local and os.path.realpath(folder) == os.path.realpath(os.path.expanduser("~/.nuthatch/caches")):
        raise ConfigError(f"{folder} is Nuthatch's local cache", "its keys have every argument", "give --local")


def offers(source: Source, definitions: Iterable[Definition]) -> Iterator[Offer | Skipped]:
    """Find the call of each entry among those of the stages, or say why it is not adopted."""
    stages: dict[str, list[Definition]] = {}
    for definition in definitions:
        stages.setdefault(bare_name(definition), []).append(definition)
    entries, skipped = read_entries(source.folder, source.backend)
    yield from skipped
    unclear = crowded(entries)
    for entry in entries:
        if entry in unclear:
            yield Skipped(entry.label, unclear[entry])
            continue
        try:
            yield _offer(source, entry, _stage(stages, entry.key))
        except UnfitError as error:
            yield Skipped(entry.label, str(error))


def _offer(source: Source, entry: Entry, definition: Definition) -> Offer:
    call = _call_of_mark(source, entry, definition) if entry.is_mark else _call(source, entry, definition)
    if entry.version != definition.version:
        what = "None, which Nuthatch keeps without a version" if entry.is_mark else f"version {entry.version}"
        raise UnfitError(f"it is {what}, the stage is version {definition.version}")
    return Offer(entry.label, call, entry.made, partial(_read, source, entry, return_type(definition)))


def _call_of_mark(source: Source, mark: Entry, definition: Definition) -> Call:
    """Make the call that a mark of None is of: its path may end in a namespace, and does not say so."""
    key, _, namespace = mark.key.rpartition("/")
    readings = [mark, replace(mark, key=key if "/" in key else f"{key}/", namespace=namespace)]
    calls: list[Call] = []
    reasons: list[str] = []
    for reading in readings if namespace else readings[:1]:
        try:
            calls.append(_call(source, reading, definition))
        except UnfitError as error:
            reasons.append(str(error))
    if not calls:
        raise UnfitError(reasons[0])
    if len(calls) > 1:
        raise UnfitError(f"{namespace!r} may be an argument or a namespace")
    return calls[0]


def _call(source: Source, entry: Entry, definition: Definition) -> Call:
    """Make the call that an entry is of."""
    _check_stage(source, definition)
    names = _names(source, definition)
    arguments = read_arguments(definition, names, entry.key.partition("/")[2], source.types)
    _check_window(definition, arguments)
    stored = next((stage.name for stage in stages_behind(definition) if stage.cache), None)
    if stored and not source.allowed.lossy:
        raise UnfitError(
            f"it was made from what was read back of {stored}, which may have lost types; --lossy takes it"
        )
    if definition.namespace not in (None, entry.namespace):
        raise UnfitError(f"the stage keeps its results in the namespace {definition.namespace}")
    options = CallOptions(namespace=entry.namespace or None)
    return call_of_key(definition, options, arguments)


def _check_stage(source: Source, definition: Definition) -> None:
    parameters = list(definition.signature.parameters.values())
    if parameters and parameters[0].name in ("self", "cls"):
        raise UnfitError("the stage is a method, and Nuthatch's key does not say of which instance")
    if definition.inputs:
        raise UnfitError("the stage has declared inputs, of which Nuthatch's key knows nothing")
    if source.is_local and definition.processors:
        raise UnfitError("the local cache has what processors left of it, not the whole result")
    gathers = [item.name for item in parameters if item.kind in (item.VAR_POSITIONAL, item.VAR_KEYWORD)]
    if gathers and (source.is_local or definition.cache_args is None):
        raise UnfitError(f"Nuthatch's key does not say what {gathers[0]} was")


def _names(source: Source, definition: Definition) -> Sequence[str]:
    """Name the arguments whose texts make the key."""
    parameters = definition.signature.parameters
    if source.is_local:
        uncounted = [name for name in parameters if name not in (definition.cache_args or parameters)]
        if uncounted:
            raise UnfitError(f"the local cache tells {', '.join(uncounted)} apart, and cache_args do not")
        return tuple(parameters)
    if definition.cache_args is not None:
        return definition.cache_args
    open_ = [name for name in parameters if name not in definition.consumed]
    if open_:
        raise UnfitError(f"without cache_args Nuthatch's key says nothing of {', '.join(open_)}")
    return ()


def _check_window(definition: Definition, arguments: Mapping[str, object]) -> None:
    """Refuse a value that may be of any window: the code reads it, and the key has it not."""
    for processor in definition.processors:
        for name in processor.consumes:
            if name not in definition.consumed and name not in arguments:
                raise UnfitError(f"the code reads {name}, which is not in Nuthatch's key")


def _stage(stages: Mapping[str, Sequence[Definition]], key: str) -> Definition:
    name = key.partition("/")[0]
    found = stages.get(name, [])
    if not found:
        raise UnfitError(f"there is no stage {name}")
    if len(found) > 1:
        raise UnfitError(f"several stages are called {name}: {', '.join(item.name for item in found)}")
    return found[0]


def _read(source: Source, entry: Entry, returns: str) -> object:
    """Read a payload that is there and lies inside of the cache; a mark of None has none."""
    if not entry.backend:
        return None
    path = os.path.join(source.folder, entry.payload)
    if not os.path.exists(path):
        raise UnfitError(f"its payload {entry.payload} is not there")
    if not os.path.realpath(path).startswith(os.path.realpath(source.folder) + os.sep):
        raise UnfitError("its payload lies outside of the cache")
    if any(
        os.path.islink(os.path.join(place, name)) for place, below, names in os.walk(path) for name in below + names
    ):
        raise UnfitError("there are links in its payload")
    value = read_payload(path, SUFFIXES[entry.backend], source.allowed, returns)
    if entry.backend == "zarr" and _changed(path) > entry.made + _SLACK and is_incomplete(path):
        raise UnfitError(
            "it lacks chunks and was written to after it was complete, by one that was killed or by a copy"
        )
    return value


def _changed(folder: str) -> float:
    return max(os.lstat(os.path.join(place, name)).st_mtime for place, _, names in os.walk(folder) for name in names)
