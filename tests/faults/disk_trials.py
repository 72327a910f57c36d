"""
A disk in, one line per trial out: stages called where nothing more can be written.

    python disk_trials.py blocks|inodes|read_only|formats DISK STEP [STAGE …]

runs in a mount namespace of its own, as root of it, with a small tmpfs at DISK.  Each trial is a forked process, so
that each may warn once.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import whorl
from whorl import stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LEVELS = 100
BLOCK = 4096


@stage(cache=True)
def small(x: int) -> dict[str, int]:
    return {"x": x}


@stage(cache=True)
def large(x: int) -> bytes:
    return bytes([x]) * 120_000


@stage(number=small, cache=True)
def fed(number: dict[str, int], factor: int) -> int:
    return number["x"] * factor


@stage(cache=True, ttl=0.001)
def brief(x: int) -> int:
    return x


EXPECTED: dict[str, tuple[Callable[[], object], object]] = {
    "small": (lambda: small(1), {"x": 1}),
    "large": (lambda: large(1), bytes([1]) * 120_000),
    "another small": (lambda: small(2), {"x": 2}),
    "another large": (lambda: large(2), bytes([2]) * 120_000),
    "fed": (lambda: fed(number={"x": 3}, factor=4), 12),
    "brief": (lambda: brief(5), 5),
    "recomputed": (lambda: small.options(recompute=True)(1), {"x": 1}),
}
STORED = ("small", "large", "brief")


def call(names: Iterator[str] | tuple[str, ...] | list[str]) -> dict[str, object]:
    """Call stages; give what was not right, the kinds of outcomes, and the warnings."""
    wrong, kinds = [], {}
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for name in names:
            action, expected = EXPECTED[name]
            with whorl.observe() as outcomes:
                if action() != expected:
                    wrong.append(name)
            kinds[name] = outcomes[-1].kind
    return {"wrong": wrong, "kinds": kinds, "warnings": [type(one.message).__name__ for one in seen]}


def in_child(action: Callable[[], dict[str, object]]) -> dict[str, object]:
    """Do something in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = action()
        except BaseException:  # noqa: BLE001 - nothing of this process may come back into the parent
            answer = {"wrong": [traceback.format_exc()], "kinds": {}, "warnings": []}
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as file:
        answer = json.loads(file.read())
    os.waitpid(child, 0)
    return answer


def fill(disk: Path, what: str, left: int) -> list[Path]:
    """Fill a disk but for some blocks or inodes."""
    fillers = [disk / f"filler {number}" for number in range(10_000 if what == "inodes" else 1)]
    made = []
    try:
        for path in fillers:
            with path.open("wb", buffering=0) as file:
                made.append(path)
                while what == "blocks":
                    file.write(b"0" * BLOCK)
    except OSError:
        pass
    if what == "blocks":
        os.truncate(made[0], max(0, made[0].stat().st_size - left * BLOCK))
    else:
        for path in made[:left]:
            path.unlink()
    return [path for path in made if path.exists()]


def full(disk: Path, what: str, step: int) -> None:
    """Try each level of free space, from none."""
    for left in range(0, LEVELS, step):
        shutil.rmtree(disk / "store", ignore_errors=True)
        in_child(lambda: call(STORED))
        fillers = fill(disk, what, left)
        answer = in_child(lambda: call(list(EXPECTED)))
        for path in fillers:
            path.unlink()
        after = in_child(lambda: call(list(EXPECTED)))
        again = in_child(lambda: call(list(EXPECTED)))
        print(json.dumps([f"{left} {what} left", answer, after, again]), flush=True)


def formats(disk: Path, step: int, names: list[str]) -> None:
    """Store a value of each of some formats where a part of its payload has room, and once more where all of it has."""
    os.chdir(disk.parent)
    for name in names:
        needed = in_child(lambda name=name: stored(name))["bytes"]  # type: ignore[misc]
        for tenths in range(1, 10, step):
            shutil.rmtree(disk / "store", ignore_errors=True)
            fillers = fill(disk, "blocks", int(str(needed)) * tenths // 10 // BLOCK)
            answers = [in_child(lambda name=name: stored(name))]  # type: ignore[misc]
            for path in fillers:
                path.unlink()
            answers += [in_child(lambda name=name: stored(name)) for _ in range(2)]  # type: ignore[misc]
            print(json.dumps([name, tenths, *answers]), flush=True)
        shutil.rmtree(disk / "store")


def stored(name: str) -> dict[str, object]:
    """Call the stage of a format; give whether the value was right, what happened, and the warnings."""
    from payload_stages import STAGES, digest_of

    with warnings.catch_warnings(record=True) as seen, whorl.observe() as outcomes:
        warnings.simplefilter("always", whorl.errors.WhorlWarning)
        found = digest_of(STAGES[name]())
    entry = outcomes[-1].manifest
    return {
        "wrong": found != digest_of(STAGES[name].__wrapped__()),  # type: ignore[attr-defined]
        "kind": outcomes[-1].kind,
        "warnings": [type(one.message).__name__ for one in seen],
        "bytes": sum(file.size for file in entry.files) if entry else 0,
    }


def damage(disk: Path, name: str) -> None:
    """Damage a stored manifest or payload."""
    for path in (disk / "store" / "v1" / "default").rglob("*"):
        if path.is_file() and path.parts[-2 if name == "m" else -1].startswith(
            "disk_trials.small" if name == "m" else "value"
        ):
            path.write_bytes(path.read_bytes()[:-1])


def read_only(disk: Path) -> None:
    """Try each call in a process that finds the disk read-only: sound, and with damaged entries."""
    for harm in ("", "m", "o"):
        for durability in ("fast", "fsync"):
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
            shutil.rmtree(disk / "store", ignore_errors=True)
            os.environ["WHORL_DURABILITY"] = durability
            in_child(lambda: call(STORED))
            if harm:
                damage(disk, harm)
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            for name in EXPECTED:
                answer = in_child(lambda name=name: call([name, name]))  # type: ignore[misc]
                print(json.dumps([f"{durability}, damage {harm or 'none'}, {name}", answer]), flush=True)


if __name__ == "__main__":
    what, place = sys.argv[1], Path(sys.argv[2])
    if what == "read_only":
        read_only(place)
    elif what == "formats":
        formats(place, int(sys.argv[3]), sys.argv[4:])
    else:
        full(place, what, int(sys.argv[3]))
