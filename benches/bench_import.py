"""``import whorl`` adds at most 60 ms to the start of Python."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from board import Standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from race import Race

LIMIT = 0.060  # seconds, architecture.md


def start(script: str) -> Callable[[], object]:
    """Start Python with a script, without the environment of this session."""
    command = [sys.executable, "-I", "-c", script]
    return lambda: subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def test_import_whorl(race: Race) -> None:
    """Whole processes, from start to end; the difference to Python alone is the import."""
    peers = {
        "Python alone": start("pass"),
        "import joblib": start("import joblib"),
        "import pandas": start("import pandas"),
    }
    race.run("a process that imports whorl", start("import whorl"), peers, rounds=25)

    whorl, alone = race.board.standings[-4:-2]
    cost = whorl.median - alone.median
    assert (whorl.name, alone.name) == ("whorl", "Python alone")
    race.board.standings.append(
        Standing("import whorl", "whorl less Python alone", cost, whorl.fastest - alone.fastest)
    )
    race.board.standings.append(Standing("import whorl", "the target", LIMIT, LIMIT, cost / LIMIT, 1.0))


def test_import_of_every_public_name(race: Race) -> None:
    """What a pipeline pays when it uses stages: the names are imported when they are first used."""
    every = "import whorl\nfor name in whorl.__all__: getattr(whorl, name)"
    peers = {"Python alone": start("pass"), "import joblib": start("import joblib")}
    race.run("a process that uses every public name of whorl", start(every), peers, rounds=15)
