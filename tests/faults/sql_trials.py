"""
A folder and the name of a stage in, one line per trial out: the process that stored it in a database was killed.

    python sql_trials.py FOLDER STAGE STEP

Trial k is killed before its k-th statement or transaction's end; then two more processes call the stage.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import dask
import sqlalchemy as sa
from sqlalchemy import event

import whorl
from payload_stages import STAGES, digest_of


def kill_before(number: int) -> None:
    """Have this process killed before it asks a database for something for that many times."""
    left = [number]

    def count(*_: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(sa.Engine, "before_cursor_execute", count)
    event.listen(sa.Engine, "commit", count)


def call(folder: Path, name: str, *, is_last: bool) -> str:
    """Call the stage; give what happened."""
    settings = {"sql": {"url": f"sqlite:///{folder / 'database'}"}}
    with (
        dask.config.set(scheduler="synchronous"),
        whorl.options(filesystem=str(folder / "store"), formats=settings, strict=True),
        whorl.observe() as outcomes,
    ):
        found = digest_of(STAGES[name]())
    is_right = found == digest_of(STAGES[name].__wrapped__()) or not is_last  # type: ignore[attr-defined]
    return outcomes[-1].kind if is_right else "wrong"


def in_child(folder: Path, name: str, kill_at: int | None = None) -> str:
    """Do it in a process of its own; give what happened, nothing where it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        if kill_at is not None:
            kill_before(kill_at)
        os.write(writing, call(folder, name, is_last=kill_at is None).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as file:
        answer = file.read().decode()
    os.waitpid(child, 0)
    return answer


def main() -> None:
    """Try each statement until nothing is left to be killed."""
    above, name = Path(sys.argv[1]), sys.argv[2]
    for number in range(0, 10_000, int(sys.argv[3])):
        folder = above / f"trial {number}"
        folder.mkdir()
        if in_child(folder, name, number):
            break
        print(json.dumps([number, [in_child(folder, name), in_child(folder, name)]]), flush=True)


if __name__ == "__main__":
    main()
