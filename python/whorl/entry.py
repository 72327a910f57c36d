"""
Results and stored entries: may an entry answer, and what does a new one say?

The rules are those of keys.md, steps 2 and 3.  On the arrow: between *look up* and *entry*, and before *commit*.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from whorl.derive import combine_behaviour
from whorl.digest import Encoder
from whorl.errors import CorruptEntryError, NoEntryError, StaleWarning, UndigestableError, warn
from whorl.fingerprint.lazy import is_lazy
from whorl.fingerprint.values import digest_argument
from whorl.formats.schema.polars_tables import is_lazy_frame
from whorl.key import Component
from whorl.plans import PlanFailed, plan_runs, plans_of, until_a_plan
from whorl.provenance import describe_origin
from whorl.sizes import is_dask_backed
from whorl.store.manifest import ADOPTED, MOST_RAW_FILES, Manifest, RawFile, Slot, Trace
from whorl.trace import calls_for_more, earliest, merge, trace_holds
from whorl.widening import Extent, covers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from whorl.access import Access
    from whorl.call import Call
    from whorl.derive import Derived, Snapshot
    from whorl.digest import Digest
    from whorl.fingerprint.values import Behaviour
    from whorl.settings import Settings
    from whorl.trace import Recording

MISSING = object()
# The type of None, as manifests name it.
NONE_TYPE = "builtins.NoneType"


class Run(Protocol):
    """The run of a stage's function, after it has returned."""

    def overheard(self, result: Resolution) -> AbstractContextManager[None]:
        """Add the stages that a block calls to a result."""

    def going_on(self, result: Resolution) -> AbstractContextManager[None]:
        """Let the run go on in a block, and add what it used to a result."""


