"""
Arrays of any dtype come in, arrays of a dtype that zarr has go out, and back, element by element.

=========  ==========================================  =========================================
kind       elements                                    stands in the zarr as
=========  ==========================================  =========================================
number     bool, int, float, complex                   the same, little-endian
count      datetime64, timedelta64                     int64; NaT is the smallest
text       ``U`` and objects that are all ``str``      string
bytes      ``S``, ``V`` without fields                 uint8, with one more axis
json       other objects, if they are plain            string: each a JSON text
=========  ==========================================  =========================================

On the arrow: *encode* and *decode* of zarr.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from whorl.formats.schema.loss import Loss
from whorl.formats.schema.plain import pack, read
from whorl.formats.schema.scalars import SCALARS

if TYPE_CHECKING:
    import numpy as np

_KINDS = {"b": "number", "i": "number", "u": "number", "f": "number", "c": "number"} | {
    "M": "count",
    "m": "count",
    "U": "text",
    "O": "json",
    "S": "bytes",
    "V": "bytes",
}
STRING = "string"


@dataclass(frozen=True, slots=True)
class Elements:
    """How the elements of one array are kept: their kind, and the dtype that they come back with."""

    kind: str
    dtype: np.dtype

    @classmethod
    def of(cls, dtype: np.dtype, sample: np.ndarray | None) -> Elements:
        """Choose; ``sample`` has all elements where they are in memory."""
        kind = _KINDS.get(dtype.kind)
        if kind is None or dtype.fields or dtype.subdtype or dtype.metadata or not dtype.itemsize or _is_odd(dtype):
            raise Loss(f"the dtype {dtype!r}")
        if kind == "json" and sample is not None and _all_text(sample):
            kind = "text"
        return cls(kind, dtype)

    @classmethod
    def described(cls, kind: str, dtype: str) -> Elements:
        """Make what was written down; ``ValueError`` where nothing writes that."""
        import numpy as np

        found = np.dtype(dtype)
        if _KINDS.get(found.kind) != kind and (found.kind, kind) != ("O", "text"):
            raise ValueError(f"elements of {dtype} are not kept as {kind}")
        return cls(kind, found)

    @property
    def stored(self) -> Any:
        """The dtype in the zarr."""
        import numpy as np

        fixed = {"count": np.dtype("<i8"), "bytes": np.dtype("u1")}
        if self.kind == "number":
            return self.dtype.newbyteorder("<")
        return fixed.get(self.kind, STRING)

    @property
    def more(self) -> tuple[int, ...]:
        """The axis that the zarr has besides those of the array."""
        return (self.dtype.itemsize,) if self.kind == "bytes" else ()

    @property
    def fill(self) -> object:
        """What chunks that are not there are made of."""
        if self.kind in ("text", "json"):
            return ""
        return False if self.dtype.kind == "b" else 0

    @property
    def may_leave_out(self) -> bool:
        """Whether a chunk that equals the fill value is that to the last bit: -0.0 equals 0.0."""
        return self.dtype.kind not in "fc"

    def put(self, values: Any) -> Any:
        """Turn elements into what stands in the zarr."""
        import numpy as np

        values = np.asarray(values)
        if values.dtype != self.dtype:
            raise Loss(f"a part of the array has the dtype {values.dtype}, and the array {self.dtype}")
        if self.kind == "number":
            return values.astype(self.stored, copy=False)
        if self.kind == "count":
            return values.astype(self.dtype.newbyteorder("<"), copy=False).view("<i8")
        if self.kind == "bytes":
            flat = np.ascontiguousarray(values).reshape((*values.shape, 1))
            return flat.view("u1")
        return _texts(values, self.kind)

    def take(self, stored: Any) -> Any:
        """Turn what stands in the zarr into elements."""
        import numpy as np

        stored = np.asarray(stored)
        if self.kind == "number":
            return stored.astype(self.dtype, copy=False)
        if self.kind == "count":
            little = stored.astype("<i8", copy=False).view(self.dtype.newbyteorder("<"))
            return little.astype(self.dtype, copy=False)
        if self.kind == "bytes":
            return np.ascontiguousarray(stored).view(self.dtype)[..., 0]
        if self.kind == "text":
            # numpy makes other characters of a StringDType that is to be big-endian (2.4).
            return stored.astype(self.dtype.newbyteorder("=")).astype(self.dtype, copy=False)
        return _objects(stored)


def _is_odd(dtype: np.dtype) -> bool:
    """Say whether a dtype differs between machines, or is not the one that its text names."""
    import numpy as np

    return dtype.char in "gG" or np.dtype(dtype.str) != dtype or type(np.dtype(dtype.str)) is not type(dtype)


def _all_text(values: np.ndarray) -> bool:
    return all(type(item) is str and _is_unicode(item) for item in values.flat)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _texts(values: np.ndarray, kind: str) -> np.ndarray:
    """Make an array of ``str`` objects: zarr takes those under every version of numpy."""
    import numpy as np

    found = np.empty(values.shape, object)
    flat = values.astype(object).ravel()
    if kind == "json":
        texts = [json.dumps(pack(item, extra=SCALARS, place="an object"), ensure_ascii=False) for item in flat]
    else:
        texts = [str(item) for item in flat]
        for text in texts:
            text.encode()  # refused here, and not by one version of zarr alone
    found[...] = np.array([*texts, None], object)[:-1].reshape(values.shape)
    return found


def _objects(stored: np.ndarray) -> np.ndarray:
    import numpy as np

    found = np.empty(stored.size, object)
    for place, text in enumerate(stored.astype(object).ravel()):
        found[place] = read(str(text), extra=SCALARS)
    return found.reshape(stored.shape)
