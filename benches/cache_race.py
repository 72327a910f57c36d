"""
A kind of value, MB and a file in, a line of JSON for each claim in that file out.

Runs in the working folder, which has the stores, and in an environment of its own where nuthatch is to take part: it
needs Python 3.12.  Each claim's values are compared with what was computed, outside the timed part.
"""

from __future__ import annotations

import copy
import functools
import itertools
import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cached_values as cached
import joblib
import peers
from race import OWN, Turns

import whorl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Calls = Mapping[str, Callable[[int], Any]]

nuthatch = peers.imported("nuthatch")


def decorated(kind: cached.Kind, give: Callable[[int], object]) -> dict[str, Callable[[int], Any]]:
    """Decorate the function in each of the ways, with stores below the working folder."""
    # nuthatch makes folders for pickles, not for Parquet files.
    Path("nuthatch-store", give.__name__).mkdir(parents=True)
    # whorl reads the settings of nuthatch where it has none of its own.
    places = {tool: Path(f"{tool}-store").resolve() for tool in ("whorl", "nuthatch")}
    text = "".join(f'[tool.{tool}]\nfilesystem = "{place}"\n' for tool, place in places.items())
    Path("pyproject.toml").write_text(text, encoding="utf-8")
    told = kind.whorl(give)
    found: dict[str, Callable[[int], Any]] = {OWN: whorl.stage(cache=True, name="own", **told)(give)}
    if kind is cached.FRAME:
        found[cached.ARROW] = whorl.stage(cache=True, name="arrow", **{**told, "format": "arrow"})(give)
    found[cached.JOBLIB] = joblib.Memory("joblib-store", verbose=0).cache(give)
    if not isinstance(nuthatch, peers.Absent):
        found[cached.NUTHATCH] = nuthatch.cache(cache_args=["turn"], **kind.nuthatch)(give)
    return found


def raced(calls: Mapping[str, Callable[[], object]], rounds: int, number: int = 1) -> dict[str, Any]:
    """Let all take turns; what an earlier claim wrote is on the disk before."""
    os.sync()
    turns = Turns(calls, number)
    for _ in range(rounds + 1):
        turns.others()
        turns.own()
    return {"laps": dict(turns.counted()), "missing": turns.missing}


def check(calls: Calls, expected: object, missing: object) -> None:
    """Compare what each gives for 0 with the value itself; whorl's must be a hit."""
    for name, call in calls.items():
        if name in missing:
            continue
        with whorl.observe() as outcomes:
            given = call(0)
        compare(given, expected)
        if name.startswith(OWN):
            assert [outcome.kind for outcome in outcomes] == ["hit"], outcomes


def compare(given: Any, expected: Any) -> None:
    """Raise where two values differ."""
    match type(expected).__name__:
        case "DataFrame":
            from pandas.testing import assert_frame_equal

            # What assert_frame_equal says is better, and takes minutes for ten million rows.
            if not (given.equals(expected) and given.dtypes.equals(expected.dtypes)):
                assert_frame_equal(given, expected)
        case "Dataset":
            from xarray.testing import assert_equal

            assert_equal(given.load(), expected)
        case _:
            assert given == expected


def in_memory(kind: cached.Kind, give: Callable[[int], object], calls: Calls) -> dict[str, Callable[[], object]]:
    """Give hits in memory, and what whorl's cannot do without: its key, and a copy that nobody else holds."""
    memoized = whorl.stage(cache=True, memoize=True, name="memoized", **kind.whorl(give))(give)
    memoized(0)
    with whorl.observe() as outcomes:
        compare(memoized(0), give(0))
    assert [outcome.kind for outcome in outcomes] == ["hit"], outcomes
    found: dict[str, Callable[[], object]] = {OWN: lambda: memoized(0)}
    if cached.NUTHATCH in calls:
        found[cached.NUTHATCH] = lambda: calls[cached.NUTHATCH](0, memoize=True)
    remembered = functools.lru_cache(give)
    value = give(0)
    return found | {
        cached.FLOOR: lambda: remembered(0),
        cached.KEY: lambda: memoized.key(0),
        cached.COPY: lambda: copy.deepcopy(value),
    }


def races(kind: cached.Kind, megabytes: int) -> Iterator[dict[str, object]]:
    """Race over first calls, over hits, and over hits in memory."""
    give = kind.make(megabytes)
    calls = decorated(kind, give)
    turns = {name: itertools.count() for name in calls}
    first = {name: (lambda name=name: calls[name](next(turns[name]))) for name in calls}
    again = {name: (lambda name=name: calls[name](0)) for name in calls}
    claims = {cached.FIRST: first, cached.HIT: again}
    if kind.is_lazy:
        claims[cached.LOADED] = {name: (lambda name=name: calls[name](0).load()) for name in calls}
    for claim, competitors in claims.items():
        outcome = raced(competitors, kind.rounds(claim, megabytes))
        check(calls, give(0), outcome["missing"])
        yield {"claim": claim, **outcome}
    # A memory hit of a small value is too short for one call to a turn.
    number = 1 if megabytes else 50
    yield {"claim": cached.MEMORY, **raced(in_memory(kind, give, calls), kind.rounds(cached.MEMORY, megabytes), number)}


if __name__ == "__main__":
    name, size, file = sys.argv[1:]
    logging.getLogger("nuthatch").setLevel(logging.ERROR)
    # Not to standard output: nuthatch says a line there for each call.
    with Path(file).open("w", encoding="utf-8") as lines:
        for line in races(cached.KINDS[name], int(size)):
            print(json.dumps(line), file=lines, flush=True)
