"""
Names of installed packages in; out, what happened when their functions were fingerprinted, as own code and as foreign.

Each package has a process of its own, so that one that dies is counted and the next function tried in a new one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHILD = Path(__file__).parent / "package_child.py"
# A whole library is many thousand functions: what is walked for the first time may take longer than a second.
MOST_SECONDS, SECONDS_PER_NODE = 1.0, 0.0005
_STARTS = 5
# Of real time: what a package may take to be imported, and how often its share of the processor goes into a second.
_STARTING, _SHARED = 120, 10


@dataclass(frozen=True, slots=True)
class Failure:
    """A function that a fingerprint failed on, and the trace of it."""

    name: str
    trace: str


@dataclass(slots=True)
class Tally:
    """What the functions of one package showed under one policy."""

    package: str
    policy: str
    functions: int = 0
    tried: int = 0
    nodes: int = 0
    slowest: float = 0.0
    above_a_second: int = 0
    slow: list[str] = field(default_factory=list)
    errors: dict[str, list[Failure]] = field(default_factory=dict)
    crashes: list[str] = field(default_factory=list)
    failed: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether nothing went wrong."""
        return not (self.slow or self.errors or self.crashes or self.failed)


def measure(packages: Iterable[str], policy: str, *, limit: int, seconds: float, workers: int = 2) -> Iterator[Tally]:
    """Fingerprint the functions of packages, at most ``limit`` and for about so many seconds each."""
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(lambda package: _package(package, policy, limit, seconds), packages)


def _package(package: str, policy: str, limit: int, seconds: float) -> Tally:
    tally = Tally(package, policy)
    for _ in range(_STARTS):
        last = _run(tally, limit, seconds)
        if last is None:
            break
        tally.crashes.append(last)
        tally.tried += 1
    return tally


def _run(tally: Tally, limit: int, seconds: float) -> str | None:
    """Run one process; give the name of the function it died of."""
    words = [tally.package, tally.policy, str(limit), str(seconds), str(tally.tried)]
    command = [sys.executable, str(CHILD), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            out, errors = process.communicate(timeout=seconds * _SHARED + _STARTING)
        except subprocess.TimeoutExpired:
            process.kill()
            out, errors = process.communicate()
    name = None
    for line in out.splitlines():
        found = _parsed(line)
        if "functions" in found:
            tally.functions = int(str(found["functions"]))
        elif "name" in found:
            name = str(found["name"])
        elif name is not None and found:
            _count(tally, name, found)
            name = None
    if process.returncode and name is None:
        tally.failed = errors.strip().rpartition("\n")[2] or f"ended with {process.returncode}"
    return f"{name} (ended with {process.returncode})" if process.returncode and name is not None else None


def _parsed(line: str) -> dict[str, object]:
    """Read a line of the child's; packages may print lines of their own."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _count(tally: Tally, name: str, found: dict[str, object]) -> None:
    tally.tried += 1
    if "error" in found:
        tally.errors.setdefault(str(found["error"]), []).append(Failure(name, str(found["trace"])))
        return
    seconds, nodes = float(str(found["seconds"])), int(str(found["nodes"]))
    tally.nodes = max(tally.nodes, nodes)
    tally.slowest = max(tally.slowest, seconds)
    tally.above_a_second += seconds > MOST_SECONDS
    if seconds > MOST_SECONDS + SECONDS_PER_NODE * nodes:
        tally.slow.append(f"{name}: {seconds:.2f} s for {nodes:,} nodes")
