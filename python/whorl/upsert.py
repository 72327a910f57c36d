"""
The rows of a result in, an entry out whose table has them: once more where another put rows in meanwhile.

A table that is there and cannot be read is left as it is, for its rows would be lost.  On the arrow: *commit*, for
calls that ask for ``upsert``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from whorl.commit import Earlier, commit_result, decode
from whorl.entry import MISSING
from whorl.errors import StoreError
from whorl.handover import put_into

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.access import Access
    from whorl.derive import Derived
    from whorl.digest import Digest
    from whorl.entry import Judge, Resolution


def put_in(
    access: Access,
    judge: Judge,
    derived: Derived,
    result: Resolution,
    content: Digest,
    holds: Callable[[Resolution], bool],
) -> Resolution:
    """Put the rows of a result into the table that is stored; ``holds`` tells whether nothing changed meanwhile."""
    call, slot, rows = judge.call, judge.slot(derived), result.value
    stored = access.lookup(slot)
    while True:
        table = MISSING if stored is None else decode(access, stored, call, judge.snapshot)
        if table is MISSING and access.lookup(slot) is not None:
            access.complain(StoreError(f"the stored table of {call.definition.name} cannot be read"))
            return result
        mine = replace(result, value=rows if table is MISSING else put_into(table, rows, call), digested=False)
        mine.add_digest()
        if not holds(mine):
            return mine
        earlier = Earlier(stored, is_exact=True)
        settled = commit_result(access, judge, derived, mine, content, earlier, partial(holds, mine))
        if settled.manifest is None or settled.digest == mine.digest:
            return settled
        if stored is not None and settled.manifest.attempt == stored.attempt:
            access.complain(StoreError(f"the stored table of {call.definition.name} does not give way"))
            return mine
        stored = settled.manifest
