"""
A value goes in, payload files come out, and back: what a format is, and which one a value gets.

The step ``encode`` and ``decode`` of the arrow.  The law of every format:
``hash_value(decode(encode(value))) == hash_value(value)``, or ``encode`` raises a ``FormatError`` that names what would
be lost.  Built-in formats are a table of names, each imported when it is first used; others come from
``register_format`` or from the entry-point group ``whorl.formats``.  Which format a value gets is read from the name of
its type, so that no library is imported to find out that a value is not one of its own.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from whorl.errors import FormatError
from whorl.format_options import OPTIONS, fault_of_name, fault_of_value
from whorl.format_options import closest as closest  # noqa: PLC0414 - formats take it from here
from whorl.nuthatch_words import words_called
from whorl.plugins import load_or_skip, scan
from whorl.typenames import type_name
from whorl.wish import PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from whorl.errors import CorruptEntryError
    from whorl.wish import Wish

ENTRY_POINTS = "whorl.formats"

_MODULES = {
    "arrow": "whorl.formats.arrow",
    "csv": "whorl.formats.csv",
    "delta": "whorl.formats.delta",
    "excel": "whorl.formats.excel",
    "feather": "whorl.formats.feather",
    "file": "whorl.formats.file",
    "hdf": "whorl.formats.hdf",
    "html": "whorl.formats.html",
    "json": "whorl.formats.json",
    "netcdf": "whorl.formats.netcdf",
    "npy": "whorl.formats.npy",
    "orc": "whorl.formats.orc",
    "parquet": "whorl.formats.parquet",
    "pickle": "whorl.formats.pickle",
    "sql": "whorl.formats.sql",
    "stata": "whorl.formats.stata",
    "terracotta": "whorl.formats.terracotta",
    "xml": "whorl.formats.xml",
    "zarr": "whorl.formats.zarr",
}
_TABLES = ("DataFrame", "Series")
_PLAIN = (
    "NoneType",
    "bool",
    "int",
    "float",
    "complex",
    "str",
    "bytes",
    "list",
    "tuple",
    "dict",
    "set",
    "frozenset",
    "range",
)
_DATES = ("date", "datetime", "time", "timedelta", "timezone")
_DEFAULTS = {
    **{f"pandas.{name}": "parquet" for name in _TABLES},
    **{f"geopandas.Geo{name}": "parquet" for name in _TABLES},
    "pyarrow.Table": "parquet",
    "polars.DataFrame": "parquet",
    "polars.LazyFrame": "parquet",
    **{f"{library}.DataFrame": "parquet" for library in ("dask", "dask_expr")},
    "numpy.ndarray": "npy",
    **{f"xarray.{name}": "zarr" for name in ("Dataset", "DataArray")},
    **{f"builtins.{name}": "json" for name in _PLAIN},
    **{f"datetime.{name}": "json" for name in _DATES},
    "decimal.Decimal": "json",
    "uuid.UUID": "json",
    "zoneinfo.ZoneInfo": "json",
    **{f"pathlib.{name}": "json" for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")},
    "whorl.StoredPath": "file",
}


class PayloadWriter(Protocol):
    """Where a format puts the files of one payload; a file's digest is taken when it is complete."""

    @property
    def folder(self) -> Path:
        """The folder that the files are in until they are committed."""
        ...

    def write(self, name: str, data: bytes | memoryview) -> None:
        """Write one whole file."""
        ...

    def path(self, name: str) -> Path:
        """Give the path of a file that a library is going to write itself."""
        ...


class LazyFiles(Protocol):
    """
    The files of one payload for a value that reads them when it needs them, long after ``decode`` has returned.

    Each is checked when it is read, in whatever process: these can be pickled, as dask does with what its workers
    read.  A file that is listed and is missing, cut off or changed raises ``CorruptEntryError``.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files."""
        ...

    def size(self, name: str) -> int:
        """Return the bytes of one file."""
        ...

    def read(self, name: str) -> bytes:
        """Read one whole file; any thread may."""
        ...

    def refuted(self, what: str, error: CorruptEntryError) -> CorruptEntryError:
        """Have the entry moved aside for ``what`` the files lead to, such as a table; give the error that says so."""
        ...


