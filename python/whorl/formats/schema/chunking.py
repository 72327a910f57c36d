"""
The options that say how a zarr is cut into chunks come in, lengths by dimension go out; for writing and for reading.

``chunks`` and ``chunking`` are such lengths; ``split_by`` names the dimension that is cut where there are none.
``chunk_by_arg`` has more of them for values of the call's arguments: ``chunk_options`` adds those, as a pure function,
before anything is encoded.  Reading joins whole chunks to blocks and never cuts one.  On the arrow: *encode* and
*decode* of zarr.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from whorl.axis import choose
from whorl.errors import ConfigError, FormatError, WhorlWarning, warn
from whorl.formats.base import split_names

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

MEGABYTE = 1_000_000
# What Nuthatch's users expect: about 100 MB are a good chunk, a third and three times that the bounds.
_UPPER, _LOWER, _TARGET = 300, 30, 100
_WHOLE = -1


@dataclass(frozen=True, slots=True)
class Chunking:
    """
    Lengths by dimension as they were asked for, and the bytes that a chunk should have at most and at least.

    ``along`` is the dimension that is cut before others where nothing says how.
    """

    lengths: Mapping[Hashable, int]
    upper: float
    lower: float
    along: Hashable = None

    def length(self, dim: Hashable, otherwise: int, side: int) -> int:
        """Return the length of chunks along one dimension of this many elements."""
        wanted = self.lengths.get(dim, otherwise)
        return max(1, side if wanted == _WHOLE else min(wanted, side))


def chunk_options(options: Mapping[str, object], arguments: Mapping[str, object]) -> dict[str, object]:
    """
    Put in place of ``chunk_by_arg`` what it says for these arguments of a call: ``chunking`` with its lengths added.

    Where two arguments say something of one dimension, the later one of the option counts.
    """
    rest = {name: value for name, value in options.items() if name != "chunk_by_arg"}
    if "chunk_by_arg" not in options:
        return rest
    chunking = rest.get("chunking", {})
    lengths = dict(_lengths("chunking", {} if chunking == "auto" else chunking))
    for argument, by_value in _items("chunk_by_arg", options["chunk_by_arg"]).items():
        if argument not in arguments:
            raise FormatError(
                f"the option chunk_by_arg names an argument {argument!r} that the call does not have",
                f"it has {', '.join(arguments) or 'none'}",
            )
        chosen = _items(f"chunk_by_arg for {argument}", by_value)
        try:
            lengths.update(_lengths("chunk_by_arg", chosen.get(arguments[argument], {})))
        except TypeError:  # an argument that cannot be a key of a dictionary is none of these
            continue
    return {**rest, "chunking": lengths}


def check_values(options: Mapping[str, object]) -> None:
    """Raise ConfigError for options that make no sense, whatever is written."""
    if "chunk_by_arg" in options:
        raise ConfigError("the option chunk_by_arg was not settled by the arguments of a call")
    if "chunks" in options and "chunking" in options:
        raise ConfigError(
            "the options chunks and chunking say the same thing", "both were given", "leave one of them out"
        )
    for name in ("chunks", "chunking"):
        if name in options and (name, options[name]) != ("chunking", "auto"):
            _lengths(name, options[name])
    for name in ("chunk_size_upper_limit_mb", "chunk_size_lower_limit_mb"):
        _bytes(options, name, 0)
    split_names(options)
    check_blocks(options)


def check_chunking(options: Mapping[str, object], dims: Sequence[object]) -> Chunking:
    """
    Read the options for writing.

    A dimension of ``chunks`` has to be there; one of ``chunking`` that is not is left out, for one option may serve
    several datasets.
    """
    chunking = options.get("chunking", "auto")
    if "chunks" in options:
        lengths = _lengths("chunks", options["chunks"])
        _check_dims(lengths, dims)
    else:
        lengths = {} if chunking == "auto" else _lengths("chunking", chunking)
    upper = _bytes(options, "chunk_size_upper_limit_mb", _UPPER)
    lower = _bytes(options, "chunk_size_lower_limit_mb", _LOWER if lengths and "chunking" in options else 0)
    return Chunking(lengths, upper, lower, choose(split_names(options), dims))


def warn_of_sizes(sizes: Mapping[object, tuple[int, int]], chunking: Chunking) -> None:
    """Warn once of chunks out of bounds; ``sizes`` has the bytes of a chunk and the number of chunks by variable."""
    odd = {
        name: size
        for name, (size, count) in sizes.items()
        if count > 1 and not chunking.lower <= size <= chunking.upper
    }
    if not odd:
        return
    name, size = max(odd.items(), key=lambda item: item[1])
    problem = "large: whoever reads a part reads" if size > chunking.upper else "small: reading takes many requests of"
    others = f" and those of {len(odd) - 1} more" if len(odd) > 1 else ""
    warn(
        f"the chunks of {name!r}{others} are {problem} {size / MEGABYTE:.3g} MB; "
        f"about {_TARGET} MB are good: say so by the option chunking",
        WhorlWarning,
    )


@dataclass(frozen=True, slots=True)
class Blocks:
    """How what is read is cut into blocks of dask: of a size, of lengths by dimension, or as it is stored."""

    size: float | None
    lengths: Mapping[Hashable, int]

    def of(
        self, dims: Sequence[Hashable], shape: Sequence[int], chunks: Sequence[int], itemsize: int
    ) -> tuple[int, ...]:
        """Return the lengths of blocks, each a multiple of the chunk's, or the whole side."""
        if self.size is not None:
            return _grown(shape, chunks, itemsize, self.size)
        wanted = [self.lengths.get(dim, chunk) for dim, chunk in zip(dims, chunks, strict=True)]
        return tuple(
            max(1, side) if length == _WHOLE else max(chunk, length // chunk * chunk)
            for side, chunk, length in zip(shape, chunks, wanted, strict=True)
        )


def check_blocks(options: Mapping[str, object]) -> Blocks | None:
    """Read the options for reading; None where what was stored tells whether it is of dask, in blocks as stored."""
    is_asked = options.get("auto_rechunk", False)
    if type(is_asked) is not bool:
        raise ConfigError("the option auto_rechunk is true or false", f"not {is_asked!r}")
    if options.get("target_read_chunk_size_mb") is not None:
        return Blocks(_bytes(options, "target_read_chunk_size_mb", _TARGET), {})
    chunking = options.get("chunking")
    if hasattr(chunking, "items"):
        lengths = _lengths("chunking", chunking)
        return Blocks(None, lengths if is_asked else {}) if lengths else None
    return Blocks(_TARGET * MEGABYTE, {}) if is_asked else None


def _grown(shape: Sequence[int], chunks: Sequence[int], itemsize: int, target: float) -> tuple[int, ...]:
    """
    Join chunks until a block has more than half of the wanted bytes, and not more than these.

    The axis with the most blocks grows first, to twice its length or to its end, so that a block keeps its shape.
    """
    lengths = list(chunks)
    while True:
        blocks = [-(-side // length) for side, length in zip(shape, lengths, strict=True)]
        order = sorted(range(len(lengths)), key=lambda axis: -blocks[axis])
        for axis in order:
            longer = lengths[axis] * 2 if blocks[axis] > 2 else shape[axis]  # noqa: PLR2004 - two blocks are the end
            size = itemsize * prod([*lengths[:axis], longer, *lengths[axis + 1 :]])
            if blocks[axis] > 1 and size <= target:
                lengths[axis] = longer
                break
        else:
            return tuple(lengths)


def _check_dims(lengths: Mapping[Hashable, int], dims: Sequence[object]) -> None:
    from whorl.formats.base import closest

    for name in lengths:
        if name not in dims:
            meant = closest(str(name), [str(dim) for dim in dims])
            raise FormatError(
                f"the option chunks names a dimension {name!r} that it does not have; {meant}".rstrip("; ")
            )


def _lengths(option: str, value: object) -> dict[Hashable, int]:
    found = _items(option, value)
    for name, length in found.items():
        if type(length) is not int or (length < 1 and length != _WHOLE):
            raise ConfigError(f"the option {option} has {length!r} for {name!r}, not a number above zero")
    return found


def _items(option: str, value: Any) -> dict[Any, Any]:
    if not hasattr(value, "items"):
        raise ConfigError(f"the option {option} is {value!r}, not lengths by dimension")
    return dict(value.items())


def _bytes(options: Mapping[str, object], name: str, otherwise: float) -> float:
    number = options.get(name, otherwise)
    if type(number) not in (int, float) or not number >= 0:  # type: ignore[operator]  # a number by then
        raise ConfigError(f"the option {name} is {number!r}, not a number of megabytes")
    return number * MEGABYTE  # type: ignore[operator]  # as above
