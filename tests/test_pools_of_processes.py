"""What a call asks of the stages below it reaches them in pools of processes too, however these are started."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PIPELINE = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
import whorl
from whorl import cache

@cache()
def part(number):
    print("part", number, flush=True)
    return number

@cache()
def whole(number):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(sys.argv[1])) as pool:
        return sum(pool.map(part, range(number)))

class Point:
    def __init__(self, number):
        self.number = number

@cache()
def point(number):
    print("point", flush=True)
    return Point(number)

def both():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(sys.argv[1])) as pool:
        return [pool.submit(part, 7).result(), pool.submit(part, 7).result()]

def below():
    with ThreadPoolExecutor(1) as threads:
        threads.submit(part, 7).result()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(sys.argv[1])) as pool:
        pool.submit(part, 8).result()
    return spaces()

def spaces():
    return {entry.slot.namespace for entry in part.entries()}
"""
SCRIPTS = {
    "recompute": "print(whole(2), whole(2), whole(2, recompute='part'))",
    "namespace": "print(whole(2, namespace='other'), spaces(), whole.options(namespace='other')(2))",
    "mode": "print(whole(1), end=' ')\nwith whorl.options(mode='off'): print(both())",
    "names": """
with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(sys.argv[1])) as pool:
    print(pool.submit(point, 7).result().number, point(7).number, point.definition.name)
print(whole(2), whole(2), whole.last.kind, {entry.slot.stage for entry in part.entries()})
""",
    "below": """
with whorl.options(namespace='other'):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(sys.argv[1])) as pool:
        print(pool.submit(below).result())
print(spaces())
""",
    "lost": "import threading\nwith whorl.options(filesystem_options={'lock': threading.Lock()}): both()",
}


def run(name: str, method: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script whose stages call others in worker processes."""
    script = folder / "pipeline.py"
    body = "\n".join(f"    {line}" for line in SCRIPTS[name].splitlines())
    script.write_text(f"{PIPELINE}\nif __name__ == '__main__':\n{body}\n", encoding="utf-8")
    environment = {**os.environ, "WHORL_FILESYSTEM": str(folder / "store")}
    return subprocess.run(
        [sys.executable, "-W", "always", str(script), method],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_names_reach_stages_in_other_processes(method: str, tmp_path: Path) -> None:
    """They are computed anew, and their caller with them; nobody is said to be unmet."""
    found = run("recompute", method, tmp_path)

    assert found.stdout.splitlines() == ["part 0", "part 1", "part 0", "part 1", "1 1 1"]
    assert found.stderr == ""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_script_is_one_module_in_all_its_processes(method: str, tmp_path: Path) -> None:
    """What workers store is found by the script, instances of its classes too, and a caller of them is stored."""
    found = run("names", method, tmp_path)

    assert found.stdout.splitlines() == [
        "point", "7 7 pipeline.point", "part 0", "part 1", "1 1 hit {'pipeline.part'}"
    ]  # fmt: skip
    assert found.stderr == ""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_namespace_reaches_stages_in_other_processes(method: str, tmp_path: Path) -> None:
    """Their entries lie in it."""
    found = run("namespace", method, tmp_path)

    assert found.stdout.splitlines()[-1] == "1 set() 1"
    assert len(list((tmp_path / "store").rglob("other"))) >= 1


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_threads_and_pools_below_a_worker_are_reached_too(method: str, tmp_path: Path) -> None:
    """Whatever calls a stage: nothing lies in the namespace that nobody asked for."""
    found = run("below", method, tmp_path)

    assert found.stdout.splitlines() == ["part 7", "part 8", "{'other'}", "set()"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_options_of_a_block_reach_other_processes(method: str, tmp_path: Path) -> None:
    """Nothing is stored in the mode off, so that everything runs."""
    found = run("mode", method, tmp_path)

    assert found.stdout.splitlines() == ["part 0", "0 part 7", "part 7", "[7, 7]"]


def test_options_that_cannot_be_sent_are_said_to_be_lost(tmp_path: Path) -> None:
    """The work is done without them."""
    found = run("lost", "fork", tmp_path)

    assert "do not reach other processes" in found.stderr


OLDER = """
import multiprocessing, os, sys, tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
import whorl

@whorl.stage(raw=whorl.File("default.txt"), cache=True)
def inner(raw):
    return Path(raw).read_text()

def moved(path):
    tempfile.tempdir = os.environ["TMPDIR"] = os.path.abspath("scratch")
    return inner(raw=path)

POOLS = []

@whorl.stage(cache=True, track_code=False, version="1")
def outer(place):
    if place == "older.txt":
        return POOLS[0].submit(moved, place).result()
    os.environ["TMPDIR"] = os.path.abspath("scratch")
    with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
        return pool.apply(moved, (place,))

if __name__ == "__main__":
    tempfile.tempdir = os.getcwd()
    for name in ("default.txt", "older.txt", "younger.txt"):
        Path(name).write_text("one")
    Path("scratch").mkdir()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(sys.argv[1])) as pool:
        POOLS.append(pool)
        pool.submit(os.getpid).result()
        for place in ("older.txt", "younger.txt"):
            print(outer(place), outer(place), outer.last.kind)
            Path(place).write_text("two")
            print(outer(place), outer.last.kind)
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_report_from_whatever_temporary_folder_they_have(method: str, tmp_path: Path) -> None:
    """Those of a pool that is older than the computation too: what they called decides whether its entry is served."""
    script = tmp_path / "pipeline.py"
    script.write_text(OLDER, encoding="utf-8")
    environment = {**os.environ, "WHORL_FILESYSTEM": str(tmp_path / "store")}
    found = subprocess.run(
        [sys.executable, str(script), method],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert found.stdout.splitlines() == ["one one hit", "two ran"] * 2, found.stderr
