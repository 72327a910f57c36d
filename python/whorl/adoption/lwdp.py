"""
A cache folder of LWDP and stages in, offers out: which files the code that is there now would find.

    <module>.<function>/<hash>.<format>

The hash is MD5 over the source of the function without blanks, its raw files and the hashes of its upstreams; as seen
by running them, 0.0.4 takes the raw files' paths alone, and 0.0.5 their paths, sizes and dates.  The functions here
make the same hashes, so that a file is adopted only if LWDP would serve it; a raw file that is younger than it is one
reason more not to.  Beside the arrow: what was computed elsewhere.
"""

from __future__ import annotations

import glob
import hashlib
import inspect
import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from whorl.adoption.behind import bare_name, stages_behind
from whorl.adoption.offers import Offer, Skipped, UnfitError
from whorl.adoption.payloads import loses, read_payload
from whorl.asked import CallOptions
from whorl.call import Binder
from whorl.definition import all_behind, is_stage
from whorl.errors import ConfigError
from whorl.fingerprint.inputs import RawInput
from whorl.settings import is_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from whorl.adoption.offers import Allowed
    from whorl.definition import Definition

    _Raw = Callable[[str], str]

_CSV = "csv"  # how LWDP stores what names no format
_FILE = re.compile(r"([0-9a-f]{32})\.(\w+)")


def check_folder(folder: str) -> None:
    """Refuse a folder that LWDP has not written."""
    if not os.path.isdir(folder):
        raise ConfigError(f"there is no folder {folder}", tip="LWDP keeps its cache in ~/.lwdp_cache")
    if _names(folder) and not any(_files(folder)):
        raise ConfigError(f"{folder} is no cache of LWDP", "it has no <module>.<function>/<hash>.<format>")


def offers(folder: str, definitions: Iterable[Definition], allowed: Allowed) -> Iterator[Offer | Skipped]:
    """Find the stage of each file, or say why it is not adopted."""
    stages = [definition for definition in definitions if definition.cache]
    for place, name in _files(folder):
        label = f"{place}/{name}"
        try:
            yield _offer(os.path.join(folder, place, name), label, _stages_of(place, stages), allowed)
        except UnfitError as error:
            yield Skipped(label, str(error))


def _files(folder: str) -> Iterator[tuple[str, str]]:
    for place in _names(folder):
        inside = os.path.join(folder, place)
        if "." in place and os.path.isdir(inside):
            yield from ((place, name) for name in _names(inside) if _FILE.fullmatch(name))


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise ConfigError(f"{folder} cannot be read", error.strerror or "") from error


def _stages_of(place: str, stages: Sequence[Definition]) -> list[Definition]:
    """Find the stages whose results lie in a folder: LWDP calls the module of a script ``__main__``."""
    module, _, name = place.rpartition(".")
    named = [stage for stage in stages if bare_name(stage) == name]
    found = [stage for stage in named if module in (stage.module, stage.module.rpartition(".")[2], "__main__")]
    if not found:
        raise UnfitError(f"there is no stored stage {place}")
    return found


def _offer(path: str, label: str, stages: Sequence[Definition], allowed: Allowed) -> Offer:
    if os.path.islink(path):
        raise UnfitError("it is a link")
    match = _FILE.fullmatch(os.path.basename(path))
    assert match is not None
    wanted, kind = match.groups()
    made = os.stat(path).st_mtime
    found = [stage for stage in stages if wanted in {_hash(stage, raw) for raw in (_by_date, _by_name)}]
    if len(found) != 1:
        names = ", ".join(stage.name for stage in found)
        raise UnfitError(f"it may be of {names}" if found else "it is of other code, or of other raw files")
    definition = found[0]
    _check_arguments(definition)
    _check_ages(definition, made)
    changed = [stage.name for stage in stages_behind(definition) if stage.cache and loses(stage.format or _CSV)]
    if changed and not allowed.lossy:
        raise UnfitError(f"it may be made from what was read back of {changed[0]}, changed; --lossy takes it")
    call = Binder(CallOptions()).bind(definition)
    return Offer(label, call, made, partial(read_payload, path, kind, allowed))


def _check_arguments(definition: Definition) -> None:
    """Refuse a stage that takes arguments: LWDP gives one result for all of them."""
    others = [
        name
        for name, parameter in definition.signature.parameters.items()
        if name not in definition.inputs and parameter.kind is not parameter.VAR_KEYWORD
    ]
    if others:
        raise UnfitError(f"LWDP's hash does not say what {', '.join(others)} was")


def _check_ages(definition: Definition, made: float) -> None:
    for stage in (definition, *all_behind(definition, _upstreams)):
        for raw in _raw_inputs(stage):
            for path in _paths(raw.text):
                if os.stat(path).st_mtime > made:
                    raise UnfitError(f"the raw file {path} is younger")


def _paths(text: str) -> Iterator[str]:
    """Yield what a raw input is made of now."""
    if is_url(text):
        raise UnfitError(f"how old {RawInput(text).shown} is cannot be told")
    found = [text] if os.path.lexists(text) else glob.glob(text, recursive=True)
    if not found:
        raise UnfitError(f"the raw file {text} is not there")
    for path in found:
        yield path
        for place, _, names in os.walk(path):
            yield from (os.path.join(place, name) for name in names)


def _hash(definition: Definition, raw: _Raw, known: dict[Definition, str] | None = None) -> str:
    """Hash a stage with all that feeds it, each once, as LWDP does; ``raw`` gives what counts of a raw file."""
    known = {} if known is None else known
    hasher = hashlib.md5(_source(definition), usedforsecurity=False)
    for item in _raw_inputs(definition):
        hasher.update(raw(item.text).encode())
    for upstream in _upstreams(definition):
        if upstream not in known:
            known[upstream] = _hash(upstream, raw, known)
        hasher.update(known[upstream].encode())
    return hasher.hexdigest()


def _source(definition: Definition) -> bytes:
    """Give the source without blanks, and without what LWDP takes for a docstring."""
    try:
        source = inspect.getsource(definition.function)
    except (OSError, TypeError) as error:
        raise UnfitError(f"the source of {definition.name} cannot be read") from error
    return re.sub('""".*"""', "", source.replace("\n", "").replace(" ", "")).encode()


def _by_date(text: str) -> str:
    """Name a raw file as 0.0.5 does."""
    path = Path(text)
    if not path.exists():
        return str(path)
    found = path.stat()
    return str((str(path), found.st_size, found.st_mtime))


def _by_name(text: str) -> str:
    """Name a raw file as 0.0.1 to 0.0.4 do."""
    return text


def _raw_inputs(definition: Definition) -> list[RawInput]:
    """List the raw inputs that LWDP knows: those given as texts, in the order of the decorator."""
    return [item for item in definition.inputs.values() if type(item) is RawInput and isinstance(item.path, str)]


def _upstreams(definition: Definition) -> list[Definition]:
    return [item.definition for _, item in sorted(definition.inputs.items()) if is_stage(item)]  # type: ignore[attr-defined]
