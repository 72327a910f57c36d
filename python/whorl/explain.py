"""
A call and an earlier entry in, every difference between them out: why a call ran, or would run.

Components are compared first, then what stands behind one that differs: the files of a raw input, the parts of code,
the calls that a body made.  Nothing is computed.  Beside the arrow: it reads what *derive* and *look up* found.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from whorl import config
from whorl.access import open_access
from whorl.changes import (
    Change,
    compare_files,
    shorten,
    telling,
    word_component,
    word_difference,
    word_kept,
)
from whorl.definition import find_definitions, is_stage
from whorl.derive import Snapshot
from whorl.entry import nearest, raw_files
from whorl.errors import CorruptEntryError, InputMissingError, WhorlError
from whorl.fingerprint.inputs import is_remote, read_input_path
from whorl.fingerprint.parts import differences, read_parts
from whorl.store.manifest import Trace
from whorl.trace import earliest, trace_holds
from whorl.widening import Extent, covers, read_window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from whorl.access import Access
    from whorl.call import Call
    from whorl.definition import Definition
    from whorl.derive import Derived
    from whorl.digest import Digest
    from whorl.engine import Session
    from whorl.outcome import Outcome
    from whorl.store.manifest import Manifest, TracedCall, TracedInput

# What differs is told in this order: the call's own doing first, what came from elsewhere last.
_ORDER = ("code", "version", "raw", "args", "env", "nested", "upstream")
_NOTHING: Mapping[Digest | None, Outcome] = MappingProxyType({})
NOT_STORED, DAMAGED = "not stored", "its entry was damaged"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a call ran or would run: ``entry`` is what it was compared with, ``same`` the components that are equal."""

    stage: str
    entry: Manifest | None
    changes: tuple[Change, ...]
    same: tuple[str, ...] = ()
    not_followed: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """The first reason, and how many more there are."""
        if not self.changes:
            return ""
        more = sum(max(1, len(telling(change.code))) for change in self.changes) - 1
        return self.changes[0].reason + (f", {more} more" if more else "")


@dataclass(frozen=True, slots=True)
class Status:
    """
    How a call stands: ``fresh``, ``stale``, ``waiting`` or ``uncached``; in a plan ``hit``, ``run`` or ``may run``.

    ``reason`` is worded for a line; ``explanation`` has more where the call is compared with an entry.
    """

    stage: str
    state: str
    reason: str = ""
    explanation: Explanation | None = None


def survey(session: Session, calls: Sequence[Call]) -> tuple[Status, ...]:
    """Say how calls stand now; one whose inputs cannot be had is stale, and what it feeds waits."""
    known: dict[Call, Status] = {}
    return tuple(_status(session, call, known) for call in calls)


def plan(session: Session, calls: Sequence[Call]) -> tuple[Status, ...]:
    """Say what would happen if calls were brought up to date, sources first; calls made inside bodies are not seen."""
    known: dict[Call, Status] = {}
    consumers: dict[Call, list[Call]] = {}
    for call in calls:
        _visit(session, call, known, consumers)
    kinds: dict[Call, str] = {}
    for call in reversed(consumers):
        certain = call in calls or any(kinds[consumer] == "run" for consumer in consumers[call])
        states = {"fresh": "hit", "stale": "run", "waiting": "may run", "uncached": "run" if certain else "may run"}
        kinds[call] = states[known[call].state]
    return tuple(replace(known[call], state=kinds[call]) for call in consumers)


def _visit(session: Session, call: Call, known: dict[Call, Status], consumers: dict[Call, list[Call]]) -> None:
    """Note the calls that would be looked at, each after those that feed it."""
    if call in consumers:
        return
    if _status(session, call, known).state != "fresh":
        for upstream in call.upstreams.values():
            _visit(session, upstream, known, consumers)
            consumers[upstream].append(call)
    consumers[call] = []


def _status(session: Session, call: Call, known: dict[Call, Status]) -> Status:
    if call not in known:
        known[call] = _find_status(session, call, known)
    return known[call]


