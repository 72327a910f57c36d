"""
A call in, its function's run: what is used, changed and waited for meanwhile counts as the stage's.

The run goes on where a plan that the function returned is computed (``plans.py``), without a place of its own: those
who wait for what is being stored may hold them all.  On the arrow: *compute*.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.fingerprint.code import holding, settle
from whorl.stopwatch import function_runs
from whorl.trace import overhearing, recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whorl.call import Call
    from whorl.derive import Derived
    from whorl.digest import Digest
    from whorl.entry import Resolution
    from whorl.store.manifest import Trace
    from whorl.trace import Recording
    from whorl.usage import Usage


@dataclass(frozen=True, slots=True)
class Running:
    """The run of one call; ``inherited`` is what came with the results that it was given."""

    call: Call
    derived: Derived | None
    usage: Usage
    inherited: Trace

    @property
    def key(self) -> Digest | None:
        """The call's key, if it has one."""
        return self.derived.key if self.derived is not None else None

    @contextmanager
    def under_way(self) -> Iterator[Recording]:
        """Record what the block calls; what it used counts for its callers if it fails, too."""
        derived = self.derived
        with recording(self.call.definition.name, self.key) as recorder:
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
        result.add_run(recorder, time.perf_counter() - started)

    @contextmanager
    def overheard(self, result: Resolution) -> Iterator[None]:
        """Add the stages that the block calls to a result, if there are any: code of the classes in it may run."""
        with overhearing(self.call.definition.name, self.key) as recorder:
            yield
        if recorder.has_heard:
            result.add_run(recorder, 0.0)
