"""
The name of a mode in, what a call may do in it out: which tiers it reads and writes, and whether it computes.

One table; the documentation is generated from it.  Beside the arrow: *look up* and *commit* ask here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCAL, ROOT, MIRRORS = "local", "root", "mirrors"
_ALL = (LOCAL, ROOT, MIRRORS)


@dataclass(frozen=True, slots=True)
class Mode:
    """
    What a mode lets a call do.

    ``reads`` and ``writes`` name tiers.  A tier ``local`` that is written also takes copies of what is found farther
    away.  Where ``computes`` is false, a miss is an error.
    """

    reads: tuple[str, ...]
    writes: tuple[str, ...]
    meaning: str
    computes: bool = True


MODES: Mapping[str, Mode] = {
    "write": Mode(_ALL, (ROOT, LOCAL), "look up, compute what is missing, store it (the default)"),
    "overwrite": Mode(_ALL, (ROOT, LOCAL), "the same as `write`, for nothing is ever asked"),
    "local": Mode(_ALL, (LOCAL,), "look up everywhere, compute what is missing; store and copy into the local tier"),
    "local_overwrite": Mode(_ALL, (LOCAL,), "the same as `local`"),
    "local_sync": Mode((ROOT, MIRRORS), (LOCAL,), "bring the local tier up to date: it is written, but not asked"),
    "local_strict": Mode((LOCAL,), (LOCAL,), "the local tier alone, for reading and for writing"),
    "local_api": Mode(_ALL, (LOCAL,), "fetch what is stored into the local tier; never compute", computes=False),
    "read_only": Mode(_ALL, (), "look up, compute what is missing, store nothing"),
    "read_only_strict": Mode(_ALL, (), "look up; never compute, store nothing", computes=False),
    "offline": Mode((LOCAL,), (LOCAL,), "without a network: the local tier alone, as pulled or copied before"),
    "off": Mode((), (), "plain function calls: neither look up nor store"),
}
