"""
A function in, a stage out: the decorator, and the object that stands for the function.

A stage keeps the function's signature and attributes; calling it serves the stored result where nothing that it depends
on has changed.  On the arrow: where a call enters.
"""

from __future__ import annotations

import functools
import pickle
import sys
from copy import deepcopy
from types import MethodType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast, overload

from whorl import config, memoized
from whorl.access import open_access
from whorl.asked import CallOptions
from whorl.call import Binder
from whorl.commit import decode
from whorl.definition import Param, define, register, with_processor
from whorl.engine import open_session, run
from whorl.entry import MISSING, Resolution
from whorl.errors import ConfigError, NoEntryError
from whorl.fingerprint.kinds import MAINS
from whorl.handover import post_process, wish_of, work_on
from whorl.keywords import CALL_OPTIONS, STAGE_OPTIONS
from whorl.outcome import adopt_outcomes, last_outcome, last_outcomes
from whorl.trace import spoil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import timedelta

    from whorl.call import Call
    from whorl.definition import Definition
    from whorl.digest import Digest
    from whorl.engine import Session
    from whorl.explain import Explanation
    from whorl.outcome import Outcome
    from whorl.processors.base import Processor
    from whorl.store.manifest import Manifest

__all__ = ["Param", "Stage", "stage"]

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")


