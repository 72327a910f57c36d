"""
One store in its place among several: where it stands in the order, and whether it is to be asked now.

On the arrow: *lookup* and *commit*, where more than one store is configured.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whorl.store.base import Store

# Seconds that a tier behind a network is left alone after a failure: a trial may take the whole of its timeout.
_REST = 60.0


@dataclass(slots=True, eq=False)
class Tier:
    """
    One store in its place: ``name`` is ``local``, ``root``, or that of a mirror.

    ``url`` is what messages call it; ``is_remote`` that a failure may be a network's.
    """

    name: str
    url: str
    store: Store
    reads: bool
    writes: bool
    is_remote: bool = False
    _until: float = field(default=0.0, init=False)

    @property
    def is_awake(self) -> bool:
        """Whether it is to be asked: it has not failed a moment ago."""
        return time.monotonic() >= self._until

    def rest(self) -> None:
        """Leave it alone for a while."""
        if self.is_remote:
            self._until = time.monotonic() + _REST
