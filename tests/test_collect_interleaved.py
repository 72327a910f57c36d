"""
Two writers, a reader, a collector with its grace, sharers, restorers and a thief of locks, in any order.

They work over plain objects.  The others come in between any two requests of the collector, and a whole collection
between any two steps of the others.  What is promised: no manifest without its payload, no value but the one that was
committed, and whoever looked an entry up reads it for as long as the grace lasts.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from object_stores import LockedError, ObjectStore, TickingObjects
from store_examples import slot
from whorl.errors import CorruptEntryError, NoEntryError, StoreError
from whorl.store.codec import encode_manifest
from whorl.store.collect import bury, collect
from whorl.store.collect_plan import GRACE, ORPHAN_AGE, Limits
from whorl.store.collectable import PLACES, current_and_earlier
from whorl.store.pins import pin, pinned, unpin
from whorl.store.restore import earlier_results, restore

if TYPE_CHECKING:
    from fault_recorder import Recorder
    from whorl.store.manifest import Manifest

SLOTS = tuple(slot(name) for name in ("one", "two", "three"))
slots = st.sampled_from(SLOTS)
HOUR = 3600.0
# What somebody does between two requests takes much less than the grace.
SOON = HOUR
LIMITS = (
    Limits(),
    Limits(older_than=0.0),
    Limits(older_than=GRACE / 2),
    Limits(max_size=50),
    Limits(keep_last=1),
    Limits(older_than=0.0, keep_last=1, max_size=0),
)
# What comes in between: who, which slot, after how many requests of the one that is interrupted.
doings = st.tuples(
    st.sampled_from(("commit", "keep", "bury", "restore", "pin", "publish", "begin", "tick")), slots, st.integers(1, 60)
)


@dataclass(frozen=True)
class Held:
    """A manifest that somebody looked up, and when."""

    manifest: Manifest
    since: float


class Interleavings(RuleBasedStateMachine):
    """``values`` has what each attempt's payload holds; ``begun`` the payloads whose manifest is still to come."""

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.objects = TickingObjects()
        self.store = ObjectStore(self.objects)
        self.values: dict[str, bytes] = {}
        self.held: dict[str, Held] = {}
        self.begun: list[Held] = []
        self.number = 0
        self.was_robbed = False
        for of in SLOTS:
            self.commit(of)
        self.look()

    def teardown(self) -> None:
        self.objects.interrupt = None
        self.objects.drop()

    # --- writers, sharers and readers ---

    @rule(of=slots)
    def begin(self, of: object) -> None:
        self.number += 1
        nonce = os.urandom(16).hex()
        self.values[nonce] = b"value %d" % self.number
        began = self.store.begin(of, self.values[nonce], nonce, created=float(self.number), expires=None)
        self.begun.append(Held(began, self.objects.clock))

    @rule()
    def publish(self) -> None:
        if self.begun:
            began = self.begun.pop()
            if self.objects.clock - began.since < ORPHAN_AGE - SOON:
                with suppress(LockedError):
                    self.store.publish(began.manifest)

    @rule(of=slots)
    def commit(self, of: object) -> None:
        self.begin(of)
        self.publish()

    @rule(of=slots, which=st.integers(0, 5))
    def keep(self, of: object, which: int = 0) -> None:
        """As one who looked the source up a while ago: longer than the grace only where locks can be trusted."""
        if self.held:
            source = list(self.held.values())[which % len(self.held)]
            if not self.store.is_robbed or self.objects.clock - source.since < GRACE - SOON:
                with suppress(LockedError, CorruptEntryError):
                    self.store.keep(replace(source.manifest, created=float(self.number)), of)

    @rule(of=slots, doing=st.lists(st.tuples(st.sampled_from(LIMITS), st.integers(0, 2)), max_size=3))
    def keep_in_steps(self, of: object, doing: list[tuple[Limits, int]]) -> None:
        """One whose lock was stolen: whole collections run between its steps."""
        source = self.store.lookup(of)
        if source is None:
            return
        target = SLOTS[self.number % 3]
        kept = replace(source, slot=target, attempt=os.urandom(16).hex())
        for step in range(3):
            for limits in [limits for limits, when in doing if when == step]:
                self.collect(limits, [])
            if step == 0:
                self.store.mark(source.payload, source.slot)
                self.store.mark(source.payload, target)
            elif step == 1 and self.store.value(source) is None:
                raise AssertionError("the payload of a manifest that was current an instant ago is gone")
        self.store.publish(kept)

    @rule(of=slots)
    def restore(self, of: object) -> None:
        """Whatever can be restored; at the very end of the grace only where locks can be trusted."""
        with suppress(LockedError, NoEntryError):
            known = earlier_results(self.store, of)
            dates = [self.objects.dates[each.name] for each in known[:1] if each.is_removed]
            if not self.store.is_robbed or all(self.objects.clock - date < GRACE - SOON for date in dates):
                restore(self.store, self.store, of)

    @rule(of=slots)
    def bury(self, of: object) -> None:
        if not any(held.slot == of for held in pinned(self.objects)):
            with suppress(LockedError):
                bury(self.store, of)

    @rule(of=slots)
    def pin(self, of: object) -> None:
        found = self.store.lookup(of)
        if found is not None:
            with suppress(LockedError, StoreError):
                pin(self.store, "held", [found])

    @rule()
    def unpin(self) -> None:
        unpin(self.store, "held")

    @rule(seconds=st.sampled_from((1.0, HOUR, GRACE / 2, GRACE, 8 * GRACE)))
    def tick(self, seconds: float) -> None:
        self.objects.clock += seconds

    @rule(is_robbed=st.booleans())
    def rob(self, is_robbed: bool) -> None:  # noqa: FBT001 - a choice
        """From now on locks hold nobody off, or do so again."""
        self.store.is_robbed = is_robbed
        self.was_robbed = self.was_robbed or is_robbed

    # --- the collector ---

    @rule(limits=st.sampled_from(LIMITS), doing=st.lists(doings, max_size=4))
    def collect(self, limits: Limits, doing: list[tuple[str, object, int]]) -> None:
        left = sorted(doing, key=lambda each: each[2])
        request = 0

        def interrupt() -> None:
            nonlocal request
            request += 1
            while left and left[0][2] <= request:
                what, of, _ = left.pop(0)
                self.objects.interrupt = None
                self._do(what, of)
                self.objects.interrupt = interrupt

        self.objects.interrupt = interrupt
        try:
            with suppress(LockedError):
                collect(self.store, limits, {})
        finally:
            self.objects.interrupt = None

    @rule(limits=st.sampled_from(LIMITS), request=st.integers(1, 80))
    def collect_and_be_killed(self, limits: Limits, request: int) -> None:
        """At any request; its locks are found by nobody holding them."""
        left = request

        def interrupt() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise KeyboardInterrupt

        self.objects.interrupt = interrupt
        with suppress(KeyboardInterrupt):
            collect(self.store, limits, {})
        self.objects.interrupt = None
        self.store.held.clear()

    def _do(self, what: str, of: object) -> None:
        Interleavings.steps += 1
        if what == "tick":
            self.tick(1.0)
        elif what == "publish":
            self.publish()
        else:
            getattr(self, what)(of)
        self.look()

    def look(self) -> None:
        """Look up every slot, as readers do all the time who go on using what they found."""
        for of in SLOTS:
            found = self.store.lookup(of)
            if found is not None:
                self.held[found.attempt] = Held(found, self.objects.clock)

    # --- what is promised ---

    @invariant()
    def no_manifest_lacks_its_payload_or_has_another(self) -> None:
        Interleavings.steps += 1
        for of in SLOTS:
            for name, manifest in current_and_earlier(self.objects, of):
                assert self.store.value(manifest) == self.values[manifest.payload], name

    @invariant()
    def what_was_looked_up_can_be_read_during_the_grace(self) -> None:
        self.held = {
            attempt: held for attempt, held in self.held.items() if self.objects.clock - held.since < 2 * GRACE
        }
        for held in self.held.values():
            value = self.store.value(held.manifest)
            assert value in (None, self.values[held.manifest.payload])
            assert value is not None or self.objects.clock - held.since >= GRACE
        self.look()

    @invariant()
    def what_is_pinned_is_there(self) -> None:
        """Pins rely on locks: without them an entry may go in the instant in which it is pinned."""
        for held in () if self.was_robbed else pinned(self.objects):
            there = [manifest.attempt for _, manifest in current_and_earlier(self.objects, held.slot)]
            assert held.attempt in there

    def collect_all(self) -> None:
        """At the end nothing but the ledger is left, whatever happened before."""
        self.objects.clock += 30 * GRACE
        unpin(self.store, "held")
        collect(self.store, Limits(older_than=0.0), {})
        self.objects.clock += 30 * GRACE
        collect(self.store, Limits(older_than=0.0), {})
        assert self.store.names() == []


