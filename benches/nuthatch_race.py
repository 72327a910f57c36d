"""
A size in MB (0: a small value), a number of rounds and a file in, a line of JSON for each claim in that file out.

Runs in an environment of its own: nuthatch needs Python 3.12.
"""

from __future__ import annotations

import itertools
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import datasets
import joblib
import nuthatch
from race import OWN, Turns

import whorl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def value_of(megabytes: int) -> Callable[[int], object]:
    """Give a function of one number, which tells its calls apart."""
    made = {"label": "a", "parts": [1, 2, 3]} if megabytes == 0 else datasets.flights(megabytes)

    def give(turn: int) -> object:
        return made if turn >= 0 else None

    return give


def competitors(give: Callable[[int], object], *, is_frame: bool) -> dict[str, Callable[[int], object]]:
    """Decorate the function in each of the three ways, with stores below the working folder."""
    # nuthatch makes folders for pickles, not for Parquet files.
    Path("nuthatch-store", "give").mkdir(parents=True)
    text = f'[tool.nuthatch]\nfilesystem = "{Path("nuthatch-store").resolve()}"\n'
    Path("pyproject.toml").write_text(text, encoding="utf-8")
    how = {"backend": "parquet"} if is_frame else {}
    # The frame is a cell of the function: whorl would digest it as code, the peers look at the text alone.
    return {
        OWN: whorl.stage(cache=True, track_code=False, name="give", **({"format": "parquet"} if is_frame else {}))(
            give
        ),
        "nuthatch": nuthatch.cache(cache_args=["turn"], **how)(give),
        "joblib.Memory": joblib.Memory("joblib-store", verbose=0).cache(give),
    }


def races(megabytes: int, rounds: int) -> Iterator[str]:
    """Race over first calls, then over hits."""
    logging.getLogger("nuthatch").setLevel(logging.ERROR)
    name = f"a frame of {megabytes} MB" if megabytes else "a small value"
    made = competitors(value_of(megabytes), is_frame=megabytes > 0)
    turns = {key: itertools.count() for key in made}
    first = {key: (lambda key=key: made[key](next(turns[key]))) for key in made}
    again = {key: (lambda key=key: made[key](0)) for key in made}
    for claim, calls in ((f"first call: {name}", first), (f"hit: {name}", again)):
        taken = Turns(calls)
        for _ in range(rounds + 1):
            taken.others()
            taken.own()
        line = {"claim": f"{claim}, Python 3.12", "laps": dict(taken.counted()), "missing": taken.missing}
        yield json.dumps(line) + "\n"


if __name__ == "__main__":
    size, many, file = sys.argv[1:]
    # Not to standard output: nuthatch says a line there for each call.
    Path(file).write_text("".join(races(int(size), int(many))), encoding="utf-8")
