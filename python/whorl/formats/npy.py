"""
A numpy array comes in, one npy file goes out, and back, exactly.

==========================  ==========================================================
every dtype npy has         kept: byte order, datetimes, structures with their padding
order, shape                kept: Fortran order, zero dimensions, empty arrays
strides                     the array comes back contiguous
subclasses, object dtype    refused, as are dtypes with metadata and those of others
==========================  ==========================================================

A large file is mapped privately, copy-on-write: the array may be changed, and shares memory with nobody.  There are no
options.  On the arrow: *encode* and *decode*.
"""

from __future__ import annotations

import ast
import io
from typing import TYPE_CHECKING, cast

from whorl.formats.base import check_options
from whorl.formats.schema.loss import Loss, refusing
from whorl.formats.schema.payload import private_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import numpy as np

    from whorl.formats.base import Format, PayloadReader, PayloadWriter

_FILE = "data.npy"
_SMALL = 1 << 20
# Parsing takes many times its bytes; a structure of thousands of fields stays below this.
_HEADER_LIMIT = 1 << 20
_MAGIC = b"\x93NUMPY"


class Npy:
    """The format ``npy``."""

    name = "npy"
    suffix = ".npy"
    exact = True
    runs_code = False

    def accepts(self, value: object) -> bool:
        """Take arrays, not those of subclasses."""
        kind = type(value)
        return (kind.__module__, kind.__qualname__) == ("numpy", "ndarray")

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        """Write one file."""
        check_options(self, options, ())
        with refusing(self.name, value):
            if not self.accepts(value):
                raise Loss("it is not a numpy.ndarray, or of a subclass")
            array = cast("np.ndarray", value)
            _check_dtype(array.dtype)
            _write(array, writer)

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:  # noqa: ARG002 - it has none
        """Map or read the file."""
        import numpy as np

        data = private_bytes(reader, _FILE)
        header, start = _header(data)
        dtype = np.lib.format.descr_to_dtype(header["descr"])
        shape = cast("tuple[int, ...]", header["shape"])
        if dtype.hasobject:
            raise ValueError("a stored array has an object dtype")
        if 0 in shape:
            return np.empty(shape, dtype)
        if (
            not dtype.itemsize and dtype.kind in "SU"
        ):  # numpy would make each a byte: memory that the file does not have
            raise ValueError("a stored array has strings of no length")
        return np.ndarray(shape, dtype, data, start, order="F" if header["fortran_order"] else "C")


def _check_dtype(dtype: np.dtype) -> None:
    """Refuse a dtype whose description in the file would read as another one."""
    import numpy as np

    text = repr(dtype)
    if dtype.hasobject:
        raise Loss("Python objects in the array")
    if _has_metadata(dtype):
        raise Loss(f"the metadata of {text}")
    described = np.lib.format.dtype_to_descr(dtype)
    if repr(np.lib.format.descr_to_dtype(described)) != text:
        raise Loss(f"the dtype {text}")


def _has_metadata(dtype: np.dtype) -> bool:
    inner = [dtype.base] if dtype.subdtype else [field[0] for field in (dtype.fields or {}).values()]
    return bool(dtype.metadata) or any(map(_has_metadata, inner))


def _write(array: np.ndarray, writer: PayloadWriter) -> None:
    """Write in memory what may stand inline in a manifest, all else to its file."""
    import numpy as np

    if array.nbytes < _SMALL:
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array, allow_pickle=False)
        writer.write(_FILE, buffer.getvalue())
        return
    with writer.path(_FILE).open("wb") as file:
        np.lib.format.write_array(file, array, allow_pickle=False)


def _header(data: memoryview) -> tuple[dict[str, Any], int]:
    """Parse the header, and say where the data begins; numpy's own functions for it differ between its versions."""
    if data[:6] != _MAGIC:
        raise ValueError("a stored array does not begin as an npy file")
    major = data[6]
    start = 10 if major == 1 else 12
    end = start + int.from_bytes(data[8:start], "little")
    if end > min(len(data), _HEADER_LIMIT):
        raise ValueError("the header of a stored array is cut off or too long")
    text = bytes(data[start:end]).decode("utf-8" if major > 2 else "latin-1")  # noqa: PLR2004 - npy format 3
    return cast("dict[str, Any]", ast.literal_eval(text)), end


FORMAT: Format = Npy()
