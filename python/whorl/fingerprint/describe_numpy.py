"""
numpy arrays, scalars, dtypes and random generators in, descriptions out.

An array counts by its dtype in little-endian form, its shape, and its elements in C order; strides, byte order and
padding inside structures and extended floats do not count.  Arrays of objects count by their elements; subclasses by
their class, the array and the state besides; a memory map as the array that it shows.  On the arrow: inside *digest
values*.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from whorl.digest import Elements, hash_memories
from whorl.fingerprint.describe_instance import refuse
from whorl.fingerprint.description import Described, Inner, attributes, buffer, full_name, items, leaf, node
from whorl.fingerprint.subclasses import besides, class_name, held_by, is_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whorl.fingerprint.description import Describer, Description, Parts

# numpy's word for dtypes that other libraries registered, such as bfloat16.
_USER_DEFINED = 2
_MANTISSA_OF_80_BITS = 63
# What numpy keeps in the namespace of every masked array.
_MASKED = ("_mask", "_fill_value", "_hardmask", "_sharedmask", "_isfield", "_baseclass", "_basedict", "_optinfo")

# What a vectorized function compiles when it is called, and what it is called.
_REMEMBERED = ("_ufunc", "__name__", "__doc__", "_doc")


def describer_of(kind: type) -> Describer | None:
    """Return what describes a type of numpy's family; None for what is an instance like any other."""
    import numpy as np

    if kind in (np.ndarray, np.memmap):
        return describe_array
    for base, describer in (
        (type(np.ma.masked), _describe_masked_constant),
        (np.ma.MaskedArray, _describe_masked),
        (np.ndarray, _describe_subclass),
        (np.generic, _describe_scalar),
        (np.dtype, _describe_dtype),
        (np.ufunc, _describe_ufunc),
        (np.vectorize, _describe_vectorized),
        (np.random.Generator, _describe_generator),
        (np.random.BitGenerator, _describe_bits),
        (np.random.RandomState, _describe_random_state),
    ):
        if issubclass(kind, base):
            return describer
    return None


def _describe_vectorized(function: Any) -> Description:
    """Describe what ``numpy.vectorize`` makes by what it was given, without what it compiles when it is called."""
    held = vars(function).items()
    return node(full_name(type(function)), [(f".{name}", value) for name, value in held if name not in _REMEMBERED])


def describe_array(array: Any) -> Description:
    """Describe an array by dtype, shape and elements."""
    dtype = array.dtype
    shape = list(array.shape)
    if dtype.names is not None:
        fields = [(f'["{name}"]', array[name]) for name in dtype.names]
        return node("numpy.ndarray", [("", "structure"), ("", shape), *fields, *_titles(dtype), *_type_of(dtype)])
    if dtype.kind in "OT":
        # The copy is for fields of packed structures, which may lie at odd addresses.
        elements = Elements(array.astype(object, order="C", copy=not array.flags.aligned).reshape(-1))
        return node("numpy.ndarray", [("", _name_dtype(dtype)), ("", shape), ("", elements)])
    return buffer("numpy.ndarray", header_of(dtype, shape), memory_of(array))


def header_of(dtype: Any, shape: Iterable[int]) -> list[object]:
    """Say of an array with elements of a fixed size what its memory does not."""
    return [_name_dtype(dtype), list(shape)]


def is_fixed(dtype: Any) -> bool:
    """Tell whether elements are nothing but bytes of a fixed number, so that parts of an array can be hashed apart."""
    return dtype.kind in "biufcmMSUV" and dtype.names is None and not _is_extended(dtype)


def hash_together(arrays: list[Any]) -> list[object]:
    """
    Hash the numbers of many arrays in one go, and return each as a part to be described; others are described later.

    Small arrays share the threads, and columns of a matrix whose rows lie together the cache lines.
    """
    import numpy as np

    parts = [Inner(array) if isinstance(array, np.ndarray) else array for array in arrays]
    plain = [index for index, array in enumerate(arrays) if isinstance(array, np.ndarray) and _is_plain(array)]
    names = {dtype: _name_dtype(dtype) for dtype in {arrays[index].dtype for index in plain}}
    memories = hash_memories([bare(arrays[index]) for index in plain])
    for index, memory in zip(plain, memories, strict=True):
        header = [names[arrays[index].dtype], list(arrays[index].shape)]
        parts[index] = Described(buffer("numpy.ndarray", header, memory))
    return parts


def _is_plain(array: Any) -> bool:
    dtype = array.dtype
    numbers = dtype.kind in "biufcmM" and array.size > 0 and dtype.isnative and sys.byteorder == "little"
    return numbers and not (dtype.metadata or _is_extended(dtype))


def _titles(dtype: Any) -> Parts:
    titles = [(name, title) for name in dtype.names for title in dtype.fields[name][2:]]
    return [(".titles", titles)] if titles else []


def _type_of(dtype: Any) -> Parts:
    """Say what class the elements of a structured dtype are, where it is not the usual one: records have attributes."""
    return [] if dtype.type.__name__ == "void" and is_of(dtype.type, "numpy") else [(".type", _name_class(dtype.type))]


def memory_of(array: Any) -> Any:
    """
    Show the elements of an array in little-endian form and C order, copying nothing.

    What is returned has the buffer protocol, or is hashed already.
    """
    import numpy as np

    dtype = array.dtype
    if not (dtype.itemsize and array.size):
        return b""
    if _is_extended(dtype):
        return _significant(array)
    if _little(dtype) != dtype:
        return hash_memories([bare(array)], swap=_word(dtype))[0]
    return array.reshape(-1).view(np.uint8) if array.flags.c_contiguous else bare(array)


