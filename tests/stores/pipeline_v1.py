"""
The pipeline that the store ``v1`` holds results of.  It must stay as it is, as the store must.

``track_code`` is off, so that a key is made of names, versions, arguments and raw files alone: what Python compiles and
which libraries are installed may change for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from whorl import stage

KEPT: dict[str, Any] = {"cache": True, "track_code": False, "version": "1"}


@dataclass
class Point:
    """A class that the code of ``plain`` refers to."""

    x: int
    name: str


@stage(name="v1.plain", **KEPT)
def plain(number: int = 7) -> dict[str, Any]:
    """Return what json holds inline."""
    return {"number": number, "text": "ü\n", "point": Point(3, "here"), "none": None, "set": {1, 2}}


@stage(name="v1.table", format="parquet", **KEPT)
def table() -> Any:
    """Return a frame that lies in a file."""
    import pandas as pd

    rows = range(8_000)
    return pd.DataFrame({"n": [row * 7919 % 65_537 for row in rows], "text": [f"row {row % 9}" for row in rows]})


@stage(name="v1.array", **KEPT)
def array() -> Any:
    """Return an array that lies in a file."""
    import numpy as np

    return np.arange(6_000, dtype="<f8").reshape(60, 100) / 8


@stage(name="v1.pickled", format="pickle", **KEPT)
def pickled() -> Any:
    """Return what pickle alone can hold."""
    return Fraction(1, 3)


@stage(name="v1.signed", format="pickle", **KEPT)
def signed() -> Any:
    """Return what is signed with an ed25519 key."""
    return Fraction(2, 3)


@stage(name="v1.shared", **KEPT)
def shared() -> list[str]:
    """Return what is signed with a secret that a team shares."""
    return ["signed", "by", "all"]


@stage(name="v1.read", path="raw/numbers.txt", **KEPT)
def read(path: str) -> list[int]:
    """Return what a raw file holds."""
    return [int(word) for word in Path(path).read_text().split()]


@stage(name="v1.offset", **KEPT)
def offset(base: int) -> int:
    """Return what is called inside another stage: no class, whose behaviour would follow Python's version."""
    return base * 2


@stage(name="v1.total", numbers=read, **KEPT)
def total(numbers: list[int]) -> int:
    """Return what an upstream leads to, and a stage that is called inside."""
    return sum(numbers) + offset(base=8)


@stage(name="v1.changing", **KEPT)
def changing() -> int:
    """Return one number, and later another, which nothing declares: the first is a generation then."""
    return int(Path("number.txt").read_text())


@stage(name="v1.removed", **KEPT)
def removed() -> str:
    """Return what is removed later, and lies behind a tombstone."""
    return "removed"


@stage(name="v1.failing", **KEPT)
def failing() -> int:
    """Fail: nothing is stored."""
    raise ValueError("it fails")


STAGES = (plain, table, array, pickled, signed, shared, read, total, changing)
