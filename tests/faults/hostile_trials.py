"""
Hostile manifests, one after the other, in a process whose memory is watched; what each led to as a line of JSON.

    python hostile_trials.py FOLDER NUMBER SEED

Every other trial has the manifest in a mirror, the rest in the own root, where no pickle is decoded.  Then the store is
listed, verified and collected, as its owner would.  ``FOLDER/outside`` is what nothing here has a reason to touch.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import whorl
from hostile_manifests import WAYS, Parts
from whorl import stage
from whorl.store.collect import collect
from whorl.store.collect_plan import Limits
from whorl.store.local import LocalStore
from whorl.store.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROWS = 6000
MOST_SECONDS = 20.0


@stage(cache=True)
def plain() -> list[object]:
    return ["plain", 1, {"a": 2.5}]


@stage(cache=True, format="npy")
def array() -> np.ndarray:
    return np.random.default_rng(7).random(ROWS)


@stage(cache=True, format="parquet")
def frame() -> pd.DataFrame:
    return pd.DataFrame({"number": np.random.default_rng(7).integers(0, 1 << 62, ROWS)})


STAGES: dict[str, Callable[[], object]] = {"plain": plain, "array": array, "frame": frame}


class Victim:
    """The sound entry of one stage: where its files lie in a store, and what they say."""

    def __init__(self, name: str, root: Path) -> None:
        self.name, self.call = name, STAGES[name]
        self.value = self.call()
        (record,) = (root / "v1/default/m").glob(f"*{name}*/*")
        self.record = record.relative_to(root)
        found = next(entry for entry in LocalStore(root).entries() if entry.slot.stage.endswith(name))
        folder = root / "v1/default/o" / found.payload[:2] / found.payload
        self.files = [(folder / file.name).relative_to(root) for file in found.files if found.inline is None]
        payload = (root / self.files[0]).read_bytes() if self.files else next(iter((found.inline or {}).values()))
        self.parts = Parts.of(record.read_bytes(), payload)

    def put(self, root: Path, parts: Parts) -> None:
        """Put hostile parts where the sound ones were."""
        (root / self.record).write_bytes(parts.seal())
        for file in self.files:
            (root / file).write_bytes(parts.payload)

    def agrees(self, value: object) -> bool:
        """Compare a value with the one that the stage makes."""
        if isinstance(self.value, pd.DataFrame):
            return isinstance(value, pd.DataFrame) and value.equals(self.value)
        if isinstance(self.value, np.ndarray):
            return isinstance(value, np.ndarray) and np.array_equal(value, self.value)
        return type(value) is type(self.value) and value == self.value


def outcome_of(victim: Victim, *, is_hit: bool, value: object) -> str:
    """Word how a call ended."""
    if not victim.agrees(value):
        return "wrong"
    return "correct" if is_hit else "absent"


def call(victim: Victim, root: Path, *, is_mirror: bool) -> str:
    """Call the stage where the manifest is hostile; give what came of it."""
    settings: dict[str, object] = {"filesystem": str(root), "pickle": "never"}
    if is_mirror:
        mirrors = {"theirs": {"filesystem": f"file://{root}"}}
        settings = {"filesystem": f"{root}-own", "mirrors": mirrors}
    with whorl.options(**settings), whorl.observe() as outcomes, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = victim.call()
    return outcome_of(victim, is_hit=outcomes[-1].kind == "hit", value=value)


def look_after(root: Path) -> None:
    """Do what an owner does: list, verify, collect with all that collecting can remove."""
    store = LocalStore(root)
    list(store.entries())
    store.namespaces(), store.stages()
    found = store.collectable()
    if found is not None:
        verify(store, found)
        collect(found, Limits(older_than=0.0, grace=0.0), {})


def memory() -> float:
    """Give the most memory that this process has ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def tried(folder: Path, victims: list[Victim], number: int, chance: random.Random) -> dict[str, object]:
    """Make one trial; whatever is raised is wrong."""
    victim, other = chance.sample(victims, 2)
    way = WAYS[number % len(WAYS)]
    root = folder / "hostile"
    shutil.copytree(folder / "sound", root)
    victim.put(root, way(victim.parts, chance, other.parts))
    before, began = memory(), time.monotonic()
    try:
        outcome, detail = call(victim, root, is_mirror=number % 2 == 0), ""
        look_after(root)
    except BaseException as error:  # noqa: BLE001 - this is what is looked for
        outcome, detail = "wrong", repr(error)
    seconds, grown = time.monotonic() - began, memory() - before
    for left in (root, Path(f"{root}-own")):
        shutil.rmtree(left, ignore_errors=True)
    if seconds > MOST_SECONDS:
        outcome, detail = "wrong", f"{seconds:.0f} s"
    return {"way": way.__name__, "victim": victim.name, "outcome": outcome, "detail": detail, "grown": grown}


def trials(folder: Path, number: int, seed: int) -> Iterator[dict[str, object]]:
    """Make them all."""
    sound, chance = folder / "sound", random.Random(seed)
    with whorl.options(filesystem=str(sound)):
        victims = [Victim(name, sound) for name in STAGES]
    for index in range(number):
        yield tried(folder, victims, index, chance)


if __name__ == "__main__":
    assert os.environ["WHORL_CANARY"]
    for trial in trials(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])):
        print(json.dumps(trial), flush=True)
