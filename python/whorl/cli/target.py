"""
What a person typed in, stages and bound calls out.

A target is ``file.py:stage``, ``package.module:stage``, the name of a stage that has been stored, or a file or module
alone, which means all its stages.  Before the arrow: it ends in *bind*.
"""

from __future__ import annotations

import ast
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING

from whorl import config
from whorl.access import open_access
from whorl.asked import CallOptions
from whorl.call import Binder
from whorl.changes import shorten
from whorl.cli.commands import TargetImportError
from whorl.cli.loading import find_stage, load_file, load_module, put_first, stages_of
from whorl.errors import ConfigError
from whorl.fingerprint.inputs import RawInput
from whorl.graph import Graph, build_graph
from whorl.settings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from whorl.call import Call
    from whorl.definition import Definition
    from whorl.stage import Stage
    from whorl.store.base import Store

_WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Target:
    """The stages that a text names; ``is_whole`` tells that it names a file or module with all of its stages."""

    text: str
    stages: tuple[Stage[..., object], ...]
    is_whole: bool

    @property
    def graph(self) -> Graph:
        """The stages with everything that feeds them or that they call."""
        return build_graph(stage.definition for stage in self.stages)


@dataclass(frozen=True, slots=True)
class Goal:
    """
    The calls that a target stands for.

    ``called`` has the stages of a file that no call of its own stands for: why, in words, by their names.
    """

    calls: tuple[Call, ...]
    graph: Graph
    called: Mapping[str, str] = field(default_factory=dict)


def find_target(text: str) -> Target:
    """Load what a target names; ConfigError with the nearest known name where there is none."""
    place, _, name = text.rpartition(":")
    if text.endswith(".py"):
        return _whole(text, load_file(text))
    if place:
        module = load_file(place) if place.endswith(".py") else load_module(place, os.getcwd())
        return Target(text, (find_stage(module, name, place),), is_whole=False)
    return _find_named(text)


def find_stored() -> Target:
    """Find every stage that has entries and is still there."""
    put_first(os.getcwd())
    found = _load_stored(stored_stages())
    if not found:
        raise ConfigError("no stage is known here", "nothing is stored for a stage below this folder", "name a FILE.py")
    return Target("", tuple(found), is_whole=True)


def _load_stored(names: Sequence[str]) -> list[Stage[..., object]]:
    """Load stages by their whole names; those that were renamed or removed are left out."""
    found: list[Stage[..., object]] = []
    for name in names:
        with suppress(ConfigError):
            stage = _load_stage(name)
            if stage is not None:
                found.append(stage)
    return found


def _stages_beside(names: Sequence[str]) -> dict[str, Stage[..., object]]:
    """Give the stages of all modules that stored ones are in, by their last names and their whole ones."""
    modules = {stage.definition.module for stage in _load_stored(names)}
    stages = [stage for module in sorted(modules) for stage in stages_of(sys.modules[module]).values()]
    short = {shorten(stage.definition.name): stage for stage in stages}
    return short | {stage.definition.name: stage for stage in stages}


def bind_goal(
    target: Target, arguments: Sequence[str] = (), *, recompute: bool = False, everything: bool = False
) -> Goal:
    """
    Bind the calls of a target's stages that no other stage consumes, or of everything that feeds them, sources first.

    ``arguments`` are texts ``name=value`` for the one stage that is asked for.
    """
    graph = target.graph
    ends = [graph.definitions[name] for name in graph.ends] if target.is_whole else _definitions(target)
    needing = {end.name: f"with {', '.join(missing)}" for end in ends if (missing := _missing(end, arguments))}
    if target.is_whole and len(needing) < len(ends):
        ends = [end for end in ends if end.name not in needing]
    if arguments and len(ends) > 1:
        raise ConfigError(
            "arguments are for one stage", f"{target.text} has {len(ends)}", f"name one: {target.text}:{_last(ends[0])}"
        )
    binder = Binder(CallOptions(recompute=recompute))
    calls = [_bind(binder, end, arguments) for end in ends]
    if not everything:
        return Goal(tuple(calls), graph, needing)
    fed = _all_calls(calls)
    called = {name: _word_callers(graph, name) for name in graph.definitions if name not in fed}
    return Goal(tuple(fed[name] for name in graph.definitions if name in fed), graph, called | needing)


