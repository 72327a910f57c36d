"""
The text of a Nuthatch key and the declared types of arguments in, the arguments out, where only one set fits.

Nuthatch 0.4.11 writes ``str`` of each argument, in the order of their names, with ``_`` between: ``1`` and ``"1"``, or
``("a_b", "c")`` and ``("a", "b_c")``, have one text.  So each argument needs a type, and the text must fit in one way
only.  Lists, sets and dicts lose their order in the text and never fit.  Beside the arrow: before *bind*, backwards.
"""

from __future__ import annotations

import datetime as dt
import inspect
import types
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, Union, get_args, get_origin, get_type_hints

from whorl.adoption.behind import bare_name
from whorl.adoption.offers import UnfitError
from whorl.errors import ConfigError
from whorl.settings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from whorl.definition import Definition

_WORDS: Mapping[str, object] = {"None": None, "True": True, "False": False}
# How a text becomes a value of a type; it counts only if ``str`` of the value is the text again.
_PARSERS: Mapping[type, Callable[[str], object]] = {
    int: int,
    float: float,
    str: str,
    bool: lambda text: _WORDS[text],
    type(None): lambda text: _WORDS[text],
    dt.date: dt.date.fromisoformat,
    dt.datetime: dt.datetime.fromisoformat,
}
_NAMES: Mapping[str, type] = {
    **{kind.__name__: kind for kind in _PARSERS},
    "None": type(None),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """The values that an argument may have: those of some types, or some single ones."""

    types: tuple[type, ...] = ()
    values: tuple[object, ...] = ()

    def read(self, text: str) -> list[object]:
        """Give every value of this kind that Nuthatch writes so."""
        parsed = (_parse(kind, text) for kind in self.types)
        found = [value for values in parsed for value in values]
        found += [value for value in self.values if str(value) == text]
        return list({(type(value), str(value)): value for value in found}.values())


def _parse(kind: type, text: str) -> list[object]:
    try:
        value = _PARSERS[kind](text)
    except (ValueError, KeyError):
        return []
    return [value] if type(value) is kind and str(value) == text else []


@dataclass(frozen=True, slots=True)
class Types:
    """
    The types that the user gives besides annotations: ``given`` by parameter, or by stage and parameter.

    With ``trusts_defaults`` a parameter without another type has that of its default, or is None.
    """

    given: Mapping[str, Kind]
    trusts_defaults: bool = False

    def of(self, definition: Definition, name: str) -> Kind | None:
        """Give the kind of a stage's parameter; None where it is not known."""
        own = self.given.get(f"{bare_name(definition)}.{name}") or self.given.get(name)
        parameter = definition.signature.parameters.get(name)
        if parameter is None or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            return own
        kind = own or _kind_of(_resolved(definition, name, parameter.annotation))
        if kind is None and self.trusts_defaults and parameter.default not in (None, parameter.empty):
            kind = _kind_of(type(parameter.default) | None)
        return None if kind is None else _with_default(kind, parameter.default)


def read_types(texts: Iterable[str]) -> dict[str, Kind]:
    """Read ``name=int`` or ``stage.name=int|None`` as typed in; ConfigError for what is no type here."""
    found: dict[str, Kind] = {}
    for text in texts:
        name, equals, kinds = text.partition("=")
        if not equals or not name:
            raise ConfigError(f"{text!r} gives no type", tip="write --type name=int, or --type stage.name=str")
        for kind in kinds.split("|"):
            if kind.strip() not in _NAMES:
                raise ConfigError(f"--type {name}: there is no type {kind!r}", tip=did_you_mean(kind, _NAMES))
        found[name] = Kind(tuple(_NAMES[kind.strip()] for kind in kinds.split("|")))
    return found


def read_arguments(definition: Definition, names: Iterable[str], text: str, given: Types) -> dict[str, object]:
    """Read the arguments that a text stands for; ``UnfitError`` where that is none, or more than one."""
    ordered = sorted(names)
    kinds = {name: given.of(definition, name) for name in ordered}
    unknown = [name for name, kind in kinds.items() if kind is None]
    if unknown:
        flags = " ".join(f"--type {name}=TYPE" for name in unknown)
        raise UnfitError(f"the type of {', '.join(unknown)} is not known: annotate it, or give {flags}")
    ways = _ways([kind for kind in kinds.values() if kind is not None], text)
    if not ways:
        raise UnfitError(f"{text!r} fits no arguments ({', '.join(ordered) or 'there are none'})")
    readings = [dict(zip(ordered, way, strict=True)) for way in ways]
    if len(readings) > 1:
        either = " or ".join(", ".join(f"{name}={value!r}" for name, value in one.items()) for one in readings[:2])
        raise UnfitError(f"{text!r} may be {either}")
    return readings[0]


def _ways(kinds: list[Kind], text: str) -> list[tuple[object, ...]]:
    """Find two ways at most to cut a text into values of these kinds."""
    if not kinds:
        return [()] if not text else []
    pieces = text.split("_")

    @cache
    def after(place: int, start: int) -> tuple[tuple[object, ...], ...]:
        if place == len(kinds):
            return ((),) if start == len(pieces) else ()
        found: list[tuple[object, ...]] = []
        for way in _steps(place, start):
            found.append(way)
            if len(found) > 1:
                break
        return tuple(found)

    def _steps(place: int, start: int) -> Iterator[tuple[object, ...]]:
        last = len(pieces) - (len(kinds) - place - 1)
        for end in range(start + 1, last + 1):
            for value in kinds[place].read("_".join(pieces[start:end])):
                yield from ((value, *rest) for rest in after(place + 1, end))

    return list(after(0, 0))


def _resolved(definition: Definition, name: str, annotation: object) -> object:
    """Give an annotation as Python means it; a text that means nothing here stays a text."""
    if annotation is inspect.Parameter.empty:
        return annotation
    holder = types.SimpleNamespace(__annotations__={name: annotation})
    globals_ = getattr(inspect.unwrap(definition.function), "__globals__", {})
    try:
        return get_type_hints(holder, globals_)[name]
    except (NameError, AttributeError, TypeError, SyntaxError):
        return annotation


def return_type(definition: Definition) -> str:
    """Name the type that a stage's function says it returns, without its module; empty where it does not say."""
    annotation = _resolved(definition, "return", definition.signature.return_annotation)
    if annotation is inspect.Signature.empty:
        return ""
    return str(getattr(annotation, "__name__", annotation)).rpartition(".")[2]


def _kind_of(annotation: object) -> Kind | None:
    """Give the kind that an annotation means; None for one that texts cannot be read by."""
    if isinstance(annotation, type) and annotation in _PARSERS:
        return Kind((annotation,))
    if get_origin(annotation) is Literal:
        values = get_args(annotation)
        return Kind(values=values) if all(type(value) in _PARSERS for value in values) else None
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [_kind_of(part) for part in get_args(annotation)]
        known = [kind for kind in kinds if kind is not None]
        if len(known) == len(kinds):
            return Kind(
                *(tuple(item for kind in known for item in getattr(kind, name)) for name in ("types", "values"))
            )
    return None


def _with_default(kind: Kind, default: object) -> Kind | None:
    """Add a default that is of another type than it is declared to be, as None often is."""
    if default is inspect.Parameter.empty or type(default) in kind.types:
        return kind
    return Kind(kind.types, (*kind.values, default)) if type(default) in _PARSERS else None
