"""
Builtin values come in, a tree that JSON can hold goes out, and back, with every type kept.

What JSON has stands as itself; all else stands in an object whose first key is ``$``::

    None bool str list, int below 2**63, finite float, dict with str keys   as JSON has them
    int beyond, other float (nan with its bits, inf), complex               {"$": "int", "v": "0x…"} …
    str with lone surrogates, bytes, bytearray                              base64
    tuple, set, frozenset, other dict, range                                their items; sets sorted by their text
    date, datetime (with fold), time, timedelta, timezone, ZoneInfo         ISO text or numbers, zones by key
    Decimal, UUID, paths, Ellipsis, NotImplemented                          text
    dataclasses, enums                                                      only of classes that ``types`` knows

Subclasses of these are refused.  A value that is shared comes back as copies, one that contains itself is refused.  On
the arrow: *encode* and *decode*.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import pathlib
import reprlib
import struct
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol, cast

from whorl.formats.schema.loss import Loss
from whorl.formats.schema.records import record_from, record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from uuid import UUID
    from zoneinfo import ZoneInfo

TAG = "$"
_MARK = f'"{TAG}"'
_decode = json.JSONDecoder().decode  # as json.loads, which looks at its options each time
_ATOMS = frozenset({type(None), bool})
_LEAVES = _ATOMS | {int, float, str}
_PATHS = ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")
# Python 3.13 moved the classes to a module within pathlib.
_PATH_MODULES = ("pathlib", "pathlib._local")
_LIMIT = 1 << 63
_QUIET_NAN = struct.pack(">d", math.nan)
# A value shared at many places is written out at each; more of this than here is no longer data but a bomb.
_MOST_REPEATS = 1_000_000


class Extra(Protocol):
    """More types than the builtin ones."""

    def pack(self, value: object) -> tuple[str, object] | None:
        """Give a tag and a tree, or None for a value that is not of these types either; or raise ``Loss``."""
        ...

    def unpack(self, tag: str, tree: object) -> object:
        """Make the value of a tag and a tree."""
        ...


@dataclass(slots=True)
class _Packing:
    """One walk down a value: what it may meet, and where it is."""

    types: Mapping[type, str]
    extra: Extra | None
    place: list[object]
    above: set[int] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)
    repeats: int = 0

    def tree(self, value: object) -> object:
        kind = type(value)
        if kind in _ATOMS:
            return value
        packer = _PACKERS.get(kind)
        return packer(value, self) if packer else _pack_other(value, self)

    def child(self, value: object, segment: object) -> object:
        self.place.append(segment)
        tree = self.tree(value)
        self.place.pop()
        return tree

    def children(self, values: Iterable[object]) -> list[object]:
        return [self.child(value, place) for place, value in enumerate(values)]

    def enter(self, container: object) -> None:
        mark = id(container)
        if mark in self.above:
            raise self.loss("contains itself")
        self.repeats += mark in self.seen
        if self.repeats > _MOST_REPEATS:
            raise self.loss("is made of parts that are shared more than a million times")
        self.above.add(mark)
        self.seen.add(mark)

    def leave(self, container: object) -> None:
        self.above.discard(id(container))

    def where(self) -> str:
        # Segments are written out here alone, for nearly no walk ends in a loss.
        return f"{self.place[0]}{''.join(f'[{reprlib.repr(place)}]' for place in self.place[1:])}"

    def loss(self, what: str) -> Loss:
        return Loss(f"{self.where()} {what}")


def is_plain(kind: type) -> bool:
    """Say whether values of a type have a form here, whatever is in them."""
    return kind in _ATOMS or kind in _PACKERS or f"{kind.__module__}.{kind.__qualname__}" in _LATE_PACKERS


def pack(
    value: object, *, types: Mapping[type, str] | None = None, extra: Extra | None = None, place: str = ""
) -> object:
    """
    Make a tree of what JSON has; raise ``Loss`` with the place inside the value that cannot be packed.

    ``types`` gives the names of the dataclasses and enums that may be written, ``extra`` packs further types.
    """
    return _Packing(types or {}, extra, [place or "the value"]).tree(value)


def unpack(tree: object, *, types: Mapping[str, type] | None = None, extra: Extra | None = None) -> object:
    """Make the value of a tree whose objects are still those of JSON."""
    return read(json.dumps(tree), types=types, extra=extra)


def read(text: str | bytes, *, types: Mapping[str, type] | None = None, extra: Extra | None = None) -> object:
    """Make the value of a JSON text; objects are converted from the inside out, while the text is parsed."""
    text = text if isinstance(text, str) else text.decode()
    if _MARK not in text:
        return _decode(text)
    return json.loads(text, object_hook=lambda tree: _unpack(tree, types or {}, extra))


def _tagged(tag: str, tree: object) -> dict[str, object]:
    return {TAG: tag, "v": tree}


def _unpack(tree: dict[str, object], types: Mapping[str, type], extra: Extra | None) -> object:
    tag = tree.get(TAG)
    if tag is None:
        return tree
    unpacker = _UNPACKERS.get(cast("str", tag))
    if unpacker is not None:
        return unpacker(tree["v"])
    if tag == "record":
        return record_from(cast("str", tree["t"]), tree["v"], types)
    if extra is None:
        raise ValueError(f"nothing here knows values tagged {tag!r}")
    return extra.unpack(cast("str", tag), tree["v"])


def _pack_int(value: int, _: _Packing) -> object:
    return value if -_LIMIT <= value < _LIMIT else _tagged("int", hex(value))


def float_text(value: float) -> str:
    """Write a float with its bits, also where it is a NaN that is not the usual one."""
    if math.isnan(value) and (bits := struct.pack(">d", value)) != _QUIET_NAN:
        return f"nan:{bits.hex()}"
    return repr(value)


def float_of(text: str) -> float:
    """Read what ``float_text`` wrote."""
    if text.startswith("nan:"):
        return cast("float", struct.unpack(">d", bytes.fromhex(text[4:]))[0])
    return float(text)


def _pack_float(value: float, _: _Packing) -> object:
    return value if math.isfinite(value) else _tagged("float", float_text(value))


def _pack_complex(value: complex, _: _Packing) -> object:
    return _tagged("complex", [float_text(value.real), float_text(value.imag)])


def _pack_str(value: str, _: _Packing) -> object:
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        # Two lone surrogates side by side would be read as one character, so the code points are kept apart.
        return _tagged("str", base64.b64encode(value.encode("utf-32-le", "surrogatepass")).decode())
    return value


def _pack_bytes(value: bytes | bytearray, _: _Packing) -> object:
    return _tagged(type(value).__name__, base64.b64encode(value).decode())


def _pack_list(value: list[object], walk: _Packing) -> object:
    if set(map(type, value)) <= _LEAVES:
        return list(map(walk.tree, value))
    walk.enter(value)
    tree = walk.children(value)
    walk.leave(value)
    return tree


def _pack_tuple(value: tuple[object, ...], walk: _Packing) -> object:
    walk.enter(value)
    tree = walk.children(value)
    walk.leave(value)
    return _tagged("tuple", tree)


def _pack_set(value: set[object] | frozenset[object], walk: _Packing) -> object:
    # Sorted by their text, for the order of a set depends on PYTHONHASHSEED.
    trees = [walk.child(item, item) for item in value]
    return _tagged(type(value).__name__, sorted(trees, key=json.dumps))


def _pack_dict(value: dict[object, object], walk: _Packing) -> object:
    walk.enter(value)
    keys = [walk.child(key, key) for key in value]
    values = [walk.child(item, key) for key, item in value.items()]
    walk.leave(value)
    if TAG not in value and all(type(key) is str for key in keys):
        return dict(zip(cast("list[str]", keys), values, strict=True))
    return _tagged("dict", list(zip(keys, values, strict=True)))


def _pack_range(value: range, _: _Packing) -> object:
    return _tagged("range", [hex(value.start), hex(value.stop), hex(value.step)])


def _pack_date(value: dt.date, _: _Packing) -> object:
    return _tagged("date", value.isoformat())


def _pack_clock(value: dt.datetime | dt.time, walk: _Packing) -> object:
    zone = walk.child(value.tzinfo, "tzinfo")
    return _tagged(type(value).__name__, [value.replace(tzinfo=None).isoformat(), value.fold, zone])


def _pack_timedelta(value: dt.timedelta, _: _Packing) -> object:
    return _tagged("timedelta", [value.days, value.seconds, value.microseconds])


def _pack_timezone(value: dt.timezone, walk: _Packing) -> object:
    # The arguments that would make it again: with its name only if it was given one.
    arguments = cast("tuple[object, ...]", value.__getinitargs__())  # type: ignore[attr-defined]
    return _tagged("timezone", walk.children(arguments))


def _pack_text(value: object, walk: _Packing) -> object:
    return _tagged(type(value).__name__, _pack_str(str(value), walk))


def _pack_uuid(value: UUID, _: _Packing) -> object:
    return _tagged("UUID", [value.hex, value.is_safe.name])


def _pack_zone(value: ZoneInfo, walk: _Packing) -> object:
    if value.key is None:
        raise walk.loss("is a ZoneInfo without a key")
    return _tagged("ZoneInfo", value.key)


def _pack_other(value: object, walk: _Packing) -> object:
    kind = type(value)
    qualified = f"{kind.__module__}.{kind.__qualname__}"
    packer = _LATE_PACKERS.get(qualified)
    if packer:
        return packer(value, walk)
    if kind in walk.types:
        walk.enter(value)
        tree = record_of(value, walk.child, walk.loss)
        walk.leave(value)
        return {TAG: "record", "t": walk.types[kind], "v": tree}
    try:
        packed = walk.extra.pack(value) if walk.extra else None
    except Loss as loss:
        raise Loss(f"{walk.where()}: {loss.what}", loss.keeper) from loss.__cause__
    if packed is None:
        raise walk.loss(f"is of type {qualified}")
    return _tagged(*packed)


def _unpack_clock(kind: type[dt.datetime | dt.time]) -> Callable[[object], object]:
    def unpacker(tree: object) -> object:
        text, fold, zone = cast("tuple[str, int, dt.tzinfo | None]", tree)
        return kind.fromisoformat(text).replace(fold=fold, tzinfo=zone)

    return unpacker


def _unpack_uuid(tree: object) -> object:
    from uuid import UUID, SafeUUID

    text, safe = cast("tuple[str, str]", tree)
    return UUID(hex=text, is_safe=SafeUUID[safe])


def _unpack_zone(key: object) -> object:
    from zoneinfo import ZoneInfo

    return ZoneInfo(cast("str", key))


_PACKERS = cast(
    "dict[type, Callable[[object, _Packing], object]]",
    {
        int: _pack_int,
        float: _pack_float,
        complex: _pack_complex,
        str: _pack_str,
        bytes: _pack_bytes,
        bytearray: _pack_bytes,
        list: _pack_list,
        tuple: _pack_tuple,
        set: _pack_set,
        frozenset: _pack_set,
        dict: _pack_dict,
        range: _pack_range,
        dt.date: _pack_date,
        dt.datetime: _pack_clock,
        dt.time: _pack_clock,
        dt.timedelta: _pack_timedelta,
        dt.timezone: _pack_timezone,
        Decimal: _pack_text,
    },
)
# Types whose modules need not be imported to know that a value is not one of theirs.
_LATE_PACKERS = cast(
    "dict[str, Callable[[object, _Packing], object]]",
    {
        "uuid.UUID": _pack_uuid,
        "zoneinfo.ZoneInfo": _pack_zone,
        "builtins.ellipsis": _pack_text,
        "builtins.NotImplementedType": _pack_text,
        **{f"{module}.{name}": _pack_text for module in _PATH_MODULES for name in _PATHS},
    },
)
_UNPACKERS = cast(
    "dict[str, Callable[[object], object]]",
    {
        "int": lambda text: int(text, 16),
        "float": float_of,
        "complex": lambda parts: complex(*map(float_of, parts)),
        "str": lambda text: base64.b64decode(text).decode("utf-32-le", "surrogatepass"),
        "bytes": base64.b64decode,
        "bytearray": lambda text: bytearray(base64.b64decode(text)),
        "tuple": tuple,
        "set": set,
        "frozenset": frozenset,
        "dict": dict,
        "range": lambda parts: range(*(int(part, 16) for part in parts)),
        "date": dt.date.fromisoformat,
        "datetime": _unpack_clock(dt.datetime),
        "time": _unpack_clock(dt.time),
        "timedelta": lambda parts: dt.timedelta(*parts),
        "timezone": lambda parts: dt.timezone(*parts),
        "Decimal": Decimal,
        "UUID": _unpack_uuid,
        "ZoneInfo": _unpack_zone,
        "ellipsis": lambda _: ...,
        "NotImplementedType": lambda _: NotImplemented,
        **{name: getattr(pathlib, name) for name in _PATHS},
    },
)
