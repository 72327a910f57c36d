"""A warm hit of a small value costs at most half of joblib.Memory's, and storing one at most as much."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import datasets
import peers as others
import pytest
from joblib import Memory

import whorl
from whorl import Glob, stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from race import Race

diskcache = others.imported("diskcache")

pytestmark = [pytest.mark.usefixtures("store"), pytest.mark.timeout(600)]
FILES, LINES = 16, 200


def summary(count: int) -> dict[str, object]:
    return {"label": "a", "count": count, "mean": count / 7, "parts": [count, count + 1, count + 2]}


def passed(value: dict[str, object]) -> dict[str, object]:
    return value


def counted(parts: list[str]) -> int:
    return sum(len(Path(part).read_text(encoding="utf-8").splitlines()) for part in parts)


small = stage(cache=True, name="small")(summary)


def is_hit(call: Callable[[], object], value: object) -> bool:
    """Tell whether a call gives the value without computing anything."""
    with whorl.observe() as outcomes:
        return call() == value and [outcome.kind for outcome in outcomes] == ["hit"]


def test_a_warm_hit_of_a_small_value(race: Race, tmp_path: Path) -> None:
    """Key, lookup, verification and decoding of an inline value, in a process that called the stage before."""
    remembered = Memory(tmp_path / "joblib", verbose=0).cache(summary)
    assert remembered(41) == small(41)

    with diskcache.Cache(str(tmp_path / "diskcache")) as kept:
        memoized = kept.memoize()(summary)
        assert memoized(41) == small(41)
        peers = {"joblib.Memory": lambda: remembered(41), "diskcache": lambda: memoized(41)}
        limits = {"joblib.Memory": 0.5}
        race.run("warm hit of a small value", lambda: small(41), peers, rounds=200, number=5, limits=limits)

    assert is_hit(lambda: small(41), summary(41))


def test_storing_a_small_value(race: Race, tmp_path: Path) -> None:
    """A call with an argument that is new each time: key, computing, encoding, commit; neither calls fsync."""
    remembered = Memory(tmp_path / "joblib", verbose=0).cache(summary)
    own, other, third = itertools.count(), itertools.count(), itertools.count()

    with diskcache.Cache(str(tmp_path / "diskcache")) as kept:
        memoized = kept.memoize()(summary)
        peers = {"joblib.Memory": lambda: remembered(next(other)), "diskcache": lambda: memoized(next(third))}
        limits = {"joblib.Memory": 1.0}
        race.run("storing a small value", lambda: small(next(own)), peers, rounds=200, limits=limits)

    assert is_hit(lambda: small(0), summary(0))


def test_a_warm_hit_after_seven_stages_over_sixteen_files(race: Race, tmp_path: Path) -> None:
    """The last of seven stages answers for all of them, after looking at sixteen raw files."""
    datasets.text_files(tmp_path / "raw", FILES, LINES)
    pattern = Glob(str(tmp_path / "raw" / "*.csv"))
    last = stage(parts=pattern, cache=True, name="counted")(counted)
    last = stage(count=last, cache=True, name="summed")(summary)
    for position in range(5):
        last = stage(value=last, cache=True, name=f"passed-{position}")(passed)
    remembered = Memory(tmp_path / "joblib", verbose=0).cache(summary)
    assert remembered(FILES * LINES) == last()

    peers = {"joblib.Memory, one stage": lambda: remembered(FILES * LINES)}
    limits = {"joblib.Memory, one stage": 1.5}
    race.run("warm hit: seven stages, sixteen files", last, peers, rounds=200, limits=limits)

    assert is_hit(last, summary(FILES * LINES))