class Ending(Interleavings):
    """The same, and in the end everything is collected."""

    def teardown(self) -> None:
        try:
            self.collect_all()
        finally:
            super().teardown()


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_whatever_the_order_nothing_is_lost_before_its_grace(recorder: Recorder) -> None:
    """The state table as a machine; WHORL_FAULT_STEPS is how many steps it takes: `make faults` takes 100,000."""
    wanted = int(os.environ.get("WHORL_FAULT_STEPS", "2000"))
    chosen = settings(
        max_examples=max(20, wanted // 38),  # some examples end early
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    Interleavings.steps = 0
    while Interleavings.steps < wanted:
        run_state_machine_as_test(Ending, settings=chosen)
    # The machine raises at the first step after which the promise does not hold.
    recorder.note("interleavings: steps", "two writers, reader, collector, thief", "correct", times=Interleavings.steps)

    assert Interleavings.steps >= wanted


def test_a_manifest_is_encoded_as_it_was() -> None:
    """What the machine compares relies on it: a generation is the very record that was current."""
    objects = TickingObjects()
    store = ObjectStore(objects)
    committed = store.store(SLOTS[0], b"value", expires=None)

    assert objects.read(PLACES.manifest(SLOTS[0]), 1 << 16).data == encode_manifest(committed).data
    objects.drop()
