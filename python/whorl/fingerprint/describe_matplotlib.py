"""
What matplotlib's objects tell each other through in, descriptions out: without what each process numbers anew.

``Normalize`` and the like hold a ``CallbackRegistry``, which takes the next number from its counter each time it is
asked for its state.  Transforms know by their address those that were made of them, which count where they are used.
On the arrow: inside *digest values*.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from whorl.fingerprint.description import full_name, node

if TYPE_CHECKING:
    from whorl.fingerprint.description import Describer, Description


_NUMBERED = {
    ("matplotlib.cbook", "CallbackRegistry"): "_cid_gen",
    ("matplotlib.transforms", "TransformNode"): "_parents",
}


def describer_of(kind: type) -> Describer | None:
    """Return what describes registries of callbacks and transforms; None for matplotlib's other objects."""
    for base in kind.__mro__:
        numbered = _NUMBERED.get((base.__module__, base.__name__))
        if numbered is not None:
            return partial(_describe_without, numbered)
    return None


def _describe_without(numbered: str, obj: Any) -> Description:
    state: dict[str, object] = obj.__getstate__()
    return node(full_name(type(obj)), [(f".{name}", value) for name, value in state.items() if name != numbered])
