"""
Any value comes in that pickle can take, a pickle and its large buffers go out, and back.

==================================  ====================================================================
builtin, stdlib, numpy, pandas …    kept, with everything that is shared in them
instances of other classes          kept if they come back with the same digest; the class is found by name
arrays of a MiB and more            in files of their own, not copied on the way; mapped copy-on-write when large
functions and classes               by name, those of ``__main__`` by the name that an import would use
lazy variables of xarray            loaded, when they are a part of something else
plans and handles, at any depth     refused: what they give would be anew each time, out of whatever lies there then
lambdas, open files, locks …        refused
==================================  ====================================================================

Values share memory with nobody.  A value that has no digest cannot be compared and is kept as pickle gives it.
There are no options.  Decoding runs code: the store decides which pickles may be decoded.  On the arrow: *encode* and
*decode*.
"""

from __future__ import annotations

import io
import pickle
import sys
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING

from whorl.errors import FormatError, UndigestableError
from whorl.fingerprint.boundary import canonical_module
from whorl.fingerprint.kinds import MAINS, top_of
from whorl.fingerprint.lazy import is_lazy, is_plan
from whorl.fingerprint.values import hash_value
from whorl.formats.base import check_options
from whorl.formats.schema.loss import Loss, passing, refusing
from whorl.formats.schema.payload import private_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from whorl.formats.base import Format, PayloadReader, PayloadWriter

_FILE = "data.pickle"
_BUFFER = "buffer-{}.bin"
_OWN_FILE_FROM = 1 << 20
_MAIN = "__main__"
# Lazy arrays of other entries: their numbers are kept, for those entries may go.
_LAZY = "whorl.formats.schema.lazy_zarr"
# Their pickling keeps what their digest sees: tests/contracts round-trips each of their types.
_TRUSTED = frozenset(
    ("builtins", "collections", "copyreg", "datetime", "decimal", "fractions", "numpy", "pandas", "pathlib", "pyarrow")
) | {"abc", "types", "uuid", "xarray", "zoneinfo"}


class Pickle:
    """The format ``pickle``."""

    name = "pickle"
    suffix = ".pickle"
    exact = True
    runs_code = True

    def accepts(self, value: object) -> bool:  # noqa: ARG002 - pickle decides when it tries
        """Take anything."""
        return True

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        """Write the pickle and its large buffers; instances of unknown classes are made again and compared."""
        check_options(self, options, ())
        with refusing(self.name, value):
            value = _computed(value)
            data, buffers, types = _dump(value)
            if not all(map(_is_trusted, types)):
                _check(value, data, buffers)
        writer.write(_FILE, data)
        for place, buffer in enumerate(buffers):
            writer.write(_BUFFER.format(place), buffer)

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:  # noqa: ARG002 - it has none
        """Make the value; the code of its classes runs."""
        buffers = [private_bytes(reader, _BUFFER.format(place)) for place in range(len(reader.names) - 1)]
        return _load(reader.read(_FILE), buffers)


def _computed(value: Any) -> Any:
    """Compute a lazy dataset as a whole: a task that several of its variables come of runs once."""
    if not (is_lazy(value) and top_of(type(value)) == "xarray"):
        return value
    with passing():
        return value.compute()


def _refuse_plan(kind: type) -> None:
    """Refuse what would be read anew each time, out of whatever lies there then."""
    if is_plan(kind):
        message = f"a {kind.__module__}.{kind.__qualname__} is no result: it is a plan, or a handle to something else"
        tip = "return its values, as .compute(), .collect(), .to_table() or array[:] give them"
        raise FormatError(message, "what it gives would not be stored", tip)


def _reducer_of(kind: type) -> Callable[[Any], Any] | None:
    """Find what takes lazy values of a type apart as loaded ones, or gives None for one that is loaded; mostly none."""
    if kind.__module__ == _LAZY and kind.__name__ == "LazyElements":
        return _reduce_elements
    named = {base.__name__ for base in kind.__mro__ if top_of(base) == "xarray"}
    if "Variable" in named:
        return _reduce_variable
    return _reduce_named_array if "NamedArray" in named else None


