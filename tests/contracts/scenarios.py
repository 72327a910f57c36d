"""
What is done to a store behind a network, and what may be found afterwards, however it was disturbed meanwhile.

Each scenario is prepared by an undisturbed store, then carried out by one that is cut off, killed or answered badly.
Every key has its value of before or of after, what is named is there, and the next commit heals.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from store_examples import manifest, slot, store_value, stored_value
from whorl.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.store.remote.store import RemoteStore

OLD, NEW = b"old" * 15_000, b"new" * 15_000  # too large to be inline


class Killed(BaseException):
    """The process is no more: nothing that it still tries to do has an effect."""


@dataclass(frozen=True)
class Scenario:
    """What is done to a store, prepared by an undisturbed one; and which values may be found under which keys."""

    prepare: Callable[[RemoteStore], object]
    disturb: Callable[[RemoteStore], object]
    before: dict[str, bytes | None]
    after: dict[str, bytes | None]


def _keep(store: RemoteStore) -> object:
    source = store.lookup(slot("one"))
    assert source is not None
    return store.commit_kept(manifest(slot("two"), created=9.0), source, replace=lambda _: True)


def _quarantine(store: RemoteStore) -> object:
    found = store.lookup(slot("one"))
    assert found is not None
    return store.quarantine(found, "its payload is damaged")


def _both(store: RemoteStore) -> None:
    store_value(store, slot("one"), OLD)
    _keep(store)


def begin(store: RemoteStore) -> None:
    store.revise("default", [])


SCENARIOS = {
    "the very first commit": Scenario(
        lambda _: None, lambda store: store_value(store, slot("one"), NEW), {"one": None}, {"one": NEW}
    ),
    "a commit": Scenario(
        begin, lambda store: store_value(store, slot("one"), NEW, do_replace=False), {"one": None}, {"one": NEW}
    ),
    "a small commit": Scenario(
        begin, lambda store: store_value(store, slot("one"), b"n"), {"one": None}, {"one": b"n"}
    ),
    "a replacement": Scenario(
        lambda store: store_value(store, slot("one"), OLD),
        lambda store: store_value(store, slot("one"), NEW, created=9e9),
        {"one": OLD},
        {"one": NEW},
    ),
    "a second writer": Scenario(
        lambda store: store_value(store, slot("one"), OLD),
        lambda store: store_value(store, slot("one"), NEW, do_replace=False),
        {"one": OLD},
        {"one": OLD},
    ),
    "keeping": Scenario(
        lambda store: store_value(store, slot("one"), OLD), _keep, {"one": OLD, "two": None}, {"one": OLD, "two": OLD}
    ),
    "removing": Scenario(
        _both, lambda store: store.remove(slot("one")), {"one": OLD, "two": OLD}, {"one": None, "two": OLD}
    ),
    "moving aside": Scenario(_both, _quarantine, {"one": OLD, "two": OLD}, {"one": None, "two": OLD}),
}


def check(scenario: Scenario, store: RemoteStore, failure: BaseException | None) -> None:
    """Look at every key; what was reported as done is done, and what is done was not reported as failed."""
    found = {name: stored_value(store, slot(name)) for name in scenario.after}
    allowed = [{name: state[name] for name in found} for state in (scenario.before, scenario.after)]
    assert found in allowed
    if found["one"] == NEW and scenario.before["one"] == OLD:
        assert [store.reader(each).read("value.bin") for each in store.generations(slot("one"))] == [OLD]
    if failure is None:
        assert found == scenario.after
    elif isinstance(failure, StoreError) and scenario.after["one"] is not None:
        assert found == scenario.before


def dangling(store: RemoteStore) -> list[str]:
    """Return the payloads that an entry or an earlier one names and that are not there."""
    missing = []
    for name in ("one", "two"):
        for entry in (*store.candidates(slot(name)), *store.generations(slot(name))):
            with suppress(StoreError):
                store.reader(entry).read("value.bin")
                continue
            missing.append(entry.payload)
    return missing


def heal(store: RemoteStore) -> None:
    """Commit as if nothing had been: locks of the killed are no hindrance for long."""
    healed = store_value(store, slot("one"), b"healed", created=9e10)
    assert store.lookup(slot("one")) == healed
    assert stored_value(store, slot("one")) == b"healed"
    assert store.remove(slot("one"))
    assert stored_value(store, slot("one")) is None
    again = store_value(store, slot("one"), NEW, do_replace=False)
    assert store.lookup(slot("one")) == again
    assert dangling(store) == []