def _all_calls(calls: Sequence[Call]) -> dict[str, Call]:
    """Give calls and all that feed them, by the names of their stages."""
    found: dict[str, Call] = {}
    waiting = list(calls)
    while waiting:
        call = waiting.pop()
        if call.definition.name not in found:
            found[call.definition.name] = call
            waiting.extend(call.upstreams.values())
    return found


def _word_callers(graph: Graph, name: str) -> str:
    callers = [shorten(edge.target) for edge in graph.edges if edge.source == name and edge.target != name]
    return f"by {', '.join(dict.fromkeys(callers))}"


def _definitions(target: Target) -> list[Definition]:
    return [stage.definition for stage in target.stages]


def _whole(text: str, module: ModuleType) -> Target:
    stages = tuple(stages_of(module).values())
    if not stages:
        raise ConfigError(f"there is no stage in {text}", tip="decorate a function of it with @stage")
    return Target(text, stages, is_whole=True)


def _find_named(text: str) -> Target:
    """Find a stage by its name, as far as the store has heard of it, or a module."""
    put_first(os.getcwd())
    stored = stored_stages()
    names = [name for name in stored if text in (name, shorten(name))]
    if len(names) > 1 and text not in names:
        raise ConfigError(f"several stages are named {text!r}", ", ".join(names), "give the whole name")
    if not names and _exists(text):
        return _whole(text, load_module(text, os.getcwd()))
    found = _load_stage(text if text in names else next(iter(names), text))
    if found is not None:
        return Target(text, (found,), is_whole=False)
    beside = _stages_beside(stored)
    if text in beside:
        return Target(text, (beside[text],), is_whole=False)
    close = did_you_mean(text, beside) if beside else ""
    tip = close if close.startswith("did") else f"name its file: FILE.py:{shorten(text)}"
    raise ConfigError(f"there is no stage {text!r}", "nothing of that name is stored or stands beside what is", tip)


def stored_stages() -> tuple[str, ...]:
    """List the names of the stages that have entries."""

    def read(store: Store) -> tuple[str, ...]:
        return store.stages()

    return open_access(config.settings()).attempt(read, ())


def _load_stage(name: str) -> Stage[..., object] | None:
    """Find a stage by its whole name: in a file below the project, else in a module that can be imported."""
    project = config.settings().project
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        file, inside = project.joinpath(*parts[:cut]).with_suffix(".py"), ".".join(parts[cut:])
        module = ".".join(parts[:cut])
        if file.is_file():
            return find_stage(load_file(str(file)), inside, str(file))
        if _exists(module):
            return find_stage(load_module(module, os.getcwd()), inside, module)
    return None


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
    except Exception as error:  # a package that it lies in
        raise TargetImportError(module.rpartition(".")[0]) from error


def _bind(binder: Binder, definition: Definition, arguments: Sequence[str]) -> Call:
    missing = _missing(definition, arguments)
    if missing:
        given = " ".join(f"-a {name}=…" for name in missing)
        raise ConfigError(
            f"stage {definition.name} misses the arguments {', '.join(missing)}", tip=f"give them: {given}"
        )
    return binder.bind(definition, (), dict(_argument(definition, text) for text in arguments))


def _missing(definition: Definition, arguments: Sequence[str]) -> list[str]:
    given = {*definition.inputs, *(text.partition("=")[0] for text in arguments)}
    return [
        name
        for name, parameter in definition.signature.parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        and name not in given
    ]


def _argument(definition: Definition, text: str) -> tuple[str, object]:
    """Read ``name=value``: a Python literal, true, false or null, else a text; always a text where one is asked for."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"{text!r} is not an argument", tip="write -a name=value")
    known = {*definition.inputs, *definition.signature.parameters}
    if name not in known and not definition.takes_all:
        tip = did_you_mean(name, known) if known else "it takes none"
        raise ConfigError(f"stage {definition.name} takes no argument {name!r}", tip=tip)
    parameter = definition.signature.parameters.get(name)
    is_text = parameter is not None and parameter.annotation in (str, "str")
    if is_text or isinstance(definition.inputs.get(name), RawInput):
        return name, value
    return name, _value(value)


def _value(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _last(definition: Definition) -> str:
    return shorten(definition.name)