def _reduce_elements(elements: Any) -> Any:
    return elements.loaded()


def _reduce_variable(variable: Any) -> Any:
    if variable._in_memory:  # noqa: SLF001 - the public ways load it
        return None
    with passing():
        return variable.compute().__reduce_ex__(pickle.HIGHEST_PROTOCOL)


def _reduce_named_array(array: Any) -> Any:
    if type(array.data).__module__.partition(".")[0] not in ("xarray", "dask"):
        return None
    import numpy as np

    with passing():
        values = np.asarray(array.data)
    return array.copy(deep=False, data=values).__reduce_ex__(pickle.HIGHEST_PROTOCOL)


def _is_trusted(kind: type) -> bool:
    # Functions compiled by Cython are of types in modules named after its version; they are pickled by name.
    # A masked array forgets whether its mask is hard, a scalar of bytes or void the zeros at its end.
    if kind.__module__ == "numpy" and kind.__name__ in ("bytes_", "str_", "void"):
        return False
    module = kind.__module__.partition(".")[0]
    return (module in _TRUSTED or module.startswith("_cython_")) and not kind.__module__.startswith("numpy.ma")


def _dump(value: object) -> tuple[bytes, list[memoryview], set[type]]:
    """Give the pickle, the large buffers outside of it, and the types of the objects met."""
    buffers: list[memoryview] = []

    def keep_inside(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < _OWN_FILE_FROM:
            return True
        buffers.append(raw)
        return False

    file = io.BytesIO()
    pickler = _Pickler(file, protocol=5, buffer_callback=keep_inside)
    try:
        pickler.dump(value)
    except (RecursionError, FormatError):
        raise
    except Exception as error:  # the code of any class in the value runs here
        raise Loss(f"it cannot be pickled: {type(error).__name__}: {error}", "") from error
    return file.getvalue(), buffers, set(pickler.types)


def _load(data: bytes, buffers: list[memoryview]) -> object:
    return _Unpickler(io.BytesIO(data), buffers=buffers).load()


def _check(value: object, data: bytes, buffers: list[memoryview]) -> None:
    """Raise ``Loss`` unless the value comes back with its digest; one that has no digest has nothing to lose."""
    try:
        digest = hash_value(value)
    except UndigestableError:
        return
    try:
        decoded = _load(data, [buffer.toreadonly() for buffer in buffers])
    except Exception as error:
        raise Loss(f"it cannot be read back: {type(error).__name__}: {error}", "") from error
    if hash_value(decoded) != digest:
        raise Loss("it comes back as another value: what __getstate__ or __reduce__ leaves out would be lost", "")


class _Pickler(pickle.Pickler):
    """Collects the types met, and names what is in the script by the name under which it can be imported."""

    def __init__(self, file: io.BytesIO, **settings: Any) -> None:
        super().__init__(file, **settings)
        self.types: dict[type, Callable[[Any], Any] | None] = {}

    def reducer_override(self, thing: Any) -> Any:
        kind = type(thing)
        if kind not in self.types:
            _refuse_plan(kind)
            self.types[kind] = _reducer_of(kind)
        reduce = self.types[kind]
        if reduce is not None and (reduced := reduce(thing)) is not None:
            return reduced
        if getattr(thing, "__module__", None) in MAINS and isinstance(thing, type | FunctionType):
            name = canonical_module(_MAIN)
            if name != _MAIN and _found(_MAIN, thing.__qualname__) is thing:
                return find, (name, thing.__qualname__)
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    """Finds what is in the running script there, and does not import the script a second time."""

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] not in _TRUSTED and module == canonical_module(_MAIN):
            module = _MAIN
        return super().find_class(module, name)


def find(module: str, name: str) -> object:
    """Find a class or function that was pickled in a script, in the script where it is running, else by import."""
    return _found(_MAIN if module == canonical_module(_MAIN) else module, name)


def _found(module: str, name: str) -> object:
    thing: object = sys.modules.get(module) or import_module(module)
    for part in name.split("."):
        thing = getattr(thing, part, None)
    return thing


FORMAT: Format = Pickle()
