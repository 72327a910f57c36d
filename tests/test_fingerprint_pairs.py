"""Pairs of modules that are meant to mislead: descriptors, hooks, tables, wrappers, values of Python's library."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import FunctionType

import pytest

from whorl.fingerprint.code import differences, fingerprint

PAIRS = Path(__file__).parent / "pairs"


def blocks_of(name: str) -> dict[str, str]:
    """Take a file of named blocks apart."""
    text = (PAIRS / f"{name}.txt").read_text()
    parts = (block.partition("\n") for block in text.strip().removeprefix("## ").split("\n## "))
    return {title: body.strip("\n") for title, _, body in parts}


# Modules with one place, $$, and the two texts for it.
MODULES = blocks_of("adversarial")
# Two modules each: the text before, two dashes, the text after.
ALIKE = blocks_of("alike")


def stage_of(source: str) -> FunctionType:
    """Run a module's text and return its ``stage``."""
    namespace: dict[str, object] = {"__name__": "pair"}
    exec(compile(source, "<pair>", "exec", dont_inherit=True), namespace)
    stage = namespace["stage"]
    assert isinstance(stage, FunctionType)
    return stage


def both(name: str) -> tuple[str, str]:
    """Give the two modules of a template."""
    old, new = name.partition(": ")[2].split(" -> ")
    return MODULES[name].replace("$$", old), MODULES[name].replace("$$", new)


@pytest.mark.parametrize("name", MODULES)
def test_one_change_is_another_fingerprint(name: str) -> None:
    """However roundabout the way from the stage to it is; and the parts name a difference."""
    before, after = (fingerprint(stage_of(text)) for text in both(name))

    assert before.digest != after.digest
    assert differences(before.parts, after.parts)


@pytest.mark.parametrize("name", MODULES)
def test_the_same_module_run_again_is_the_same(name: str) -> None:
    """No identity, order or counter of the process enters."""
    first, again = (fingerprint(stage_of(both(name)[0])).digest for _ in range(2))

    assert first == again


@pytest.mark.parametrize("name", ALIKE)
def test_what_runs_alike_is_alike(name: str) -> None:
    """The two texts do the same."""
    before, after = ALIKE[name].split("\n--\n")

    assert fingerprint(stage_of(before)).digest == fingerprint(stage_of(after)).digest


def test_there_are_enough_pairs_of_our_own() -> None:
    """A hundred and fifty at least, besides those that other projects share and the pairs of single expressions."""
    written = [blocks_of(name) for name in ("adversarial", "alike", "templates", "same")]
    bodies = len(blocks_of("bodies"))

    assert sum(map(len, written)) >= 150
    assert len(list(itertools.combinations(range(bodies), 2))) >= 1_000