@dataclass(slots=True)
class Resolution:
    """
    How a call was settled: by an entry, or by a value that is not stored.

    ``trace`` is what its own body used, ``inherited`` what came with stored upstreams.  ``lasts`` is the expiry by what
    no content key stands for (its own ttl, nested calls, upstreams that are not stored), ``expires`` the earliest of
    all.  ``seconds`` is the time in the function; ``complete`` is false where a call in it could not be recorded.
    ``window`` records what it was computed for, where that serves every narrower one.
    ``loaded`` has the results that it was computed from, by parameter, and ``content`` the content key by them.
    ``key`` is the call's when it was settled without an entry.
    ``run`` is what computed it; it goes on where plans in the value are computed, ``continued`` times so far.
    ``adopted`` tells where a value comes from that another tool computed, then with its moment in ``computed``.
    """

    kind: str
    manifest: Manifest | None = None
    value: object = MISSING
    digest: Digest | None = None
    behaviour: Behaviour = ()
    trace: Trace = field(default_factory=Trace)
    inherited: Trace = field(default_factory=Trace)
    expires: float | None = None
    lasts: float | None = None
    seconds: float = 0.0
    complete: bool = True
    window: str | None = None
    digested: bool = False
    computed: float | None = None
    adopted: Mapping[str, object] = field(default_factory=dict)
    loaded: Mapping[str, Resolution] = field(default_factory=dict, repr=False)
    content: Digest | None = None
    key: Digest | None = None
    run: Run | None = field(default=None, repr=False, compare=False)
    continued: int = 0
    _nonce: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    @classmethod
    def of_entry(cls, kind: str, manifest: Manifest) -> Resolution:
        """Settle a call by a stored entry; a computed value may be added so that it need not be decoded."""
        return cls(
            kind, manifest, MISSING, manifest.value_digest, manifest.behaviour, manifest.trace, manifest.inherited,
            manifest.expires, manifest.own_expires, digested=True,
        )  # fmt: skip

    @property
    def attempt(self) -> str:
        """What stands for a value without a digest: the entry's attempt, or a name used nowhere else."""
        if self.manifest is not None:
            return self.manifest.attempt
        self._nonce = self._nonce or os.urandom(16).hex()
        return self._nonce

    def add_digest(self, stored: object = MISSING) -> None:
        """Digest the value, once, or what was stored of it; one that cannot be digested stays without."""
        with self._lock:  # several consumers may ask at once
            if self.digested or self.value is MISSING:
                return
            if stored is not MISSING:
                self._digest_stored(stored)
                return
            try:
                with self.computing():
                    self._digest(self.value)
            except PlanFailed:  # nobody has asked for what fails in it: it has no digest
                self.digested = True

    def add_digest_unless_lazy(self) -> None:
        """Digest the value, if there is no plan in it: that is for those who compute it."""
        with self._lock, self.computing(), until_a_plan():
            self._digest(self.value)

    def _digest_stored(self, stored: Any) -> None:
        """Digest what was read back; a lazy frame of polars has its rows at hand there, and counts as another type."""
        if not is_lazy_frame(stored):
            self._digest(stored)
            return
        self._digest(stored.collect())
        if self.digest is not None:
            self.digest = Encoder("polars.LazyFrame").digest(self.digest).finish()

    def _digest(self, value: object) -> None:
        try:
            self.digest, self.behaviour = digest_argument(value, "result")
        except UndigestableError:
            self.digest, self.behaviour = None, ()
        self.digested = True

    def persist(self) -> None:
        """Have dask compute what is its own: once, for all who will ask for the value."""
        value: Any = self.value
        if is_dask_backed(value):
            with self.computing(), plan_runs():
                self.value = value.persist()

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Count plans that this block computes, of a value that is one or has some in it, as parts of the run."""
        with ExitStack() as stack:
            begin: Callable[[], object] = _nothing
            if self.run is not None:
                stack.enter_context(self.run.overheard(self))
                begin = _once(partial(stack.enter_context, self.run.going_on(self)))
            if is_lazy(self.value):
                begin()
            with plans_of(begin):
                yield

    def add_run(self, recorder: Recording, seconds: float) -> None:
        """Add what the run used when it went on."""
        trace = recorder.trace()
        nested = earliest(*(call.expires for call in trace.calls))
        self.trace, self.complete = merge([self.trace, trace]), self.complete and recorder.complete
        self.lasts, self.expires = earliest(self.lasts, nested), earliest(self.expires, nested)
        self.seconds += seconds
        self.continued += 1


def _nothing() -> None:
    """Nobody hears of it."""


def _once(work: Callable[[], object]) -> Callable[[], None]:
    """Do some work when it is first asked for, in this thread: what it enters is left here."""
    thread, done = threading.get_ident(), list[bool]()

    def begin() -> None:
        if not done and threading.get_ident() == thread:
            done.append(True)
            work()

    return begin


@dataclass(slots=True)
class Judge:
    """Decides whether entries may answer now, for one call."""

    call: Call
    snapshot: Snapshot
    settings: Settings
    access: Access

    def slot(self, derived: Derived) -> Slot:
        """Where the entry of the call lives."""
        return Slot(self.call.namespace or self.settings.namespace, self.call.definition.name, derived.key)

    def answers(self, manifest: Manifest) -> bool:
        """Whether an entry under this call's key may be served."""
        return self.has_window(manifest) and self.is_sound(manifest)

    def is_current(self, manifest: Manifest) -> bool:
        """Whether an entry is not expired and its revisions are the ones of now."""
        expires = earliest(manifest.expires, self.own_expiry(manifest))
        return (expires is None or expires > time.time()) and self._revisions_hold(manifest)

    def is_sound(self, manifest: Manifest) -> bool:
        """Whether an entry may be served to whoever asks for the window that it was computed for."""
        return self.access.may_serve(manifest) and self.is_current(manifest) and self._is_as_it_was(manifest)

    def holds(self, manifest: Manifest) -> bool:
        """Whether everything that was seen while computing is as it was, and the window that is asked for inside."""
        return self.has_window(manifest) and self._is_as_it_was(manifest)

    def has_window(self, manifest: Manifest) -> bool:
        """Whether an entry was computed for a window that has the call's in it."""
        window = self.call.window
        return not window or covers(manifest.window, Extent.of(window))

    def _is_as_it_was(self, manifest: Manifest) -> bool:
        if not self._may_be_asked(manifest):
            return False
        project = self.settings.project
        return trace_holds(manifest.trace, self.snapshot, project) and trace_holds(
            manifest.inherited, self.snapshot, project
        )

    def may_be_kept(self, manifest: Manifest, content_key: Digest) -> bool:
        """Whether an entry with this content key may stand in: what its upstreams brought is in the content key."""
        expires = self.own_expiry(manifest)
        return (
            manifest.content_key == content_key
            and self.has_window(manifest)
            and self._may_be_asked(manifest)
            and (expires is None or expires > time.time())
            and self._revisions_hold(manifest)
            and trace_holds(manifest.trace, self.snapshot, self.settings.project)
        )

    def own_expiry(self, manifest: Manifest) -> float | None:
        """By the ttl it was stored under (nested calls' included), or by the one declared now where that is shorter."""
        ttl = self.call.definition.ttl
        return earliest(manifest.own_expires, None if ttl is None else manifest.computed + ttl)

    def _may_be_asked(self, manifest: Manifest) -> bool:
        """
        Whether checking an entry does nothing that only its writer chose.

        An entry of someone unknown must not make this process import a module, ask for a URL or read outside of the
        project: it is a miss then.
        """
        return self.access.trusts(manifest) or not any(
            calls_for_more(part) for part in (manifest.trace, manifest.inherited, Trace(types=manifest.behaviour))
        )

    def _revisions_hold(self, manifest: Manifest) -> bool:
        return self.access.are_current(manifest.slot.namespace, manifest.revisions)