def _find_status(session: Session, call: Call, known: dict[Call, Status]) -> Status:
    name = call.definition.name
    try:
        state = session.status(call)
        failure = ""
    except WhorlError as error:
        state, failure = "stale", error.message.removeprefix(f"stage {name}: ")
    feeding = [_status(session, upstream, known) for upstream in call.upstreams.values() if state != "fresh"]
    behind = [shorten(status.stage) for status in feeding if status.state in ("stale", "waiting")]
    if behind:
        return Status(name, "waiting", ", ".join(behind))
    if failure or state == "uncached":
        return Status(name, state, failure or NOT_STORED)
    if state == "fresh":
        return Status(name, state, _word_adopted(session, call))
    explanation = explain_call(session, call)
    return Status(name, state, explanation.reason, explanation)


def _word_adopted(session: Session, call: Call) -> str:
    """Word that the entry that answers was computed by another tool; empty for others."""
    entry = session.lookup(call, session.derive(call))
    return f"adopted from {entry.adopted_from}" if entry is not None and entry.adopted_from else ""


def explain_outcome(outcome: Outcome, seen: Mapping[Digest | None, Outcome] = _NOTHING) -> Explanation:
    """
    Say why a call ran, or was kept, from its outcome.

    ``seen`` has the outcomes before it by their keys, which tell what happened to its upstreams.
    """
    definition = next(
        iter(find_definitions(outcome.stage, "builtins")), None
    )  # whatever ran is known: no module is imported
    derived = outcome.derived
    if outcome.kind not in ("ran", "kept") or derived is None:
        reason = NOT_STORED if outcome.kind == "ran" else ""
        return Explanation(outcome.stage, None, (Change("entry", reason),) if reason else ())
    sources = _sources(definition, derived) | _settled(derived, seen)
    if outcome.kind == "kept":
        return Explanation(outcome.stage, outcome.manifest, (Change("upstream", word_kept(derived, seen, sources)),))
    settings = config.settings()
    if definition is not None and not definition.cache:
        return Explanation(outcome.stage, None, (Change("entry", NOT_STORED),))
    if outcome.repairs:
        return Explanation(outcome.stage, outcome.previous, (Change("entry", DAMAGED),))
    access = open_access(settings)
    snapshot = Snapshot(settings.namespace, access.revision)
    window = read_window(outcome.manifest.window if outcome.manifest else None)
    return _Comparison(access, snapshot, settings.project, derived, outcome.previous, sources, window=window).explain(
        outcome.stage
    )


def explain_now(session: Session, call: Call) -> Explanation:
    """Say how a call stands: why it would run, or by which entry it would be answered, with no change then."""
    name, state = call.definition.name, session.status(call)
    if state == "uncached":
        return Explanation(name, None, (Change("entry", NOT_STORED),))
    if state != "fresh":
        return explain_call(session, call)
    derived = session.derive(call)
    components = tuple(sorted(part.name for part in derived.all_components))
    not_followed = tuple(map(str, derived.fingerprint.not_followed))
    return Explanation(name, session.lookup(call, derived), (), components, not_followed)


