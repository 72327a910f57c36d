"""
The README's first five minutes, played from top to bottom in an empty folder.

A block under a line "`name`:" is a file of that name, a ``console`` block holds commands and what they print, any other
``python`` block is a script.  Of what is printed, only durations and sizes may differ.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"(?:^`(?P<file>[\w./]+)`:\n\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_PLAYED = ("pip",)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: what it is, and the name of the file that it shows."""

    kind: str
    text: str
    file: str | None


def blocks() -> list[Block]:
    """Read the blocks of the section that is played."""
    page = README.read_text(encoding="utf-8")
    section = page[page.index("## The first five minutes") : page.index("## What a result depends on")]
    return [Block(match["kind"], match["text"], match["file"]) for match in BLOCK.finditer(section)]


def play(command: list[str], folder: Path) -> str:
    """Run a command in the folder, with the commands of this environment, and give what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WHORL_")}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    # A file that is edited twice within a second would find the bytecode of the first edit.
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )

    assert done.returncode == 0, done.stdout
    return done.stdout


def without_figures(text: str) -> list[str]:
    """Split what is printed into lines in which durations and sizes look alike."""
    alike = re.sub(r"\b[\d.]+ (ms|s|B|KB|MB)\b", "…", text)
    # What a hit saved is told only where it is more than what loading took.
    return [re.sub(r" +", " ", line).strip().removesuffix(" saved …") for line in alike.splitlines()]


def play_console(text: str, folder: Path) -> None:
    """Run the commands of a console block and compare what they print."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        if not command.startswith(NOT_PLAYED):
            printed = play(shlex.split(command), folder)

            assert without_figures(printed) == without_figures(shown)


def test_the_first_five_minutes_are_as_shown(tmp_path: Path) -> None:
    """Whoever types what the README shows sees what it shows."""
    (tmp_path / "pyproject.toml").touch()
    for block in blocks():
        if block.file:
            (tmp_path / block.file).parent.mkdir(exist_ok=True)
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
        elif block.kind == "console":
            play_console(block.text, tmp_path)
        elif block.kind == "python":
            play([sys.executable, "-c", block.text], tmp_path)


def test_links_lead_somewhere() -> None:
    """Each relative link in the README and in the pages of docs leads to a file."""
    pages = [README, README.with_name("CONTRIBUTING.md"), *README.parent.glob("docs/*.md")]
    links = [
        (page, link) for page in pages for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    ]

    assert links
    assert [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    "recipe", ["demo", "test", "lint", "bench", "faults", "proof", "wheel", "docs", "constraints", "clean"]
)
def test_recipes_are_told(recipe: str) -> None:
    """CONTRIBUTING tells what each recipe of the Makefile does."""
    makefile = README.with_name("Makefile").read_text(encoding="utf-8")

    assert re.search(rf"^{recipe}:", makefile, re.MULTILINE)
    assert f"`make {recipe}`" in README.with_name("CONTRIBUTING.md").read_text(encoding="utf-8")
