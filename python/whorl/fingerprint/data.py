"""
A value that code refers to in, its node out: the digest of what it holds, and edges to the code it holds.

Values have no cut-off in depth or size.  Where a part of a value cannot be digested (a lock, a logger, a file), the
value is taken apart and that part counts by its type and is listed as not followed.  Data whose contents cannot be
known (a plan of dask or polars) is refused by whoever asks for the fingerprint.  On the arrow: inside
*fingerprint*, one of the describers of ``walk``; ``values`` digests what has no code in it.
"""

from __future__ import annotations

import os
import reprlib
import sys
from collections import deque
from contextvars import Context, ContextVar
from datetime import date, datetime, time, timedelta
from operator import itemgetter
from pathlib import PurePath
from types import EllipsisType, MappingProxyType, MemberDescriptorType, NoneType
from typing import TYPE_CHECKING

from whorl.errors import UndigestableError, WhorlWarning, warn
from whorl.fingerprint import foreign, settled
from whorl.fingerprint.boundary import Own, Stdlib, canonical_module, find_project_of, owner
from whorl.fingerprint.describe import is_data
from whorl.fingerprint.describe_instance import LIVE, OpaqueError, content_of
from whorl.fingerprint.folders import behind_project, counted_from
from whorl.fingerprint.kinds import (
    full_name,
    is_class,
    is_function,
    is_open_class,
    module_name_of,
    namespace_of,
    order_of,
    qualified_name_of,
)
from whorl.fingerprint.listeners import is_listened_to
from whorl.fingerprint.nodes import NOWHERE, NotFollowed, Place
from whorl.fingerprint.states import Same, state_of_leaf
from whorl.fingerprint.watches import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from whorl.fingerprint.nodes import Node
    from whorl.fingerprint.values import ValueScan
    from whorl.fingerprint.walk import Walk

_ATOMS = frozenset((NoneType, bool, int, float, complex, str, bytes, EllipsisType, date, datetime, time, timedelta))
# Compared by identity, since a metaclass may refuse to be hashed.
_ATOM_IDS = frozenset(map(id, _ATOMS))
_SHOWN_IDS = _ATOM_IDS | {id(kind) for kind in (tuple, list, dict, set, frozenset)}
# What these hold belongs to the running process: they count by their type and are listed as not followed.
_LIVE_MODULES = frozenset(LIVE).union(
    ("logging", "subprocess", "multiprocessing", "concurrent", "os", "signal", "tempfile")
)
# What lies in such a module and is data all the same.
_HELD = frozenset(("_io.BytesIO", "_io.StringIO", "subprocess.CompletedProcess"))
# What is logged is no part of a result, so these alone do not make a fingerprint unsure.
_LOGGERS = frozenset(("logging.Logger", "logging.LoggerAdapter"))
# Zones of these modules do not change.
_FIXED_ZONES = ("datetime", "zoneinfo")
_SHOWN_KEY = 40
_LARGE = 64 * 1024 * 1024  # fingerprint.md
_ARRAY_LIBRARIES = ("numpy", "xarray", "zarr", "dask", "pyarrow", "builtins", "array")


class _Short(reprlib.Repr):
    """Shows built-in values, and of others in them the type: their own words would be code that runs."""

    def repr1(self, x: object, level: int) -> str:
        return super().repr1(x, level) if _is_shown(type(x)) else f"<{full_name(type(x))}>"


_SHORT = _Short()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 2, 60, 60


def describe(walk: Walk, node: Node) -> None:
    """Describe a value by its digest, with edges to the code and the classes in it."""
    value = node.value
    if is_live(value):
        _describe_by_type(walk, node)
        return
    try:
        scan = _scan(walk, node, value)
    except UndigestableError as error:
        standing = _standing(walk, node)
        if standing is None:
            _take_apart(walk, node, error)
            return
        scan = standing
    node.add("value", scan.digest, short_text(value))
    if _is_large(value):
        warn(f"{node.name} is large and digested at each call; give it as an argument instead", WhorlWarning)
    for index, thing in enumerate(scan.refs):
        walk.link(node, f"holds/{index}", thing)
    # In a set they are met in an order that differs between processes.
    for kind in sorted(scan.types, key=full_name):
        walk.link(node, "type", kind)


def _is_large(value: object) -> bool:
    """Tell a value of more than 64 MiB, as it says of itself; containers count by their own length."""
    library = module_name_of(type(value)).partition(".")[0]
    if library == "pandas" and hasattr(value, "memory_usage"):
        usage = value.memory_usage()
        return int(getattr(usage, "sum", lambda: usage)()) > _LARGE
    held = getattr(value, "nbytes", None) if library in _ARRAY_LIBRARIES else 0
    held = sys.getsizeof(value, 0) if held is None else held
    return isinstance(held, int) and held > _LARGE


def is_live(value: object) -> bool:
    """Tell a lock, logger, file, socket or the like."""
    return _is_of_process(type(value)) and full_name(type(value)) not in _HELD


