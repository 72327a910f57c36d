"""
Objects of the standard library in, descriptions out: dates, numbers, paths, patterns, partials and their like.

Time zones count by their identity, decimals by every digit (``1.0`` is not ``1.00``), paths by their text, enum members
by name and value, wrappers by what they wrap.  Names are written out here, since modules of the standard library move
(``pathlib._local``).  On the arrow: inside *digest values*.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from whorl.fingerprint.describe_instance import refuse
from whorl.fingerprint.description import attributes, buffer, full_name, items, leaf, node
from whorl.fingerprint.folders import behind_project
from whorl.fingerprint.subclasses import besides

if TYPE_CHECKING:
    import array
    import datetime as dt
    import enum
    import io
    import pathlib
    from collections.abc import Iterable
    from types import CodeType

    from whorl.digest import Digest
    from whorl.fingerprint.description import Describer, Description


def describe_enum(member: enum.Enum) -> Description:
    """Describe an enum member by its name and its value."""
    return node(full_name(type(member)), [(".name", member._name_), (".value", member._value_)])


def describe_path(path: pathlib.PurePath) -> Description:
    """Describe a path by its text, the same on every system; paths of own classes with their state."""
    kind = type(path)
    if kind.__module__.partition(".")[0] != "pathlib":
        # Paths remember what they were asked for in slots of pathlib's.
        return node(full_name(kind), [("", str(path)), *besides(path, "pathlib")])
    name = "pathlib.Path" if kind.__name__ in ("PosixPath", "WindowsPath") else f"pathlib.{kind.__name__}"
    behind = behind_project(str(path))
    return leaf(name, path.as_posix()) if behind is None else leaf(f"{name} below the project", behind)


def _describe_digest(digest: Digest) -> Description:
    return leaf("whorl.Digest", digest)


def _describe_sentinel(_: object) -> Description:
    return leaf("object")


def _describe_code(obj: CodeType) -> Description:
    from whorl.fingerprint.references import read_code

    return leaf("code", read_code(obj).digest)


# ── dates ──


def _describe_date(date: dt.date) -> Description:
    return leaf("datetime.date", date.isoformat())


def _describe_datetime(moment: dt.datetime | dt.time) -> Description:
    name = f"datetime.{type(moment).__name__}"
    text = f"{moment.replace(tzinfo=None).isoformat()} {moment.fold}"
    return leaf(name, text) if moment.tzinfo is None else node(name, [("", text), (".tzinfo", moment.tzinfo)])


def _describe_timedelta(delta: dt.timedelta) -> Description:
    return leaf("datetime.timedelta", f"{delta.days} {delta.seconds} {delta.microseconds}")


def _describe_timezone(zone: dt.timezone) -> Description:
    return node("datetime.timezone", [(".offset", zone.utcoffset(None)), (".name", zone.tzname(None))])


def _describe_zoneinfo(zone: Any) -> Description:
    if zone.key is None:
        raise refuse(type(zone), "a zone that was read from a file has no name")
    return leaf("zoneinfo.ZoneInfo", zone.key)


# ── numbers and text ──


def _describe_text(name: str) -> Describer:
    return lambda obj: leaf(name, str(obj))


def _describe_pattern(pattern: Any) -> Description:
    return node("re.Pattern", attributes(pattern, "pattern", "flags"))


def _describe_range(numbers: range) -> Description:
    return leaf("range", f"{numbers.start} {numbers.stop} {numbers.step}")


def _describe_array(numbers: array.array[Any]) -> Description:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return buffer("array.array", [numbers.typecode, numbers.itemsize], numbers)


def _describe_memory(view: memoryview) -> Description:
    memory = view if view.c_contiguous else view.tobytes()
    return buffer("memoryview", [view.format, view.itemsize, view.shape, view.readonly], memory)


def _describe_file_in_memory(file: io.BytesIO | io.StringIO) -> Description:
    name = f"io.{type(file).__name__}"
    if file.closed:
        return leaf(f"{name}, closed")
    return node(name, [(".value", file.getvalue()), (".position", file.tell()), *items(vars(file).items())])


def _describe_hasher(hasher: Any) -> Description:
    return node("hashlib", [*attributes(hasher, "name"), (".digest", hasher.digest())])


# ── containers ──


def _describe_items(name: str) -> Describer:
    def describe(view: Iterable[object]) -> Description:
        return node(name, [("", list(view))])

    return describe


def _describe_proxy(proxy: Any) -> Description:
    return node("types.MappingProxyType", [("", dict(proxy.items()))])


def _describe_namespace(namespace: object) -> Description:
    return node("types.SimpleNamespace", items(vars(namespace).items()))


def _describe_deque(queue: Any) -> Description:
    return node("collections.deque", [("", list(queue)), (".maxlen", queue.maxlen)])


def _describe_ordered(mapping: Any) -> Description:
    return node("collections.OrderedDict", [("", dict(mapping.items())), *items(vars(mapping).items())])


# ── code with values ──


def _describe_fields(name: str, *fields: str) -> Describer:
    return lambda obj: node(name, attributes(obj, *fields))


def _describe_partial(partial: Any) -> Description:
    return node("functools.partial", [*attributes(partial, "func", "args", "keywords"), *items(vars(partial).items())])


def _describe_type_variable(variable: Any) -> Description:
    names = ("__bound__", "__constraints__", "__covariant__", "__contravariant__", "__infer_variance__", "__default__")
    # Which of these there are depends on the kind, and on Python.
    held = [(f".{name}", getattr(variable, name)) for name in names if hasattr(variable, name)]
    return node(f"typing.{type(variable).__name__}", [(".__name__", variable.__name__), *held])


# By module and qualified name, so that none of these modules is imported before one of its objects is met.
STANDARD: dict[tuple[str, str], Describer] = {
    ("whorl.digest", "Digest"): _describe_digest,
    ("builtins", "object"): _describe_sentinel,
    ("builtins", "code"): _describe_code,
    ("builtins", "range"): _describe_range,
    ("builtins", "slice"): _describe_fields("slice", "start", "stop", "step"),
    ("builtins", "memoryview"): _describe_memory,
    ("builtins", "dict_keys"): _describe_items("dict_keys"),
    ("builtins", "dict_values"): _describe_items("dict_values"),
    ("builtins", "dict_items"): _describe_items("dict_items"),
    ("builtins", "mappingproxy"): _describe_proxy,
    ("builtins", "method"): _describe_fields("method", "__func__", "__self__"),
    ("builtins", "method-wrapper"): _describe_fields("method-wrapper", "__name__", "__self__"),
    ("builtins", "property"): _describe_fields("property", "fget", "fset", "fdel"),
    ("builtins", "staticmethod"): _describe_fields("staticmethod", "__func__"),
    ("builtins", "classmethod"): _describe_fields("classmethod", "__func__"),
    ("types", "SimpleNamespace"): _describe_namespace,
    ("types", "GenericAlias"): _describe_fields("types.GenericAlias", "__origin__", "__args__"),
    ("types", "UnionType"): _describe_fields("types.UnionType", "__args__"),
    # These pickle as their name; what stands under it decides what pydantic and its like make of a class.
    ("typing", "NewType"): _describe_fields("typing.NewType", "__module__", "__name__", "__supertype__"),
    ("typing", "TypeVar"): _describe_type_variable,
    ("typing", "ParamSpec"): _describe_type_variable,
    ("typing", "TypeVarTuple"): _describe_type_variable,
    ("typing", "TypeAliasType"): _describe_fields("typing.TypeAliasType", "__name__", "__value__", "__type_params__"),
    # Besides its text it holds what it was resolved to, once somebody asked.
    ("typing", "ForwardRef"): _describe_fields("typing.ForwardRef", "__forward_arg__"),
    ("annotationlib", "ForwardRef"): _describe_fields("typing.ForwardRef", "__forward_arg__"),
    ("datetime", "date"): _describe_date,
    ("datetime", "datetime"): _describe_datetime,
    ("datetime", "time"): _describe_datetime,
    ("datetime", "timedelta"): _describe_timedelta,
    ("datetime", "timezone"): _describe_timezone,
    ("zoneinfo", "ZoneInfo"): _describe_zoneinfo,
    ("decimal", "Decimal"): _describe_text("decimal.Decimal"),
    ("fractions", "Fraction"): _describe_text("fractions.Fraction"),
    ("ipaddress", "IPv4Address"): _describe_text("ipaddress.IPv4Address"),
    ("ipaddress", "IPv6Address"): _describe_text("ipaddress.IPv6Address"),
    ("re", "Pattern"): _describe_pattern,
    ("re", "Match"): _describe_fields("re.Match", "re", "string", "pos", "endpos", "regs"),
    ("_io", "BytesIO"): _describe_file_in_memory,
    ("_io", "StringIO"): _describe_file_in_memory,
    ("_hashlib", "HASH"): _describe_hasher,
    ("_hashlib", "HMAC"): _describe_hasher,
    ("_struct", "Struct"): _describe_fields("struct.Struct", "format"),
    ("array", "array"): _describe_array,
    ("collections", "deque"): _describe_deque,
    ("collections", "OrderedDict"): _describe_ordered,
    ("functools", "partial"): _describe_partial,
    ("functools", "partialmethod"): _describe_fields("functools.partialmethod", "func", "args", "keywords"),
    ("functools", "cached_property"): _describe_fields("functools.cached_property", "func", "attrname"),
    ("functools", "singledispatchmethod"): _describe_fields("functools.singledispatchmethod", "dispatcher", "func"),
}
