"""A kind of value and MB in, what caches are raced with out: a function, how each cache is told of it, and targets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

JOBLIB, NUTHATCH, ARROW = "joblib.Memory", "nuthatch", "whorl, arrow"
FIRST, HIT, LOADED, MEMORY = "first call", "hit", "hit, values loaded", "memory hit"
KEY, COPY, FLOOR = "whorl: key alone", "copy.deepcopy", "functools.lru_cache"

_LARGE = 100  # MB; the targets of frames are about those from here on
_HUGE = 200  # MB; these get fewer rounds
_MEMORY_HIT = 10e-6  # seconds beyond the key and a private copy, store.md
_IMPORT = 0.060  # seconds, architecture.md
_NUMBER = 6
_SMALL_TARGETS = {FIRST: {JOBLIB: 1.0}, HIT: {JOBLIB: 0.5}}
_FRAME_TARGETS = {FIRST: {"whorl": 1.5, ARROW: 1.1}, HIT: {"whorl": 1.3, ARROW: 1.2}}


def summary(turn: int) -> dict[str, object]:
    return {"label": "a", "turn": turn, "mean": turn / 7, "parts": [turn, turn + 1, turn + 2]}


@dataclass(frozen=True, slots=True)
class Kind:
    """
    A kind of value that is cached.

    ``make`` gives a function of one number, which tells its calls apart.  ``format`` is that of whorl, and ``nuthatch``
    what its decorator is told besides.
    """

    name: str
    make: Callable[[int], Callable[[int], Any]]
    format: str | None = None
    nuthatch: Mapping[str, Any] = field(default_factory=dict)
    is_lazy: bool = False

    def whorl(self, give: Callable[[int], object]) -> dict[str, Any]:
        """Give what the decorator of whorl is told; a large value in a closure would count as code, at each call."""
        return {} if self.format is None else {"format": self.format, "track_code": False, "ignore": [give(0)]}

    def named(self, megabytes: int) -> str:
        """Name a value of so many MB."""
        return f"a {self.name} of {megabytes} MB" if megabytes else f"a {self.name}"

    def rounds(self, claim: str, megabytes: int) -> int:
        """Give fewer rounds to larger values."""
        if megabytes == 0:
            return 20 if claim == MEMORY else 200  # there, a turn is many calls
        few = 3 if claim == FIRST else 7
        return few if megabytes >= _HUGE else 3 * few

    def targets(self, claim: str, megabytes: int) -> list[Target]:
        """Give the targets of store.md for a claim."""
        text = f"{claim}: {self.named(megabytes)}"
        if megabytes == 0:
            return [Target(_NUMBER, text, most, peer) for peer, most in _SMALL_TARGETS.get(claim, {}).items()]
        if self.name != "frame" or megabytes < _LARGE:
            return []
        bounds = _FRAME_TARGETS.get(claim, {})
        return [
            Target(_NUMBER, text if own == "whorl" else f"{text}, arrow", most, JOBLIB, own=own)
            for own, most in bounds.items()
        ]


def memory_target() -> Target:
    """Give the target of a hit in memory, beyond what the key and a private copy take."""
    return Target(_NUMBER, "memory hit, beyond key and private copy", _MEMORY_HIT)


def import_target() -> Target:
    """Give the target of the import, beyond what Python takes to start."""
    return Target(_NUMBER, "import, beyond Python alone", _IMPORT)


def _summaries(_megabytes: int) -> Callable[[int], dict[str, object]]:
    return summary


def _given(value: object) -> Callable[[int], object]:
    def give(turn: int) -> object:
        return value if turn >= 0 else None

    return give


def _frames(megabytes: int) -> Callable[[int], object]:
    import datasets

    return _given(datasets.flights(megabytes))


def _datasets(megabytes: int) -> Callable[[int], object]:
    """Make a grid of measurements in chunks of some MB along time."""
    import numpy as np
    import pandas as pd
    import xarray as xr

    random, hours = np.random.default_rng(20130101), megabytes * 1_000_000 // (2 * 4 * 100 * 100)
    shape = hours, 100, 100
    made = xr.Dataset(
        {name: (("time", "lat", "lon"), random.random(shape, dtype="f4")) for name in ("wind", "rain")},
        coords={
            "time": pd.date_range("2013-01-01", periods=hours, freq="h"),
            "lat": np.linspace(40, 41, 100),
            "lon": np.linspace(-75, -73, 100),
        },
        attrs={"source": "made up"},
    )
    return _given(made)


DICT = Kind("dict", _summaries)
FRAME = Kind("frame", _frames, "parquet", {"backend": "parquet", "engine": "pandas"})
DATASET = Kind("data set", _datasets, "zarr", {"backend": "zarr"}, is_lazy=True)
KINDS = {"dict": DICT, "frame": FRAME, "dataset": DATASET}
