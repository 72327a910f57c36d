"""
Arrow columns come in, numpy arrays that may be written to go out, without a copy where that is safe.

An Arrow buffer that was allocated for the caller is used as it is.  One that lies in a private, copy-on-write mapping
is reached through the mapping, for pyarrow marks every slice of it as read-only.  Anything else is copied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    Memory = np.ndarray


def numbers(column: pa.ChunkedArray, dtype: np.dtype, memory: Memory | None) -> np.ndarray:
    """Return the values of a column of fixed width; what stands at a null is undefined."""
    import numpy as np

    chunks = [chunk for chunk in column.chunks if len(chunk)]
    if len(chunks) == 1:
        return _numbers(chunks[0], dtype, memory)
    joined = np.empty(len(column), dtype)
    start = 0
    for chunk in chunks:
        joined[start : start + len(chunk)] = _view(chunk, dtype)
        start += len(chunk)
    return joined


def booleans(column: pa.ChunkedArray) -> np.ndarray:
    """Unpack the bits of a column without nulls."""
    import numpy as np

    return np.concatenate([np.empty(0, np.bool_), *(chunk.to_numpy(zero_copy_only=False) for chunk in column.chunks)])


def nulls(column: pa.ChunkedArray) -> np.ndarray:
    """Return where a column is null."""
    import numpy as np

    return booleans(column.is_null()) if column.null_count else np.zeros(len(column), np.bool_)


def _numbers(chunk: pa.Array, dtype: np.dtype, memory: Memory | None) -> np.ndarray:
    view = _view(chunk, dtype)
    if view.flags.writeable:
        return view
    start = view.ctypes.data - memory.ctypes.data if memory is not None else -1
    if memory is None or not 0 <= start <= len(memory) - view.nbytes:
        return view.copy()
    return memory[start : start + view.nbytes].view(dtype)


def _view(chunk: pa.Array, dtype: np.dtype) -> np.ndarray:
    import numpy as np

    return np.frombuffer(chunk.buffers()[1], dtype, len(chunk), chunk.offset * dtype.itemsize)
