"""
What a decorator declares, as one frozen record that the rest of the arrow reads.

A definition knows its function, its inputs and its options; it computes nothing.  The process keeps the newest
definition of each name, so that a trace can be checked against the code that is there now.
"""

from __future__ import annotations

import inspect
import os
import sys
import threading
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from whorl.config import environment_variable
from whorl.errors import ConfigError
from whorl.fingerprint.boundary import canonical_module
from whorl.fingerprint.inputs import Declared, RawInput
from whorl.fingerprint.kinds import MAINS
from whorl.fingerprint.parameters import reads_parameter
from whorl.keywords import CALL_OPTIONS, STAGE_OPTIONS, check_declared
from whorl.processors.timeseries import timeseries
from whorl.settings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

    from whorl.processors.base import Processor


_T = TypeVar("_T")
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Param:
    """A plain value given to a stage's function; it says so where a text would be taken for a path."""

    value: object


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Definition:
    """
    A stage as declared.

    ``inputs`` maps a keyword to a RawInput, a Stage or a Param.  ``ttl`` is in seconds.  ``takes_all`` tells that the
    function has ``**kwargs`` and is given every input.  ``processors`` work on what is loaded, in this order;
    ``consumed`` names the parameters that they alone use, which are no part of a key; ``window`` those of them that the
    code reads all the same, start and end of what a result was computed for.  ``is_async`` tells that the function must
    be awaited.  ``cache_args``, if there are any, names
    the only ones that are.  ``single_names`` are the parameters that take one argument each, ``defaults`` those of
    them that need none.
    """

    function: Callable[..., object]
    name: str
    inputs: Mapping[str, object]
    signature: inspect.Signature
    takes_all: bool
    cache: bool = False
    format: str | None = None
    format_options: Mapping[str, object] = field(default_factory=dict)
    version: str | None = None
    namespace: str | None = None
    ttl: float | None = None
    depends_on: tuple[object, ...] = ()
    ignore: tuple[object, ...] = ()
    track_code: bool | str = True
    jobs: int | None = None
    env: tuple[str, ...] = ()
    memoize: bool = False
    engine: str = ""
    cache_args: tuple[str, ...] | None = None
    cache_disable_if: tuple[Mapping[str, object], ...] = ()
    fail_if_no_cache: bool = False
    upsert_keys: tuple[str, ...] = ()
    processors: tuple[Processor, ...] = ()
    is_async: bool = field(init=False, repr=False)
    consumed: frozenset[str] = field(init=False, repr=False)
    window: tuple[str, ...] = field(init=False, repr=False)
    plain_names: tuple[str, ...] = field(init=False, repr=False)
    single_names: tuple[str, ...] = field(init=False, repr=False)
    defaults: tuple[tuple[str, object], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        single = [item for item in self.signature.parameters.values() if item.kind not in _VARIADIC]
        object.__setattr__(self, "is_async", inspect.iscoroutinefunction(self.function))
        object.__setattr__(self, "plain_names", _plain_names(self.signature))
        object.__setattr__(self, "single_names", tuple(item.name for item in single))
        object.__setattr__(
            self, "defaults", tuple((item.name, item.default) for item in single if item.default is not item.empty)
        )
        consumed = {name for processor in self.processors for name in processor.consumes}
        unread = {name for name in consumed if not self._reads(name)}
        object.__setattr__(self, "window", self._window(unread))
        object.__setattr__(self, "consumed", frozenset((*unread, *self.window)))

    @property
    def module(self) -> str:
        """The module to import so that the stage is defined."""
        return self.function.__module__

    @property
    def qualname(self) -> str:
        """The function's qualified name inside its module."""
        return self.function.__qualname__

    @property
    def counted(self) -> tuple[tuple[str, object], ...]:
        """What counts besides the code where the stage is a value, by name; nothing where none of it is declared."""
        said = {
            "version": self.version,
            "namespace": self.namespace,
            "engine": self.engine,
            "cache_args": None if self.cache_args is None else ("only", *self.cache_args),
            "processors": self.processors,
            "env": [(name, environment_variable(name)) for name in self.env],
        }
        inputs = ((f"inputs/{name}", _as_value(given)) for name, given in self.inputs.items())
        return (*((name, value) for name, value in said.items() if value), *inputs)

    def _window(self, unread: Container[str]) -> tuple[str, ...]:
        """Name the ends of the window that results are computed for, where one of them is said to be sliceable."""
        sliceable = [part.consumes for part in self.processors if isinstance(part, timeseries) and part.sliceable]
        if not sliceable or all(name in unread for name in sliceable[0]):
            return ()
        if len(set(sliceable)) > 1 or any(name in self.inputs for name in sliceable[0]):
            cause = "its ends are inputs, or there are two windows"
            raise ConfigError(f"stage {self.name} cannot be sliceable", cause, "give one window by plain parameters")
        return sliceable[0]

    def _reads(self, name: str) -> bool:
        """Whether the value can depend on a parameter: the code reads it, or nobody can tell."""
        return name in self.inputs or reads_parameter(self.function, name)


def _plain_names(signature: inspect.Signature) -> tuple[str, ...]:
    """Name the parameters that arguments without a name go to, one by one."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(name for name, parameter in signature.parameters.items() if parameter.kind in positional)


def define(function: Callable[..., object], declared: Mapping[str, object], **options: object) -> Definition:
    """
    Make and register the definition of a decorated function.

    Raises ConfigError for a function that cannot be a stage, an input it cannot take, an option out of range, and for
    a second stage of one name within one import of a module.
    """
    _check_function(function)
    signature = inspect.signature(function)
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in signature.parameters.values())
    name = str(options.pop("name", None) or f"{canonical_module(function.__module__)}.{function.__qualname__}")
    inputs = {key: _as_input(value) for key, value in declared.items()}
    _check_inputs(name, inputs, signature, takes_all=takes_all)
    _check_names(name, options, (*signature.parameters, *inputs))
    definition = Definition(function, name, inputs, signature, takes_all, **check_declared(options))  # type: ignore[arg-type]
    _check_arguments(definition)
    register(definition)
    return definition


def with_processor(definition: Definition, processor: Processor) -> Definition:
    """Give a stage one more processor, which works before those it has, as it stands above them."""
    processor.check(definition.signature, definition.name)
    inputs = {name for name, given in definition.inputs.items() if not isinstance(given, Param)}
    processor.check_inputs(inputs, definition.name)
    more = replace(definition, processors=(processor, *definition.processors))
    register(more)
    return more


def register(definition: Definition, *, is_pickled: bool = False) -> None:
    """
    Make a definition the newest of its name; ConfigError where another of its module stands there.

    One that was pickled hides none that this process has made: libraries copy functions by pickling them, and whatever
    a stage needs to be found by, such as its module, is not in the copy.
    """
    _registry.add(definition, is_pickled=is_pickled)


def find_definitions(name: str, module: str) -> tuple[Definition, ...]:
    """
    Find the newest definition of a name, importing the module that made it where it is not loaded yet.

    A function that makes stages makes several of one name; all that are still in use are given.
    """
    found = _registry.of(name)
    if not found and module not in sys.modules:
        try:
            import_module(module)
        except (Exception, SystemExit):  # noqa: BLE001 - a stage whose module fails is one that is not known: a miss
            return ()
        found = _registry.of(name)
    return found


def all_behind(start: _T, sources: Callable[[_T], Iterable[_T]]) -> Iterator[_T]:
    """Yield what is behind something by its sources, at any depth, each once however many ways lead to it."""
    seen, waiting = {start}, [start]
    while waiting:
        for source in sources(waiting.pop()):
            if source not in seen:
                seen.add(source)
                waiting.append(source)
                yield source


def is_stage(value: object) -> bool:
    """Tell a Stage from other values without importing the module that defines it."""
    return getattr(type(value), "__whorl_stage__", False) is True


def _check_function(function: object) -> None:
    label = getattr(function, "__qualname__", repr(function))
    if is_stage(function):
        raise ConfigError(f"{label} is a stage already", "it was decorated twice", "leave one of the decorators out")
    if isinstance(function, classmethod | staticmethod):
        kind = type(function).__name__
        cause = f"a stage stands inside a {kind}, not around it"
        raise ConfigError(f"{label} cannot be a stage", cause, f"swap the two: @{kind} above the stage's decorator")
    if not callable(function) or isinstance(function, type):
        raise ConfigError(
            f"{function!r} cannot be a stage", "only functions can", "inputs have names: @stage(raw='numbers.csv')"
        )
    if not isinstance(getattr(function, "__module__", None), str) or not hasattr(function, "__qualname__"):
        raise ConfigError(f"{label} cannot be a stage", "it has no name of its own", "wrap it in a def")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigError(
            f"{label} is a generator function and cannot be a stage",
            "a generator can be read only once",
            "return a list",
        )


def _as_input(value: object) -> object:
    if isinstance(value, (RawInput, Param)) or is_stage(value):
        return value
    return RawInput(value) if isinstance(value, (str, PurePath)) else Param(value)


def _as_value(given: object) -> object:
    if isinstance(given, RawInput):
        return Declared(given)
    return given.value if isinstance(given, Param) else given


def _check_inputs(name: str, inputs: Mapping[str, object], signature: inspect.Signature, *, takes_all: bool) -> None:
    parameters = signature.parameters
    takes = [
        key
        for key, parameter in parameters.items()
        if parameter.kind in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}
    ]
    for key in inputs:
        if not takes_all and key not in takes:
            raise ConfigError(
                f"stage {name} cannot take the input {key!r}",
                f"the function takes {', '.join(takes) or 'none'}",
                did_you_mean(key, (*takes, *STAGE_OPTIONS)),
            )


def _check_names(name: str, options: Mapping[str, object], given: Iterable[str]) -> None:
    """Refuse a parameter that is called as an option of the decorator or of a call is: it would never be heard of."""
    for key in given:
        if key in options or key in CALL_OPTIONS:
            where = "the decorator" if key in options else "a call"
            raise ConfigError(
                f"stage {name}: {key!r} is an option of {where} and a parameter of the function",
                tip=f"give the parameter another name than {key!r}",
            )


def _check_arguments(definition: Definition) -> None:
    """Refuse names of arguments that the function does not have."""
    named = {"cache_args": definition.cache_args or ()}
    named["cache_disable_if"] = tuple(key for condition in definition.cache_disable_if for key in condition)
    known = definition.signature.parameters
    for option, names in named.items():
        for name in names:
            if name not in known and not definition.takes_all:
                cause = f"the function takes {', '.join(known) or 'none'}"
                raise ConfigError(
                    f"stage {definition.name}: {option} names {name!r}, which is no argument", cause,
                    did_you_mean(name, known),
                )  # fmt: skip


class _Registry:
    """The newest definition of each name in this process."""

    def __init__(self) -> None:
        self._newest: dict[str, Definition] = {}
        self._made: dict[str, WeakSet[Definition]] = {}
        self._pickled: WeakSet[Definition] = WeakSet()
        self._once_named: WeakSet[Definition] = WeakSet()
        self._lock = threading.Lock()

    def of(self, name: str) -> tuple[Definition, ...]:
        newest = self._newest.get(name)
        if newest is None:
            return ()
        if "<locals>" in newest.qualname:
            return tuple(self._made[name])
        if "<lambda>" in newest.qualname:
            return tuple(made for made in self._made[name] if self._is_lambda_there(made))
        if not _is_still_there(newest):
            return ()
        # One function may be several stages: with processors, and without.
        return tuple(made for made in self._made[name] if made.function is newest.function)

    def add(self, definition: Definition, *, is_pickled: bool) -> None:
        with self._lock:
            earlier = self._newest.get(definition.name)
            if earlier is not None and _collides(earlier, definition):
                raise ConfigError(
                    f"two stages are named {definition.name!r}",
                    f"{_where(earlier)} and {_where(definition)}",
                    "rename one, or give it name=",
                )
            if not (is_pickled and self._is_made_here(earlier)):
                self._newest[definition.name] = definition
            if is_pickled:
                self._pickled.add(definition)
            self._made.setdefault(definition.name, WeakSet()).add(definition)

    def _is_lambda_there(self, definition: Definition) -> bool:
        """
        Tell a lambda from one that its module had under some name, and has no longer.

        All lambdas of a module share their name; one that a list or a class holds is there while anything holds it.
        """
        held = (stage.definition for stage in tuple(_namespace(definition).values()) if is_stage(stage))
        if any(each.function is definition.function for each in held):
            self._once_named.add(definition)
            return True
        return definition not in self._once_named

    def _is_made_here(self, definition: Definition | None) -> bool:
        return definition is not None and definition not in self._pickled and _is_still_there(definition)


_registry = _Registry()


def _collides(earlier: Definition, later: Definition) -> bool:
    """Tell a duplicate within one run of one module from what may redefine: a notebook cell, a reload, a closure."""
    if canonical_module(earlier.module) != canonical_module(later.module):
        return True
    one, other = earlier.function, later.function
    module = sys.modules.get(later.module)
    running = later.module in MAINS or getattr(getattr(module, "__spec__", None), "_initializing", False)
    return (
        bool(running)
        and one.__globals__ is other.__globals__
        and one.__code__.co_filename == other.__code__.co_filename == getattr(module, "__file__", None)
        and one.__code__.co_firstlineno != other.__code__.co_firstlineno
    )


def _is_still_there(definition: Definition) -> bool:
    """Tell a stage from one that a reload or a ``del`` has taken out of its module."""
    namespace = _namespace(definition)
    return not namespace or definition.qualname.partition(".")[0] in namespace


def _namespace(definition: Definition) -> dict[str, Any]:
    """Give the names of the module that a stage's function reads; none for a function that is not Python's own."""
    return getattr(inspect.unwrap(definition.function), "__globals__", {})


def _where(definition: Definition) -> str:
    code = definition.function.__code__
    return f"{os.path.basename(code.co_filename)}:{code.co_firstlineno}"
