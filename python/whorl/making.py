"""
A call in, what its result is made from out: the content key, and what came with stored results.

Upstreams that are not stored count by what *they* are made from.  On the arrow: between *compute* and *commit*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from whorl.entry import result_component
from whorl.key import Component, derive_content_key
from whorl.trace import earliest, merge
from whorl.widening import record_window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whorl.call import Call
    from whorl.derive import Snapshot
    from whorl.digest import Digest
    from whorl.entry import Resolution
    from whorl.store.manifest import Trace
    from whorl.usage import Usage

Loaded: TypeAlias = "Mapping[str, Resolution]"
NOTHING: Loaded = MappingProxyType({})


@dataclass(slots=True)
class Making:
    """
    What the calls of one session were settled by; ``keeps`` tells whether its mode looks anything up or stores it.

    Nothing here refers to the session: what a call made goes at once when it is over, without a collection of garbage.

    Each call is judged once, by whatever ways it feeds another.  What stands between the stored ones never changes in a
    session.  A content key rests on what was digested at its start and on results: on those that a call ``loaded``,
    once it was computed, whatever its upstreams were settled by since; before, on those that they have now.  There
    ``forget`` is to be called when one of them was settled anew, and nothing else in a session replaces one.
    """

    snapshot: Snapshot
    usage: Usage
    resolutions: Mapping[Call, Resolution]
    keeps: bool
    _sources: dict[Call, tuple[Call, ...]] = field(default_factory=dict)
    _contents: dict[Call, Digest] = field(default_factory=dict)

    def stores(self, call: Call) -> bool:
        """Whether the result of a call is looked up or kept."""
        return call.stored and self.keeps

    def sources(self, call: Call) -> tuple[Call, ...]:
        """List the calls whose results are kept and feed a call, directly or through others, each once."""
        known = self._sources.get(call)
        if known is None:
            found: dict[Call, None] = {}
            for upstream in call.upstreams.values():
                found.update(dict.fromkeys((upstream,) if self.stores(upstream) else self.sources(upstream)))
            known = self._sources[call] = tuple(found)
        return known

    def forget(self) -> None:
        """Derive content keys anew: a call that they rest on was settled by another result."""
        self._contents = {}  # another one, not emptied: a thread that is deriving puts what it finds into the old one

    def content_key(self, call: Call, loaded: Loaded = NOTHING) -> Digest:
        """Derive the content key from the results that a call loaded, or else that its upstreams have now."""
        contents = self._contents
        return derive_content_key(
            self.snapshot.derive(call).common,
            [self._result(name, upstream, loaded, contents) for name, upstream in call.upstreams.items()],
        )

    def _result(self, name: str, upstream: Call, loaded: Loaded, contents: dict[Call, Digest]) -> Component:
        if self.stores(upstream):
            return result_component(name, loaded.get(name) or self.resolutions[upstream], self.snapshot)
        found = self._computed(name, upstream, loaded)
        if found is not None:
            found.content = found.content or self.content_key(upstream, found.loaded)
            return Component(name, found.content)
        if upstream not in contents:
            contents[upstream] = self.content_key(upstream)
        return Component(name, contents[upstream])

    def _computed(self, name: str, upstream: Call, loaded: Loaded) -> Resolution | None:
        """Give the result of an upstream that is not stored, if it was computed from others."""
        found = loaded.get(name) or self.resolutions.get(upstream)
        return found if found is not None and found.loaded else None

    def is_current(self, call: Call, loaded: Loaded) -> bool:
        """
        Whether what a call loaded was settled under the keys and revisions that its upstreams have now.

        Once one far above was computed anew, others may stand by what was there before: no key of now is theirs.
        """
        waiting, seen = [(call, loaded)], set()
        while waiting:
            consumer, results = waiting.pop()
            for name, found in results.items():
                upstream = consumer.upstreams[name]
                if not self._is_of_now(upstream, found):
                    return False
                if id(found) not in seen and not self.stores(upstream):
                    seen.add(id(found))
                    waiting.append((upstream, found.loaded))
        return True

    def _is_of_now(self, upstream: Call, found: Resolution) -> bool:
        manifest = found.manifest
        key = found.key if manifest is None else manifest.slot.key
        if key is None:
            return True
        revision = "" if manifest is None else dict(manifest.revisions).get(key, "")
        return key == self.snapshot.derive(upstream).key and (
            manifest is None or revision == self.snapshot.use_revision(manifest.slot.namespace, key)
        )

    def inherited(self, call: Call, loaded: Loaded = NOTHING) -> tuple[Trace, float | None]:
        """Tell what came with the stored results that a call was made from, directly or through unstored ones."""
        traces: list[Trace] = []
        expiries: list[float | None] = []
        for name, upstream in call.upstreams.items():
            if self.stores(upstream):
                stored = [loaded.get(name) or self.resolutions[upstream]]
            elif computed := self._computed(name, upstream, loaded):
                traces.append(computed.inherited)
                expiries.append(computed.expires)
                continue
            else:
                stored = [self.resolutions[source] for source in self.sources(upstream)]
            for found in stored:
                traces += [self.usage.types(found), found.trace, found.inherited]
                expiries.append(found.expires)
        return merge(traces), earliest(*expiries)

    def window(self, call: Call, widened: Mapping[str, object]) -> str | None:
        """Record the window that a call was computed for, which may be wider than its own."""
        ends = [widened.get(name, end) for name, end in zip(call.definition.window, call.window, strict=True)]
        return record_window(ends) if ends else None

    def unstored(self, call: Call, loaded: Loaded) -> list[Resolution]:
        """List those of the results that a call loaded which are not kept."""
        return [loaded[name] for name, upstream in call.upstreams.items() if not self.stores(upstream)]

    def lasts(self, call: Call, loaded: Loaded, trace: Trace, began: float) -> float | None:
        """Tell how long a result lasts by what no content key stands for: its ttl, nested calls, unstored upstreams."""
        ttl = call.definition.ttl
        nested = (traced.expires for traced in trace.calls)
        unstored = (found.lasts for found in self.unstored(call, loaded))
        return earliest(None if ttl is None else began + ttl, *nested, *unstored)

    def traces_of_unstored(self, call: Call, loaded: Loaded) -> Iterator[Trace]:
        """Tell what upstreams that are not stored used, and the classes met in their values."""
        for found in self.unstored(call, loaded):
            yield self.usage.types(found)
            yield found.trace
