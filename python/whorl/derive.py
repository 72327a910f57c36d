"""
A bound call in, its components and call key out, from what code, files and arguments are now.

A ``Snapshot`` digests each thing once; a second snapshot after the run tells whether anything changed meanwhile.  The
rules are those of keys.md.  On the arrow: *components* and *derive*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whorl.config import environment_variable
from whorl.definition import Definition, Param, is_stage
from whorl.digest import Digest, Encoder
from whorl.errors import InputMissingError, InputUnreadableError
from whorl.fingerprint.code import fingerprint
from whorl.fingerprint.inputs import InputDigest, RawInput, collect_inputs, digest_input, digest_of_nothing
from whorl.fingerprint.values import current_behaviour, digest_argument
from whorl.key import Component, UpstreamKey, derive_call_key, derive_common

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from whorl.asked import CallOptions
    from whorl.call import Call
    from whorl.fingerprint.code import Fingerprint
    from whorl.fingerprint.values import Behaviour


@dataclass(frozen=True, slots=True)
class Derived:
    """What a call depends on, and its call key; ``raw`` has the digested raw inputs by parameter."""

    key: Digest
    common: Digest
    components: tuple[Component, ...]
    upstreams: tuple[UpstreamKey, ...]
    fingerprint: Fingerprint
    raw: Mapping[str, InputDigest]

    @property
    def all_components(self) -> tuple[Component, ...]:
        """The components of the call key, upstreams by their call keys and revisions."""
        upstreams = (
            Component(f"upstream/{item.name}", Encoder("upstream").digest(item.key).text(item.revision).finish())
            for item in self.upstreams
        )
        return (*self.components, *upstreams)


@dataclass(frozen=True, slots=True)
class _Common:
    digest: Digest
    components: tuple[Component, ...]
    fingerprint: Fingerprint
    raw: Mapping[str, InputDigest]


@dataclass(slots=True)
class Snapshot:
    """
    What things are now, each digested once.

    ``revision(namespace, key)`` reads the ledger.  ``arguments`` keeps the digests of arguments, which a second
    snapshot takes over: the function was given private copies.
    """

    namespace: str
    revision: Callable[[str, Digest], str]
    arguments: dict[Call, tuple[Component, ...]] = field(default_factory=dict)
    _commons: dict[Call, _Common] = field(default_factory=dict)
    _keys: dict[Call, Derived] = field(default_factory=dict)
    _inputs: dict[RawInput, InputDigest] = field(default_factory=dict)
    _codes: dict[Definition, Fingerprint] = field(default_factory=dict)
    _own: dict[tuple[Definition, tuple[str, ...]], Digest] = field(default_factory=dict)
    _used: dict[tuple[str, Digest], str] = field(default_factory=dict)
    _embedded: dict[Call, tuple[RawInput, ...]] = field(default_factory=dict)

    def again(self) -> Snapshot:
        """Make a snapshot that digests everything anew, but the arguments without files inside."""
        kept = {call: found for call, found in self.arguments.items() if not self._embedded.get(call)}
        return Snapshot(self.namespace, self.revision, kept)

    def use_revision(self, namespace: str, key: Digest, revision: str | None = None) -> str:
        """
        Give the revision under which a key is used here: the one it was first seen or, from then on, loaded under.

        The ledger may have moved on meanwhile; a value must not be stored under a revision that is younger than it.
        """
        known = self._used.get((namespace, key))
        if revision is None and known is None:
            known = self._used[namespace, key] = self.revision(namespace, key)
        elif revision is not None and revision != known:
            known = self._used[namespace, key] = revision
            self._keys = {}  # another one, not emptied: a thread that derives by what was puts its key into the old one
        return known  # type: ignore[return-value]

    def embedded(self, call: Call) -> tuple[RawInput, ...]:
        """Give the files that stand inside arguments, as ``File`` objects in a list do."""
        self._arguments(call)
        return self._embedded.get(call, ())

    def derive(self, call: Call) -> Derived:
        """Derive the components and the key of a call and of its upstreams."""
        keys = self._keys
        known = keys.get(call)
        if known is None:
            common = self._common(call)
            upstreams = tuple(self._upstream_key(name, upstream) for name, upstream in call.upstreams.items())
            key = derive_call_key(call.definition.name, common.digest, upstreams)
            known = Derived(key, common.digest, common.components, upstreams, common.fingerprint, common.raw)
            keys[call] = known
        return known

    def known(self, call: Call) -> Derived | None:
        """Give the derivation of a call that was asked for before; None for one that nobody stores or traces."""
        return self.derive(call) if call in self._commons else None

    @property
    def keys(self) -> object:
        """What stands for the keys as they are: the same object until a revision that some are made of is another."""
        return self._keys

    def input(self, raw: RawInput) -> InputDigest:
        """Digest a raw input."""
        if raw not in self._inputs:
            self._inputs[raw] = digest_input(raw)
        return self._inputs[raw]

    def code(self, definition: Definition) -> Fingerprint:
        """Fingerprint the code of a stage."""
        if definition not in self._codes:
            self._codes[definition] = fingerprint(
                definition.function, depends_on=definition.depends_on, ignore=definition.ignore
            )
        return self._codes[definition]

    def behaviour(self, recorded: Behaviour) -> Behaviour | None:
        """Fingerprint the classes and distributions of a recorded behaviour now; None where one is gone."""
        if not recorded:
            return ()
        now = current_behaviour(name for name, _ in recorded)
        found = [(name, now.get(name)) for name, _ in recorded]
        return None if any(digest is None for _, digest in found) else tuple(found)  # type: ignore[arg-type]

    def found_behaviour(self, recorded: Behaviour) -> Behaviour:
        """
        Fingerprint a behaviour now, without classes that no import leads to.

        Such a class was made by code that is followed, and could not be found again when a trace is checked.
        """
        now = current_behaviour(name for name, _ in recorded) if recorded else {}
        return tuple((name, digest) for name, _ in recorded if (digest := now[name]) is not None)

    def definition(self, definition: Definition, replaced: tuple[str, ...] = ()) -> Digest:
        """Digest all that a stage declares and reaches, but the inputs that a call replaced."""
        encoder = Encoder("definition").digest(self._declared(definition, replaced))
        for name, reached in sorted(self._reached(definition, replaced).items()):
            encoder.text(name).digest(self._declared(reached))
        return encoder.finish()

    def _upstream_key(self, name: str, upstream: Call) -> UpstreamKey:
        key = self.derive(upstream).key
        return UpstreamKey(name, key, self.use_revision(upstream.namespace or self.namespace, key))

    def _common(self, call: Call) -> _Common:
        known = self._commons.get(call)
        if known is None:
            definition = call.definition
            raw = {name: self._named_input(definition, name, given) for name, given in call.raw_inputs.items()}
            components = (
                *self._options(definition),
                *self._arguments(call),
                *(Component(f"raw/{name}", found.digest) for name, found in raw.items()),
                *self._nested(definition),
                *self._processed(call),
            )
            ordered = tuple(sorted(components, key=lambda component: component.name))
            known = _Common(derive_common(ordered), ordered, self.code(definition), raw)
            self._commons[call] = known
        return known

    def _processed(self, call: Call) -> Iterator[Component]:
        """Tell what processors make of upstreams' stored results, which no key of theirs does."""
        for name, upstream in call.upstreams.items():
            if digest := self.work_of(upstream):
                yield Component(f"args/{name}/processors", digest)
            asked: tuple[object, ...] = (upstream.engine, upstream.options.post_processors)
            if upstream.options.namespace != call.options.namespace:
                asked = (*asked, upstream.options.namespace)
            if any(asked):
                yield _argument(f"{name}/asked", asked)

    def work_of(self, call: Call) -> Digest | None:
        """Digest what a call's processors do to what is stored: they, and the arguments that no key has."""
        processors = call.definition.processors
        return _argument("processors", (processors, call.unkeyed)).digest if processors else None

    def _named_input(self, definition: Definition, name: str, raw: RawInput) -> InputDigest:
        try:
            return self.input(raw)
        except (InputMissingError, InputUnreadableError) as error:
            message = f"stage {definition.name}: input {name!r}: {error.message}"
            raise type(error)(message, error.cause, error.tip) from error

    def _options(self, definition: Definition) -> Iterator[Component]:
        """Code, version and declared variables of the environment."""
        if definition.track_code is True:
            yield Component("code", self.code(definition).digest)
        else:  # else every stage without inputs would have the content key of any other
            yield Component("stage", Encoder("stage").text(definition.name).finish())
        if definition.version is not None:
            yield Component("version", Encoder("version").text(definition.version).finish())
        for name in definition.env:
            value = environment_variable(name)
            encoder = Encoder("env")
            yield Component(f"env/{name}", (encoder.none() if value is None else encoder.text(value)).finish())

    def _arguments(self, call: Call) -> tuple[Component, ...]:
        if call not in self.arguments:
            keyed = call.keyed
            found, met = collect_inputs(lambda: tuple([_argument(name, value) for name, value in keyed.items()]))
            self.arguments[call], self._embedded[call] = found, tuple(met)
        return self.arguments[call]

    def argument_holds(self, call: Call, name: str) -> bool:
        """Digest an argument again: its owner may have changed it while this call waited."""
        return name not in call.keyed or _argument(name, call.keyed[name]) in self._arguments(call)

    def _nested(self, definition: Definition) -> Iterator[Component]:
        """Digest the declarations of every stage that the code refers to, with those that feed them."""
        if definition.track_code is True and self.code(definition).stages:
            for name, reached in self._reached_by_code(definition).items():
                yield Component(f"nested/{name}", self._declared(reached))
            yield from self._asked(definition)
            yield from self._alike(definition)

    def _asked(self, definition: Definition) -> Iterator[Component]:
        """Digest what the stages that the code refers to were told to do to their values, where they were."""
        for number, stage in enumerate(self.code(definition).stages):
            options: CallOptions = stage._options  # type: ignore[attr-defined]  # noqa: SLF001 - given with the stage
            if options.handing:
                yield _argument(f"asked/{number}", options.handing)

    def _alike(self, definition: Definition) -> Iterator[Component]:
        """Tell which one stands where, of stages over one function that the code refers to: to it they look alike."""
        stages = [stage.definition for stage in self.code(definition).stages]  # type: ignore[attr-defined]
        if len({each.function for each in stages}) == len(set(stages)):
            return
        alike: dict[object, set[Definition]] = {}
        for each in stages:
            alike.setdefault(each.function, set()).add(each)
        for number, each in enumerate(stages):
            if len(alike[each.function]) > 1:
                yield Component(f"nested/{each.name}/{number}", derive_common(tuple(self._said(each))))

    def _reached_by_code(self, definition: Definition) -> dict[str, Definition]:
        found: dict[str, Definition] = {}
        for stage in self.code(definition).stages:
            nested: Definition = stage.definition  # type: ignore[attr-defined]
            if nested is not definition:
                for reached in (nested, *self._reached(nested).values()):
                    _add(found, reached)
        return {name: reached for name, reached in found.items() if reached is not definition}

    def _reached(self, definition: Definition, replaced: tuple[str, ...] = ()) -> dict[str, Definition]:
        """Stages that a stage's code refers to or that feed it, at any depth, without itself."""
        found: dict[str, Definition] = {}
        waiting = [(definition, replaced)]
        while waiting:
            current, skipped = waiting.pop()
            fed = (value for name, value in current.inputs.items() if name not in skipped and is_stage(value))
            for stage in (*self.code(current).stages, *fed):
                reached: Definition = stage.definition  # type: ignore[attr-defined]
                if reached is not definition and _add(found, reached):
                    waiting.append((reached, ()))
        return found

    def _declared(self, definition: Definition, replaced: tuple[str, ...] = ()) -> Digest:
        """Digest what one stage declares, without what it reaches."""
        known = self._own.get((definition, replaced))
        if known is None:
            alike = self._alike(definition) if definition.track_code is True else ()
            known = self._own[definition, replaced] = derive_common((*self._said(definition, replaced), *alike))
        return known

    def _said(self, definition: Definition, replaced: tuple[str, ...] = ()) -> Iterator[Component]:
        yield from self._options(definition)
        for name, value in definition.inputs.items():
            if name not in replaced:
                yield self._declared_input(name, value)
        handed = (definition.processors, definition.engine, definition.cache_args)
        if any(handed):
            yield _argument("processors", handed)

    def _declared_input(self, name: str, value: object) -> Component:
        if isinstance(value, Param):
            return _argument(name, value.value)
        if not isinstance(value, RawInput):
            upstream: Definition = value.definition  # type: ignore[attr-defined]
            options: CallOptions = value._options  # type: ignore[attr-defined]  # noqa: SLF001 - given with the stage
            encoder = Encoder("upstream").text(upstream.name)
            for counted in (options.handing, value.bound):  # type: ignore[attr-defined]
                encoder = encoder.digest(_argument(name, counted).digest) if counted else encoder
            return Component(f"upstream/{name}", encoder.finish())
        try:
            return Component(f"raw/{name}", self.input(value).digest)
        except InputMissingError:  # the caller may replace it, or make it before the nested call
            return Component(f"raw/{name}", digest_of_nothing(value))


def _add(found: dict[str, Definition], reached: Definition) -> bool:
    """Add a definition under its name; stages that one function makes share theirs and are numbered."""
    name, same = reached.name, 0
    while (known := found.get(name)) is not None:
        if known is reached:
            return False
        same += 1
        name = f"{reached.name}#{same}"
    found[name] = reached
    return True


def combine_behaviour(digest: Digest, behaviour: Behaviour) -> Digest:
    """Digest a value together with how the classes and distributions that own its types behave."""
    encoder = Encoder("behaviour").digest(digest)
    for name, version in behaviour:
        encoder.text(name)
        encoder = encoder.digest(version) if isinstance(version, Digest) else encoder.text(version)
    return encoder.finish()


def _argument(name: str, value: object) -> Component:
    path = f"args/{name}"
    return Component(path, combine_behaviour(*digest_argument(value, path)))
