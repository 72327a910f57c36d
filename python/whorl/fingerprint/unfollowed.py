"""
The calls that code makes in, those whose effect no fingerprint can see out.

A computed attribute name, evaluated text, the environment, the clock, randomness, files by constant names: each is
listed with its line, never hidden.  On the arrow: inside *fingerprint*.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from whorl.fingerprint.references import Doubt
from whorl.fingerprint.watches import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whorl.fingerprint.references import Call

_TEXT_RUNNERS = {"eval": "text evaluated by eval", "exec": "text run by exec", "compile": "text compiled by compile"}
_NAMESPACES = {"globals": "names looked up in globals()", "__import__": "a module imported by __import__"}
_CLOCKS = frozenset(
    ["time.time", "time.time_ns", "time.monotonic", "time.perf_counter", "time.localtime", "time.gmtime", "time.strftime", "datetime.datetime.now", "datetime.datetime.today", "datetime.datetime.utcnow", "datetime.date.today"]
)
_RANDOM_MODULES = ("random", "secrets", "uuid.uuid1", "uuid.uuid4", "os.urandom", "numpy.random")
_ENVIRONMENT = frozenset(("os.getenv", "os.environ.get", "os.environ"))


def find_doubts(calls: tuple[Call, ...], namespace: Mapping[str, object]) -> Iterator[Doubt]:
    """Yield what the calls of one function do that cannot be followed."""
    for call in calls:
        what = _doubt_of(call, _full_name(call, namespace))
        if what:
            yield Doubt(what, call.line)


def _full_name(call: Call, namespace: Mapping[str, object]) -> str:
    """Name what is called by where it comes from: ``os.getenv`` for ``from os import getenv`` too."""
    value = namespace.get(call.name, MISSING)
    if value is MISSING:
        return ".".join((call.name, *call.chain))
    if isinstance(value, ModuleType):
        return ".".join((value.__name__, *call.chain))
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    base = f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else ""
    if value is getattr(sys.modules.get("os"), "environ", None):
        base = "os.environ"
    return ".".join((base.removeprefix("builtins."), *call.chain))


def _doubt_of(call: Call, name: str) -> str:
    if name == "getattr":
        computed = len(call.arguments) > 1 and not isinstance(call.arguments[1], str)
        return "an attribute with a computed name (getattr)" if computed else ""
    if name in _TEXT_RUNNERS or name in _NAMESPACES:
        return _TEXT_RUNNERS.get(name) or _NAMESPACES[name]
    if name in _CLOCKS:
        return f"the clock ({name})"
    if name in _ENVIRONMENT:
        return f"environment variable {_first_text(call) or 'with a computed name'}"
    if name.startswith(_RANDOM_MODULES):
        return f"random numbers ({name})"
    return _doubt_of_loading(call, name)


def _doubt_of_loading(call: Call, name: str) -> str:
    text = _first_text(call)
    if name == "importlib.import_module" and text is None:
        return "a module with a computed name (importlib)"
    if text and (name in ("open", "io.open") or name.rpartition(".")[2].startswith("read_")):
        return f"file {text}"
    return ""


def _first_text(call: Call) -> str | None:
    first = call.arguments[0] if call.arguments else None
    return first if isinstance(first, str) else None
