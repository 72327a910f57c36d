"""An example on each hundredth flight: a copy for all tests of a file, and one to edit for each test."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

    import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def sample(name: str, folder: Path) -> Path:
    """Copy an example with its part of the data; nobody writes into it."""
    place = folder / name
    copytree(EXAMPLES / name, place, ignore=ignore_patterns("raw", ".whorl", "__pycache__"))
    prepare = [sys.executable, str(EXAMPLES / "flights" / "prepare.py"), "raw", "--every", "100"]
    subprocess.run(prepare, cwd=place, check=True, capture_output=True)
    return place


def entered(sampled: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, modules: Sequence[str]) -> Iterator[Path]:
    """Enter a copy of a sampled example, and leave none of its modules behind."""
    place = copytree(sampled, folder / sampled.name)
    monkeypatch.chdir(place)
    monkeypatch.syspath_prepend(place)
    yield place
    forget(modules)


def forget(modules: Sequence[str]) -> None:
    """Drop an example's modules, as the end of a process does."""
    for name in modules:
        sys.modules.pop(name, None)
    importlib.invalidate_caches()


def imported(name: str, modules: Sequence[str]) -> ModuleType:
    """Import one of an example's modules as a new process would."""
    forget(modules)
    return importlib.import_module(name)
