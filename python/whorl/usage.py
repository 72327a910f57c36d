"""
A call's resolutions in, one trace out for the computation that the call is part of.

What a failed call used counts too: a body that catches the exception depends on it.  What cannot be recorded is said,
so that nothing is stored that could not be checked.  On the arrow: the end of *compute*, seen from inside another one.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whorl.errors import WhorlError
from whorl.store.manifest import Trace
from whorl.trace import merge, record, something_computes, spoil, trace_call

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from whorl.call import Call
    from whorl.derive import Snapshot
    from whorl.entry import Resolution
    from whorl.trace import Recording


@dataclass(slots=True)
class Usage:
    """What a call from outside used; ``failed`` has the computations that raised, with what their upstreams brought."""

    snapshot: Snapshot
    project: Path
    failed: list[tuple[Recording, Trace]] = field(default_factory=list)

    def prepare(self, call: Call) -> None:
        """Digest what the trace will say of a call before anything reads it."""
        if something_computes():
            with suppress(WhorlError, OSError):  # ``report`` meets it again, and says that it cannot be recorded
                trace_call(call, self.snapshot, self.project, None)

    def report(self, call: Call, resolutions: Mapping[Call, Resolution]) -> None:
        """Tell the computation around this call what it used."""
        if not something_computes():
            return
        mine = resolutions.get(call)
        used = [self._used(found) for found in ([mine] if mine else resolutions.values())]
        for recorder, inherited in self.failed:
            used += [recorder.trace(), inherited]
        try:
            called = trace_call(call, self.snapshot, self.project, mine.expires if mine else None)
            record(merge([called, *used]))
        except (WhorlError, OSError):  # the call failed before it had a key
            spoil()
        recorded = [found.complete for found in resolutions.values()] + [item.complete for item, _ in self.failed]
        if not all(recorded):
            spoil()

    def types(self, resolution: Resolution) -> Trace:
        """Tell how the classes met in a result behave now, as it is loaded."""
        resolution.add_digest()
        return Trace(types=self.snapshot.found_behaviour(resolution.behaviour))

    def _used(self, resolution: Resolution) -> Trace:
        types = self.types(resolution)  # first: what a plan uses while it is digested is in the trace then
        return merge([resolution.trace, resolution.inherited, types])
