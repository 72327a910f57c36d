"""
A number of processors, MB and rounds in, a line of JSON for each kind of large value out.

A process of its own, held to those processors before anything else happens: whorl asks once per process how many
threads it may use, and so do its peers.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def hold_to(count: int) -> None:
    """Leave this process so many processors."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < count:
        raise SystemExit(f"{count} processors are needed, and this process may use {len(allowed)}")
    os.sched_setaffinity(0, allowed[:count])


def races(cpus: int, megabytes: int, rounds: int) -> Iterator[dict[str, object]]:
    """Race over one kind of value after the other."""
    import large_values
    from race import OWN, Turns

    from whorl import hash_value

    for kind in large_values.KINDS:
        value = kind.make(megabytes)
        own: dict[str, Callable[[], object]] = {OWN: lambda value=value: hash_value(value)}
        turns = Turns(own | large_values.peers_of(value, cpus))
        for _ in range(rounds + 1):
            turns.others()
            turns.own()
        digest = hash_value(value).hex()
        yield {"kind": kind.name, "laps": dict(turns.counted()), "missing": turns.missing, "digest": digest}


if __name__ == "__main__":
    arguments = [int(word) for word in sys.argv[1:]]
    hold_to(arguments[0])
    for outcome in races(*arguments):
        print(json.dumps(outcome), flush=True)
