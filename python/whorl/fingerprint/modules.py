"""
A module, or a chain of attributes below one, in; nodes for exactly what is read from it out.

``module.attr.attr`` on an own module is followed to the final attribute; a bare own module counts whole.  A foreign
module counts by its distribution, and what own code has put into it is followed.  Imports inside functions are
resolved as the import would resolve them: own modules are imported, others only found.  On the arrow: inside
*fingerprint*, one of the describers of ``walk``.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import PurePath
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING

from whorl.fingerprint.boundary import Distribution, Own, Stdlib, canonical_module, find_origin, owner, owner_of_name
from whorl.fingerprint.inputs import RawInput
from whorl.fingerprint.nodes import Place
from whorl.fingerprint.watches import MISSING

if TYPE_CHECKING:
    from whorl.fingerprint.boundary import Owner
    from whorl.fingerprint.nodes import Node
    from whorl.fingerprint.references import Reference
    from whorl.fingerprint.walk import Walk

_PLAIN = (int, float, complex, bool, type(None))
# Modules of the standard library whose plain values tell about this machine or this run.
_MACHINE = frozenset(
    ("os", "posix", "nt", "posixpath", "ntpath", "sys", "time", "tempfile", "platform", "site", "socket")
)
_MODULE_FACTS = frozenset(
    ["__name__", "__file__", "__cached__", "__spec__", "__loader__", "__path__", "__package__", "__builtins__", "__doc__", "__annotations__"]
)


def describe(walk: Walk, node: Node) -> None:
    """Describe a bare module: an own one by everything in it, a foreign one by its distribution."""
    module = node.value
    assert isinstance(module, ModuleType)
    name = canonical_module(module.__name__)
    if not isinstance(owner(module), Own):
        title_foreign(walk, node, module, name)
        return
    node.title("module", name, os.path.basename(getattr(module, "__file__", None) or ""))
    namespace = vars(module)
    walk.watches.size(namespace)
    for key in sorted(namespace):
        value = walk.watches.item(namespace, key)
        if key not in _MODULE_FACTS and not _is_loaded_submodule(module, key, value):
            _link_attribute(walk, node, f"name/{key}", module, key, value)


def title_foreign(walk: Walk, node: Node, thing: object, name: str) -> None:
    """Let a node count by its name and by the version of what owns it."""
    node.title("foreign", name)
    node.mark("name", name)
    link_owner(walk, node, "owner", owner(thing))


def link_owner(walk: Walk, node: Node, label: str, owned_by: Owner) -> None:
    """Link the distribution that something belongs to; the standard library counts for every root alike."""
    if isinstance(owned_by, Distribution):
        target = walk.leaf(node, label, "distribution", owned_by.name)
        if len(target.pieces) == 1:
            target.mark("version", owned_by.version)
            walk.distributions[owned_by.name] = owned_by
    elif isinstance(owned_by, Stdlib):
        walk.leaf(node, label, "distribution", "python")


def link_chain(
    walk: Walk, node: Node, label: str, module: ModuleType, chain: tuple[str, ...], dotted: str = ""
) -> None:
    """Link what a chain of attributes below a module ends at."""
    value: object = module
    for depth, name in enumerate(chain):
        if not isinstance(value, ModuleType) or not name:
            break
        if not isinstance(owner(value), Own):
            _link_foreign_chain(walk, node, f"{label}.{depth}", value, chain[depth:], dotted)
            return
        module, value = value, _step(walk, value, name)
        if not isinstance(value, ModuleType):
            _link_attribute(walk, node, f"{label}.{depth}", module, name, value)
            return
    if not chain or chain[-1]:
        walk.link(node, label, value, dotted=dotted)


def _link_foreign_chain(
    walk: Walk, node: Node, label: str, module: ModuleType, chain: tuple[str, ...], dotted: str
) -> None:
    """
    Link the module that a chain below a foreign one leads to, found by name, and what own code has put there.

    Foreign packages load their parts when these are first used, so what is loaded by now must not count.
    """
    walk.link(node, label, module, dotted=dotted)
    name = _deepest_module(module, chain)
    if name != module.__name__:
        _leaf_of_module(walk, node, f"{label}.module", name)
    value: object = module
    for depth, attribute in enumerate(chain):
        if isinstance(value, ModuleType) and attribute:
            module, value = value, walk.watches.item(vars(value), attribute)
            if depth == 0 and type(value) in _PLAIN and module.__name__ not in _MACHINE:
                walk.link(node, f"{label}.value", value)  # it may have been patched
    if _is_put_there(value):
        walk.link(node, f"{label}.value", value)


def _deepest_module(module: ModuleType, chain: tuple[str, ...]) -> str:
    """Name the module that a chain reaches, without importing any."""
    name, folders = module.__name__, getattr(module, "__path__", None)
    for attribute in chain:
        spec = PathFinder.find_spec(f"{name}.{attribute}", folders) if folders and attribute else None
        if spec is None:
            break
        name, folders = spec.name, spec.submodule_search_locations
    return name


def _is_put_there(value: object) -> bool:
    """Tell whether own code has put a value into a foreign module: an own thing, or a wrapper that may hold one."""
    if isinstance(value, FunctionType):
        return isinstance(owner(value), Own) or value.__name__ != value.__qualname__
    if isinstance(value, type):
        return isinstance(owner(value), Own) or holds_own_functions(value)
    return isinstance(owner(type(value)), Own)


def holds_own_functions(kind: type) -> bool:
    """Tell whether own functions were put into a foreign class; those that a library generated have no module."""
    return any(
        isinstance(value, FunctionType) and "__name__" in value.__globals__ and isinstance(owner(value), Own)
        for value in vars(kind).values()
    )


def link_import(walk: Walk, node: Node, label: str, reference: Reference, namespace: dict[str, object]) -> None:
    """Link what an import inside a function brings, and what is read from it."""
    name = _absolute_name(reference, namespace)
    owned_by = owner_of_name(name)
    if isinstance(owned_by, Own):
        module = _import_own(walk, name)
        if module is None:
            walk.leaf(node, label, "not importable", name)
        else:
            link_chain(walk, node, label, module, reference.chain)
        return
    _leaf_of_module(walk, node, f"{label}.module", name)
    loaded = walk.watches.item(sys.modules, name) if name in sys.modules else None
    for attribute in reference.chain:
        loaded = vars(loaded).get(attribute) if isinstance(loaded, ModuleType) else loaded
    if _is_put_there(loaded):
        walk.link(node, label, loaded)


def _leaf_of_module(walk: Walk, node: Node, label: str, name: str) -> None:
    target = walk.leaf(node, label, "foreign", name)
    if not target.edges:
        link_owner(walk, target, "owner", owner_of_name(name))


def named_dependency(thing: object) -> object:
    """Turn the user's word into the thing it names: paths into raw inputs, dotted names into objects."""
    if isinstance(thing, PurePath) or (isinstance(thing, str) and (os.sep in thing or os.path.exists(thing))):
        return RawInput(thing)
    if not isinstance(thing, str):
        return thing
    module, _, attribute = thing.rpartition(".")
    if find_origin(thing) is not None:
        return import_module(thing)
    return getattr(import_module(module), attribute)


