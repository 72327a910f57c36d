"""
A call in, its function's run: what is used, changed and waited for meanwhile counts as the stage's.

The run goes on where a plan that the function returned is computed (``plans.py``).  On the arrow: *compute*.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.fingerprint.code import holding, settle
from whorl.stopwatch import function_runs
from whorl.trace import recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whorl.call import Call
    from whorl.derive import Derived
    from whorl.entry import Resolution
    from whorl.executors.threads import Slots
    from whorl.store.manifest import Trace
    from whorl.trace import Recording
    from whorl.usage import Usage


@dataclass(frozen=True, slots=True)
class Running:
    """The run of one call; ``inherited`` is what came with the results that it was given."""

    call: Call
    derived: Derived | None
    slots: Slots
    usage: Usage
    inherited: Trace

    @contextmanager
    def under_way(self) -> Iterator[Recording]:
        """Record what the block calls, in a place of its own; what it used counts for its callers if it fails, too."""
        derived = self.derived
        with self.slots.hold(), recording(self.call.definition.name, derived.key if derived else None) as recorder:
            try:
                with (
                    function_runs(),
                    self.call.options.around_body(),
                    holding(derived.fingerprint) if derived else nullcontext(),
                ):
                    yield recorder
            except BaseException:
                self.usage.failed.append((recorder, self.inherited))
                raise

    def settle(self) -> None:
        """Tell the changes that the function made to globals from those of others."""
        if self.derived is not None:
            settle(self.call.definition.function, self.derived.fingerprint)

    @contextmanager
    def going_on(self, result: Resolution) -> Iterator[None]:
        """Add what the block uses, and the seconds that it takes, to a result."""
        started = time.perf_counter()
        with self.under_way() as recorder:
            yield
        self.settle()
        result.add_run(recorder.trace(), time.perf_counter() - started, complete=recorder.complete)
