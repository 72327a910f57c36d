"""
What matplotlib's objects tell each other through in, descriptions out: without the counter that reading it advances.

``Normalize`` and the like hold a ``CallbackRegistry``, which takes the next number from its counter each time it is
asked for its state.  On the arrow: inside *digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.fingerprint.description import full_name, node

if TYPE_CHECKING:
    from whorl.fingerprint.description import Describer, Description


def describer_of(kind: type) -> Describer | None:
    """Return what describes a registry of callbacks; None for matplotlib's other objects."""
    return _describe_registry if (kind.__module__, kind.__name__) == ("matplotlib.cbook", "CallbackRegistry") else None


def _describe_registry(registry: Any) -> Description:
    state: dict[str, object] = registry.__getstate__()
    return node(full_name(type(registry)), [(f".{name}", value) for name, value in state.items() if name != "_cid_gen"])