def find_answer(access: Access, judge: Judge, derived: Derived) -> Manifest | None:
    """Look for an entry that answers; where only a current one's trace fails, an earlier generation may."""
    slot, definition = judge.slot(derived), judge.call.definition
    may_be_earlier = False
    for found in access.candidates(slot):
        if not judge.is_current(found):
            continue
        if judge.holds(found):
            if definition.track_code == "warn" and found.code != derived.fingerprint.digest:
                warn(f"the code of {definition.name} has changed; its earlier result is served", StaleWarning)
            return found
        may_be_earlier = True
    if not may_be_earlier:
        return None
    return next((entry for entry in access.generations(slot) if judge.answers(entry)), None)


def no_entry(call: Call, key: Digest, mode: str) -> NoEntryError:
    """Word that nothing answers a call that is not to be computed."""
    why = "fail_if_no_cache is set" if call.fails_if_missing else f"the mode {mode} never computes"
    cause = f"{why}, and no entry under the key {key.short} answers"
    return NoEntryError(
        f"nothing is stored for {call.definition.name}",
        cause,
        'compute it in the mode "write", or fetch it: whorl pull',
    )


def result_component(name: str, resolution: Resolution, snapshot: Snapshot) -> Component:
    """Digest an upstream's result with how its types behave now; one without a digest counts by its attempt."""
    resolution.add_digest()
    if resolution.digest is None:
        return Component(name, Encoder("attempt").text(resolution.attempt).finish())
    now = snapshot.behaviour(resolution.behaviour)
    return Component(name, combine_behaviour(resolution.digest, resolution.behaviour if now is None else now))


def build_manifest(
    judge: Judge, derived: Derived, resolution: Resolution, content: Digest, **fields: object
) -> Manifest:
    """Describe a result that is about to be committed; ``fields`` has times, revisions and the format."""
    call, settings = judge.call, judge.settings
    now = time.time()
    code = derived.fingerprint
    adopted = {ADOPTED: dict(resolution.adopted)} if resolution.adopted else {}
    return Manifest(
        slot=judge.slot(derived),
        attempt="",
        payload="",
        content_key=content,
        code=code.digest,
        components=derived.all_components,
        trace=resolution.trace,
        inherited=resolution.inherited,
        raw_files=raw_files(derived),
        created=now,
        computed=now if resolution.computed is None else resolution.computed,
        own_expires=resolution.lasts,
        expires=resolution.expires,
        type=f"{type(resolution.value).__module__}.{type(resolution.value).__qualname__}",
        value_digest=resolution.digest,
        behaviour=resolution.behaviour,
        files=(),
        inline=None,
        provenance={**describe_origin(settings, code), **adopted},
        not_followed=tuple(str(item) for item in code.not_followed),
        window=resolution.window,
        arguments={name: repr(value)[:200] for name, value in call.values.items()} if settings.store_args else {},
        **fields,  # type: ignore[arg-type]
    )


def raw_files(derived: Derived) -> tuple[RawFile, ...]:
    """Every file of the raw inputs, so that the one that changed can be named; none where they are too many."""
    if sum(len(digested.files) for digested in derived.raw.values()) > MOST_RAW_FILES:
        return ()
    return tuple(
        RawFile(f"raw/{name}", found.name, found.size, found.digest)
        for name, digested in sorted(derived.raw.items())
        for found in digested.files
    )


def nearest(entries: Iterable[Manifest], derived: Derived) -> Manifest | None:
    """Choose the entry that an explanation compares with: the most alike, and of several the newest."""
    components = set(derived.all_components)
    names = {(file.component, file.name) for file in raw_files(derived)}

    def likeness(entry: Manifest) -> tuple[int, int, float]:
        try:
            shared = sum((file.component, file.name) in names for file in entry.raw_files)
            return len(components.intersection(entry.components)), shared, entry.created
        except CorruptEntryError:  # it may still answer: what explains an entry is checked when it is read
            return -1, 0, entry.created

    return max(entries, key=likeness, default=None)
