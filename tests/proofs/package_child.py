"""
A package's name and a policy on the command line in; a line of JSON per function of it that was fingerprinted, out.

Runs as a process of its own: whatever the package does to it, whoever started it goes on.  A line is written before
each function (its name) and after it (seconds, or what was raised), so that the last name without an end is the one the
process died of.  A function that takes too long is interrupted, with the place where it was.  Seconds are those of the
processor, so that other work on the machine counts for nothing; one that only waits is ended by whoever started the
process.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import random
import signal
import sys
import time
import traceback
import warnings
from importlib.metadata import packages_distributions
from types import FunctionType
from typing import TYPE_CHECKING

import whorl
from whorl.config import options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, ModuleType

# Tests of a package, and modules that ask for what is not installed or start something when imported.
_LEFT_OUT = ("test", "tests", "conftest", "__main__", "setup", "_pyinstaller", "benchmarks")
_PATIENCE = 20  # seconds until a function counts as one that hangs
_LONGEST_TRACE = 4_000  # characters


class Hangs(BaseException):
    """Raised inside a fingerprint that takes too long; no handler for exceptions catches it."""


def main(package: str, policy: str, limit: int, seconds: float, skipped: int) -> None:
    """Fingerprint at most ``limit`` functions of a package, drawn from all, less the first few, in so many seconds."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGPROF, _interrupt)
    found = list(functions(package))
    random.Random(len(found)).shuffle(found)
    _write({"functions": len(found)})
    end = time.process_time() + seconds
    distribution = _distribution_of(package)
    with options(distributions={distribution: policy}):
        for function in found[skipped:limit]:
            if time.process_time() > end:
                break
            _write({"name": f"{function.__module__}.{function.__qualname__}"})
            _write(_measured(function))


def _distribution_of(package: str) -> str:
    return packages_distributions().get(package, [package])[0]


def _measured(function: FunctionType) -> dict[str, object]:
    started = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, _PATIENCE)
    try:
        found = whorl.fingerprint(function)
    except Exception as error:  # noqa: BLE001 - every exception is what is looked for
        return {"error": f"{type(error).__name__}: {error}"[:300], "trace": _trace(error)}
    except Hangs as error:
        return {"error": "hangs", "trace": _trace(error)}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return {"seconds": time.process_time() - started, "nodes": len(found._record.nodes)}  # type: ignore[union-attr]


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip()[-_LONGEST_TRACE:]


def _interrupt(_: int, __: FrameType | None) -> None:
    raise Hangs


def functions(package: str) -> Iterator[FunctionType]:
    """Yield the functions and methods that a package defines, each once, in the order of its modules."""
    seen: set[int] = set()
    for module in modules(package):
        for value in list(vars(module).values()):
            members = vars(value).values() if issubclass(type(value), type) else [value]
            for member in list(members):
                function = getattr(member, "__func__", member) if type(member) in _METHODS else member
                if type(function) is FunctionType and _is_of(function, package) and id(function) not in seen:
                    seen.add(id(function))
                    yield function


_METHODS = (staticmethod, classmethod)


def _is_of(function: FunctionType, package: str) -> bool:
    return str(function.__globals__.get("__name__", "")).partition(".")[0] == package.partition(".")[0]


def modules(package: str) -> Iterator[ModuleType]:
    """Import a package and what is below it; what cannot be imported is left out."""
    top = importlib.import_module(package)
    yield top
    for info in sorted(_below(top), key=lambda info: info.name):
        try:
            yield importlib.import_module(info.name)
        except (Exception, SystemExit):  # noqa: BLE001 - optional parts, for other systems or with missing libraries
            continue


def _below(module: ModuleType) -> Iterator[pkgutil.ModuleInfo]:
    for info in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{module.__name__}."):
        if info.name.rpartition(".")[2] in _LEFT_OUT:
            continue
        yield info
        if info.ispkg:
            try:
                yield from _below(importlib.import_module(info.name))
            except (Exception, SystemExit):  # noqa: BLE001 - as above
                continue


def _write(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