def explain_call(session: Session, call: Call) -> Explanation:
    """Say why a call would run, compared with the stored entry that is most like it."""
    if not session.mode.reads:
        return Explanation(call.definition.name, None, (Change("mode", f"mode {session.settings.mode}"),))
    derived = session.derive(call)
    slot = session.judge(call).slot(derived)
    entry = nearest(session.access.recent(slot), derived)
    if session.access.damaged(slot):
        return Explanation(call.definition.name, entry, (Change("entry", DAMAGED),))
    sources = {name: upstream.definition.name for name, upstream in call.upstreams.items()}
    project, ttl = session.settings.project, call.definition.ttl
    window = Extent.of(call.window) if call.window else None
    return _Comparison(session.access, session.snapshot, project, derived, entry, sources, ttl, window).explain(
        call.definition.name
    )


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A call beside an entry, by what things are now; ``sources`` names the stages behind the call's upstreams."""

    access: Access
    snapshot: Snapshot
    project: Path
    derived: Derived
    entry: Manifest | None
    sources: Mapping[str, str]
    ttl: float | None = None
    window: Extent | None = None

    def explain(self, stage: str) -> Explanation:
        """Name every difference; where the keys have none, why the entry does not answer."""
        not_followed = tuple(map(str, self.derived.fingerprint.not_followed))
        if self.entry is None:
            return Explanation(stage, None, (Change("entry", "first run"),), (), not_followed)
        try:
            changes = tuple(self._changes(self.entry)) or tuple(self._unanswering(self.entry))
            names = {part.name for part in self.entry.components} - {change.component for change in changes}
        except CorruptEntryError:
            return Explanation(stage, None, (Change("entry", DAMAGED),), (), not_followed)
        return Explanation(
            stage, self.entry, changes or (Change("entry", "recompute"),), tuple(sorted(names)), not_followed
        )

    def _changes(self, entry: Manifest) -> Iterator[Change]:
        """Yield a change for each component that differs."""
        old = {part.name: part for part in entry.components}
        new = {part.name: part for part in self.derived.all_components}
        for name in sorted({*old, *new}, key=lambda name: (_ORDER.index(name.partition("/")[0]), name)):
            subject = word_component(name, self.sources)
            if name not in old or name not in new:
                yield Change(name, f"{subject} is {'gone' if name in old else 'new'}")
            elif old[name] != new[name]:
                yield self._change(name, subject, entry)

    def _change(self, name: str, subject: str, entry: Manifest) -> Change:
        if name == "code":
            return self._code(entry)
        if name.startswith("raw/"):
            before = [file for file in entry.raw_files if file.component == name]
            return compare_files(name, before, [file for file in raw_files(self.derived) if file.component == name])
        return Change(name, f"{subject} changed")

    def _code(self, entry: Manifest) -> Change:
        data = self.access.attempt(lambda store: store.read_tree(entry.slot.namespace, entry.code), None)
        before = None if data is None else read_parts(data)
        found = () if before is None else differences(before, self.derived.fingerprint.parts)
        named = telling(found)
        return Change("code", word_difference(named[0]) if named else "code changed", (), named)

    def _unanswering(self, entry: Manifest) -> Iterator[Change]:
        """Yield why an entry with equal components does not answer."""
        expires = earliest(entry.expires, None if self.ttl is None else entry.computed + self.ttl)
        if expires is not None and expires <= time.time():
            yield Change("expiry", "expired")
        if any(self.snapshot.revision(entry.slot.namespace, key) != nonce for key, nonce in entry.revisions):
            yield Change("revision", "computed anew meanwhile")
        if self.window and not covers(entry.window, self.window):
            known = read_window(entry.window) or "what is known"
            yield Change("window", f"the window {self.window} is not in {known}")
        for trace in (entry.trace, entry.inherited):
            yield from self._trace(trace)

    def _trace(self, trace: Trace) -> Iterator[Change]:
        for call in trace.calls:
            if not trace_holds(Trace(calls=(call,)), self.snapshot, self.project):
                yield Change("trace", f"stage {self._word_call(call)}")
        for found in trace.inputs:
            if not trace_holds(Trace(inputs=(found,)), self.snapshot, self.project):
                yield Change("trace", f"{found.path} {self._word_path(found)}")
        for name, version in trace.types:
            if not trace_holds(Trace(types=((name, version),)), self.snapshot, self.project):
                kind, _, subject = name.rpartition("/")
                yield Change("trace", f"{subject} changed" if kind else f"class {shorten(name)} changed")

    def _word_call(self, call: TracedCall) -> str:
        name = shorten(call.stage)
        if call.expires is not None and call.expires <= time.time():
            return f"{name} expired"
        if not find_definitions(call.stage, call.module):
            return f"{name} is gone"
        is_current = self.snapshot.revision(call.namespace, call.key) == call.revision
        return f"{name} changed" if is_current else f"{name} was computed anew"

    def _word_path(self, found: TracedInput) -> str:
        path = found.path if is_remote(found.kind) else str(self.project / found.path)
        try:
            self.snapshot.input(read_input_path(found.kind, path))
        except InputMissingError:
            return "is gone"
        except OSError:
            return "cannot be read"
        return "changed"


def _sources(definition: Definition | None, derived: Derived) -> dict[str, str]:
    """Name the stages that a stage declares as its upstreams."""
    declared = definition.inputs if definition else {}
    return {
        item.name: declared[item.name].definition.name  # type: ignore[attr-defined]
        for item in derived.upstreams
        if is_stage(declared.get(item.name))
    }


def _settled(derived: Derived, seen: Mapping[Digest | None, Outcome]) -> dict[str, str]:
    """Name the stages that were settled for a call, also where the caller replaced a declared one."""
    return {item.name: seen[item.key].stage for item in derived.upstreams if item.key in seen}
