"""
An object or class of SQLAlchemy in, own code that hangs at it out: listeners to its events, and what it was made from.

Listeners hang at objects that no fingerprint can read whole (engines, mappers, sessions), so they are found in the
registry in which SQLAlchemy keeps everything that was given to ``event.listen``: by what they were given for, as the
object itself, its class, or a class above it.  On the arrow: inside *fingerprint*, below the describers.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from whorl.fingerprint.boundary import Own, owner
from whorl.fingerprint.kinds import attributes_of, is_class, is_function, module_name_of, order_of, top_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_FAMILY = "sqlalchemy"
# What ``relationship``, ``composite`` and ``column_property`` were given; other attributes are found when first used.
_PROPERTY = ("lazy", "viewonly", "passive_deletes", "passive_updates", "post_update", "composite_class", "expression")
Listener = tuple[str, object]
# Where the listeners of an object hang besides itself: SQLAlchemy hands the events of one on to the other.
_BESIDE = ("class_", "pool", "dialect", "session_factory", "bind")


def is_listened_to(thing: object) -> bool:
    """Tell whether a thing is SQLAlchemy's, or of a class that is."""
    kinds = order_of(thing) if is_class(thing) else order_of(type(thing))
    return "sqlalchemy.event.registry" in sys.modules and any(top_of(kind) == _FAMILY for kind in kinds)


def own_listeners(thing: object) -> list[Listener]:
    """List own functions by the events that they listen to, in order of the events' names and then of listening."""
    known = _registered()
    if not known:
        return []
    targets = dict.fromkeys(id(target) for target in _targets_of(thing))
    found = [listener for target in targets for listener in known.get(target, ())]
    found += _kept_by_pool(attributes_of(thing).get("pool"))
    different = {(event, id(function)): (event, function) for event, function in found}
    return sorted(different.values(), key=lambda listener: listener[0])


def _kept_by_pool(pool: Any) -> list[Listener]:
    """List the listeners that a pool was handed by the one it was made from, when an engine was disposed of."""
    dispatch = getattr(pool, "dispatch", None)
    held = [(event, each) for event in getattr(dispatch, "_event_names", ()) for each in getattr(dispatch, event)]
    return [(event, each) for event, each in held if _holds_own(each)]


def readable_parts(thing: object) -> list[tuple[str, object]]:
    """List what can be read of an object that is not followed whole: what somebody wrote, never what came with use."""
    held: dict[str, Any] = attributes_of(thing)
    for kind in order_of(type(thing)):
        name = kind.__name__
        if name == "sessionmaker":
            return [*(("class", base) for base in held["class_"].__bases__), *sorted(held["kw"].items())]
        if name == "scoped_session":
            return [("session_factory", held["session_factory"])]
        if name == "Engine":
            return _parts_of_engine(held)
        if name == "QueryableAttribute":
            return _parts_of_property(thing, held)
    return []


def _parts_of_engine(held: dict[str, Any]) -> list[tuple[str, object]]:
    dialect, creator = vars(held["dialect"]), vars(held["pool"]).get("_creator_arg")
    names = ("_json_serializer", "_json_deserializer", "_on_connect_isolation_level")
    parts = [("url", str(held["url"])), *((name, dialect.get(name)) for name in names)]
    return [*parts, ("creator", creator)] if _holds_own(creator) else parts


def _parts_of_property(attribute: object, held: dict[str, object]) -> list[tuple[str, object]]:
    """Read what a mapped attribute was given past SQLAlchemy's own lookup, which would configure all mappers."""
    prop = held.get("original_property")
    if prop is None:
        prop = _read(_read(attribute, "comparator"), "prop")
    given: Any = _read(prop, "_init_args")
    written = [(name, each.argument) for name, each in given._asdict().items()] if given else []
    parts = [*written, *((name, _read(prop, name)) for name in _PROPERTY)]
    made = held.get("descriptor")
    if type(made) is property and _holds_own(made.fget):
        parts.append(("descriptor", made))
    return parts


def own_compilers(kind: type) -> list[Listener]:
    """List own functions that compile an element, by dialect: ``sqlalchemy.ext.compiler`` puts them on its class."""
    for base in order_of(kind):
        dispatcher: Any = vars(base).get("_compiler_dispatcher")
        if dispatcher is not None:
            return sorted((name, each) for name, each in dispatcher.specs.items() if _holds_own(each))
    return []


def _read(thing: object, name: str) -> object:
    try:
        return object.__getattribute__(thing, name)
    except AttributeError:
        return None


def _targets_of(thing: object) -> Iterator[object]:
    yield thing
    if is_class(thing):
        yield from order_of(thing)[1:]
        return
    yield from order_of(type(thing))
    held = attributes_of(thing)
    for name in _BESIDE:
        if name in held:
            yield from _targets_of(held[name])


# One entry: what was made of the registry as it stood.
_index: dict[tuple[object, ...], dict[int, list[Listener]]] = {}


def _registered() -> dict[int, list[Listener]]:
    """Give own listeners by the identity of what they were given for; read anew when any was added or removed."""
    from sqlalchemy.event import registry

    keys: tuple[Any, ...] = tuple(registry._key_to_collection)  # noqa: SLF001 - SQLAlchemy has no other list of them
    known = _index.get(keys)
    if known is None:
        known = {}
        for key in keys:
            target, event, _ = key
            for function in _live(registry._key_to_collection.get(key, {})):  # noqa: SLF001
                if _holds_own(function):
                    known.setdefault(target, []).append((event, function))
        _index.clear()
        _index[keys] = known
    return known


def _live(collections: dict[Any, Any]) -> list[object]:
    """Give the functions behind weak references, each once: one is in many collections if it is for a class."""
    held = [reference() for reference in list(collections.values())]
    return list({id(each): each for each in held if each is not None}.values())


def _holds_own(function: object) -> bool:
    """Tell an own listener, or SQLAlchemy's wrapper around one."""
    plain = getattr(function, "__func__", function)
    if not is_function(plain):
        # A statement that was given as a listener is what somebody wrote.
        return module_name_of(type(plain)) == "sqlalchemy.sql.ddl" or isinstance(owner(type(plain)), Own)
    if isinstance(owner(plain), Own):
        return True
    return any(_is_own(cell) for cell in plain.__closure__ or ())


def _is_own(cell: Any) -> bool:
    try:
        held = cell.cell_contents
    except ValueError:
        return False
    held = getattr(held, "__func__", held)
    return isinstance(owner(held if is_function(held) else type(held)), Own)
