"""
numpy arrays, scalars, dtypes and random generators in, descriptions out.

An array counts by its dtype in little-endian form, its shape, and its elements in C order; strides, byte order and
padding inside structures do not count.  Arrays of objects count by their elements; subclasses by their class, the array
and the state besides; a memory map as the array that it shows.  On the arrow: inside *digest values*.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from whorl.digest import Elements
from whorl.fingerprint.describe_instance import refuse
from whorl.fingerprint.description import attributes, buffer, full_name, leaf, node

if TYPE_CHECKING:
    from whorl.fingerprint.description import Describer, Description

# numpy's word for dtypes that other libraries registered, such as bfloat16.
_USER_DEFINED = 2


def describer_of(kind: type) -> Describer | None:
    """Return what describes a type of numpy's family; None for what is an instance like any other."""
    import numpy as np

    if kind in (np.ndarray, np.memmap):
        return describe_array
    for base, describer in (
        (np.ma.MaskedArray, _describe_masked),
        (np.ndarray, _describe_subclass),
        (np.generic, _describe_scalar),
        (np.dtype, _describe_dtype),
        (np.ufunc, _describe_ufunc),
        (np.random.Generator, _describe_generator),
        (np.random.BitGenerator, _describe_bits),
        (np.random.RandomState, _describe_random_state),
    ):
        if issubclass(kind, base):
            return describer
    return None


def describe_array(array: Any) -> Description:
    """Describe an array by dtype, shape and elements."""
    dtype = array.dtype
    shape = list(array.shape)
    if dtype.names is not None:
        fields = [(f'["{name}"]', array[name]) for name in dtype.names]
        return node("numpy.ndarray", [("", "structure"), ("", shape), *fields])
    if dtype.kind in "OT":
        elements = Elements(array.astype(object, order="C", copy=False))
        return node("numpy.ndarray", [("", _name_dtype(dtype)), ("", shape), ("", elements)])
    return buffer("numpy.ndarray", [_name_dtype(dtype), shape], _memory(array))


def _memory(array: Any) -> Any:
    """Show the elements of an array as one block of little-endian bytes in C order, without a copy where it is one."""
    import numpy as np

    little = _little(array.dtype)
    if little != array.dtype:
        array = array.astype(little)
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(np.uint8) if flat.dtype.itemsize and flat.size else b""


def _is_foreign(dtype: Any) -> bool:
    return bool(dtype.isbuiltin == _USER_DEFINED)


def _little(dtype: Any) -> Any:
    return dtype if _is_foreign(dtype) else dtype.newbyteorder("<")


def _name_dtype(dtype: Any) -> object:
    """Name a dtype in its little-endian form; metadata counts where there is any."""
    if dtype.kind == "T":
        return ["StringDType", dtype.coerce, getattr(dtype, "na_object", ...)]
    name = full_name(dtype.type) if _is_foreign(dtype) else _little(dtype).str
    return name if not dtype.metadata else [name, dict(dtype.metadata)]


def _describe_subclass(array: Any) -> Description:
    import numpy as np

    state = getattr(array, "__dict__", None)
    besides = [] if state is None else [(f".{name}", value) for name, value in state.items()]
    return node(full_name(type(array)), [("", array.view(np.ndarray)), *besides])


def _describe_masked(array: Any) -> Description:
    import numpy as np

    parts = [
        (".data", array.data.view(np.ndarray)),
        (".mask", np.ma.getmaskarray(array).view(np.ndarray)),
        (".fill_value", array.fill_value),
        (".hardmask", array.hardmask),
    ]
    return node(full_name(type(array)), parts)


def _describe_scalar(scalar: Any) -> Description:
    import numpy as np

    array = np.asarray(scalar)
    if array.dtype.names is not None or array.dtype.hasobject:
        return node("numpy.generic", [("", array)])
    if sys.byteorder == "big":
        array = array.astype(_little(array.dtype))
    return leaf(f"numpy.generic {_name_dtype(array.dtype)}", array.tobytes())


def _describe_dtype(dtype: Any) -> Description:
    """Describe a dtype that is a value itself: here byte order and padding count."""
    if dtype.names is not None:
        offsets = [(name, *dtype.fields[name]) for name in dtype.names]
        return node("numpy.dtype", [("", offsets), *attributes(dtype, "itemsize", "isalignedstruct")])
    if dtype.subdtype is not None:
        return node("numpy.dtype", [(".subdtype", dtype.subdtype)])
    return node("numpy.dtype", [("", dtype.str), ("", _name_dtype(dtype))])


def _describe_ufunc(function: Any) -> Description:
    name = str(function.__name__)
    for module in ("numpy", "scipy.special"):
        if getattr(sys.modules.get(module), name, None) is function:
            return leaf("numpy.ufunc", f"{module}.{name}")
    raise refuse(type(function), "the code of a ufunc made by hand cannot be read")


def _describe_generator(generator: Any) -> Description:
    return node("numpy.random.Generator", attributes(generator, "bit_generator"))


def _describe_bits(bits: Any) -> Description:
    seeds = getattr(bits, "seed_seq", None)
    return node(full_name(type(bits)), [(".state", bits.state), (".seed_seq", getattr(seeds, "state", None))])


def _describe_random_state(state: Any) -> Description:
    return node("numpy.random.RandomState", [(".state", state.get_state(legacy=False))])
