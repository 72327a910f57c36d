"""
A module, or a chain of attributes below one, in; nodes for exactly what is read from it out.

``module.attr.attr`` on an own module is followed to the final attribute; a bare own module counts whole, a foreign one
by its distribution.  On the arrow: inside *fingerprint*, one of the describers of ``walk``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from whorl.fingerprint import data, foreign, imports
from whorl.fingerprint.boundary import Own, canonical_module, owner
from whorl.fingerprint.kinds import has_own_name, in_order, is_module, name_of_module
from whorl.fingerprint.nodes import NotFollowed, Place
from whorl.fingerprint.watches import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from whorl.fingerprint.nodes import Node
    from whorl.fingerprint.walk import Walk

# What a module knows of itself; much of it differs between machines, and between a script and its import.
_MODULE_FACTS = frozenset(
    (
        *("__name__", "__file__", "__cached__", "__spec__", "__loader__", "__path__", "__package__", "__builtins__"),
        *("__doc__", "__annotations__", "__conditional_annotations__", "__annotate__", "__warningregistry__"),
    )
)


def describe(walk: Walk, node: Node) -> None:
    """Describe a bare module: an own one by everything in it, a foreign one by its distribution."""
    module = node.value
    assert is_module(module)
    name = canonical_module(name_of_module(module))
    if not isinstance(owner(module), Own):
        foreign.title_foreign(walk, node, module, name)
        return
    node.title("module", name, _file_of(module))
    namespace = vars(module)
    walk.watches.size(namespace)
    for key in in_order(namespace):
        value = walk.watches.item(namespace, key)
        if key not in _MODULE_FACTS and not _is_loaded_submodule(module, key, value):
            link_named(walk, node, f"name/{key}", value, namespace, f"{name}.{key}")


def link_chain(
    walk: Walk, node: Node, label: str, module: ModuleType, chain: tuple[str, ...], dotted: str = ""
) -> None:
    """Link what a chain of attributes below a module ends at; a chain of one empty name ends at nothing."""
    if chain == ("",):
        return
    value: object = module
    for depth, name in enumerate(chain):
        if not is_module(value):
            break
        if not isinstance(owner(value), Own):
            foreign.link_chain(walk, node, f"{label}.{depth}", value, chain[depth:], dotted)
            return
        module, value = value, _step(walk, value, name)
        dotted = f"{canonical_module(name_of_module(module))}.{name}"
        if not is_module(value):
            link_named(walk, node, f"{label}.{depth}", value, vars(module), dotted)
            return
    walk.link(node, label, value, dotted=dotted)


def link_named(walk: Walk, node: Node, label: str, value: object, namespace: Mapping[str, object], dotted: str) -> None:
    """Link what a namespace holds under a name; data is called after its place."""
    name = dotted.rpartition(".")[2]
    if value is MISSING:
        walk.leaf(node, label, "undefined", name)
        return
    place = Place(namespace, name)
    target = walk.link(node, label, value, place, dotted=dotted)
    if target.place is place:
        target.call("global", dotted)
    node.names.setdefault(name, target.key)


def _step(walk: Walk, module: ModuleType, name: str) -> object:
    """Read an attribute of an own module as running code would: submodules are imported, ``__getattr__`` is asked."""
    value = walk.watches.item(vars(module), name)
    if value is not MISSING:
        return value
    if "__path__" in vars(module):
        submodule = imports.import_own(walk, f"{name_of_module(module)}.{name}")
        if submodule is not None:
            return submodule
    return _ask(walk, module, name) if "__getattr__" in vars(module) else MISSING


def _ask(walk: Walk, module: ModuleType, name: str) -> object:
    """Let a module's ``__getattr__`` answer; it is asked again at each re-check, and what it answers counts."""
    value, standing = _answer(module, name)
    if isinstance(standing, type):
        walk.doubt(NotFollowed(f"{name_of_module(module)}.{name}, which raises {standing.__name__}"))
    walk.watches.result(lambda: _answer(module, name)[1], standing)
    return value


def _answer(module: ModuleType, name: str) -> tuple[object, object]:
    """Ask a module for a name; returns the answer and what tells it from others, or nothing and the error's type."""
    try:
        value = getattr(module, name, MISSING)
        return value, _standing(value)
    except Exception as error:  # noqa: BLE001 - user code runs here; the stage would meet the same error
        return MISSING, type(error)


def _standing(answer: object) -> object:
    """Tell one answer from another: code by itself, data by its value, since it may be made at each question."""
    return id(answer) if has_own_name(answer) or answer is MISSING else data.identity_of(answer)


def _file_of(module: ModuleType) -> str:
    """Name the file of a module without its folder."""
    file = vars(module).get("__file__")
    return os.path.basename(file) if isinstance(file, str) else ""


def _is_loaded_submodule(module: ModuleType, name: str, value: object) -> bool:
    """Tell a submodule that stands in its package only because somebody imported it."""
    if not is_module(value) or name_of_module(value) != f"{name_of_module(module)}.{name}":
        return False
    loader = getattr(vars(module).get("__spec__"), "loader", None)
    try:
        code = loader.get_code(name_of_module(module))  # type: ignore[union-attr]
    except (AttributeError, ImportError, SyntaxError, OSError):
        return False
    return code is not None and name not in code.co_names
