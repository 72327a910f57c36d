"""
A settled call in, what its caller asked for out: the value, from memory, decoded or as it was computed, or its place.

What cannot be read, or is not valid, is settled anew.  On the arrow: *decode* and the value.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whorl import memoized
from whorl.commit import Earlier, decode
from whorl.entry import MISSING
from whorl.errors import ConfigError, CorruptEntryError, FormatError, InvalidValueError
from whorl.handover import as_engine, is_valid, place_of, post_process, validators_of, wish_of, work_on

if TYPE_CHECKING:
    from whorl.access import Access
    from whorl.call import Call
    from whorl.derive import Snapshot
    from whorl.entry import Resolution
    from whorl.modes import Mode
    from whorl.search import Search


@dataclass(slots=True)
class Delivery:
    """
    Hands out what calls of one session were settled by.

    A call that is to be settled anew is in ``anew``, and its entry stands in ``earlier`` from then on.  Until there is
    another, what it was settled by stays in ``resolutions``: siblings that loaded it, or look for what was made of it,
    derive their content keys meanwhile.
    """

    access: Access
    snapshot: Snapshot
    mode: Mode
    search: Search
    earlier: dict[Call, Earlier]
    resolutions: dict[Call, Resolution]
    anew: set[Call] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fetch(self, call: Call, resolution: Resolution, settled: Resolution | None = None) -> object:
        """
        Give the value of a settled call: from memory, decoded or as it was computed; MISSING where it went.

        ``settled`` is what it was settled by, where ``resolution`` has a copy of its value.
        """
        manifest = resolution.manifest
        if call.memoized and manifest is not None and not validators_of(call):
            value = memoized.recall(call, self.snapshot, manifest)
            if value is not MISSING:
                return post_process(call, value)
        value = resolution.value
        if value is MISSING or (call.engine and manifest is not None):
            value = self.decode(call, resolution)
            if value is MISSING:
                return MISSING
        elif call.engine:
            value = as_engine(call, value)
        value = work_on(call, value)
        if not is_valid(call, value):
            self._refuse(call, settled or resolution)
            return MISSING
        if call.memoized and manifest is not None and (derived := self.snapshot.known(call)):
            memoized.keep(self.search.judge(call), derived, manifest, value)
        return post_process(call, value)

    def _refuse(self, call: Call, resolution: Resolution) -> None:
        """Have a stored value that is not valid computed anew; one that was computed just now cannot be helped."""
        if resolution.kind == "ran" or not self.mode.computes:
            raise InvalidValueError(
                f"the result of {call.definition.name} is not valid", "a processor of the stage refuses it"
            )
        self._settle_anew(call, resolution)

    def _settle_anew(self, call: Call, resolution: Resolution) -> None:
        """Have a call settled once more, unless another consumer had it so meanwhile."""
        with self._lock:
            if self._is_settled_by(call, resolution):
                self.earlier[call] = Earlier(resolution.manifest)
                self.anew.add(call)

    def _is_settled_by(self, call: Call, resolution: Resolution) -> bool:
        return call not in self.anew and self.resolutions.get(call) is resolution

    def is_settled(self, call: Call) -> bool:
        """Whether there is something that a call was settled by, and nobody found it wanting."""
        return call in self.resolutions and call not in self.anew

    def note_settled(self, call: Call, resolution: Resolution) -> None:
        """Note what a call was settled by, for the first time or anew."""
        with self._lock:
            self.resolutions[call] = resolution
            if call in self.anew:
                self.anew.remove(call)
                self.search.making.forget()

    def place(self, call: Call, resolution: Resolution) -> object:
        """Say where the payload of a settled call is."""
        manifest = resolution.manifest
        if manifest is None:
            cause = "filepath_only asks where it is stored"
            raise ConfigError(f"the result of {call.definition.name} is not stored", cause)
        try:
            return place_of(self.access, manifest)
        except CorruptEntryError as error:
            if not self.mode.computes or call in self.earlier:
                raise
            reason = error.message
            self.access.attempt(lambda store: store.quarantine(manifest, reason), None)
            self._settle_anew(call, resolution)
            return MISSING

    def decode(self, call: Call, resolution: Resolution) -> object:
        """Decode an entry's payload; one that cannot be read is a miss, and its call is settled anew."""
        manifest = resolution.manifest
        assert manifest is not None
        value = decode(self.access, manifest, call, self.snapshot, wish_of(call))
        if value is MISSING:
            with self._lock:
                is_new = call in self.earlier and self._is_settled_by(call, resolution)
            if is_new:
                raise FormatError(
                    f"what {call.definition.name} stored a moment ago cannot be read back as {manifest.format}"
                )
            self._settle_anew(call, resolution)
        return value
