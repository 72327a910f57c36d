"""
The names that code reads in, those whose effect no fingerprint can see out.

A computed attribute name, evaluated text, the environment, the clock, randomness, files by constant names: each is
listed with its line, never hidden.  On the arrow: inside *fingerprint*.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from types import BuiltinFunctionType
from typing import TYPE_CHECKING

from whorl.fingerprint.boundary import Own, owner_of_name
from whorl.fingerprint.calls import Named, Use, Uses
from whorl.fingerprint.kinds import full_name, is_class, module_name_of, qualified_name_of
from whorl.fingerprint.watches import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whorl.fingerprint.references import CodeForm, Load, Read

_CYTHON_FUNCTION = "cython_function_or_method"
_RANDOM = ("random.", "secrets.", "numpy.random.", "uuid.uuid1", "uuid.uuid4", "os.urandom")
# Generators that a seed makes repeatable.
_SEEDED = ("default_rng", "RandomState", "Random", "SeedSequence", "PCG64", "Philox", "MT19937", "SFC64")
_FILE_READERS = ("open", "read_", "scan_")
_FILE_READERS_WHOLE = frozenset(
    (
        *("load", "loadtxt", "genfromtxt", "fromfile", "memmap"),
        *("listdir", "scandir", "walk", "glob", "iglob"),
    )
)
_PROGRAMS = ("subprocess.", "os.system", "os.popen", "os.spawn", "os.exec", "runpy.")
# Where modules of the system keep what ``os`` offers.
_OS = ("posix.", "nt.")


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that cannot be followed: ``what`` in words, and its ``line``; or a ``module`` to be followed whole."""

    what: str
    line: int
    module: str = ""


Rule = Callable[[str, Use], str]


def find_doubts(form: CodeForm, namespace: Mapping[str, object], harmless: set[Read]) -> Iterator[Doubt]:
    """
    Yield what a function does with the names it reads that cannot be followed.

    ``harmless`` are names of the namespace that no rule knows; those found here are added.
    """
    if form.outside <= harmless:
        return
    uses = Uses()
    for load in form.loads:
        name = _full_name(load, namespace)
        rule = _rule_for(name)
        if rule is None:
            harmless.add(load[:2])
            continue
        use = _with_values(uses.read(load), load, namespace)
        if rule is _module and _text(use):
            yield Doubt("", use.line, _text(use))
        elif what := rule(name, use):
            yield Doubt(what, use.line)


def _with_values(use: Use, load: Load, namespace: Mapping[str, object]) -> Use:
    """Put texts and paths in the places of the globals that hold them; a path's own methods read that path."""
    held = namespace.get(load.name)
    if isinstance(held, PurePath) and load.chain:
        return Use(use.called, (str(held),), use.line)
    return Use(use.called, tuple(_value_of(each, namespace) for each in use.arguments), use.line)


def _value_of(argument: object, namespace: Mapping[str, object]) -> object:
    if not isinstance(argument, Named):
        return argument
    value = namespace.get(argument.name)
    return str(value) if type(value) is str or isinstance(value, PurePath) else ...


def _rule_for(name: str) -> Rule | None:
    rule = _RULES.get(name) or (_randomness if name.startswith(_RANDOM) else None)
    last = name.rpartition(".")[2]
    if rule is None and name.startswith(_PROGRAMS):
        return _program
    if rule is None and (last.startswith(_FILE_READERS) or last in _FILE_READERS_WHOLE) and not _is_own(name):
        return _file
    return rule


def _is_own(name: str) -> bool:
    """Tell what an own module holds: it is followed, and what it opens is told there."""
    top, dot, _ = name.partition(".")
    return bool(top and dot) and isinstance(owner_of_name(top), Own)


def _full_name(load: Load, namespace: Mapping[str, object]) -> str:
    """Name what is read by where it comes from: ``os.getenv`` for ``from os import getenv`` too."""
    value = MISSING if load.name.startswith("import ") else namespace.get(load.name, MISSING)
    if value is MISSING:
        name = load.name.removeprefix("import ")
    else:
        name = "os.environ" if value is os.environ else full_name(value) or _name_of_method(value)
    if name.startswith(_OS):
        name = f"os.{name.partition('.')[2]}"
    return ".".join((name, *load.chain)).removeprefix("builtins.")


def _name_of_method(value: object) -> str:
    """Name a method of something that was written in C, by its class; and a function that Cython compiled."""
    if type(value) is BuiltinFunctionType:
        bound = value.__self__
        return f"{full_name(bound) if is_class(bound) else module_name_of(type(bound))}.{value.__name__}"
    if qualified_name_of(type(value)) == _CYTHON_FUNCTION:
        return f"{value.__module__}.{value.__name__}"  # type: ignore[attr-defined]
    return ""


def _computed_attribute(_: str, use: Use) -> str:
    constant = len(use.arguments) > 1 and isinstance(use.arguments[1], str)
    return "" if constant else "an attribute with a computed name (getattr)"


def _computed_name(name: str, use: Use) -> str:
    constant = bool(use.arguments) and all(isinstance(each, str) for each in use.arguments)
    return "" if constant else f"an attribute with a computed name ({name})"


def _text_as_code(name: str, _: Use) -> str:
    return f"text run as code ({name})"


def _by_name(name: str, use: Use) -> str:
    return f"variables by name ({name})" if use.called else ""


def _clock(name: str, _: Use) -> str:
    return f"the clock ({name})"


def _randomness(name: str, use: Use) -> str:
    is_seeded = name.rpartition(".")[2] in _SEEDED and use.arguments and use.arguments[0] is not None
    return "" if is_seeded else f"random numbers ({name})"


def _program(name: str, _: Use) -> str:
    return f"another program ({name})"


def _variable(_: str, use: Use) -> str:
    return f"environment variable {_text(use) or 'with a computed name'}"


def _module(name: str, _: Use) -> str:
    return f"a module with a computed name ({name})"


def _file(_: str, use: Use) -> str:
    return f"file {_text(use)}" if use.called and _text(use) else ""


def _text(use: Use) -> str:
    first = use.arguments[0] if use.arguments else None
    return first if isinstance(first, str) else ""


_CLOCKS = (
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.perf_counter",
    "time.perf_counter_ns",
    "time.monotonic_ns",
    "time.process_time",
    "time.process_time_ns",
    "time.ctime",
    "time.localtime",
    "time.gmtime",
    "time.strftime",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "datetime.date.today",
    "pandas.Timestamp.now",
    "pandas.Timestamp.today",
)
_RULES: dict[str, Rule] = {
    "getattr": _computed_attribute,
    "eval": _text_as_code,
    "exec": _text_as_code,
    "globals": _by_name,
    "vars": _by_name,
    "__import__": _module,
    "importlib.import_module": _module,
    "sys.modules": _module,
    "sys._getframe": _by_name,
    "operator.attrgetter": _computed_name,
    "operator.methodcaller": _computed_name,
    "os.getenv": _variable,
    "os.environ": _variable,
    "os.environ.get": _variable,
    "os.environ.copy": _variable,
    **dict.fromkeys(_CLOCKS, _clock),
}
