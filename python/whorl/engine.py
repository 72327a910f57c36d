"""
A call in, its value out: the whole arrow, once.

``Session.resolve`` shows it: derive, look up, bring upstreams up to date, look up by content, compute, commit.
Everything else here serves one step.  A session is one call from outside with all that feeds it, so that what is
digested or computed for one of its stages serves the others too.
"""

from __future__ import annotations

import copy
import threading
import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from whorl import config, memoized, outcome
from whorl.access import Access, open_access
from whorl.call import Binder, Call, deliver
from whorl.commit import (
    Earlier,
    commit_converted,
    commit_result,
    decode,
    is_digested_when_stored,
    is_unchanged,
    refuse_secrets,
    warn_unstored,
)
from whorl.delivery import Delivery
from whorl.derive import Snapshot
from whorl.entry import MISSING, Resolution, nearest, no_entry
from whorl.errors import UndigestableError
from whorl.executors.this_thread import invoke
from whorl.executors.threads import Slots, run_side_by_side
from whorl.fingerprint.inputs import hand_over
from whorl.making import Making
from whorl.modes import MODES
from whorl.outcome import Outcome
from whorl.plans import PlanFailed, outside_of_plans
from whorl.private import UncopyableError, private_copy
from whorl.running import Running
from whorl.search import Search
from whorl.stopwatch import function_waits
from whorl.trace import computing, earliest, merge, refuse_circle
from whorl.upsert import put_in
from whorl.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from whorl.asked import CallOptions
    from whorl.definition import Definition
    from whorl.derive import Derived
    from whorl.entry import Judge
    from whorl.modes import Mode
    from whorl.settings import Settings
    from whorl.store.manifest import Manifest

T = TypeVar("T")


def run(definition: Definition, args: tuple[object, ...], kwargs: Mapping[str, object], options: CallOptions) -> object:
    """Call a stage: its value is stored where nothing that it depends on has changed, else it is computed."""
    options = options.joined()
    with function_waits(), outside_of_plans():
        call = Binder(options).bind(definition, args, kwargs)
        session = open_session(call)
        session.usage.prepare(call)
        try:
            return session.take(call)
        finally:
            session.usage.report(call, session.resolutions)
            options.warn_of_unmet()


def bring_all(calls: Sequence[Call], jobs: int | None = None) -> None:
    """Bring calls up to date in one session: what feeds several of them is settled once; values stay where they are."""
    session = open_session(calls[0])
    session.top = None
    if jobs is not None:
        session.slots = Slots(jobs)
    session.side_by_side([partial(session.settle, call) for call in calls])


def open_session(call: Call) -> Session:
    """Open what a call needs: settings, the store, and a snapshot of what things are now."""
    with call.options.in_force() if call.options.mode else nullcontext():
        settings = config.settings_for(call.definition.module)
    mode = MODES[settings.mode]
    access = open_access(settings) if mode.reads or mode.writes else Access(None, "", strict=False)
    snapshot = Snapshot(settings.namespace, access.revision)
    slots, usage = Slots(call.definition.jobs or settings.jobs), Usage(snapshot, settings.project)
    return Session(call, settings, mode, access, snapshot, slots, usage)


