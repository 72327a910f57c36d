"""
Requests in by line, answers out by line: each step runs in a process of its own, forked when all is imported.

``do <step> <root>`` forks a child that waits for SIGUSR1, answers with its process id and then with its exit status;
``judge <step> <root> <is healed>`` answers with JSON.  Child statuses: 0 done, 3 refused with a StoreError, 4 raised
something else.  Whoever traces the child sees the step's system calls alone.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import traceback
from pathlib import Path

from commit_steps import STEPS, Step, complaints
from whorl.errors import StoreError
from whorl.store.local import LocalStore

REFUSED, RAISED = 3, 4


def open_store(root: str) -> LocalStore:
    """Open a store that has everything on disk before it is seen: that makes the most system calls."""
    return LocalStore(Path(root), durability="fsync")


def act(step: Step, root: str) -> int:
    """Do the step, once the parent says so."""
    signal.sigwait([signal.SIGUSR1])
    try:
        step.act(open_store(root))
    except StoreError:
        return REFUSED
    except BaseException:  # noqa: BLE001 - nothing of this process may come back into the server
        traceback.print_exc()
        return RAISED
    return 0


def judge(step: Step, root: str) -> dict[str, object]:
    """See what is there, do the step again without faults, and see what is left behind."""
    first = open_store(root)
    found = complaints(first, step)
    was_done = step.is_done(first)
    step.act(open_store(root))
    healed = open_store(root)
    found += [f"after the next run: {each}" for each in complaints(healed, step)]
    found += [] if step.is_done(healed) else ["the next run did not heal it"]
    healed.sweep()
    left = [path.relative_to(root) for path in Path(root).rglob("*") if path.parent.name == "tmp" or "~" in path.name]
    return {"done": was_done, "complaints": found + [f"left behind: {path}" for path in left]}


def answered(step: Step, root: str) -> None:
    """Print what ``judge`` finds, be it an exception."""
    try:
        answer = judge(step, root)
    except BaseException as error:  # noqa: BLE001 - as above
        traceback.print_exc()
        answer = {"done": False, "complaints": [repr(error)]}
    print(json.dumps(answer), flush=True)


def serve(line: str) -> None:
    """Answer one request."""
    what, name, root = line.split("\t")
    child = os.fork()
    if child == 0:
        status = RAISED
        try:
            if what == "do":
                status = act(STEPS[name], root)
            elif what == "prepare":
                STEPS[name].prepare(open_store(root))
                status = 0
            else:
                answered(STEPS[name], root)
        finally:
            os._exit(status)
    if what == "do":
        print(child, flush=True)
    _, status = os.waitpid(child, 0)
    if what != "judge":
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    assert shutil is not None  # whorl imports it when it first removes a folder; imports are not what is tried
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    for request in sys.stdin:
        serve(request.rstrip("\n"))