class PayloadReader(Protocol):
    """The files of one payload, each checked against the digest in the manifest before it is handed out."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files."""
        ...

    def size(self, name: str) -> int:
        """Return the bytes of one file, so that a small one can be read and a large one mapped."""
        ...

    def read(self, name: str) -> bytes:
        """Read one whole file."""
        ...

    @property
    def stays(self) -> bool:
        """Whether paths lead into the payload itself; else they may be gone once ``decode`` has returned."""
        ...

    def path(self, name: str) -> Path:
        """Give a path to one file, not to be changed."""
        ...

    def lazy(self) -> LazyFiles:
        """Give the same files for later."""
        ...


class Format(Protocol):
    """
    How values of some types become payload files and back.

    ``decode`` returns a value of the caller's own: it shares no memory that another consumer could change.
    """

    @property
    def name(self) -> str:
        """The name that users give, and that the manifest records."""
        ...

    @property
    def suffix(self) -> str:
        """How the name of the main payload file ends, with its dot."""
        ...

    @property
    def exact(self) -> bool:
        """Whether ``encode`` succeeds only where ``decode`` gives a value of the same digest."""
        ...

    @property
    def runs_code(self) -> bool:
        """Whether ``decode`` may run code that the payload names or brings; a format that does not say may."""
        ...

    def accepts(self, value: object) -> bool:
        """Say whether values of this type are the format's business; ``encode`` may still refuse one."""
        ...

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        """Write the payload of a value, or raise ``FormatError`` and say what would be lost."""
        ...

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:
        """Read the value of a payload."""
        ...


class PartialFormat(Format, Protocol):
    """A format that can leave out, or read as another type than the stored one, what a caller does not want."""

    def decode_part(self, reader: PayloadReader, options: Mapping[str, object], wish: Wish) -> object:
        """Read at least what is wished for; what lies outside of the windows may be there as well."""
        ...


_registered: dict[str, Format] = {}


def register_format(format: Format) -> None:  # noqa: A002 - the word of architecture.md
    """
    Make a format known under its name, in this process.

    It also becomes the default of values that it accepts and that no built-in format but pickle is the default of.
    """
    if format.name in _MODULES:
        raise FormatError(f"a format named {format.name!r} is built in", tip="give the new format another name")
    _registered[format.name] = format


def format_named(name: str) -> Format:
    """Find a format by the name that a user or a manifest gives."""
    if name in _MODULES:
        return _built_in(name)
    found = _registered.get(name) or _plugin(name)
    if found is None:
        raise _unknown(name)
    return found


def runs_code(name: str) -> bool:
    """Whether decoding a format may run code: what is unknown, or does not say, may."""
    try:
        return bool(getattr(format_named(name), "runs_code", True))
    except FormatError:
        return True


def decode_as(chosen: Format, reader: PayloadReader, options: Mapping[str, object], wish: Wish) -> object:
    """
    Read a payload as it is wished for; a format that always reads everything gives it all.

    Raises FormatError where the value cannot be had as the type that is wished for.
    """
    if wish is PLAIN or wish == PLAIN or not hasattr(chosen, "decode_part"):
        value = chosen.decode(reader, options)
    else:
        value = cast("PartialFormat", chosen).decode_part(reader, options, wish)
    if not wish.engine:
        return value
    from whorl.formats.schema.engines import convert

    return convert(value, wish.engine)


def gives_back(chosen: Format, options: Mapping[str, object]) -> bool:
    """Whether decoding gives what was encoded, down to how it is held: then it need not be decoded after encoding."""
    other = getattr(chosen, "gives_other_arrays", None)
    return chosen.exact and not (other is not None and other(options))


def options_for(chosen: Format, options: Mapping[str, object], arguments: Mapping[str, object]) -> Mapping[str, object]:
    """
    Settle the options that depend on the arguments of a call, before anything is encoded.

    What this gives is what ``encode`` and ``decode`` get, and what the manifest records.
    """
    settle = getattr(chosen, "options_for", None)
    return options if settle is None else cast("Mapping[str, object]", settle(options, arguments))


def digests_stored(chosen: Format) -> bool:
    """Whether the digest of a value is that of what was stored of it, and is taken when it has been encoded."""
    return bool(getattr(chosen, "digests_stored", False))


