"""
A call in, whether computing it again gives the stored value out; nothing of it is stored.

What feeds the call is loaded, or computed and stored where it is gone.  Beside the arrow: *compute* held against
*lookup*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.engine import open_session

if TYPE_CHECKING:
    from whorl.call import Call
    from whorl.digest import Digest


@dataclass(frozen=True, slots=True)
class Rechecked:
    """One call that was computed again; ``agrees`` is None where the value has no digest to compare."""

    stage: str
    key: Digest
    agrees: bool | None


def recheck(call: Call) -> Rechecked | None:
    """Compute a call again and compare it with its entry; None where no entry answers."""
    session = open_session(call)
    session.top = None
    derived = session.derive(call)
    found = session.lookup(call, derived)
    if found is None:
        return None
    session.bring_up_to_date(call)
    result = session.compute(call, derived)
    result.add_digest()
    is_comparable = result.digest is not None and found.value_digest is not None
    return Rechecked(call.definition.name, derived.key, result.digest == found.value_digest if is_comparable else None)
