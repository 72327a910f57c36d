"""
An import inside a function, or a name that the user gives, in; what it brings out.

Own modules are imported, as the stage would import them: only so do a module that is loaded by now and one that is not
yet count alike.  Foreign ones are found by their specs and not imported, so that a hit loads no library.  On the arrow:
inside *fingerprint*, below the describers of ``walk``.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import PurePath
from typing import TYPE_CHECKING

from whorl.errors import ConfigError
from whorl.fingerprint import foreign, modules
from whorl.fingerprint.boundary import Own, find_origin, owner_of_name
from whorl.fingerprint.kinds import is_module
from whorl.fingerprint.nodes import NotFollowed

if TYPE_CHECKING:
    from types import ModuleType

    from whorl.fingerprint.nodes import Node
    from whorl.fingerprint.references import Reference
    from whorl.fingerprint.walk import Walk


def link_import(walk: Walk, node: Node, label: str, reference: Reference, namespace: dict[str, object]) -> None:
    """Link what an import inside a function brings, and what is read from it."""
    name = _absolute_name(reference, namespace)
    if not isinstance(owner_of_name(name), Own):
        _link_foreign(walk, node, label, name, reference.chain)
        return
    module = import_own(walk, name)
    if module is None:
        walk.leaf(node, label, "not importable", name)
    else:
        modules.link_chain(walk, node, label, module, reference.chain)


def import_own(walk: Walk, name: str) -> ModuleType | None:
    """Import an own module as the stage would; one that cannot be imported now is listed, not an error."""
    if name not in sys.modules and find_origin(name) is None:
        walk.watches.result(lambda: find_origin(name), None)
        return None
    try:
        module = import_module(name)
    except Exception as error:  # noqa: BLE001 - user code runs here; the stage would meet the same error
        walk.doubt(NotFollowed(f"module {name}, which fails to import: {type(error).__name__}"))
        return None
    walk.watches.item(sys.modules, name)
    return module


def named_dependency(walk: Walk, thing: object) -> object:
    """
    Turn what a user adds into the thing it names: paths into raw inputs, dotted names into objects.

    Raises ``ConfigError`` for text that is neither a path nor a name that can be imported.
    """
    from whorl.fingerprint.inputs import RawInput

    if isinstance(thing, PurePath):
        return RawInput(thing)
    if not isinstance(thing, str):
        return thing
    if os.sep in thing or os.path.exists(thing):
        return RawInput(thing)
    module, _, attribute = thing.rpartition(".")
    try:
        if find_origin(thing) is not None:
            found: object = import_module(thing)
            walk.watches.item(sys.modules, thing)
        else:
            found = walk.watches.required(import_module(module), attribute)
            walk.watches.item(sys.modules, module)
    except (ImportError, AttributeError, ValueError) as error:
        tip = "give the object itself, an importable name, or a path with a / in it"
        raise ConfigError(f"depends_on names {thing!r}, which is neither a path nor a name", str(error), tip) from error
    return found


def _link_foreign(walk: Walk, node: Node, label: str, name: str, chain: tuple[str, ...]) -> None:
    foreign.link_module_name(walk, node, f"{label}.module", name)
    value: object = walk.watches.item(sys.modules, name)
    for attribute in chain:
        value = walk.watches.item(vars(value), attribute) if is_module(value) else value
    foreign.link_put_there(walk, node, label, value)


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
