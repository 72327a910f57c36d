"""
A function and its arguments in, the results in their order out: several requests under way at once.

On the arrow: where *lookup*, *commit* and *decode* need more than one object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Given = TypeVar("Given")
Found = TypeVar("Found")

# What object stores and their clients serve one process with: botocore keeps ten connections.
REQUESTS = 8


def side_by_side(action: Callable[[Given], Found], items: Sequence[Given]) -> list[Found]:
    """Do one thing with each item, a few at a time; the first failure is raised once the others have ended."""
    if len(items) <= 1:
        return [action(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(REQUESTS, len(items)), thread_name_prefix="whorl store") as pool:
        return list(pool.map(action, items))
