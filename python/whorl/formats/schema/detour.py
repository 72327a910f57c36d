"""
Blocks of one shape and chunks of another come in, the shapes that lie between them go out.

To cut wide blocks into long chunks dask would hold all of the array, for each chunk has a little of every block.  By
way of pieces on disk, which both shapes can take, neither side holds more than some pieces.  On the arrow: *encode* of
zarr.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# What is held at a time of one array, by each thread and on either side of the detour.
HELD = 16 << 20


def needs_detour(blocks: Sequence[int], chunks: Sequence[int], itemsize: int) -> bool:
    """
    Say whether chunks cut out of blocks would hold too much.

    A chunk that is longer than the blocks on one axis waits for all of them, and what they have besides on the other
    axes waits too.
    """
    held = itemsize * prod(map(max, blocks, chunks))
    return held > max(HELD, itemsize * prod(blocks), itemsize * prod(chunks))


def pieces_between(
    shape: Sequence[int], blocks: Sequence[int], chunks: Sequence[int], itemsize: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """
    Choose the lengths of the pieces on disk, and those of the blocks that write them, which are whole pieces.

    Both are as long as memory allows: the longer they are, the fewer pieces there are.
    """
    wide, long = joined(shape, blocks, itemsize, HELD), joined(shape, chunks, itemsize, HELD)
    pieces = tuple(map(min, wide, long))
    # The last piece of an axis may be shorter, so a whole axis is whole pieces.
    by = [
        side if length == side else length // piece * piece
        for side, length, piece in zip(shape, wide, pieces, strict=True)
    ]
    return pieces, tuple(by)


def joined(shape: Sequence[int], lengths: Sequence[int], itemsize: int, limit: int) -> tuple[int, ...]:
    """Join neighbours along the axes one after the other, the last first, as long as they stay below the limit."""
    found = list(lengths)
    for axis in reversed(range(len(found))):
        room = limit // max(1, itemsize * prod(found))
        found[axis] *= max(1, min(room, -(-shape[axis] // found[axis])))
    return tuple(max(1, min(length, side)) for length, side in zip(found, shape, strict=True))


def regions(shape: Sequence[int], chunks: Sequence[int], itemsize: int, limit: int) -> Iterator[tuple[slice, ...]]:
    """Cut an array into regions of whole chunks, each below the limit if a chunk is."""
    lengths = joined(shape, chunks, itemsize, limit)
    steps = [range(0, side, length) for side, length in zip(shape, lengths, strict=True)]
    for starts in product(*steps):
        yield tuple(slice(start, start + step.step) for start, step in zip(starts, steps, strict=True))