class Stage(Generic[P, R]):
    """
    A function of a pipeline with everything whorl knows about it.

    Made by ``@stage``.  An input that was declared need not be given; given by keyword, it replaces the declared one.
    """

    __whorl_stage__ = True

    def __init__(self, definition: Definition, options: CallOptions | None = None) -> None:
        self.definition = definition
        self._options = options or CallOptions()
        functools.update_wrapper(self, definition.function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what the function returns for these arguments, from the store or computed."""
        given, options = self._split(kwargs)
        if self.definition.is_async:
            return cast("R", self._await(args, given, options))
        return cast("R", run(self.definition, args, given, options))

    async def _await(self, args: tuple[object, ...], kwargs: Mapping[str, object], options: CallOptions) -> object:
        from whorl.executors.event_loop import run_beside_loop

        def work() -> tuple[object, Mapping[int, Outcome]]:
            return run(self.definition, args, kwargs, options), last_outcomes()

        value, outcomes = await run_beside_loop(work)
        adopt_outcomes(outcomes)
        return value

    @overload
    def __get__(self, instance: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self: Stage[Concatenate[Any, Q], R], instance: object, owner: Any = None) -> BoundStage[Q, R]: ...
    def __get__(self, instance: object, owner: Any = None) -> Any:
        """Bind to an instance like a function, so that methods can be stages; the instance counts by value."""
        return self if instance is None else BoundStage(self, instance)

    def __repr__(self) -> str:
        return f"<stage {self.definition.name}>"

    def __reduce__(self) -> str | tuple[object, ...]:
        """By reference, as functions are; by value where cloudpickle is in use and no import leads here."""
        module, qualname = self.definition.module, self.definition.qualname
        found: object = None if module in MAINS and "cloudpickle" in sys.modules else sys.modules.get(module)
        for part in qualname.split("."):
            found = getattr(found, part, None)
        if isinstance(found, BoundStage) and found.definition is self.definition:  # a class method
            return _choose_behind, (found.__self__, qualname.rpartition(".")[2], self._options)
        if isinstance(found, Stage) and found is not self and found.definition is self.definition:
            return _choose, (found, self._options)
        if found is self or "cloudpickle" not in sys.modules:
            return qualname
        from cloudpickle import dumps

        return _revive, (dumps((self.definition, self._options)),)

    @property
    def bound(self) -> tuple[object, ...]:
        """The arguments that come before those of a call; none but for a bound stage."""
        return ()

    @property
    def depends_on(self) -> tuple[object, ...]:
        """What the stage's code depends on besides what is found in it."""
        return self.definition.depends_on

    @property
    def ignore(self) -> tuple[object, ...]:
        """What is left out of the stage's code."""
        return self.definition.ignore

    @property
    def asked(self) -> tuple[object, ...]:
        """What ``options`` told the stage that its callers' results depend on; empty for nothing."""
        return self._options.handing

    @property
    def counted(self) -> tuple[tuple[str, object], ...]:
        """What counts of the stage besides its code where it is an argument, by name; nothing for a plain one."""
        asked = self.asked
        return (*self.definition.counted, *((("asked", asked),) if asked else ()))

    @property
    def hash(self) -> str:
        """The call key without arguments, as hex."""
        try:
            return self._call_key((), {}).hex()
        except TypeError as error:  # what looks at all attributes of a thing goes on then
            raise AttributeError(str(error)) from error

    @property
    def last(self) -> Outcome | None:
        """What happened to the last call of this stage in this context."""
        return last_outcome(self.definition)

    def options(  # noqa: PLR0913 - keywords alone, those of a call
        self,
        *,
        cache: bool | None = None,
        namespace: str | None = None,
        engine: str | type | None = None,
        backend: str | None = None,
        backend_kwargs: Mapping[str, object] | None = None,
        storage_backend: str | None = None,
        storage_backend_kwargs: Mapping[str, object] | None = None,
        filepath_only: bool | None = None,
        recompute: bool | str | Iterable[str] | None = None,
        memoize: bool | str | Iterable[str] | None = None,
        cache_mode: str | None = None,
        retry_null_cache: bool | None = None,
        fail_if_no_cache: bool | None = None,
        upsert: bool | None = None,
        post_processors: Iterable[Callable[[Any], Any]] | None = None,
        validate_data: bool | None = None,
        force_overwrite: bool | None = None,
    ) -> Self:
        """
        Give this stage with options for its next calls; what is not given stays as it is.

        ``cache``: look up and store, or neither.  ``namespace`` and ``cache_mode`` (a name of the table of modes) reach
        upstreams and nested stages too.  ``recompute``: compute anew and keep the earlier entry as a generation; names
        of stages, or ``"_all"``, do so for all of them that the call reaches, in other threads too.  ``memoize``: keep
        the value in memory; names as for ``recompute``.  ``engine``: the type to read into.  ``storage_backend``, else
        ``backend``: the format to store in, with the options in ``…_kwargs``; an entry of another format is converted.
        ``filepath_only``: give the path of the payload.  ``retry_null_cache``: compute again what is None, also below.
        ``fail_if_no_cache``: NoEntryError instead of computing.  ``upsert``: compute, and put the rows into the stored
        table by ``upsert_keys``.  ``post_processors``: functions that work on the value, in order.  ``validate_data``:
        let processors check the value; a stored one that is not valid is computed anew, InvalidValueError where a
        computed one is not.  ``force_overwrite`` is taken and does nothing: nothing is ever asked.
        """
        given = {name: value for name, value in locals().items() if name != "self" and value is not None}
        return self._made(self.definition, self._options.asking(given))

    def key(self, *args: P.args, **kwargs: P.kwargs) -> Digest:
        """Derive the call key for these arguments; nothing is computed."""
        return self._call_key(args, kwargs)

    def status(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Say how a call would be answered now: ``fresh``, ``stale``, ``waiting`` (for an upstream) or ``uncached``."""
        call = self._bind(args, kwargs)
        return open_session(call).status(call)

    def explain(self, *args: P.args, **kwargs: P.kwargs) -> Explanation:
        """
        Say why a call would run now, compared with the stored entry that is most like it; nothing is computed.

        ``changes`` has every difference: files of raw inputs, parts of code with their old and new text, arguments,
        upstreams.  It is empty where a stored entry answers; ``entry`` is that one.
        """
        from whorl.explain import explain_now

        call = self._bind(args, kwargs)
        return explain_now(open_session(call), call)

    def load(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the stored result without ever computing; NoEntryError where none answers."""
        call = self._bind(args, kwargs)
        session = open_session(call)
        session.usage.prepare(call)
        try:
            value = _load(session, call)
        except Exception:
            spoil()  # that there was nothing to load is no fact that a trace can hold
            raise
        session.usage.report(call, session.resolutions)
        return cast("R", value)

    def entries(self) -> list[Manifest]:
        """List the stage's current entries, newest first."""
        settings = config.settings()
        namespace = self._options.namespace or self.definition.namespace or settings.namespace
        none: list[Manifest] = []
        found = open_access(settings).attempt(lambda store: list(store.entries(namespace, self.definition.name)), none)
        return sorted(found, key=lambda entry: -entry.created)

    def clear(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Remove the entry of one call with its generations; tell whether there was one."""
        call = self._bind(args, kwargs)
        session = open_session(call)
        judge, derived = session.judge(call), session.derive(call)
        memoized.forget(judge, derived)
        slot = judge.slot(derived)
        return session.access.attempt(lambda store: store.remove(slot), otherwise=False)

    def verify(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Read a stored result and check it against its digests; a damaged one is moved aside."""
        call = self._bind(args, kwargs)
        session = open_session(call)
        entry = session.lookup(call, session.derive(call))
        return entry is not None and decode(session.access, entry, call, session.snapshot) is not MISSING

    def processed(self, processor: Processor) -> Self:
        """Give this stage with one more processor, which works on what is loaded before those it has."""
        return self._made(with_processor(self.definition, processor), self._options)

    def _made(self, definition: Definition, options: CallOptions) -> Self:
        return type(self)(definition, options)

    def _split(self, kwargs: Mapping[str, object]) -> tuple[Mapping[str, object], CallOptions]:
        """Take the options of a call out of its keywords."""
        if CALL_OPTIONS.isdisjoint(kwargs):
            return kwargs, self._options
        asked = {name: value for name, value in kwargs.items() if name in CALL_OPTIONS}
        return {name: kwargs[name] for name in kwargs if name not in asked}, self._options.asking(asked)

    def _bind(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Call:
        given, options = self._split(kwargs)
        return Binder(options.joined()).bind(self.definition, (*self.bound, *args), given)

    def _call_key(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Digest:
        call = self._bind(args, kwargs)
        return open_session(call).derive(call).key


class BoundStage(Stage[P, R]):
    """A stage that is bound to an object, its first argument in all that is asked; it passes for a method in keys."""

    __whorl_bound__ = True
    __slots__ = ("__func__", "__self__")  # no part of what functools.wraps copies

    def __init__(self, function: Stage[..., R], instance: object) -> None:
        vars(self).update(vars(function))
        vars(self).pop("__signature__", None)  # that of the function, which has the object as a parameter
        self.__func__ = function
        self.__self__ = instance

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the stage with the object before the other arguments."""
        return self.__func__(self.__self__, *args, **kwargs)

    def __get__(self, instance: object, owner: Any = None) -> Self:
        """Stay bound, as methods do."""
        return self

    def __eq__(self, other: object) -> bool:
        return type(other) is BoundStage and self.__self__ is other.__self__ and self.__func__ is other.__func__

    def __hash__(self) -> int:
        return hash((id(self.__self__), self.__func__))

    def __repr__(self) -> str:
        return f"<bound stage {self.definition.name} of {self.__self__!r}>"

    def __reduce__(self) -> tuple[object, ...]:
        return BoundStage, (self.__func__, self.__self__)

    def __deepcopy__(self, memo: dict[int, object]) -> BoundStage[P, R]:
        return BoundStage(self.__func__, deepcopy(self.__self__, memo))

    @property
    def __wrapped__(self) -> Callable[P, R]:
        """The function, bound to the object."""
        return cast("Callable[P, R]", MethodType(self.definition.function, self.__self__))

    @property
    def bound(self) -> tuple[object, ...]:
        """The arguments that come before those of a call."""
        return (self.__self__,)

    def _made(self, definition: Definition, options: CallOptions) -> BoundStage[P, R]:
        return BoundStage(Stage(definition, options), self.__self__)


def _load(session: Session, call: Call) -> object:
    entry = session.lookup(call, session.derive(call))
    value = MISSING if entry is None else decode(session.access, entry, call, session.snapshot, wish_of(call))
    if entry is None or value is MISSING:
        raise NoEntryError(f"nothing is stored for this call of {call.definition.name}", tip="call the stage")
    session.resolutions[call] = Resolution.of_entry("hit", entry)
    return post_process(call, work_on(call, value))


def _choose(stage: Stage[..., object], options: CallOptions) -> Stage[..., object]:
    """Give a stage that is found by name the options that it travelled with."""
    return Stage(stage.definition, options)


def _choose_behind(owner: object, name: str, options: CallOptions) -> Stage[..., object]:
    """Give the stage behind a class method the options that it travelled with."""
    return Stage(getattr(owner, name).definition, options)


def _revive(data: bytes) -> Stage[..., object]:
    """Make a stage of what another process pickled by value."""
    definition, options = pickle.loads(data)  # noqa: S301 - what unpickles this has already trusted its source
    register(definition, is_pickled=True)
    return Stage(definition, options)


@overload
def stage(function: Callable[P, R], /) -> Stage[P, R]: ...
@overload
def stage(
    *,
    cache: bool = ...,
    format: str | None = ...,
    cache_format: str | None = ...,
    name: str | None = ...,
    version: str | int | None = ...,
    namespace: str | None = ...,
    ttl: float | timedelta | str | None = ...,
    depends_on: Iterable[object] = ...,
    ignore: Iterable[object] = ...,
    track_code: bool | str = ...,
    memoize: bool = ...,
    jobs: int | None = ...,
    env: Iterable[str] = ...,
    format_options: Mapping[str, object] = ...,
) -> Callable[[Callable[P, R]], Stage[P, R]]: ...
@overload
def stage(**inputs: Any) -> Callable[[Callable[..., R]], Stage[..., R]]: ...
def stage(function: Callable[..., Any] | None = None, /, **declared: Any) -> Any:
    """
    Make a function a stage.

    Keywords that are not options declare inputs, handed to the function under their names: a ``str`` or ``Path`` is a
    raw input (a file, a folder, a glob such as ``raw/*.csv``, a URL; ``File``, ``Folder`` and ``Glob`` say which), a
    Stage an upstream whose value is handed over, anything else (or ``Param``) a plain value.

    Options: ``cache`` stores results (off by default); ``format`` (or ``cache_format``) names how; ``name``,
    ``version`` and ``namespace`` are texts; ``ttl`` is seconds, a timedelta or text such as ``"30d"``; ``depends_on``
    and ``ignore`` add to and leave out of the code that counts; ``track_code=False`` leaves code out, ``"warn"`` serves
    and warns; ``memoize`` keeps results in memory as well; ``jobs`` computes independent upstreams side by side;
    ``env`` names variables of the environment that count; ``format_options`` go to the format.

    Raises ConfigError for a function or an input that cannot work.
    """
    if function is not None:
        if declared:
            raise ConfigError("stage() takes a function or keywords, not both", tip="write @stage(...)")
        return make_stage(function, {}, {})
    options = {name: declared.pop(name) for name in STAGE_OPTIONS if name in declared}
    if options.get("cache_format", options.get("format")) != options.get("format", options.get("cache_format")):
        raise ConfigError("format and cache_format differ", "they are two names of one option")
    return lambda decorated: make_stage(decorated, declared, options)


def make_stage(
    function: Callable[..., Any], declared: Mapping[str, object], options: Mapping[str, object]
) -> Stage[..., Any]:
    """Make a stage of a function and options; FormatError for a format, or an option of it, that there is not."""
    definition = define(function, declared, **options)
    if definition.format is not None:
        from whorl.formats.base import check_declared

        check_declared(definition.format, definition.format_options)
    return Stage(definition)
