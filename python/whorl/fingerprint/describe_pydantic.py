"""
Parts of pydantic's classes in, descriptions out: what was written, without what pydantic remembers beside it.

Fields count by their resolved annotation and everything that ``Field`` takes, decorators without the identity of their
class, a signature not at all, since it is made from the fields when somebody asks.  Models themselves are instances
like any other.  On the arrow: inside *digest values*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.fingerprint.description import attributes, full_name, leaf, node

if TYPE_CHECKING:
    from whorl.fingerprint.description import Describer, Description


def describer_of(kind: type) -> Describer | None:
    """Return what describes a part of a model's class; None for models and everything else."""
    return _DESCRIBERS.get((kind.__module__, kind.__name__))


def _describe_decorator(decorator: Any) -> Description:
    # Left out is cls_ref, which is made of the id of the class.
    return node("pydantic.Decorator", attributes(decorator, "cls_var_name", "func", "shim", "info"))


def _describe_field(field: Any) -> Description:
    slots = dict.fromkeys(name for base in type(field).__mro__ for name in getattr(base, "__slots__", ()))
    names = sorted(name for name in slots if not name.startswith("_"))
    return node(full_name(type(field)), attributes(field, *(name for name in names if hasattr(field, name))))


def _describe_validated(call: Any) -> Description:
    # The validators are made from these, in parts when somebody calls.
    parts = attributes(call, "function", "validate_return")
    return node("pydantic.validate_call", [*parts, (".config", call.config_wrapper.config_dict)])


def _describe_lazy(_: object) -> Description:
    return leaf("pydantic.LazyClassAttribute")


_DESCRIBERS: dict[tuple[str, str], Describer] = {
    ("pydantic._internal._decorators", "Decorator"): _describe_decorator,
    ("pydantic.fields", "FieldInfo"): _describe_field,
    ("pydantic._internal._utils", "LazyClassAttribute"): _describe_lazy,
    ("pydantic._internal._validate_call", "ValidateCallWrapper"): _describe_validated,
}
