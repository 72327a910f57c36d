"""A folder with a pipeline and a store of its own, whose modules are loaded anew for each call, as a process would."""

from __future__ import annotations

import importlib
import linecache
import sys
import textwrap
from typing import TYPE_CHECKING

from click.testing import CliRunner

from whorl.cli.commands import program
from whorl.explain import explain_outcome
from whorl.outcome import Outcome, observe

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    import pytest
    from click.testing import Result

    from whorl.digest import Digest

PIPELINE = """
    from pathlib import Path

    import units
    from whorl import stage

    LIMIT = 10

    @stage(path="raw/numbers.txt", cache=True)
    def read(path):
        return [int(word) for word in Path(path).read_text().split()]

    @stage(read=read, cache=True)
    def clean(read):
        return [units.scale(number) for number in read if number < LIMIT]

    @stage(clean=clean, cache=True)
    def report(clean, top=3):
        return sum(clean) + top
"""
UNITS = """
    FACTOR = 2

    def scale(number):
        return number * FACTOR
"""


WHORL = [sys.executable, "-m", "whorl"]


def kinds(text: str) -> dict[str, str]:
    """Read stage and outcome from the lines of a run or a plan."""
    lines = [line.split() for line in text.splitlines() if "·" not in line]
    return {line[1]: line[2] for line in lines if len(line) > 2}


class PipelineFolder:
    """Files in a temporary folder, and ways to run them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
        # A file that is edited twice within a second would find the bytecode of the first edit.
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        for variable in ("WHORL_MODE", "WHORL_FILESYSTEM", "NO_COLOR"):
            monkeypatch.delenv(variable, raising=False)
        self.write("pyproject.toml", "")

    def write(self, name: str, text: str) -> Path:
        """Write a file; modules may be indented as the test is."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def write_pipeline(self) -> None:
        """Write the pipeline that most tests edit: read, clean and report."""
        self.write("pipeline.py", PIPELINE)
        self.write("units.py", UNITS)
        self.write("raw/numbers.txt", "1 2 3 40\n")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that stands in a file once."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} in {name}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def forget(self) -> None:
        """Drop the folder's modules, as the end of a process does."""
        for name, module in tuple(sys.modules.items()):
            places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
            if any(place and place.startswith(str(self.folder)) for place in places):
                del sys.modules[name]
        importlib.invalidate_caches()
        linecache.clearcache()

    def load(self, name: str = "pipeline") -> ModuleType:
        """Import a module as a new process would."""
        self.forget()
        return importlib.import_module(name)

    def whorl(self, *arguments: str, stdin: bytes | None = None) -> Result:
        """Run a command as a new process would."""
        self.forget()
        return CliRunner().invoke(program, list(arguments), input=stdin)

    def reasons(self, stage: str = "report", **arguments: object) -> dict[str, str]:
        """Call a stage as a new process would, and give outcome and reason of each, by the stage's last name."""
        seen: dict[Digest | None, Outcome] = {}
        found: dict[str, str] = {}

        def tell(outcome: Outcome) -> None:
            reason = explain_outcome(outcome, seen).reason
            found[outcome.stage.rpartition(".")[2]] = f"{outcome.kind} {reason}".rstrip()
            seen[outcome.key] = outcome

        with observe(tell):
            getattr(self.load(), stage)(**arguments)
        return found
