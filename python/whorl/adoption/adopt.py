"""
Offers in, committed entries out: what another tool computed, under the keys that the calls have now.

An entry that is adopted says so (``provenance``), counts as computed when its file was written, and knows nothing of
how long that took.  Its code was not checked: the key has the code as it is now, so that from here on a change of it
runs the stage.  Where an upstream has no entry, what it was made from is not known either, and no other call is ever
answered by its content.  Beside the arrow: *derive*, then *encode* and *commit* without *compute*.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from whorl.adoption.offers import Skipped, UnfitError
from whorl.adoption.traces import trace_of
from whorl.commit import commit_result, is_digested_when_stored, is_unchanged
from whorl.digest import Encoder
from whorl.engine import open_session
from whorl.entry import Resolution
from whorl.errors import ConfigError, FormatError, SignatureError, StoreError, WhorlError
from whorl.plans import as_raised
from whorl.store.manifest import Trace
from whorl.trace import earliest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whorl.adoption.offers import Offer
    from whorl.call import Call
    from whorl.derive import Derived
    from whorl.digest import Digest
    from whorl.engine import Session
    from whorl.settings import Settings
    from whorl.store.manifest import Slot


@dataclass(frozen=True, slots=True)
class Adopted:
    """An entry of another cache that is one of whorl's now; ``size`` is in bytes, 0 where it only would be one."""

    label: str
    slot: Slot
    size: int


@dataclass(frozen=True, slots=True)
class _Ready:
    """An offer with the key of its call."""

    offer: Offer
    session: Session
    derived: Derived
    slot: Slot


def adopt_all(
    tool: str, folder: str, found: Iterable[Offer | Skipped], *, dry: bool = False
) -> Iterator[Adopted | Skipped]:
    """
    Adopt what is offered, of one call the youngest; ``dry`` reads everything and stores nothing.

    Raises ConfigError in a mode that stores nothing, and StoreError where the store fails.
    """
    sessions: dict[str, Session] = {}
    ready: dict[Slot, list[_Ready]] = {}
    for item in found:
        if isinstance(item, Skipped):
            yield item
            continue
        try:
            each = _prepare(item, sessions)
        except (UnfitError, WhorlError) as error:
            if isinstance(error, (StoreError, ConfigError)):
                raise
            yield Skipped(item.label, _said(error))
        else:
            ready.setdefault(each.slot, []).append(each)
    for several in sorted(ready.values(), key=lambda each: _behind(each[0].offer.call)):
        youngest = max(several, key=lambda each: each.offer.made)
        yield _settle(tool, folder, youngest, dry=dry)
        for each in several:
            if each is not youngest:
                yield Skipped(each.offer.label, f"a younger entry is of the same call: {youngest.offer.label}")


def _prepare(offer: Offer, sessions: dict[str, Session]) -> _Ready:
    """Derive the key of an offer's call; stages of one module share a session."""
    call = offer.call
    if not call.stored:
        raise UnfitError("the stage, or this call of it, is not stored")
    module = call.definition.module
    if module not in sessions:
        sessions[module] = open_session(call)
    session = sessions[module]
    if not session.mode.writes:
        raise ConfigError(f"nothing can be adopted in the mode {session.settings.mode}", "it stores nothing")
    ttl = call.definition.ttl
    if ttl is not None and offer.made + ttl <= time.time():
        raise UnfitError("its time to live is over")
    derived = session.derive(call)
    return _Ready(offer, session, derived, session.judge(call).slot(derived))


def _settle(tool: str, folder: str, ready: _Ready, *, dry: bool) -> Adopted | Skipped:
    label = ready.offer.label
    try:
        _check_place(ready)
        value = ready.offer.read()
        return Adopted(label, ready.slot, 0 if dry else _commit(tool, folder, ready, value))
    except (UnfitError, FormatError, SignatureError) as error:
        return Skipped(label, _said(error))


def _check_place(ready: _Ready) -> None:
    if ready.session.lookup(ready.offer.call, ready.derived):
        raise UnfitError("the call has an entry already")


def _commit(tool: str, folder: str, ready: _Ready, value: object) -> int:
    """Store a value as if the call had just given it; give its size."""
    offer, session, derived = ready.offer, ready.session, ready.derived
    call, judge = offer.call, session.judge(offer.call)
    ttl = call.definition.ttl
    lasts = None if ttl is None else offer.made + ttl
    content, inherited, expires = _made_from(session, call, derived)
    result = Resolution(
        "ran", value=value, trace=trace_of(session, call), inherited=inherited, expires=earliest(lasts, expires),
        lasts=lasts, computed=offer.made, adopted=_origin(tool, folder, offer, session.settings),
    )  # fmt: skip
    if not is_digested_when_stored(call.format, value):
        result.add_digest()
    holds = partial(is_unchanged, derived, session.snapshot, judge, result)
    with session.access.lease(ready.slot):
        commit = partial(commit_result, session.access, judge, derived, result, content, None, holds)
        stored = as_raised(commit).manifest
    if stored is None:
        raise UnfitError("what it depends on changed meanwhile")
    return stored.size


def _made_from(session: Session, call: Call, derived: Derived) -> tuple[Digest, Trace, float | None]:
    """Give the content key, and what upstreams bring along; a key of its own where they are not all there."""
    if not all(_is_there(session, source) for source in session.making.sources(call)):
        return Encoder("adopted").digest(derived.key).finish(), Trace(), None
    return session.making.content_key(call), *session.making.inherited(call)


def _is_there(session: Session, call: Call) -> bool:
    """Whether a call has an entry that answers; the session is told of it."""
    found = session.lookup(call, session.derive(call))
    if found is not None:
        session.resolutions[call] = Resolution.of_entry("hit", found)
    return found is not None


def _behind(call: Call) -> int:
    """Count the stages behind a call: what feeds it is adopted first."""
    return sum(1 for _ in call.feeding())


def _origin(tool: str, folder: str, offer: Offer, settings: Settings) -> dict[str, object]:
    """Say where an entry comes from; folders may name a user, and labels have arguments in them."""
    origin: dict[str, object] = {"tool": tool}
    if settings.provenance:
        origin["folder"] = folder
    if settings.store_args:
        origin["key"] = offer.label
    return origin


def _said(error: Exception) -> str:
    """Word an error in one line."""
    return ": ".join(str(error).replace("cause: ", "").replace("tip: ", "").splitlines())