def _is_of_process(kind: type) -> bool:
    return module_name_of(kind).partition(".")[0] in _LIVE_MODULES


def is_fixed(value: object) -> bool:
    """Tell a value that cannot change in place, so that its identity is enough."""
    pending = [value]
    while pending:
        item = pending.pop()
        if type(item) is tuple or type(item) is frozenset:
            pending.extend(item)
        elif type(item) is datetime or type(item) is time:
            if item.tzinfo is not None and module_name_of(type(item.tzinfo)).partition(".")[0] not in _FIXED_ZONES:
                return False
        elif not _is_atom(type(item)) and not issubclass(type(item), type) and not _is_plain_path(item):
            return False
    return True


def _is_plain_path(value: object) -> bool:
    """Tell a path of Python's own: one of an own class may hold more, and change."""
    return issubclass(type(value), PurePath) and module_name_of(type(value)).partition(".")[0] == "pathlib"


def _is_shown(kind: type) -> bool:
    return id(kind) in _SHOWN_IDS or _is_atom(kind)


def _is_atom(kind: type) -> bool:
    # decimal takes a while to load, and a program that has Decimals has loaded it.
    return id(kind) in _ATOM_IDS or kind is getattr(sys.modules.get("decimal"), "Decimal", None)


def short_text(value: object) -> str:
    """Show a value in a few words, without running code of its class."""
    if _is_shown(type(value)):
        try:
            return _SHORT.repr(value)
        except Exception:  # noqa: BLE001 - another thread changed it, or it is a number of thousands of digits
            return f"<{full_name(type(value))}>"
    return f"<{full_name(type(value))}>"


def _scan(walk: Walk, node: Node, value: object) -> ValueScan:
    from whorl.fingerprint.values import scan_value

    project = _project_of(walk, node) if _may_hold_path(value) else None
    with counted_from(project):
        scan = scan_value(_counted(value))
    if not is_fixed(value):
        walk.watches.result(lambda: identity_of(value, project), _identity(scan))
    if node.place is NOWHERE or node.place.holder is None:
        return scan
    node.scan, node.standing = scan, settled.settled_value(walk.watches, node.place, scan)
    return node.standing


def _standing(walk: Walk, node: Node) -> ValueScan | None:
    """Find what stands for a value without a digest that the stage itself has made so."""
    if node.place is NOWHERE or node.place.holder is None:
        return None
    node.standing = settled.standing_value(walk.watches, node.place, node.value)
    return node.standing


def identity_of(value: object, project: str | None = None) -> object:
    """Return what tells a value from others: its digest, and the code in it; None where it cannot be digested."""
    from whorl.fingerprint.values import scan_value

    try:
        with counted_from(project):
            return _identity(scan_value(_counted(value)))
    except UndigestableError:
        return None


def _identity(scan: ValueScan) -> tuple[object, ...]:
    return (scan.digest, *map(id, scan.refs), *map(id, scan.types))


def _counted(value: object) -> object:
    """Put a mark in the place of a text that is a path below the project; paths in values bear it by themselves."""
    behind = behind_project(value) if type(value) is str else None
    return value if behind is None else ("path below the project", "str", behind)


def _may_hold_path(value: object) -> bool:
    return os.path.isabs(value) if type(value) is str else id(type(value)) not in _ATOM_IDS


def _project_of(walk: Walk, node: Node) -> str | None:
    """Find the project of the module in which a value hangs, at whatever depth."""
    holder: Node | None = node
    seen: set[int] = set()  # values may hold each other
    while holder is not None and id(holder) not in seen:
        seen.add(id(holder))
        file = _namespace_of(holder.value).get("__file__") or _namespace_of(holder.place.holder).get("__file__")
        if isinstance(file, str):
            return find_project_of(file)
        holder = walk.nodes.get(holder.owner) if holder.owner is not None else None
    return None


def _namespace_of(holder: object) -> Mapping[str, object]:
    if is_function(holder):
        return holder.__globals__
    if is_class(holder):
        return getattr(sys.modules.get(module_name_of(holder)), "__dict__", {})
    return holder if type(holder) is dict else {}


def _describe_by_type(walk: Walk, node: Node, error: UndigestableError | None = None) -> None:
    name = type_name(node.value)
    node.mark("of type", name)
    if isinstance(owner(type(node.value)), Own):
        walk.link(node, "type", type(node.value))
    if type(node.value) is ContextVar and (default := _default_of(node.value)) is not MISSING:
        walk.link(node, "default", default)
    foreign.link_readable(walk, node, node.value)
    harmless = any(full_name(base) in _LOGGERS for base in order_of(type(node.value)))
    walk.doubt(NotFollowed(f"{name} {node.name}".strip(), _where(node.place.holder), harmless, error))


def _default_of(variable: ContextVar[object]) -> object:
    """Read the default of a context variable, whatever the current context holds."""
    try:
        return Context().run(variable.get)
    except LookupError:
        return MISSING


def type_name(value: object) -> str:
    """Name the type of a value."""
    kind = type(value)
    return f"{canonical_module(module_name_of(kind))}.{qualified_name_of(kind)}"


