"""
A function in, its node out: code, defaults, cells, own attributes, and each global where it is used.

Foreign functions that can be found under their name count by it; those that were made by a decorator count by their
name and by what they wrap.  On the arrow: inside *fingerprint*, one of the describers of ``walk``.
"""

from __future__ import annotations

import builtins
import sys
from types import BuiltinFunctionType, CodeType
from typing import TYPE_CHECKING

from whorl.fingerprint import facts, foreign, imports, modules, patches, settled, wrappers
from whorl.fingerprint.boundary import Distribution, Own, canonical_module, owner, owner_of_name
from whorl.fingerprint.kinds import is_class, is_function, is_module, module_name_of
from whorl.fingerprint.nodes import NotFollowed, Place
from whorl.fingerprint.references import Reference, read_code
from whorl.fingerprint.sources import code_text
from whorl.fingerprint.unfollowed import find_doubts
from whorl.fingerprint.watches import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FunctionType

    from whorl.fingerprint.nodes import Node
    from whorl.fingerprint.walk import Walk

# Besides functions and classes; ``exit``, ``copyright`` and their like come with ``site``.
_CONSTANTS = (NotImplemented, Ellipsis, __debug__)
# What a module knows of itself; these differ between machines and between runs of one file as script and as module.
_MODULE_FACTS = frozenset(("__file__", "__cached__", "__spec__", "__loader__", "__path__", "__builtins__"))


def describe(walk: Walk, node: Node) -> None:
    """Describe a function: followed if it is own code, by name if it is not."""
    function = node.value
    assert is_function(function)
    if isinstance(owner(function), Own):
        _describe_own(walk, node, function)
    elif wrappers.is_singledispatch(function):
        wrappers.describe_singledispatch(walk, node)
    else:
        _describe_foreign(walk, node, function)


def _describe_own(walk: Walk, node: Node, function: FunctionType) -> None:
    # Watched first: another thread may give it other code meanwhile.
    code = walk.watches.attribute(function, "__code__")
    assert isinstance(code, CodeType)
    form = read_code(code)
    where = location(code.co_filename, code.co_firstlineno)
    node.title("helper", dotted_name(function), where)
    node.add("code", form.digest, lambda: code_text(code), where)
    node.reads, node.has_facts = form.reads, True
    _link_defaults(walk, node, function)
    _link_cells(walk, node, function, form.references)
    wrappers.link_attributes(walk, node)
    for index, reference in enumerate(form.references):
        if reference.kind != "free":
            _link_reference(walk, node, f"name/{index}", reference, function)
    patches.link_reads(walk, node, form.attributes)
    if node.annotated:
        facts.link_annotations(walk, node, function)
    harmless = walk.harmless.setdefault(id(function.__globals__), set())
    for doubt in find_doubts(form, function.__globals__, harmless):
        if doubt.module:
            named = Reference("import", doubt.module, ())
            imports.link_import(walk, node, f"module/{doubt.module}", named, function.__globals__)
        else:
            walk.doubt(NotFollowed(doubt.what, location(code.co_filename, doubt.line)))


def _link_defaults(walk: Walk, node: Node, function: FunctionType) -> None:
    defaults = walk.watches.attribute(function, "__defaults__") or ()
    assert isinstance(defaults, tuple)
    code = function.__code__
    names = code.co_varnames[: code.co_argcount][code.co_argcount - len(defaults) :]
    for name, value in zip(names, defaults, strict=False):
        _link_value(walk, node, "default", name, value)
    keywords = walk.watches.attribute(function, "__kwdefaults__")
    if keywords is None:
        return
    assert isinstance(keywords, dict)
    walk.watches.size(keywords)  # also while it is empty: what reads it sees what is put there
    for name in sorted(keywords):
        _link_value(walk, node, "default", name, walk.watches.item(keywords, name))


def _link_cells(walk: Walk, node: Node, function: FunctionType, references: tuple[Reference, ...]) -> None:
    names = function.__code__.co_freevars
    for name, cell in zip(names, walk.watches.attribute(function, "__closure__") or (), strict=True):  # type: ignore[call-overload]
        value = walk.watches.cell(cell)
        if value is MISSING:
            node.mark(f"cell/{name}", "empty")
        elif is_module(value):
            chains = [item.chain for item in references if item.kind == "free" and item.name == name] or [()]
            for chain in chains:
                modules.link_chain(walk, node, f"cell/{name}", value, chain)
        else:
            _link_value(walk, node, "cell", name, value, cell)


