"""
One thing done by a process whose clock may be wrong, the answer as a line of JSON.

    python clock_trials.py WHAT STORE
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import whorl
from store_examples import digest, slot
from whorl import File, stage
from whorl.errors import LeaseTimeoutError
from whorl.store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable


@stage(cache=True)
def lasting() -> int:
    return 1


@stage(cache=True, ttl="1d")
def a_day() -> int:
    return 2


@stage(cache=True, ttl="7d")
def a_week() -> int:
    return 3


@stage(text=File("raw.txt"), cache=True)
def reading(text: Path) -> str:
    return Path(text).read_text()


def kinds(_: LocalStore) -> object:
    """Call each stage; give how each was answered."""
    found = {}
    for each in (lasting, a_day, a_week):
        with whorl.observe() as outcomes:
            each()
        found[each.definition.name.rpartition(".")[2]] = outcomes[0].kind
    return found


def hold(store: LocalStore) -> object:
    """Hold a lease, with a file half-written, until the parent closes its pipe."""
    with store.lease(slot(), timeout=20):
        Path(store._temporary.file()).write_bytes(b"half")
        print(json.dumps("held"), flush=True)
        sys.stdin.read(1)
    return "freed"


def steal(store: LocalStore) -> object:
    """Ask for a lease that another has."""
    try:
        with store.lease(slot(), timeout=0.3):
            return "stolen"
    except LeaseTimeoutError:
        return "refused"


def sweep(store: LocalStore) -> object:
    """Sweep; give the names that are left."""
    store.sweep()
    return sorted(os.listdir(store.root / "tmp"))


def revise(store: LocalStore) -> object:
    """Give a key a new revision."""
    return store.revise("default", [digest("k")])[digest("k")]


def revision(store: LocalStore) -> object:
    """Read the revision of a key."""
    return store.revision("default", digest("k"))


def change(_: LocalStore) -> object:
    """Call a stage for a file, again and again, changing the file each time; give what was not read."""
    missed = []
    for turn in range(20):
        Path("raw.txt").write_text(f"turn {turn:02}")
        if reading() != f"turn {turn:02}":
            missed.append(turn)
    return missed


def now(_: LocalStore) -> object:
    """Tell the time."""
    return time.time()


WHAT: dict[str, Callable[[LocalStore], object]] = {
    each.__name__: each for each in (kinds, hold, steal, sweep, revise, revision, change, now)
}

if __name__ == "__main__":
    print(json.dumps(WHAT[sys.argv[1]](LocalStore(Path(sys.argv[2])))), flush=True)
