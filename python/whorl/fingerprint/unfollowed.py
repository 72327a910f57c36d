"""
The names that code reads in, those whose effect no fingerprint can see out.

A computed attribute name, evaluated text, the environment, the clock, randomness, files by constant names: each is
listed with its line, never hidden.  On the arrow: inside *fingerprint*.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.fingerprint.calls import Use, Uses
from whorl.fingerprint.kinds import full_name
from whorl.fingerprint.watches import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whorl.fingerprint.references import CodeForm, Load, Read

_RANDOM = ("random.", "secrets.", "numpy.random.", "uuid.uuid1", "uuid.uuid4", "os.urandom")
_FILE_READERS = ("open", "read_")


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that cannot be followed: ``what`` in words, and its ``line``."""

    what: str
    line: int


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
        else:
            use = uses.read(load)
            what = rule(name, use)
            if what:
                yield Doubt(what, use.line)


def _rule_for(name: str) -> Rule | None:
    rule = _RULES.get(name) or (_randomness if name.startswith(_RANDOM) else None)
    if rule is None and name.rpartition(".")[2].startswith(_FILE_READERS):
        return _file
    return rule


def _full_name(load: Load, namespace: Mapping[str, object]) -> str:
    """Name what is read by where it comes from: ``os.getenv`` for ``from os import getenv`` too."""
    value = namespace.get(load.name, MISSING)
    if value is MISSING:
        return ".".join((load.name, *load.chain))
    if value is os.environ:
        return ".".join(("os.environ", *load.chain))
    return ".".join((full_name(value).removeprefix("builtins."), *load.chain))


def _computed_attribute(_: str, use: Use) -> str:
    constant = len(use.arguments) > 1 and isinstance(use.arguments[1], str)
    return "" if constant else "an attribute with a computed name (getattr)"


def _text_as_code(name: str, use: Use) -> str:
    return f"text run as code ({name})" if use.called else ""


def _by_name(name: str, use: Use) -> str:
    return f"variables by name ({name})" if use.called else ""


def _clock(name: str, _: Use) -> str:
    return f"the clock ({name})"


def _randomness(name: str, _: Use) -> str:
    return f"random numbers ({name})"


def _variable(_: str, use: Use) -> str:
    return f"environment variable {_text(use) or 'with a computed name'}"


def _module(name: str, use: Use) -> str:
    return "" if _text(use) else f"a module with a computed name ({name})"


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
    "os.getenv": _variable,
    "os.environ": _variable,
    "os.environ.get": _variable,
    "os.environ.copy": _variable,
    **dict.fromkeys(_CLOCKS, _clock),
}
