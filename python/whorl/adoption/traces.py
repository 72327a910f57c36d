"""
A call that another tool computed in, out what would have been recorded of its body, as far as its code tells.

Nobody saw the body run.  Each stage that the code refers to is taken for called: without arguments where it can be, so
that a recomputation of that call is noticed; else by its name, so that one that is asked for by name is.  Beside the
arrow: what the end of *compute* gives otherwise.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from whorl.adoption.behind import stages_behind
from whorl.adoption.offers import UnfitError
from whorl.asked import CallOptions
from whorl.call import Binder
from whorl.errors import WhorlError
from whorl.store.manifest import Trace, TracedCall
from whorl.trace import merge, trace_call

if TYPE_CHECKING:
    from whorl.call import Call
    from whorl.definition import Definition
    from whorl.engine import Session


def trace_of(session: Session, call: Call) -> Trace:
    """Say what a call's entry is to be checked against; ``UnfitError`` where a stage that it calls may have expired."""
    called = stages_behind(call.definition, fed=False)
    return merge(_traced(session, nested, call.namespace) for nested in called)


def _traced(session: Session, nested: Definition, namespace: str | None) -> Trace:
    if nested.ttl is not None:
        raise UnfitError(f"it calls {nested.name}, which has a time to live: nobody knows when that began")
    with suppress(TypeError, WhorlError):  # it needs arguments, or files that are not there: it was called otherwise
        bound = Binder(CallOptions(namespace=namespace)).bind(nested)
        return trace_call(bound, session.snapshot, session.settings.project, None)
    declared = session.snapshot.definition(nested)
    place = nested.namespace or namespace or session.settings.namespace
    return Trace((
        TracedCall(nested.name, place, nested.module, nested.qualname, declared, (), declared, "", None),
    ))  # fmt: skip