def _link_value(walk: Walk, node: Node, kind: str, name: str, value: object, holder: object = None) -> None:
    place = Place(holder or node.value, f"{kind}/{name}")
    walk.link(node, f"{kind}/{name}", value, place, within=True, annotated=node.annotated)


def _link_reference(walk: Walk, node: Node, label: str, reference: Reference, function: FunctionType) -> None:
    namespace = function.__globals__
    link = imports.link_import if reference.kind == "import" else _link_global
    walk.link_once(node, label, link, reference, namespace)


def _link_global(walk: Walk, node: Node, label: str, reference: Reference, namespace: dict[str, object]) -> None:
    name = reference.name
    if name in _MODULE_FACTS:
        walk.leaf(node, label, "module fact", name)
        return
    value = settled.counted_value(walk.watches, namespace, name, walk.watches.item(namespace, name))
    module = canonical_module(str(namespace.get("__name__", "")), namespace)
    if value is MISSING:
        _link_builtin(walk, node, label, name, namespace)
    elif name in ("__name__", "__package__"):
        walk.leaf(node, label, "module fact", module if name == "__name__" else "__package__")
    elif is_module(value):
        modules.link_chain(walk, node, label, value, reference.chain, dotted=f"{module}.{name}")
    else:
        modules.link_named(walk, node, label, value, namespace, f"{module}.{name}")


def _link_builtin(walk: Walk, node: Node, label: str, name: str, namespace: dict[str, object]) -> None:
    found = namespace.get("__builtins__", builtins)
    scope: Mapping[str, object] = vars(found) if is_module(found) else found  # type: ignore[assignment]
    value = walk.watches.item(scope, name)
    if value is MISSING:
        walk.leaf(node, label, "undefined", name)
    elif _is_builtin(name, value):
        walk.leaf(node, label, "builtin", name)
    else:
        modules.link_named(walk, node, label, value, scope, name)


def _is_builtin(name: str, value: object) -> bool:
    """Tell what Python itself has put under a name of ``builtins``: programs put other things there, too."""
    if is_class(value):
        return module_name_of(value) == "builtins"
    if type(value) is BuiltinFunctionType:
        return value.__self__ is builtins and value.__name__ == name
    return any(value is constant for constant in _CONSTANTS) or module_name_of(type(value)) == "_sitebuiltins"


def _describe_foreign(walk: Walk, node: Node, function: FunctionType) -> None:
    foreign.title_foreign(
        walk, node, function, f"{function.__globals__.get('__name__')}.{function.__code__.co_qualname}"
    )
    findable = is_findable(function)
    # Other libraries may read the annotations of what they wrap; Python's own wrappers do not.
    annotated = not findable and isinstance(owner(function), Distribution)
    if not findable:
        _link_defaults(walk, node, function)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        value = walk.watches.cell(cell)
        if value is not MISSING and (not findable or is_function(value)):
            walk.link(node, f"cell/{name}", value, Place(cell, f"cell/{name}"), annotated=annotated, within=True)
    wrapped = walk.watches.item(vars(function), "__wrapped__")
    if wrapped is not MISSING:
        walk.link(node, "wrapped", wrapped, annotated=annotated)


def is_findable(thing: object) -> bool:
    """
    Tell whether a foreign function or class stands under its own name in a module that is foreign, too.

    ``functools.wraps`` gives a library's wrapper the name of what it wraps: one that stands in an own module was made
    by a decorator there, and what it was given counts.
    """
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", "")
    if not isinstance(module, str) or isinstance(owner_of_name(module), Own):
        return False
    found: object = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, "__dict__", {}).get(part, MISSING)
    return found is thing


def dotted_name(function: FunctionType) -> str:
    """Name a function for people: the module that owns its code, and its qualified name."""
    module = canonical_module(str(function.__globals__.get("__name__", "")), function.__globals__)
    return f"{module}.{function.__qualname__}"


def location(file: str, line: int) -> str:
    """Word a place in a file as people read it: the file's name and the line."""
    return f"{file.replace(chr(92), '/').rpartition('/')[2]}:{line}"
