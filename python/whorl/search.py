"""
A call with its key in, the entry that answers it out, by its key or by what it was made from.

An entry may answer and still not suit: the call, or one far above it, wants something computed anew.  On the arrow:
*look up*.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from whorl import memoized
from whorl.commit import Earlier, commit_kept
from whorl.entry import NONE_TYPE, Judge, find_answer
from whorl.widening import widest

if TYPE_CHECKING:
    from whorl.access import Access
    from whorl.asked import Reach
    from whorl.call import Call
    from whorl.derive import Derived, Snapshot
    from whorl.making import Making
    from whorl.modes import Mode
    from whorl.settings import Settings
    from whorl.store.manifest import Manifest


@dataclass(slots=True)
class Search:
    """Looks entries up for one session; ``earlier`` has the entries whose values are computed anew."""

    access: Access
    snapshot: Snapshot
    settings: Settings
    mode: Mode
    making: Making
    earlier: dict[Call, Earlier]
    _fed: tuple[int, object, dict[Call, bool]] | None = None

    def judge(self, call: Call) -> Judge:
        """Make the judge of entries for a call."""
        return Judge(call, self.snapshot, self.settings, self.access)

    def by_key(self, call: Call, derived: Derived) -> Manifest | None:
        """Look for an entry that answers; where only its trace fails, an earlier generation may."""
        if not self._may_look_up(call, derived):
            return None
        judge = self.judge(call)
        found = memoized.find(judge, derived) if call.memoized else None
        found = found or find_answer(self.access, judge, derived)
        if found is None or self._is_wanted_anew(call, derived, found):
            return None
        return found

    def _may_look_up(self, call: Call, derived: Derived) -> bool:
        """Whether an entry may answer a call at all: not where it is to be computed anew, which happens once."""
        if not self.mode.reads or call in self.earlier or call.options.upsert:
            return False
        return not call.options.recompute or self._is_done(call, derived)

    def _is_done(self, call: Call, derived: Derived) -> bool:
        """Whether a call was computed anew already for the call from outside that asked for it, far above."""
        reach = call.options.reach
        return reach is not None and (self.judge(call).slot(derived).namespace, derived.key) in reach.done

    def _is_wanted_anew(self, call: Call, derived: Derived, found: Manifest) -> bool:
        """Whether an entry does not suit: it is None, or was made by a stage that is to be computed anew."""
        if call.options.retry_null_cache and found.type == NONE_TYPE:
            self.earlier[call] = Earlier(found)
            return True
        reach = call.options.reach
        if reach is None or not reach.recompute or self._is_done(call, derived):
            return False
        if self._is_fed_anew(call, self._known_as_fed(reach)):
            return True
        calls = (*found.trace.calls, *found.inherited.calls)
        return any(
            (used.namespace, used.key) not in reach.done and reach.asks_to_recompute(used.stage) for used in calls
        )

    def _known_as_fed(self, reach: Reach) -> dict[Call, bool]:
        """
        Give what is known of ``_is_fed_anew``.

        It rests on what was computed anew so far, for any session of the call from outside, and on keys: where either
        is another, nothing is known.  What a call asks of another is fixed when they are bound.
        """
        basis = len(reach.done), self.snapshot.keys
        if self._fed is None or self._fed[0] != basis[0] or self._fed[1] is not basis[1]:
            self._fed = (*basis, {})
        return self._fed[2]

    def _is_fed_anew(self, call: Call, known: dict[Call, bool]) -> bool:
        """Whether something that feeds a call, directly or not, is still to be computed anew."""
        if call not in known:
            known[call] = any(
                (upstream.options.recompute and not self._is_done(upstream, self.snapshot.derive(upstream)))
                or self._is_fed_anew(upstream, known)
                for upstream in call.upstreams.values()
            )
        return known[call]

    def in_memory(self, call: Call, derived: Derived) -> Manifest | None:
        """Look for an entry in memory alone, by the same rules."""
        found = memoized.find(self.judge(call), derived) if self._may_look_up(call, derived) else None
        return None if found is None or self._is_wanted_anew(call, derived, found) else found

    def by_content(self, call: Call, derived: Derived) -> Manifest | None:
        """Look for an entry that was made from equal results, and commit it under this call's key."""
        if not self._may_look_up(call, derived):
            return None
        content, judge = self.making.content_key(call), self.judge(call)
        namespace = judge.slot(derived).namespace
        revision = self.access.revision(namespace, derived.key)
        sources = self.access.sources(namespace, content)
        source = next((found for found in sources if judge.may_be_kept(found, content)), None)
        if source is None or self._is_wanted_anew(call, derived, source):
            return None
        inherited, expires = self.making.inherited(call)
        return commit_kept(
            self.access, judge, derived, source, inherited, expires, revision, writes=bool(self.mode.writes)
        )

    def widened(self, call: Call, derived: Derived) -> dict[str, object]:
        """Say which window to compute for: the call's, and those of sound entries, so that none of them is lost."""
        names = call.definition.window
        if not names:
            return {}
        judge = self.judge(call)
        slot, ends = judge.slot(derived), (call.window[0], call.window[1])
        for found in chain(self.access.candidates(slot), self.access.generations(slot)):
            wide = widest(found.window, ends)
            if wide is not ends and judge.is_sound(found):
                ends = wide
        return dict(zip(names, ends, strict=True))

    def note_done(self, call: Call, derived: Derived) -> None:
        """Note that a call was computed anew, so that nobody below the one that asked for it does so again."""
        if call.options.recompute and call.options.reach is not None:
            call.options.reach.done.add((self.judge(call).slot(derived).namespace, derived.key))
