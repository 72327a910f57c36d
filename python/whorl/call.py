"""
A definition and arguments in, a bound call out: which value, raw input or upstream call stands for each parameter.

Defaults are applied, so that ``f(1)``, ``f(x=1)`` and ``f()`` with default 1 are one call.  Nothing is digested or
computed here.  On the arrow: *bind*.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, cast

from whorl.definition import Param, all_behind, is_stage
from whorl.errors import ConfigError
from whorl.fingerprint.inputs import RawInput
from whorl.nuthatch_words import words_called

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whorl.asked import CallOptions
    from whorl.definition import Definition


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """
    A definition with everything it will be given.

    ``sources`` maps a parameter (or a keyword collected by ``**kwargs``) to a plain value, a RawInput or another Call.
    ``replaced`` names the declared inputs for which the caller gave something else.  ``stored`` tells whether the
    result of this call is kept.
    """

    definition: Definition
    options: CallOptions
    sources: Mapping[str, object]
    replaced: tuple[str, ...] = ()
    stored: bool = False

    @property
    def namespace(self) -> str | None:
        """The folder in the store, where one is given; a stage that pins its own keeps it."""
        return self.definition.namespace or self.options.namespace

    @property
    def memoized(self) -> bool:
        """Whether the result of this call is kept in memory."""
        return self.definition.memoize if self.options.memoize is None else self.options.memoize

    @property
    def fails_if_missing(self) -> bool:
        """Whether this call is not to be computed."""
        asked = self.options.fail_if_no_cache
        return self.definition.fail_if_no_cache if asked is None else asked

    @property
    def engine(self) -> str:
        """The type that the result is read as; empty for the one it has."""
        return self.options.engine or self.definition.engine

    @property
    def format(self) -> str | None:
        """The format that the result is stored in; None for the one that suits the value."""
        return self.options.format or self.definition.format

    @property
    def format_options(self) -> Mapping[str, object]:
        """The options of that format: those of the call, over those of the definition if they are for this format."""
        asked = self.options
        declared = self.definition.format_options if asked.format in (None, self.definition.format) else {}
        both = {**declared, **asked.format_options} if asked.format_options else declared
        return words_called(self.format, both) if both else both

    @property
    def upstreams(self) -> dict[str, Call]:
        """The calls whose results this call receives, by parameter."""
        return {name: source for name, source in self.sources.items() if isinstance(source, Call)}

    def feeding(self) -> Iterator[Call]:
        """Yield the calls that feed this one, at any depth, each once."""
        return all_behind(self, lambda call: call.upstreams.values())

    @property
    def raw_inputs(self) -> dict[str, RawInput]:
        """The paths that this call receives, by parameter."""
        return {name: source for name, source in self.sources.items() if isinstance(source, RawInput)}

    @property
    def values(self) -> dict[str, object]:
        """The plain arguments, by parameter."""
        return {name: source for name, source in self.sources.items() if not isinstance(source, (Call, RawInput))}

    @property
    def keyed(self) -> dict[str, object]:
        """The plain arguments that are part of the key."""
        consumed, named = self.definition.consumed, self.definition.cache_args
        if not consumed and named is None:
            return self.values
        return {
            name: value
            for name, value in self.values.items()
            if name not in consumed and (named is None or name.lstrip("*") in named)
        }

    @property
    def window(self) -> tuple[object, ...]:
        """The ends of the window that a result is computed for, where it serves every narrower one; else nothing."""
        return tuple(self.values[name] for name in self.definition.window) if self.definition.window else ()

    @property
    def unkeyed(self) -> dict[str, object]:
        """The plain arguments that are no part of the key; processors may use them."""
        keyed = self.keyed
        return {name: value for name, value in self.values.items() if name not in keyed}


def call_of_key(definition: Definition, options: CallOptions, keyed: Mapping[str, object]) -> Call:
    """Make the call that has these arguments in its key; it has no others, and cannot be computed."""
    return Call(definition, options, dict(keyed), (), _is_stored(definition, options, keyed))


@dataclass(slots=True)
class Binder:
    """
    Binds a call and its upstreams, with what is asked of all of them.

    Within one binder a stage that feeds several others is one call.

    Raises TypeError as Python does for arguments that do not fit, and ConfigError for a cycle of stages and for
    arguments that a processor refuses.
    """

    options: CallOptions
    _known: dict[tuple[object, ...], Call] = field(default_factory=dict)
    _open: list[Definition] = field(default_factory=list)

    def bind(
        self, definition: Definition, args: tuple[object, ...] = (), kwargs: Mapping[str, object] | None = None
    ) -> Call:
        """Bind the arguments of a call and, recursively, the declared upstreams."""
        if definition in self._open:
            chain = [*self._open[self._open.index(definition) :], definition]
            raise ConfigError("the stages feed each other in a circle", " → ".join(item.name for item in chain))
        self._open.append(definition)
        try:
            return self._bind(definition, args, kwargs or {})
        finally:
            self._open.pop()

    def _bind(self, definition: Definition, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Call:
        explicit = _explicit(definition, args, kwargs)
        sources: dict[str, object] = {}
        for name, declared in definition.inputs.items():
            sources[name] = self._source(declared, explicit[name]) if name in explicit else self._declared(declared)
        sources.update((name, _plain(value)) for name, value in explicit.items() if name not in definition.inputs)
        for name, default in definition.defaults:
            if name not in sources:
                sources[name] = _plain(default)
        _check_complete(definition, sources)
        replaced = tuple(name for name in definition.inputs if name in explicit)
        if definition.processors:
            sources = _processed(definition, sources)
        options = self.options.for_stage(definition.name)
        if options.upsert and not definition.upsert_keys:
            cause, tip = "it declares no upsert_keys", '@cache(upsert_keys=["id"])'
            raise ConfigError(f"stage {definition.name} cannot upsert", cause, tip)
        return Call(definition, options, sources, replaced, _is_stored(definition, options, sources))

    def _declared(self, declared: object) -> object:
        if is_stage(declared):
            return self._upstream(declared)
        return declared.value if isinstance(declared, Param) else declared

    def _source(self, declared: object, given: object) -> object:
        """Tell what a replaced input is: a text in place of a raw input is a path, in place of an upstream a value."""
        if is_stage(given) and not isinstance(declared, Param):
            return self._upstream(given)
        if isinstance(declared, RawInput) and isinstance(given, (str, PurePath)):
            return type(declared)(given)
        return _plain(given)

    def _upstream(self, stage: object) -> Call:
        definition: Definition = stage.definition  # type: ignore[attr-defined]
        own: CallOptions = stage._options  # type: ignore[attr-defined]  # noqa: SLF001 - given with the upstream
        # What is asked of one call (cache=False, recompute=True) is not asked of its upstreams.
        options = self.options.of_upstream(own)
        bound: tuple[object, ...] = stage.bound  # type: ignore[attr-defined]
        known = (definition, options, *map(id, bound))
        call = self._known.get(known)
        if call is None:
            asked, self.options = self.options, options
            try:
                call = self._known[known] = self.bind(definition, bound)
            finally:
                self.options = asked
        return call


def _processed(definition: Definition, sources: dict[str, object]) -> dict[str, object]:
    """Let processors change the plain arguments, in their order, and refuse what came of it."""
    plain = {name: value for name, value in sources.items() if not isinstance(value, (Call, RawInput))}
    for processor in definition.processors:
        plain = dict(processor.arguments(plain))
    for processor in definition.processors:
        processor.check_arguments(plain)
    return {name: plain.get(name, value) for name, value in sources.items()}


def _is_stored(definition: Definition, options: CallOptions, sources: Mapping[str, object]) -> bool:
    wanted = definition.cache if options.cache is None else options.cache
    return wanted and not any(_fits(condition, sources) for condition in definition.cache_disable_if)


def _fits(condition: Mapping[str, object], sources: Mapping[str, object]) -> bool:
    """Whether each argument that a condition names has its value, or one of a list of values."""
    return all(
        name in sources
        and any(_is_same(sources[name], wanted) for wanted in (value if type(value) is list else [value]))
        for name, value in condition.items()
    )


def _is_same(value: object, wanted: object) -> bool:
    """Compare as Python does; what compares element by element, or not at all, is not the same."""
    same = value is wanted or value == wanted
    return same if isinstance(same, bool) else False


def deliver(call: Call, values: Mapping[str, object]) -> tuple[tuple[object, ...], dict[str, object]]:
    """
    Lay out the values for a call of the function: positional where Python asks for it, by keyword elsewhere.

    A function with ``**kwargs`` receives an input named ``x_file`` or ``x_path`` as ``x`` too.
    """
    parameters = call.definition.signature.parameters
    kwargs = {
        name.removeprefix("**"): value
        for name, value in values.items()
        if name.startswith("**")
        or (name not in parameters and not name.startswith("*"))
        or (name in parameters and parameters[name].kind is inspect.Parameter.KEYWORD_ONLY)
    }
    if call.definition.takes_all:
        kwargs = {**_aliases(call, values), **kwargs}
    return tuple(_positional(parameters, values)), kwargs


def _positional(parameters: Mapping[str, inspect.Parameter], values: Mapping[str, object]) -> list[object]:
    args: list[object] = []
    for name, parameter in parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            args.extend(cast("tuple[object, ...]", values.get(f"*{name}", ())))
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            args.append(values[name])
    return args


def _aliases(call: Call, values: Mapping[str, object]) -> dict[str, object]:
    short = {name: name.removesuffix("_file").removesuffix("_path") for name in call.definition.inputs}
    return {alias: values[name] for name, alias in short.items() if alias not in values and alias}


def _explicit(definition: Definition, args: tuple[object, ...], kwargs: Mapping[str, object]) -> dict[str, object]:
    """Tell which argument each parameter is given, as ``Signature.bind_partial`` does."""
    plain = definition.plain_names
    if not kwargs and len(args) <= len(plain):
        return dict(zip(plain, args, strict=False))
    return _flatten(definition, definition.signature.bind_partial(*args, **kwargs))


def _flatten(definition: Definition, given: inspect.BoundArguments) -> dict[str, object]:
    """One name per argument: those that ``**kwargs`` collects stand beside the named ones."""
    parameters = definition.signature.parameters
    flat: dict[str, object] = {}
    for name, value in given.arguments.items():
        kind = parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            flat.update((f"**{key}" if key in parameters else key, item) for key, item in value.items())
        else:
            flat[f"*{name}" if kind is inspect.Parameter.VAR_POSITIONAL else name] = value
    return flat


def _plain(value: object) -> object:
    return value.value if isinstance(value, Param) else value


def _check_complete(definition: Definition, sources: Mapping[str, object]) -> None:
    missing = [repr(name) for name in definition.single_names if name not in sources]
    if missing:
        raise TypeError(f"{definition.qualname}() is missing the required argument(s) {', '.join(missing)}")