def bare(array: Any) -> Any:
    """Show an array as elements without a meaning: dtypes like datetime64 have no buffers."""
    return (array if array.ndim else array.reshape(1)).view(f"V{array.dtype.itemsize}")


def _word(dtype: Any) -> int:
    """How many bytes of a dtype are in reverse in the other byte order."""
    return {"c": dtype.itemsize // 2, "U": 4}.get(dtype.kind, dtype.itemsize)  # type: ignore[no-any-return]


def _is_extended(dtype: Any) -> bool:
    """Tell whether floats have the 80 bits of x87, which are kept in 12 or 16 bytes."""
    import numpy as np

    return dtype.char in "gG" and np.finfo(np.longdouble).nmant == _MANTISSA_OF_80_BITS


def _significant(array: Any) -> Any:
    """Show the 10 bytes of each extended float; what lies in the others is chance."""
    import numpy as np

    array = array.astype(_little(array.dtype), copy=False)
    parts = 2 if array.dtype.kind == "c" else 1
    size = array.dtype.itemsize
    first = array.view(np.dtype({"names": ["x"], "formats": ["V10"], "offsets": [0], "itemsize": size}))["x"]
    shape, strides = (*array.shape, parts), (*array.strides, size // parts)
    return np.lib.stride_tricks.as_strided(first, shape, strides, writeable=False)


def _is_foreign(dtype: Any) -> bool:
    return bool(dtype.isbuiltin == _USER_DEFINED)


def _little(dtype: Any) -> Any:
    return dtype if _is_foreign(dtype) else dtype.newbyteorder("<")


def _name_dtype(dtype: Any) -> object:
    """Name a dtype in its little-endian form; metadata counts where there is any."""
    if dtype.kind == "T":
        return ["StringDType", dtype.coerce, getattr(dtype, "na_object", ...)]
    if _is_foreign(dtype):
        name = full_name(dtype.type)
    elif _is_extended(dtype):
        name = "complex of 80 bits" if dtype.kind == "c" else "float of 80 bits"
    else:
        name = _little(dtype).str
    return name if not dtype.metadata else [name, dict(dtype.metadata)]


def _name_class(kind: type) -> str:
    """Name a class of numpy by its public name: their modules move between versions."""
    top, _, rest = kind.__module__.partition(".")
    if top != "numpy":
        return full_name(kind)
    return f"numpy.ma.{kind.__name__}" if rest.split(".")[0] == "ma" else f"numpy.{kind.__name__}"


def _describe_subclass(array: Any) -> Description:
    import numpy as np

    return node(_name_class(type(array)), [("", array.view(np.ndarray)), *items(held_by(array).items())])


def _describe_masked_constant(_: object) -> Description:
    return leaf("numpy.ma.masked")


def _describe_masked(array: Any) -> Description:
    import numpy as np

    parts = [
        (".data", array.data.view(np.ndarray)),
        (".mask", np.ma.getmaskarray(array).view(np.ndarray)),
        (".fill_value", array.fill_value),
        (".hardmask", array.hardmask),
    ]
    return node(_name_class(type(array)), [*parts, *_besides_mask(array)])


def _besides_mask(array: Any) -> Parts:
    """List what subclasses hold besides; numpy keeps the attributes of what was masked in ``_optinfo``."""
    import numpy as np

    held = [
        (f".{name}", value) for name, value in {**vars(array), **vars(array)["_optinfo"]}.items() if name not in _MASKED
    ]
    base = vars(array).get("_baseclass", np.ndarray)
    slots = besides(array, "numpy", {*_MASKED, *vars(array)})
    return [*held, *slots, *([] if base is np.ndarray else [("._baseclass", base)])]


def _describe_scalar(scalar: Any) -> Description:
    import numpy as np

    array = np.asarray(scalar)
    kind = type(scalar)
    if not (is_of(kind, "numpy") or array.dtype.type is kind):
        return node(full_name(kind), [("", Inner(array[()])), *besides(scalar, "numpy")])
    if array.dtype.names is not None or array.dtype.hasobject or _is_extended(array.dtype):
        return node("numpy.generic", [("", array)])
    if sys.byteorder == "big":
        array = array.astype(_little(array.dtype))
    return leaf(f"numpy.generic {_name_dtype(array.dtype)}", array.tobytes())


def _describe_dtype(dtype: Any) -> Description:
    """Describe a dtype that is a value itself: here byte order and padding count."""
    if dtype.names is not None:
        offsets = [(name, *dtype.fields[name]) for name in dtype.names]
        return node("numpy.dtype", [("", offsets), *attributes(dtype, "itemsize", "isalignedstruct"), *_type_of(dtype)])
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
    name = class_name(generator, "numpy", "random.Generator")
    return node(name, [*attributes(generator, "bit_generator"), *besides(generator, "numpy")])


def _describe_bits(bits: Any) -> Description:
    seeds = getattr(bits, "seed_seq", None)
    parts = [(".state", bits.state), (".seed_seq", getattr(seeds, "state", None))]
    return node(full_name(type(bits)), [*parts, *besides(bits, "numpy")])


def _describe_random_state(state: Any) -> Description:
    name = class_name(state, "numpy", "random.RandomState")
    return node(name, [(".state", state.get_state(legacy=False)), *besides(state, "numpy")])
