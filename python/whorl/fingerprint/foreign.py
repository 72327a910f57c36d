"""
Things that are not the user's own in, nodes that count by name and version out.

Foreign packages load their parts when these are first used, so what is loaded by now never counts; what own code has
put into a foreign module or class does.  On the arrow: inside *fingerprint*, below the describers of ``walk``.
"""

from __future__ import annotations

from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

from whorl.fingerprint import listeners, patches
from whorl.fingerprint.boundary import Distribution, Own, Stdlib, current_view, owner, owner_of_name
from whorl.fingerprint.kinds import is_class, is_function, is_module, name_of_module
from whorl.fingerprint.nodes import Place
from whorl.fingerprint.watches import MISSING

if TYPE_CHECKING:
    from types import ModuleType

    from whorl.fingerprint.boundary import Owner
    from whorl.fingerprint.nodes import Node
    from whorl.fingerprint.walk import Walk

_NUMBER_IDS = frozenset(map(id, (int, float, complex, bool)))
# Modules of the standard library whose plain values tell about this machine or this run.
_MACHINE = frozenset(
    ("os", "posix", "nt", "posixpath", "ntpath", "sys", "time", "tempfile", "platform", "site", "socket", "select")
)


def title_foreign(walk: Walk, node: Node, thing: object, name: str) -> None:
    """Let a node count by its name and by the version of what owns it."""
    node.title("foreign", name)
    node.mark("name", name)
    link_owner(walk, node, "owner", owner(thing))
    if is_class(thing):
        link_listeners(walk, node, thing)


def link_listeners(walk: Walk, node: Node, thing: object) -> None:
    """Link own functions that listen to what happens to a thing of a library."""
    if not listeners.is_listened_to(thing):
        return
    found = listeners.own_listeners(thing)
    walk.watches.result(lambda: _identities(listeners.own_listeners(thing)), _identities(found))
    for event, function in found:
        walk.link(node, f"listener/{event}", function)


def link_readable(walk: Walk, node: Node, thing: object) -> None:
    """Link listeners and what else can be read of a library's object that is not followed whole."""
    if not listeners.is_listened_to(thing):
        return
    link_listeners(walk, node, thing)
    found = listeners.readable_parts(thing)
    walk.watches.result(lambda: _state(listeners.readable_parts(thing)), _state(found))
    for name, value in found:
        walk.link(node, f"part/{name}", value, Place(thing, name), within=True)


def _state(parts: list[tuple[str, object]]) -> list[tuple[str, object]]:
    """Tell parts from others: by themselves, or by the text that is made anew at each question."""
    return [(name, part if type(part) is str else id(part)) for name, part in parts]


def _identities(found: list[listeners.Listener]) -> list[tuple[str, int]]:
    return [(event, id(function)) for event, function in found]


def link_owner(walk: Walk, node: Node, label: str, owned_by: Owner) -> None:
    """Link the distribution that something belongs to; all of the standard library is one."""
    if isinstance(owned_by, Distribution):
        target = walk.leaf(node, label, "distribution", owned_by.name, owned_by)
        if len(target.pieces) == 1:
            target.mark("version", owned_by.version)
    elif isinstance(owned_by, Stdlib):
        walk.leaf(node, label, "distribution", "python")


def link_module_name(walk: Walk, node: Node, label: str, name: str) -> None:
    """Link a foreign module by its name alone, loaded or not."""
    target = walk.leaf(node, label, "foreign", name)
    if not target.edges:
        link_owner(walk, target, "owner", owner_of_name(name))


def link_chain(walk: Walk, node: Node, label: str, module: ModuleType, chain: tuple[str, ...], dotted: str) -> None:
    """Link the module that a chain below a foreign one leads to, by name, and what own code has put there."""
    walk.link(node, label, module, dotted=dotted)
    name = current_view().once(_deepest_module, module, chain)
    if name != name_of_module(module):
        link_module_name(walk, node, f"{label}.module", name)
    value: object = module
    for depth, attribute in enumerate(chain):
        if is_module(value) and attribute:
            module, value = value, walk.watches.item(vars(value), attribute)
            if depth == 0 and id(type(value)) in _NUMBER_IDS and name_of_module(module) not in _MACHINE:
                walk.link(node, f"{label}.value", value)  # it may have been patched
    link_put_there(walk, node, f"{label}.value", value)


def link_put_there(walk: Walk, node: Node, label: str, value: object) -> None:
    """Link what own code has put into a foreign module, or into a class that stands there."""
    if is_class(value):
        patches.watch_class(walk, value)
    if value is not MISSING and not is_module(value) and _is_put_there(value):
        walk.link(node, label, value)


def _is_put_there(value: object) -> bool:
    """Tell whether own code has put a value into a foreign module: an own thing, or a wrapper that may hold one."""
    if is_function(value):
        return isinstance(owner(value), Own) or bool(value.__closure__) or bool(vars(value))
    if is_class(value):
        return isinstance(owner(value), Own) or bool(patches.own_code_in(value))
    return isinstance(owner(type(value)), Own)


def _deepest_module(module: ModuleType, chain: tuple[str, ...]) -> str:
    """Name the module that a chain reaches, without importing any."""
    name, folders = name_of_module(module), vars(module).get("__path__")
    for attribute in chain:
        spec = PathFinder.find_spec(f"{name}.{attribute}", folders) if folders and attribute else None
        if spec is None:
            break
        name, folders = spec.name, spec.submodule_search_locations
    return name
