"""
A call in, the most memory that it took out, in a process of its own.

What an interpreter with whorl imported holds is told apart from what the call adds; large buffers that are freed again
count, as the kernel keeps the highest level.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SCRIPT = """
import sys, whorl
from whorl import hash_file, hash_tree

def level(name):
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith(name))

before = level("VmRSS")
print(getattr(whorl, sys.argv[1])(sys.argv[2]), before, level("VmHWM"))
"""


@dataclass(frozen=True, slots=True)
class Peak:
    """Bytes of memory: what the process held before the call, and at most until its end."""

    before: int
    highest: int
    digest: str


def peak(function: str, path: Path) -> Peak:
    """Call a function of whorl's for a path, with its defaults."""
    command = [sys.executable, "-c", _SCRIPT, function, str(path)]
    digest, before, highest = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return Peak(int(before), int(highest), digest)