def _step(walk: Walk, module: ModuleType, name: str) -> object:
    """Read an attribute as running code would, without running a foreign module's ``__getattr__``."""
    value = walk.watches.item(vars(module), name)
    if value is not MISSING or not isinstance(owner(module), Own):
        return value
    if hasattr(module, "__path__"):
        submodule = _import_own(walk, f"{module.__name__}.{name}")
        if submodule is not None:
            return submodule
    return getattr(module, name, MISSING)


def _import_own(walk: Walk, name: str) -> ModuleType | None:
    """Import an own module as the stage would; one that cannot be imported now is listed, not an error."""
    if name not in sys.modules and find_origin(name) is None:
        return None
    try:
        module = import_module(name)
    except Exception as error:  # noqa: BLE001 - user code runs here; the stage would meet the same error
        walk.doubt(f"module {name}, which fails to import: {type(error).__name__}")
        return None
    walk.watches.item(sys.modules, name)
    return module


def _link_attribute(walk: Walk, node: Node, label: str, module: ModuleType, name: str, value: object) -> None:
    dotted = f"{canonical_module(module.__name__)}.{name}"
    if value is MISSING:
        walk.leaf(node, label, "undefined", name)
        return
    place = Place(vars(module), name)
    target = walk.link(node, label, value, place, dotted=dotted)
    if target.place is place and not target.name:
        target.kind, target.name = "global", dotted
    node.names.setdefault(name, target)


def _absolute_name(reference: Reference, namespace: dict[str, object]) -> str:
    if not reference.level:
        return reference.name
    package = namespace.get("__package__")
    if not isinstance(package, str):
        name = str(namespace.get("__name__", ""))
        package = name if "__path__" in namespace else name.rpartition(".")[0]
    base = package.split(".")
    parent = ".".join(base[: len(base) - reference.level + 1])
    return f"{parent}.{reference.name}".strip(".") if reference.name else parent


def _is_loaded_submodule(module: ModuleType, name: str, value: object) -> bool:
    """Tell a submodule that stands in its package only because somebody imported it."""
    if not isinstance(value, ModuleType) or value.__name__ != f"{module.__name__}.{name}":
        return False
    spec = module.__spec__
    loader = getattr(spec, "loader", None)
    try:
        code = loader.get_code(module.__name__)  # type: ignore[union-attr]
    except (AttributeError, ImportError, SyntaxError, OSError):
        return False
    return code is not None and name not in code.co_names
