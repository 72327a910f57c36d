"""
Parts of pydantic's classes in, descriptions out: decorators without the identity of the class they stand in.

Models themselves are instances like any other.  On the arrow: inside *digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.fingerprint.description import attributes, node

if TYPE_CHECKING:
    from whorl.fingerprint.description import Describer, Description


def describer_of(kind: type) -> Describer | None:
    """Return what describes a validator, serializer or computed field as pydantic notes it; None for the rest."""
    if kind.__module__ == "pydantic._internal._decorators" and kind.__name__ == "Decorator":
        return _describe_decorator
    return None


def _describe_decorator(decorator: Any) -> Description:
    # Left out is cls_ref, which is made of the id of the class.
    return node("pydantic.Decorator", attributes(decorator, "cls_var_name", "func", "shim", "info"))
