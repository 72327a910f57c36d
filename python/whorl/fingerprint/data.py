"""
A value that code refers to in, its node out: the digest of what it holds, and edges to the code it holds.

Values have no cut-off in depth or size.  Where a part of a value cannot be digested (a lock, a logger, a file), the
value is taken apart and that part counts by its type and is listed as not followed.  Data whose contents cannot be
known (a plan of dask or polars) is refused by whoever asks for the fingerprint.  On the arrow: inside
*fingerprint*, one of the describers of ``walk``; ``values`` digests what has no code in it.
"""

from __future__ import annotations

import os
import sys
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING

from whorl.errors import UndigestableError, WhorlWarning, warn
from whorl.fingerprint import foreign, settled
from whorl.fingerprint.apart import identity_of_parts, parts_of
from whorl.fingerprint.boundary import Own, Stdlib, canonical_module, find_project_of, owner
from whorl.fingerprint.describe import is_data
from whorl.fingerprint.describe_instance import LIVE, OpaqueError
from whorl.fingerprint.description import Described
from whorl.fingerprint.folders import behind_project, counted_from
from whorl.fingerprint.kinds import (
    full_name,
    is_class,
    is_function,
    module_name_of,
    namespace_of,
    order_of,
    qualified_name_of,
    top_of,
)
from whorl.fingerprint.listeners import is_listened_to
from whorl.fingerprint.nodes import NOWHERE, NotFollowed, Place
from whorl.fingerprint.shown import is_atom, is_fixed, short_text
from whorl.fingerprint.states import Same, state_of_leaf
from whorl.fingerprint.watches import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whorl.fingerprint.nodes import Node
    from whorl.fingerprint.values import ValueScan
    from whorl.fingerprint.walk import Walk

# What these hold belongs to the running process: they count by their type and are listed as not followed.
_LIVE_MODULES = frozenset(LIVE).union(
    ("logging", "subprocess", "multiprocessing", "concurrent", "os", "signal", "tempfile")
)
# What lies in such a module and is data all the same.
_HELD = frozenset(("_io.BytesIO", "_io.StringIO", "subprocess.CompletedProcess"))
# Tools of these libraries show, log and lock: nothing counts that is in them.
_TOOLS = frozenset(("filelock", "rich", "tqdm", "loguru", "structlog"))
# What is logged is no part of a result, so these alone do not make a fingerprint unsure.
_LOGGERS = frozenset(("logging.Logger", "logging.LoggerAdapter"))
_LARGE = 64 * 1024 * 1024  # fingerprint.md
_ARRAY_LIBRARIES = ("numpy", "xarray", "zarr", "dask", "pyarrow", "builtins", "array")


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
        if _is_foreign_code(kind):
            walk.doubt(NotFollowed(f"{full_name(kind)} {node.name}".strip(), _where(node.place.holder)))


def _is_foreign_code(kind: type) -> bool:
    """Tell a library that ctypes has loaded, and its functions: names count, and what they do is not followed."""
    return any(full_name(base) in ("ctypes.CDLL", "_ctypes.CFuncPtr") for base in order_of(kind))


def _is_large(value: object) -> bool:
    """Tell a value of more than 64 MiB, as it says of itself; containers count by their own length."""
    library = top_of(type(value))
    if library == "pandas" and hasattr(value, "memory_usage"):
        usage = value.memory_usage()
        return int(getattr(usage, "sum", lambda: usage)()) > _LARGE
    if library == "zarr" and hasattr(value, "members"):
        return sum(getattr(member, "nbytes", 0) for _, member in value.members(max_depth=None)) > _LARGE
    held = getattr(value, "nbytes", None) if library in _ARRAY_LIBRARIES else 0
    held = sys.getsizeof(value, 0) if held is None else held
    return isinstance(held, int) and held > _LARGE


def is_live(value: object) -> bool:
    """Tell a lock, logger, file, socket or the like; names, records and exceptions in these modules are data."""
    kind = type(value)
    if not _is_of_process(kind) or full_name(kind) in _HELD or issubclass(kind, (tuple, BaseException)):
        return False
    enum = sys.modules.get("enum")
    return enum is None or not issubclass(kind, enum.Enum)


def _is_of_process(kind: type) -> bool:
    return top_of(kind) in _LIVE_MODULES


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
    return os.path.isabs(value) if type(value) is str else not is_atom(type(value))


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
    value = node.value
    parts = [] if is_data(type(value)) else _parts(value)
    if not parts:
        _describe_undigested(walk, node, error)
        return
    node.mark("of type", type_name(value))
    walk.link(node, "type", type(value))
    walk.watches.result(lambda: identity_of_parts(_parts(value)), identity_of_parts(parts))
    for name, part in parts:
        counted = settled.counted_value(walk.watches, value, name, part)
        if counted is not MISSING:
            walk.link(node, f"part/{name}", counted, Place(value, name), within=True)


def _describe_undigested(walk: Walk, node: Node, error: UndigestableError) -> None:
    """Let an object that shows nothing of itself count by its type; data is refused by whoever asks for this node."""
    kind, value = type(node.value), node.value
    if is_data(kind) or not isinstance(error, OpaqueError):
        walk.watches.result(lambda: identity_of(value), None)
        fault: type[UndigestableError] = UndigestableError
    elif _hides(kind):
        fault = OpaqueError
    else:
        _describe_by_type(walk, node)
        return
    # Made anew: the one that was raised holds the frames in which it was, with all that is in them.
    _describe_by_type(walk, node, fault(error.message, error.cause, error.tip))


def _hides(kind: type) -> bool:
    """Tell a type whose objects may hold something that counts: a tool of the process, and own classes, do not."""
    bases = order_of(kind)
    if any(_is_of_process(base) or top_of(base) in _TOOLS for base in bases) or is_listened_to(kind):
        return False
    return not all(base is object or isinstance(owner(base), Own) or _has_visible_state(base) for base in bases)


def _has_visible_state(kind: type) -> bool:
    """Tell a class of the standard library that says, or inherits, where its objects keep what they have."""
    return isinstance(owner(kind), Stdlib) and any(
        not {"__dict__", "__slots__"}.isdisjoint(namespace_of(base)) for base in order_of(kind)
    )


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
        parts = list(_parts(item)) if whole is None and not is_data(type(item)) else []
        if parts:
            rows.append([(name, _told_here(part)) for name, part in parts])
            pending.extend(part for _, part in parts)
        else:
            rows.append(state_of_leaf(item) if whole is None else whole)
    return rows


def _told_here(part: object) -> object:
    """Tell a part by itself; what may have been made at the question has a row of its own that tells it."""
    if type(part) is Described or type(part) is tuple:
        return None
    return part if is_atom(type(part)) else Same(part)


def _parts(value: object) -> list[tuple[str, object]]:
    """List the parts of a value; none where they cannot be read."""
    try:
        return parts_of(value)
    except UndigestableError:
        return []
