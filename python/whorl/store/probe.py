"""
The objects of a root in, what they really guarantee out: tried with two creations and two races.

What is tried lies under a fresh name below ``probe`` and is removed.  Beside the arrow: before a store is first shared.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.store.remote.parallel import REQUESTS, side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.store.objects.base import Objects


@dataclass(frozen=True, slots=True)
class Probed:
    """What trying showed, by the names of ``Capabilities``."""

    creates_once: bool
    replaces_once: bool

    def to_json(self) -> dict[str, bool]:
        """Give it as the store's record keeps it."""
        return {"creates_once": self.creates_once, "replaces_once": self.replaces_once}


def probe(objects: Objects) -> Probed:
    """
    Try what a store guarantees; ``StoreError`` where it cannot be written at all.

    A race that was won once by luck proves nothing, so a kind that does not promise a guarantee is not asked for it.
    """
    folder = f"probe/{os.urandom(16).hex()}"
    try:
        return Probed(
            objects.capabilities.creates_once and _creates_once(objects, f"{folder}/create"),
            objects.capabilities.replaces_once and _replaces_once(objects, f"{folder}/replace"),
        )
    finally:
        objects.remove([f"{folder}/{name}" for name in ("create", "create-race", "replace")])


def _creates_once(objects: Objects, name: str) -> bool:
    objects.create(name, b"first")
    if objects.create(name, b"second") or _content(objects, name) != b"first":
        return False
    return _has_one_winner(objects, f"{name}-race", lambda data: objects.create(f"{name}-race", data))


def _replaces_once(objects: Objects, name: str) -> bool:
    objects.put(name, b"before")
    before = objects.read(name, REQUESTS)
    return before is not None and _has_one_winner(objects, name, lambda data: objects.replace(name, data, before.tag))


def _has_one_winner(objects: Objects, name: str, attempt: Callable[[bytes], bool]) -> bool:
    """Let several try at once: one is told that it won, and what it wrote is there."""
    tried = [str(number).encode() for number in range(REQUESTS)]
    won = [data for data, has_won in zip(tried, side_by_side(attempt, tried), strict=True) if has_won]
    return len(won) == 1 and _content(objects, name) == won[0]


def _content(objects: Objects, name: str) -> bytes | None:
    content = objects.read(name, REQUESTS)
    return None if content is None else content.data
