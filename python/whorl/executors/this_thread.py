"""
A function and its arguments in, its value out, computed here; an ``async def`` is awaited on the caller's loop.

On the arrow: *compute*, without threads or processes of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def invoke(
    function: Callable[..., Any], args: tuple[object, ...], kwargs: dict[str, object], *, is_async: bool
) -> object:
    """Call a stage's function; what it raises passes untouched."""
    if not is_async:
        return function(*args, **kwargs)
    from whorl.executors.event_loop import wait_for

    return wait_for(function(*args, **kwargs))