@dataclass(slots=True)
class Session:
    """One call from outside and everything that feeds it; ``top`` is None where nobody takes a value."""

    top: Call | None
    settings: Settings
    mode: Mode
    access: Access
    snapshot: Snapshot
    slots: Slots
    usage: Usage
    resolutions: dict[Call, Resolution] = field(default_factory=dict)
    earlier: dict[Call, Earlier] = field(default_factory=dict)
    previous: dict[Call, Manifest | None] = field(default_factory=dict)
    repairs: set[Call] = field(default_factory=set)
    shared: set[Call] = field(default_factory=set)
    failures: dict[Call, Exception] = field(default_factory=dict)
    statuses: dict[Call, str] = field(default_factory=dict)
    windows: dict[Call, dict[str, object]] = field(default_factory=dict)
    making: Making = field(init=False)
    search: Search = field(init=False)
    delivery: Delivery = field(init=False)
    _locks: dict[Call, threading.Lock] = field(default_factory=dict)

    def __post_init__(self) -> None:
        keeps = bool(self.mode.reads or self.mode.writes)
        self.making = Making(self.snapshot, self.usage, self.resolutions, keeps)
        self.search = Search(self.access, self.snapshot, self.settings, self.mode, self.making, self.earlier)
        self.delivery = Delivery(self.access, self.snapshot, self.mode, self.search, self.earlier, self.resolutions)

    def resolve(self, call: Call) -> Resolution:
        """Settle a call whose result is kept: the arrow of docs/architecture.md."""
        derived = self.derive(call)
        if found := self.lookup(call, derived):
            return Resolution.of_entry("hit", self.converted(call, derived, found))
        self.bring_up_to_date(call)
        started = time.perf_counter()
        derived = self.derive(call)  # an upstream may have a new revision now
        if kept := self.search.by_content(call, derived):
            settled = Resolution.of_entry("kept", self.converted(call, derived, kept))
            return replace(settled, seconds=time.perf_counter() - started)
        if not self.mode.computes or call.fails_if_missing:
            raise no_entry(call, derived.key, self.settings.mode)
        refuse_secrets(call)
        judge = self.judge(call)
        with self.access.lease(judge.slot(derived)):
            if found := self.lookup(call, derived):  # another computed it while this one waited
                return Resolution.of_entry("hit", found)
            self.note_previous(call, derived)
            self.windows[call] = self.search.widened(call, derived)
            result = self.compute(call, derived)
            settled = self.finished(call, partial(self.commit, call, derived, result))
        self.search.note_done(call, derived)
        return settled

    def resolve_unstored(self, call: Call) -> Resolution:
        """Settle a call whose result is not kept, but perhaps in memory."""
        if not (call.memoized and self.mode.reads):
            return self.compute(call, self.snapshot.known(call))
        derived, judge = self.derive(call), self.judge(call)
        entry = self.search.in_memory(call, derived)
        if entry is not None and (found := memoized.resolve(judge, entry)):
            found.key = derived.key
            return found
        result = self.compute(call, derived)
        self.finished(call, result.persist)
        result.add_digest()
        if self.is_unchanged(call, derived, result):
            memoized.keep_unstored(judge, derived, result, self.making.content_key(call, result.loaded))
        return result

    def converted(self, call: Call, derived: Derived, found: Manifest) -> Manifest:
        """Store an entry anew where a call asks for another format than it has; nothing is computed for that."""
        if call.format in (None, found.format) or not self.mode.writes:
            return found
        value = decode(self.access, found, call, self.snapshot)
        return found if value is MISSING else commit_converted(self.access, self.judge(call), derived, found, value)

    def derive(self, call: Call) -> Derived:
        """Derive the key of a call, and refuse one that waits for itself."""
        derived = self.snapshot.derive(call)
        refuse_circle(call.definition.name, derived.key, self.top.definition.name if self.top else "")
        return derived

    def derive_within_itself(self, call: Call) -> Derived | None:
        """Derive the key of a call that is not stored where only it can tell whether the call waits for itself."""
        current = computing()
        chain = current.chain() if current else ()
        if all(outer.stage != call.definition.name for outer in chain):
            return None
        with suppress(UndigestableError):
            return self.derive(call)
        return None

    def judge(self, call: Call) -> Judge:
        """Make the judge of entries for a call."""
        return self.search.judge(call)

    def lookup(self, call: Call, derived: Derived) -> Manifest | None:
        """Look for an entry that answers; where only its trace fails, an earlier generation may."""
        return self.search.by_key(call, derived)

    def bring_up_to_date(self, call: Call) -> None:
        """Settle the calls behind this one whose results are kept; their values stay where they are."""
        self.side_by_side([partial(self.settle, source) for source in self.making.sources(call)])

    def settle(self, call: Call) -> Resolution:
        """Settle a call once in this session, and say what happened to those that feed the one from outside."""
        with self._locks.setdefault(call, threading.Lock()):
            if call in self.failures:
                raise self.failures[call]
            if not self.delivery.is_settled(call):
                started = time.perf_counter()
                resolution = self.resolve(call) if self.stores(call) else self.resolve_unstored(call)
                self.delivery.note_settled(call, resolution)
                self._note_revision(resolution)
                if call is not self.top:
                    self.publish(call, resolution, time.perf_counter() - started)
                    if resolution.manifest is not None:
                        resolution.value = MISSING  # consumers decode values of their own
            return self.resolutions[call]

    def take(self, call: Call) -> object:
        """Give the value to the caller from outside, as it asked for it."""
        started = time.perf_counter()
        while True:
            resolution = self.settle(call)
            asks = self.delivery.place if call.options.filepath_only else self.delivery.fetch
            value = asks(call, resolution)
            if value is not MISSING:
                self.publish(call, resolution, time.perf_counter() - started)
                return value

    def load(self, call: Call) -> tuple[Resolution, object]:
        """Give a consumer a value of its own, decoded or a private copy of what is not stored, and its resolution."""
        while True:
            settled = resolution = self.settle(call)
            if settled.manifest is None:
                resolution = self._copied(call, settled)
            value = self.delivery.fetch(call, resolution, settled)
            if value is not MISSING:
                is_copy = resolution.loaded is settled.loaded
                return settled if is_copy else replace(settled, loaded=resolution.loaded, content=None), value

    def _copied(self, call: Call, resolution: Resolution) -> Resolution:
        try:
            return replace(resolution, value=private_copy(resolution.value))
        except UncopyableError:
            return self.compute(call, self.snapshot.known(call))

    def status(self, call: Call) -> str:
        """Say how a call would be answered now, without computing: fresh, stale, waiting or uncached."""
        if call not in self.statuses:
            self.statuses[call] = self._status(call)
        return self.statuses[call]

    def _status(self, call: Call) -> str:
        if call.stored and self.lookup(call, self.derive(call)):
            return "fresh"
        feeding = {self.status(upstream) for upstream in call.upstreams.values()}
        if feeding & {"stale", "waiting"}:
            return "waiting"
        return "stale" if call.stored else "uncached"

    def stores(self, call: Call) -> bool:
        """Whether the result of a call is looked up or kept in this mode."""
        return self.making.stores(call)

    def compute(self, call: Call, derived: Derived | None) -> Resolution:
        """Load the inputs, run the function, and note what its body and its upstreams used."""
        derived = derived or self.derive_within_itself(call)
        values, loaded = self.inputs(call, derived)
        args, kwargs = deliver(call, values)
        inherited, expires = self.making.inherited(call, loaded)
        running = Running(call, derived, self.usage, inherited)
        began = time.time()
        with self.slots.hold(), running.under_way() as recorder:
            started = time.perf_counter()
            try:
                value = invoke(call.definition.function, args, kwargs, is_async=call.definition.is_async)
            except BaseException as error:
                self.fail(call, error, time.perf_counter() - started)
                raise
            seconds = time.perf_counter() - started
        running.settle()
        used = self.making.traces_of_unstored(call, loaded) if derived is not None else ()
        trace = merge([recorder.trace(), *used])
        lasts = self.making.lasts(call, loaded, trace, began)
        complete = recorder.complete and all(found.complete for found in loaded.values())
        return Resolution(
            "ran", value=value, trace=trace, inherited=inherited, expires=earliest(expires, lasts), lasts=lasts,
            seconds=seconds, complete=complete, window=self.making.window(call, self.windows.get(call, {})),
            loaded=loaded, key=derived.key if derived is not None and self.stores(call) else None, run=running,
        )  # fmt: skip

    def inputs(self, call: Call, derived: Derived | None) -> tuple[dict[str, object], dict[str, Resolution]]:
        """
        Give everything the function receives, and the results that were loaded for it.

        Paths as they were digested, private arguments, upstreams' values.
        """
        taken = self.side_by_side([partial(self.load, upstream) for upstream in call.upstreams.values()])
        values: dict[str, object] = {name: value for name, (_, value) in zip(call.upstreams, taken, strict=True)}
        loaded = {name: found for name, (found, _) in zip(call.upstreams, taken, strict=True)}
        for name, raw in call.raw_inputs.items():
            values[name] = copy.copy(derived.raw[name].handed) if derived else hand_over(raw)
        for name, value in {**call.values, **self.windows.get(call, {})}.items():
            values[name] = self._argument(call, name, value) if self.stores(call) else value
        return {name: values[name] for name in call.sources}, loaded

    def _argument(self, call: Call, name: str, value: object) -> object:
        """Give a private copy of what was digested; an argument that has none is digested again after the run."""
        try:
            mine = private_copy(value)
        except UncopyableError:
            self.shared.add(call)
            return value
        if mine is not value and not self.snapshot.argument_holds(call, name):
            self.shared.add(call)  # its owner changed it while this call waited: the key is not its own any more
        return mine

    def _note_revision(self, resolution: Resolution) -> None:
        """Use the revision that a loaded value was committed under, not a younger one of the ledger."""
        manifest = resolution.manifest
        if manifest is not None:
            slot = manifest.slot
            self.snapshot.use_revision(slot.namespace, slot.key, dict(manifest.revisions).get(slot.key, ""))

    def commit(self, call: Call, derived: Derived, result: Resolution) -> Resolution:
        """Keep a result, if everything it was made from is still what it was."""
        if not self.mode.writes:
            return result
        if not is_digested_when_stored(call.format, result.value):
            result.add_digest_unless_lazy()
        judge = self.judge(call)
        unchanged = partial(self.is_unchanged, call, derived)
        if call.options.upsert and result.value is not None:
            content = self.making.content_key(call, result.loaded)
            return put_in(self.access, judge, derived, result, content, unchanged)
        holds = partial(unchanged, result)
        if call.options.upsert or not holds():
            return result
        if call.options.recompute or not self.mode.reads:
            self.earlier.setdefault(call, Earlier(self.access.lookup(judge.slot(derived))))
        content = self.making.content_key(call, result.loaded)
        return commit_result(self.access, judge, derived, result, content, self.earlier.get(call), holds)

    def is_unchanged(self, call: Call, derived: Derived, result: Resolution) -> bool:
        """Whether everything that a result was made from is still what it was; warn where it is not."""
        if not self.making.is_current(call, result.loaded):
            warn_unstored(call.definition.name, "what feeds it changed while it ran")
            return False
        return is_unchanged(derived, self.snapshot, self.judge(call), result, is_shared=call in self.shared)

    def publish(self, call: Call, resolution: Resolution, seconds: float) -> None:
        """Tell the observers what happened to a call; ``seconds`` has what its upstreams took, too."""
        spent = seconds if resolution.kind == "hit" else resolution.seconds
        derived, manifest = self.snapshot.known(call), resolution.manifest
        spared = manifest.seconds_computing if manifest and resolution.kind != "ran" else 0.0
        happened = Outcome(
            call.definition.name, resolution.kind, derived.key if derived else None, stored=manifest is not None,
            seconds=spent, saved=max(0.0, spared - spent), manifest=manifest, previous=self.previous.get(call),
            derived=derived, repairs=call in self.repairs,
        )  # fmt: skip
        outcome.publish(call.definition, happened)
        self.access.note_use(manifest if resolution.kind != "ran" and self.mode.writes else None, happened.saved)

    def note_previous(self, call: Call, derived: Derived) -> None:
        """Note the stage's entry that is most like this call, for those who want to know why it runs."""
        if call not in self.previous:
            slot = self.judge(call).slot(derived)
            known = outcome.entries_before(slot.namespace, slot.stage, partial(self.access.recent, slot))
            self.previous[call] = nearest(known, derived)
            if self.access.damaged(slot):
                self.repairs.add(call)

    def finished(self, call: Call, work: Callable[[], T]) -> T:
        """Do what is left to do with what a function returned; say it if a plan in it raises."""
        started = time.perf_counter()
        try:
            return work()
        except PlanFailed as failed:
            error = failed.error
        self.fail(call, error, time.perf_counter() - started)
        raise error

    def fail(self, call: Call, error: BaseException, seconds: float) -> None:
        """Say that a stage's function raised; nothing is stored, the exception goes on as it is."""
        name = call.definition.name
        if isinstance(error, Exception):
            error.add_note(f"whorl: raised in the stage {name}")
            self.failures[call] = error
        derived = self.snapshot.known(call)
        key = derived.key if derived else None
        outcome.publish(call.definition, Outcome(name, "failed", key, stored=False, seconds=seconds))

    def side_by_side(self, tasks: list[Callable[[], T]]) -> list[T]:
        """Do independent things, side by side where ``jobs`` allows it."""
        if self.slots.number == 1 or len(tasks) <= 1:
            return [task() for task in tasks]
        return outcome.gather(tasks, run_side_by_side)