def main_file(chosen: Format, names: tuple[str, ...], read: Callable[[str], bytes]) -> str:
    """
    Name the file of a payload that other programs open: relative to the payload, empty for the payload as a whole.

    ``read`` gives the bytes of a payload file.
    """
    choose = getattr(chosen, "main_file", None)
    if choose is not None:
        return cast("str", choose(names, read))
    own = [name for name in names if "/" not in name and name.endswith(chosen.suffix)]
    return own[0] if len(own) == 1 else ""


def with_types(chosen: Format, options: Mapping[str, object], types: Callable[[], object]) -> Mapping[str, object]:
    """
    Add the classes that a stage's code refers to, for a format that makes instances of classes.

    ``types`` in options, which may be a manifest's, never count: which classes there are is not for a file to say.
    """
    known = {name: value for name, value in options.items() if name != "types"}
    return {**known, "types": types()} if getattr(chosen, "takes_types", False) else known


def format_for(value: object) -> Format:
    """Choose the default format of a value."""
    return candidates(value)[0]


def candidates(value: object) -> list[Format]:
    """
    List the formats to try for a value when its user has named none, best first.

    A later one is for values that the earlier ones refuse; the last is pickle.  A format that was named never gives
    way to another.
    """
    default = _DEFAULTS.get(type_name(type(value)))
    if default is None and _is_record(value):
        default = "json"
    first = [_built_in(default)] if default else [found for found in _extensions() if found.accepts(value)]
    return [*first, _built_in("pickle")]


def check_options(chosen: Format, options: Mapping[str, object], known: Iterable[str]) -> None:
    """
    Refuse an option that a format does not have, or that cannot be what it is said to be.

    ``types``, which comes from the stage's code, is no option.
    """
    for option, value in options.items():
        if option == "types":
            continue
        fault = fault_of_name(chosen.name, option, known) or fault_of_value(chosen.name, option, value)
        if fault:
            raise FormatError(*fault)


def check_declared(name: str, options: Mapping[str, object]) -> None:
    """Refuse a format that nobody knows, and options that a built-in one does not have, before anything is computed."""
    chosen = format_named(name)
    if name in OPTIONS:
        check_options(chosen, words_called(name, options), OPTIONS[name])


def split_names(options: Mapping[str, object]) -> tuple[str, ...]:
    """Read the option ``split_by``: the name of an axis, or several of which the first that a value has counts."""
    given = options.get("split_by", ())
    names = (given,) if isinstance(given, str) else given
    if not isinstance(names, (tuple, list)) or not all(isinstance(name, str) for name in names):
        raise FormatError(f"the option split_by is {given!r}, not a name or a list of names")
    return tuple(names)


@cache
def _built_in(name: str) -> Format:
    return cast("Format", import_module(_MODULES[name]).FORMAT)


def _is_record(value: object) -> bool:
    kind = type(value)
    return hasattr(kind, "__dataclass_fields__") or hasattr(kind, "_member_map_")


def _extensions() -> Iterator[Format]:
    yield from _registered.values()
    yield from (found for name, found in _plugins().items() if name not in _registered)


def _plugin(name: str) -> Format | None:
    """Load the one plugin of this name; unlike in a scan, a broken one is an error, for it was asked for."""
    from importlib.metadata import entry_points

    for entry in entry_points(group=ENTRY_POINTS, name=name):
        try:
            return _instance(entry.load())
        except Exception as error:
            raise FormatError(f"the format {name!r} cannot be loaded from {entry.value}", repr(error)) from error
    return None


@cache
def _plugins() -> dict[str, Format]:
    found = {entry.name: load_or_skip(entry, "format", _instance) for entry in scan(ENTRY_POINTS)}
    return {name: plugin for name, plugin in found.items() if plugin is not None}


def _instance(loaded: object) -> Format:
    """Take an entry point's object: a format, or a class or function that makes one."""
    return cast("Format", loaded if hasattr(loaded, "encode") and not isinstance(loaded, type) else loaded())  # type: ignore[operator]


def _unknown(name: str) -> FormatError:
    from importlib.metadata import entry_points

    known = sorted({*_MODULES, *_registered, *entry_points(group=ENTRY_POINTS).names})
    return FormatError(
        f"unknown format {name!r}", f"the formats known here are {', '.join(known)}", closest(name, known)
    )