def _where(holder: object) -> str:
    """Name the file of the module that a value hangs in."""
    file = _namespace_of(holder).get("__file__")
    return os.path.basename(file) if isinstance(file, str) else ""


def _take_apart(walk: Walk, node: Node, error: UndigestableError) -> None:
    """Describe a value that cannot be digested whole by each of its parts; what has none is refused or warned of."""
    parts = list(_parts(node.value))
    if not parts:
        _describe_undigested(walk, node, error)
        return
    node.mark("of type", type_name(node.value))
    walk.link(node, "type", type(node.value))
    value = node.value
    walk.watches.result(lambda: _identities(_parts(value)), _identities(parts))
    for name, part in parts:
        counted = settled.counted_value(walk.watches, value, name, part)
        if counted is not MISSING:
            walk.link(node, f"part/{name}", counted, Place(value, name), within=True)


def _describe_undigested(walk: Walk, node: Node, error: UndigestableError) -> None:
    """Let an object that shows nothing of itself count by its type; data is refused by whoever asks for this node."""
    value = node.value
    walk.watches.result(lambda: identity_of(value), None)
    if is_data(type(value)) or not isinstance(error, OpaqueError):
        _describe_by_type(walk, node, UndigestableError(error.message, error.cause, error.tip))
    elif _hides(type(value)):
        _describe_by_type(walk, node, error)
    else:
        _describe_by_type(walk, node)


def _hides(kind: type) -> bool:
    """Tell a type whose objects may hold something that counts: a tool of the process, and own classes, do not."""
    bases = order_of(kind)
    if any(map(_is_of_process, bases)) or is_listened_to(kind):
        return False
    return not all(base is object or isinstance(owner(base), Own) or _has_visible_state(base) for base in bases)


def _has_visible_state(kind: type) -> bool:
    """Tell a class of the standard library written in Python, and says where its objects keep what they have."""
    return isinstance(owner(kind), Stdlib) and not {"__dict__", "__slots__"}.isdisjoint(namespace_of(kind))


def state_of_value(value: object) -> list[object]:
    """
    Tell a value from what it was: by its digest, or where it has none by its parts, at any depth.

    What shows nothing of itself is told by being the same object, which is held meanwhile: no other takes its address.
    """
    rows: list[object] = []
    met: dict[int, object] = {}
    pending = [value]
    while pending:
        item = pending.pop()
        if id(item) in met:
            continue
        met[id(item)] = item
        whole = identity_of(item)
        parts = list(_parts(item)) if whole is None else []
        if parts:
            rows.append([(name, part if _is_atom(type(part)) else Same(part)) for name, part in parts])
            pending.extend(part for _, part in parts)
        else:
            rows.append(state_of_leaf(item) if whole is None else whole)
    return rows


def _identities(parts: Iterable[tuple[str, object]]) -> list[tuple[str, object]]:
    # The parts themselves are held by their nodes, so that no identity can pass to another object.  A built-in content
    # is made at each question.
    return [(name, id(part)) for name, part in parts]


def _parts(value: object) -> Iterator[tuple[str, object]]:
    """List what a container holds, whatever class was made from a built-in one, and what own classes hold besides."""
    kind = type(value)
    for content in content_of(value) or _content_of_standard(value):
        if type(content) is list or type(content) is tuple:
            yield from ((str(index), item) for index, item in enumerate(content))
        elif type(content) is dict:
            for key, item in list(content.items()):
                yield _name_of_key(key), item
                if not _is_shown(type(key)):
                    yield f"key {_name_of_key(key)}", key
        elif type(content) is set or type(content) is frozenset:
            yield from sorted(((_name_of_key(item), item) for item in content), key=itemgetter(0))
    if isinstance(owner(kind), Own | Stdlib):
        yield from list(_state_of(value).items())
        yield from _slots_of(value)


def _content_of_standard(value: object) -> list[object]:
    if issubclass(type(value), deque):
        return [list(deque.__iter__(value))]  # type: ignore[arg-type]
    return [dict(value)] if type(value) is MappingProxyType else []


def _name_of_key(key: object) -> str:
    """Name a key by its digest, and where that is short and says it all by its text."""
    from whorl.fingerprint.values import scan_value

    text = short_text(key)
    if type(key) is str and len(key) <= _SHOWN_KEY:
        return text
    try:
        return f"{text} {scan_value(key).digest.hex()}"
    except UndigestableError:
        return text


def _state_of(value: object) -> dict[str, object]:
    """Give the attributes that an object holds, past what its class answers when it is asked for them."""
    try:
        state: dict[str, object] = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return state


def _slots_of(value: object) -> Iterator[tuple[str, object]]:
    """List the filled slots of an object, as classes written in Python declare them."""
    for kind in order_of(type(value)):
        for name, slot in namespace_of(kind).items() if is_open_class(kind) else ():
            if type(slot) is MemberDescriptorType:
                try:
                    yield name, slot.__get__(value)
                except AttributeError:
                    continue
