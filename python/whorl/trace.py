"""
What a stage's body really used, recorded while it runs and checked again before its result is served.

A call of another stage inside a body is recorded with its declaration, its key and every input it was given in place of
a declared one.  A call from a thread that carries no context counts for every computation of the process; a call in
another process is passed on through a folder (``relay.py``).  On the arrow: part of *compute* and of *look up*.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whorl import relay
from whorl.definition import find_definitions
from whorl.errors import ConfigError, InputMissingError, InputUnreadableError
from whorl.fingerprint.boundary import canonical_module
from whorl.fingerprint.inputs import is_remote, read_input_path
from whorl.fingerprint.kinds import MAINS
from whorl.fingerprint.urls import HIDDEN
from whorl.store.manifest import Trace, TracedCall, TracedInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from whorl.call import Call
    from whorl.derive import Snapshot
    from whorl.digest import Digest


@dataclass(slots=True, eq=False)
class Recording:
    """One computation under way: whose it is, what called it, and what its body has used so far."""

    stage: str
    key: Digest | None
    caller: Recording | None
    folder: str = field(default_factory=os.getcwd)
    process: int = field(default_factory=os.getpid)
    complete: bool = True
    _traces: list[Trace] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, trace: Trace) -> None:
        """Add what a nested call used."""
        with self._lock:
            self._traces.append(trace)

    def trace(self) -> Trace:
        """Everything recorded so far."""
        with self._lock:
            return merge(self._traces)

    @property
    def has_heard(self) -> bool:
        """Whether anything was recorded, or could not be."""
        return bool(self._traces) or not self.complete

    def chain(self) -> tuple[Recording, ...]:
        """Give the computations this one runs inside, outermost first, itself last."""
        return (*(self.caller.chain() if self.caller else ()), self)


_current: ContextVar[Recording | None] = ContextVar("whorl recording", default=None)
_active: set[Recording] = set()
_active_lock = threading.RLock()  # what was interrupted may be tidied up while it is held


def _forget_parent() -> None:
    """In a forked child: the parent's computations are not this process's, and its lock may have been held."""
    global _active_lock  # noqa: PLW0603 - a lock that was held at the fork can only be replaced
    _active_lock = threading.RLock()
    _active.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)


@contextmanager
def recording(stage: str, key: Digest | None) -> Iterator[Recording]:
    """Record what is called in this context until the block ends."""
    started = time.time()
    before = _current.get()
    mine = Recording(stage, key, computing())
    try:  # whatever interrupts from here on, nothing is left that says for ever that it computes
        _current.set(mine)
        with _active_lock:
            _active.add(mine)
            relay.announce()
        yield mine
    finally:
        try:
            _hear(mine, started)
        finally:
            try:
                _end(mine, before)
            except BaseException:
                _end(mine, before)
                raise


@contextmanager
def overhearing(stage: str, key: Digest | None) -> Iterator[Recording]:
    """Record what is called in this context, and in no other thread or process: nothing is announced."""
    mine = Recording(stage, key, computing())
    token = _current.set(mine)
    try:
        yield mine
    finally:
        _current.reset(token)


def _hear(mine: Recording, started: float) -> None:
    """Add what workers called; what cannot be known makes the recording incomplete."""
    for trace in relay.collect(since=started):
        if trace is None:
            mine.complete = False
        else:
            mine.add(trace)
    mine.complete = mine.complete and relay.is_open()


def _end(mine: Recording, before: Recording | None) -> None:
    if _current.get() is mine:
        _current.set(before)
    with _active_lock:
        _active.discard(mine)
        if not _active:
            relay.retract()


def computing() -> Recording | None:
    """Give the computation that this context belongs to, if it runs in this process."""
    current = _current.get()
    return current if current is not None and current.process == os.getpid() else None


def refuse_circle(stage: str, key: Digest, top: str) -> None:
    """Raise ConfigError for a call that one of the computations around it is: it would wait for itself."""
    current = computing()
    chain = current.chain() if current else ()
    if any(outer.key == key for outer in chain):
        names = [*(outer.stage for outer in chain), *((top,) if top not in ("", stage) else ()), stage]
        raise ConfigError(f"stage {stage} reaches its own call", " → ".join(names))


def something_computes() -> bool:
    """Whether a call made here may be part of a computation, of this process or of one that started it."""
    return bool(_active) or _current.get() is not None or relay.has_listener()


def spoil() -> None:
    """Note that something was called here whose use cannot be recorded: the computations around it are not stored."""
    current = computing()
    with _active_lock:
        owners = (current,) if current else tuple(_active)
    for owner in owners:
        owner.complete = False
    if not owners:
        relay.pass_on(None)


def record(trace: Trace) -> None:
    """Note that a call was made here: for the computation of this context, for all of them, or for another process."""
    current = computing()
    if current is not None:
        current.add(trace)
        # Relative inputs are checked from the folder of the computation, not from one that its body went to.
        current.complete = current.complete and current.folder == os.getcwd()
        return
    with _active_lock:
        owners = tuple(_active)
    for owner in owners:
        owner.add(trace)
    if not owners:
        relay.pass_on(trace)


def merge(traces: Iterable[Trace]) -> Trace:
    """Unite traces, each part once and in a fixed order."""
    calls: dict[tuple[object, ...], TracedCall] = {}
    inputs: dict[tuple[object, ...], TracedInput] = {}
    types: dict[str, Digest | str] = {}
    for trace in traces:
        calls.update(((call.stage, call.key.hex(), call.revision), call) for call in trace.calls)
        inputs.update(((found.path, found.kind, found.digest.hex()), found) for found in trace.inputs)
        types.update(trace.types)
    return Trace(
        tuple(calls[key] for key in sorted(calls, key=str)),
        tuple(inputs[key] for key in sorted(inputs, key=str)),
        tuple(sorted(types.items(), key=lambda item: item[0])),
    )


def trace_call(call: Call, snapshot: Snapshot, project: Path, expires: float | None) -> Trace:
    """Describe a call and everything that feeds it, so that its caller can be checked against it later."""
    mine = _trace_one(call, snapshot, project, expires)
    return merge([mine, *(_trace_one(source, snapshot, project, None) for source in call.feeding())])


def _trace_one(call: Call, snapshot: Snapshot, project: Path, expires: float | None) -> Trace:
    definition = call.definition
    namespace = call.namespace or snapshot.namespace
    declared = snapshot.definition(definition, call.replaced)
    # What is not stored has no revision and needs no key: its arguments may be without a digest.
    key = snapshot.derive(call).key if call.stored else declared
    mine = TracedCall(
        stage=definition.name,
        namespace=namespace,
        module="__main__" if definition.module in MAINS else definition.module,  # a worker's script is its caller's
        qualname=definition.qualname,
        definition=declared,
        replaced=call.replaced,
        key=key,
        revision=snapshot.use_revision(namespace, key),
        expires=expires,
    )
    given = [raw for name, raw in call.raw_inputs.items() if name in call.replaced or name not in definition.inputs]
    embedded = snapshot.embedded(call) if call.stored else ()
    inputs = []
    for raw in (*given, *embedded):
        found = snapshot.input(raw)
        inputs.append(TracedInput(_relative(raw.shown, found.kind, project), found.kind, found.digest))
    return Trace((mine,), tuple(inputs), ())


_NOTHING = Trace()


def trace_holds(trace: Trace, snapshot: Snapshot, project: Path) -> bool:
    """Check every recorded call, input and class against what is there now; what cannot be found does not hold."""
    if trace == _NOTHING:
        return True
    now = time.time()
    return (
        all(_call_holds(call, snapshot, now) for call in trace.calls)
        and all(_input_holds(found, snapshot, project) for found in trace.inputs)
        and snapshot.behaviour(trace.types) == trace.types
    )


def calls_for_more(trace: Trace) -> bool:
    """Whether checking a trace would import a module that is not loaded, or read a URL or outside of the project."""
    modules = {call.module for call in trace.calls}
    modules.update(name.partition(":")[0] for name, _ in trace.types if ":" in name)
    loaded = {*sys.modules, canonical_module("__main__")}
    return not modules <= loaded or not all(_is_in_project(found) for found in trace.inputs)


def _is_in_project(found: TracedInput) -> bool:
    """Whether an input lies below the project, as its path is written; ``_relative`` writes no other that does."""
    path = found.path.replace("\\", "/")
    is_absolute = path.startswith("/") or os.path.isabs(found.path) or os.path.splitdrive(found.path)[0] != ""
    return not is_remote(found.kind) and not is_absolute and ".." not in path.split("/")


def find_secret(*traces: Trace) -> str | None:
    """Give the URL of an input that nobody can ask for again, since the secret in it is not recorded."""
    return next((found.path for trace in traces for found in trace.inputs if _is_secret(found)), None)


def earliest(*expiries: float | None) -> float | None:
    """Give the first of several expiries; None never expires."""
    first: float | None = None
    for moment in expiries:
        if moment is not None and (first is None or moment < first):
            first = moment
    return first


def _call_holds(call: TracedCall, snapshot: Snapshot, now: float) -> bool:
    if not (call.expires is None or call.expires > now):
        return False
    if snapshot.revision(call.namespace, call.key) != call.revision:
        return False
    found = find_definitions(call.stage, call.module)
    return any(snapshot.definition(definition, call.replaced) == call.definition for definition in found)


def _input_holds(found: TracedInput, snapshot: Snapshot, project: Path) -> bool:
    path = found.path if is_remote(found.kind) else os.path.join(project, found.path)
    if _is_secret(found):
        return False
    try:
        return snapshot.input(read_input_path(found.kind, path)).digest == found.digest
    except (InputMissingError, InputUnreadableError, OSError, ValueError, KeyError):  # of a kind or path that is none
        return False


def _is_secret(found: TracedInput) -> bool:
    return is_remote(found.kind) and HIDDEN in found.path


def _relative(path: str, kind: str, project: Path) -> str:
    """Write a path below the project relative to it, so that a colleague's copy of the project is the same."""
    if is_remote(kind):
        return path
    absolute = os.path.abspath(path)
    root = str(project)
    below = os.path.splitdrive(absolute)[0] == project.drive and os.path.commonpath([absolute, root]) == root
    return os.path.relpath(absolute, project) if below else absolute
