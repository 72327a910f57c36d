"""
What happened to a call, and who is told: ``observe()``, ``Stage.last`` and one INFO line on the logger ``whorl``.

At the end of the arrow.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from whorl.definition import Definition
    from whorl.derive import Derived
    from whorl.digest import Digest
    from whorl.store.manifest import Manifest

    Apart: TypeAlias = tuple["T", Mapping[int, "Outcome"]]

T = TypeVar("T")

_log = logging.getLogger("whorl")
_MOST_ENTRIES = 256


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What happened to one call.

    ``kind`` is ``ran``, ``hit``, ``kept`` (an upstream ran, its result is the same) or ``failed``.  ``seconds`` is the
    time in the function, or for ``hit`` and ``kept`` the time in whorl; ``saved`` the seconds of computing that
    a stored result spared.  ``stored`` tells whether a stored entry holds the result.  ``manifest`` is that entry,
    ``previous`` the stage's entry from before that is most like the call, where somebody observes, ``derived`` the
    components, and ``repairs`` tells that an entry of this very call was found damaged.
    """

    stage: str
    kind: str
    key: Digest | None
    stored: bool
    seconds: float = 0.0
    saved: float = 0.0
    manifest: Manifest | None = field(default=None, repr=False)
    previous: Manifest | None = field(default=None, repr=False)
    derived: Derived | None = field(default=None, repr=False)
    repairs: bool = False


@dataclass(frozen=True, slots=True)
class _Observer:
    """
    Somebody who listens: a list that grows, and a function that is called besides.

    ``entries`` has those of stages that ran, the newest ones, so that a run of many calls reads them once.
    """

    seen: list[Outcome]
    tell: Callable[[Outcome], object] | None
    entries: dict[tuple[str, str], deque[Manifest]] = field(default_factory=dict)


_observers: ContextVar[tuple[_Observer, ...]] = ContextVar("whorl observers", default=())
_last: ContextVar[dict[int, Outcome]] = ContextVar("whorl last outcomes")
_lock = threading.Lock()


@contextmanager
def observe(tell: Callable[[Outcome], object] | None = None) -> Iterator[list[Outcome]]:
    """
    Collect the outcomes of every call made inside the block, upstream and nested ones too, as they come.

    ``tell`` is called with each of them, in the thread of the call.
    """
    from whorl.carrying import carried

    seen: list[Outcome] = []
    token = _observers.set((*_observers.get(), _Observer(seen, tell)))
    try:
        with carried(_observers):
            yield seen
    finally:
        _observers.reset(token)


def entries_before(namespace: str, stage: str, read: Callable[[], Iterable[Manifest]]) -> tuple[Manifest, ...]:
    """Give the entries of a stage for those who want to know why it runs; none where nobody observes."""
    observers = _observers.get()
    if not observers:
        return ()
    known = observers[0].entries
    if (namespace, stage) not in known:
        found = deque(sorted(read(), key=lambda entry: entry.created), maxlen=_MOST_ENTRIES)
        known.setdefault((namespace, stage), found)
    with _lock:
        return tuple(known[namespace, stage])


def publish(definition: Definition, outcome: Outcome) -> None:
    """Tell everybody who listens."""
    observers = _observers.get()
    with _lock:
        for observer in observers:
            observer.seen.append(outcome)
            if outcome.manifest is not None and outcome.kind != "hit":
                slot = outcome.manifest.slot
                if (slot.namespace, slot.stage) in observer.entries:
                    observer.entries[slot.namespace, slot.stage].append(outcome.manifest)
    for observer in observers:
        if observer.tell is not None:
            observer.tell(outcome)
    _last.set({**_last.get({}), id(definition): outcome})
    if _log.isEnabledFor(logging.INFO):
        _log.info("%s %s (%.3f s)%s", outcome.stage, outcome.kind, outcome.seconds, _other_versions(outcome))


def _other_versions(outcome: Outcome) -> str:
    """Name the distributions that a found result was made with another exact version of; only two parts of it count."""
    if outcome.kind == "ran" or outcome.manifest is None or outcome.derived is None:
        return ""
    then = outcome.manifest.provenance.get("distributions")
    now = {found.name: found.exact for found in outcome.derived.fingerprint.distributions}
    made = [f"{name} {old} (now {now[name]})" for name, old in (then or {}).items() if now.get(name, old) != old]  # type: ignore[attr-defined]
    return f", made with {', '.join(sorted(made))}" if made else ""


def last_outcome(definition: Definition) -> Outcome | None:
    """Give the outcome of the last call of a stage in this context."""
    return _last.get({}).get(id(definition))


def adopt_outcomes(outcomes: Mapping[int, Outcome]) -> None:
    """Take over the last outcomes of a thread that worked for this context."""
    _last.set({**_last.get({}), **outcomes})


def last_outcomes() -> Mapping[int, Outcome]:
    """Give all last outcomes of this context, to be handed to another."""
    return _last.get({})


def gather(tasks: Sequence[Callable[[], T]], run: Callable[[list[Callable[[], Apart[T]]]], list[Apart[T]]]) -> list[T]:
    """Have tasks run in contexts of their own, and bring the last outcomes of all back into this one."""

    def apart(task: Callable[[], T]) -> Apart[T]:
        return task(), last_outcomes()

    done = run([partial(apart, task) for task in tasks])
    for _, outcomes in done:
        adopt_outcomes(outcomes)
    return [value for value, _ in done]
